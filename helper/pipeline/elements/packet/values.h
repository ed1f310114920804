// SPDX-License-Identifier: MIT
// values.h - what a user writes for this folder's elements: numbers, port lists.
// Threads: set-up only.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fulcrum/args.h"

namespace fulcrum {

// A decimal number from low to high; anything else is an error that names the range, and gives `low`.
inline std::uint32_t read_number(ArgReader& args, const Arg& a, std::string_view name, std::uint32_t low,
                                 std::uint32_t high) {
  std::uint32_t value = 0;
  const char* end = a.text.data() + a.text.size();
  const auto [at, fault] = std::from_chars(a.text.data(), end, value);
  if (fault == std::errc{} && at == end && value >= low && value <= high) return value;
  args.error(a.pos, std::string(name) + " is a number from " + std::to_string(low) + " to " + std::to_string(high) +
                        ", not '" + a.text + "'");
  return low;
}

// Same, of the argument with that keyword. Without it: `fallback`.
inline std::uint32_t read_number_or(ArgReader& args, std::string_view key, std::uint32_t low, std::uint32_t high,
                                    std::uint32_t fallback) {
  const Arg* a = args.keyword(key);
  return a ? read_number(args, *a, key, low, high) : fallback;
}

// Same, by keyword or as the first argument without; an error if there is neither.
inline std::uint32_t read_needed_number(ArgReader& args, std::string_view key, std::uint32_t low, std::uint32_t high) {
  const Arg* a = args.keyword(key);
  if (!a)
    a = args.positional(std::string(key) + ", a number from " + std::to_string(low) + " to " + std::to_string(high) +
                        ",");
  return a ? read_number(args, *a, key, low, high) : low;
}

// The words of a value, parted by blanks.
inline std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  constexpr std::string_view kBlanks = " \t\r\n";
  for (std::size_t at = text.find_first_not_of(kBlanks); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kBlanks, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(kBlanks, end);
  }
  return words;
}

// Indices of the ports that the words of `a` name; an unknown one is an error.
inline std::vector<std::uint16_t> read_ports(ArgReader& args, const Arg& a, Setup& setup) {
  std::vector<std::uint16_t> ports;
  for (const std::string_view word : words_of(a.text)) {
    const Result<std::uint16_t> port = setup.port(word);
    if (port)
      ports.push_back(*port);
    else
      args.error(a.pos, port.error().text);
  }
  return ports;
}

}  // namespace fulcrum
