// SPDX-License-Identifier: MIT
// units.h - words with a unit -> numbers: rates, durations, sizes, shares, plain numbers.
//
// Each refuses what is no such word or out of range with a text that says what is
// valid. Decimal fractions are exact: "1.5Mpps" is 1500000, "1.5B" is refused.
//
// Threads: set-up only.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "fulcrum/result.h"

namespace fulcrum {

// Both ends are valid.
struct Limits {
  std::uint64_t min = 0;
  std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
  bool hold(std::uint64_t v) const { return v >= min && v <= max; }
};

struct Rate {
  std::uint64_t per_second = 0;
  bool of_bits = false;  // else packets
  bool operator==(const Rate&) const = default;
};

namespace units {

struct Unit {
  const char* name;
  std::uint64_t factor;
};

inline constexpr Unit kDurations[] = {{"ns", 1},
                                      {"us", 1000},
                                      {"ms", 1000000},
                                      {"s", 1000000000},
                                      {"min", 60 * std::uint64_t{1000000000}},
                                      {"h", 3600 * std::uint64_t{1000000000}}};
inline constexpr Unit kSizes[] = {{"", 1},           {"B", 1},           {"kB", 1000},
                                  {"MB", 1000000},   {"GB", 1000000000}, {"KiB", 1u << 10},
                                  {"MiB", 1u << 20}, {"GiB", 1u << 30}};
inline constexpr Unit kPacketRates[] = {{"pps", 1}, {"kpps", 1000}, {"Mpps", 1000000}, {"Gpps", 1000000000}};
inline constexpr Unit kBitRates[] = {{"bps", 1},           {"kbps", 1000},          {"Mbps", 1000000},
                                     {"Gbps", 1000000000}, {"Tbps", 1000000000000}, {"Bps", 8},
                                     {"kBps", 8000},       {"MBps", 8000000},       {"GBps", 8000000000}};

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The count of digits and '.' that `text` starts with.
inline std::size_t number_length(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size() && (is_digit(text[n]) || text[n] == '.')) ++n;
  return n;
}

// "1.5" * factor; false: no number, not whole, or beyond 64 bits.
inline bool scale(std::string_view number, std::uint64_t factor, std::uint64_t& out) {
  if (number.empty() || number.front() == '.' || number.back() == '.') return false;
  unsigned __int128 digits = 0, divisor = 1;
  bool fraction = false;
  for (char c : number) {
    if (c == '.' && fraction) return false;
    if (c == '.') {
      fraction = true;
      continue;
    }
    digits = digits * 10 + static_cast<unsigned>(c - '0');
    if (fraction) divisor *= 10;
    if (digits > std::numeric_limits<std::uint64_t>::max() || divisor > 1000000000000000000ull) return false;
  }
  const unsigned __int128 value = digits * factor;
  if (value % divisor || value / divisor > std::numeric_limits<std::uint64_t>::max()) return false;
  out = static_cast<std::uint64_t>(value / divisor);
  return true;
}

// What stands in front of one of `known`; 2: another unit, 1: no whole number, 0: out.
inline int take(std::string_view text, std::span<const Unit> known, std::uint64_t& out) {
  const std::size_t n = number_length(text);
  for (const Unit& u : known)
    if (text.substr(n) == u.name) return scale(text.substr(0, n), u.factor, out) ? 0 : 1;
  return 2;
}

// `value` in the largest unit that it is a whole number of.
inline std::string text(std::uint64_t value, std::span<const Unit> known) {
  const Unit* best = &known.front();
  for (const Unit& u : known)
    if (*u.name && value && value % u.factor == 0 && u.factor >= best->factor) best = &u;
  return std::to_string(value / best->factor) + best->name;
}

inline std::string refusal(std::string_view word, const char* what, const std::string& valid) {
  return "'" + std::string(word) + "' is not " + what + ": valid is " + valid;
}

inline Result<std::uint64_t> parse(std::string_view word, std::span<const Unit> known, Limits limits, const char* what,
                                   const char* example) {
  std::uint64_t v = 0;
  if (take(word, known, v) == 0 && limits.hold(v)) return v;
  return Error{refusal(word, what, text(limits.min, known) + " to " + text(limits.max, known) + ", as in " + example)};
}

}  // namespace units

// "10", "0x1f".
inline Result<std::uint64_t> parse_number(std::string_view word, Limits limits = {}) {
  std::uint64_t v = 0;
  bool good = false;
  if (word.size() > 2 && word.size() <= 18 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X')) {
    good = true;
    for (char c : word.substr(2)) {
      const char low = static_cast<char>(c | 0x20);
      good = good && (units::is_digit(c) || (low >= 'a' && low <= 'f'));
      v = v << 4 | static_cast<unsigned>(units::is_digit(c) ? c - '0' : low - 'a' + 10);
    }
  } else {
    good = units::number_length(word) == word.size() && word.find('.') == word.npos && units::scale(word, 1, v);
  }
  if (good && limits.hold(v)) return v;
  return Error{
      units::refusal(word, "such a number",
                     "a whole number from " + std::to_string(limits.min) + " to " + std::to_string(limits.max))};
}

// "500ms", "1.5s" -> ns.
inline Result<std::uint64_t> parse_duration(std::string_view word, Limits limits_ns = {}) {
  return units::parse(word, units::kDurations, limits_ns, "such a duration", "10us, 500ms, 2s, 5min or 1h");
}

// "1500", "64KiB" -> bytes.
inline Result<std::uint64_t> parse_size(std::string_view word, Limits limits_bytes = {}) {
  return units::parse(word, units::kSizes, limits_bytes, "such a size", "1500, 64KiB, 1MiB or 10kB");
}

// Which of the two a rate may count.
enum class RateOf : std::uint8_t { kAny, kPackets, kBits };

// "10kpps", "1.5Mpps", "100Mbps", "10kBps" (bytes). limits: in packets or bits a second.
inline Result<Rate> parse_rate(std::string_view word, RateOf of = RateOf::kAny, Limits limits = {1, 1000000000000}) {
  std::uint64_t v = 0;
  if (of != RateOf::kBits && units::take(word, units::kPacketRates, v) == 0 && limits.hold(v)) return Rate{v, false};
  if (of != RateOf::kPackets && units::take(word, units::kBitRates, v) == 0 && limits.hold(v)) return Rate{v, true};
  std::string valid;
  if (of != RateOf::kBits)
    valid = units::text(limits.min, units::kPacketRates) + " to " + units::text(limits.max, units::kPacketRates) +
            ", as in 10kpps or 1.5Mpps";
  if (of != RateOf::kPackets)
    valid += (valid.empty() ? "" : ", or ") + units::text(limits.min, units::kBitRates) + " to " +
             units::text(limits.max, units::kBitRates) + ", as in 100Mbps (bits) or 10kBps (bytes)";
  return Error{units::refusal(word, "such a rate", valid)};
}

inline std::string rate_text(Rate r) {
  return r.of_bits ? units::text(r.per_second, std::span(units::kBitRates).first(5))
                   : units::text(r.per_second, units::kPacketRates);
}

// "50%", "12.5%" -> permille.
inline Result<std::uint32_t> parse_percent(std::string_view word) {
  std::uint64_t v = 0;
  if (!word.empty() && word.back() == '%') {
    const std::string_view number = word.substr(0, word.size() - 1);
    if (units::number_length(number) == number.size() && units::scale(number, 10, v) && v <= 1000)
      return static_cast<std::uint32_t>(v);
  }
  return Error{units::refusal(word, "such a share", "0% to 100% in steps of 0.1%, as in 12.5%")};
}

}  // namespace fulcrum
