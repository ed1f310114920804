// SPDX-License-Identifier: MIT
// figures.h - what a bench found: one named figure with unit, reference and ratio.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fulcrum {

enum class Goal : std::uint8_t { kNone, kValueAtMost, kRatioAtLeast, kEqual };

struct Figure {
  std::string name;  // "match-512/one core and manycore"
  std::string unit;
  double value = 0;  // median of the rounds
  double best = 0;   // of the rounds
  std::optional<double> reference;
  std::string reference_of;  // what the reference is
  double ratio = 0;          // value to reference: median of the rounds; where there is one
  Goal goal = Goal::kNone;
  double goal_value = 0;
  std::string note;  // how it was measured

  bool met() const {
    switch (goal) {
      case Goal::kValueAtMost:
        return value <= goal_value;
      case Goal::kRatioAtLeast:
        return ratio >= goal_value;
      case Goal::kEqual:
        return reference && value == *reference;
      default:
        return true;
    }
  }
};

// What was not measured here, and why.
struct Skipped {
  std::string name, why;
};

struct Findings {
  std::vector<Figure> figures;
  std::vector<Skipped> skipped;
  std::vector<std::string> wrong;  // answers or bytes that are not what they must be
};

inline double median(std::vector<double> v) {
  if (v.empty()) return 0;
  const auto middle = v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2);
  std::nth_element(v.begin(), middle, v.end());
  return *middle;
}

// CPU time of the calling thread: what others do on its core does not count.
inline std::uint64_t thread_cpu_ns() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(t.tv_nsec);
}

}  // namespace fulcrum
