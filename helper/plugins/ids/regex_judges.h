// SPDX-License-Identifier: MIT
// regex_judges.h - for tests: the kernel's variants, Hyperscan and PCRE2 on the same texts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "regex_build.h"
#include "regex_list.h"

namespace fulcrum::ids {

// Results by text: number of the lowest expression from 1, or 0.
using RegexResults = std::vector<std::uint32_t>;

struct KernelVariant {
  const char* name;
  RegexResults results;
};
// By each variant of the kernel that this CPU can run.
std::vector<KernelVariant> search_by_kernel(const RegexTable& table, std::span<const std::string> texts);

// Nothing: Hyperscan refuses one of the expressions; `why` says so.
std::optional<RegexResults> search_by_hyperscan(std::span<const Regex> expressions, std::span<const std::string> texts,
                                                std::string& why);

// A text that the expression describes, its assertions left out.
std::string sample_text(const RegexTree& tree, std::mt19937& random);

// PCRE2 on one expression. Threads: one at a time.
class Pcre {
 public:
  explicit Pcre(const Regex& expression);
  ~Pcre();
  Pcre(const Pcre&) = delete;
  Pcre& operator=(const Pcre&) = delete;
  bool compiled() const { return code_ != nullptr; }
  // Nothing: PCRE2 gave up (its limits on backtracking).
  std::optional<bool> matches(const std::string& text) const;

 private:
  void* code_ = nullptr;
  void* match_ = nullptr;
};

}  // namespace fulcrum::ids
