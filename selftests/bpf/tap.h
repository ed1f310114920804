// SPDX-License-Identifier: MIT
// tap.h - test results -> KTAP lines on stdout.
#pragma once

#include <cstdio>
#include <string>

namespace fulcrum::test {

class Tap {
 public:
  // One case; `why` is shown only when it fails. Returns `held`.
  bool check(bool held, const std::string& name, const std::string& why = "") {
    if (!held && !why.empty()) std::printf("# %s\n", why.c_str());
    std::printf("%sok %d %s\n", held ? "" : "not ", ++count_, name.c_str());
    std::fflush(stdout);
    failed_ += !held;
    return held;
  }
  void skip(const std::string& name, const std::string& reason) {
    std::printf("ok %d %s # SKIP %s\n", ++count_, name.c_str(), reason.c_str());
    ++skipped_;
  }
  // Exit status: 0 all held, 1 not, 4 all were skipped.
  int finish() const {
    std::printf("1..%d\n", count_);
    return failed_ ? 1 : count_ == skipped_ ? 4 : 0;
  }

 private:
  int count_ = 0, failed_ = 0, skipped_ = 0;
};

}  // namespace fulcrum::test
