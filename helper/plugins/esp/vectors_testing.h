// SPDX-License-Identifier: MIT
// vectors_testing.h - for tests: hex, SAs by hand, and the vectors of the data folder.
#pragma once

#include <zlib.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "plugins/esp/sa.h"

namespace fulcrum::esp::testing {

using Bytes = std::vector<std::uint8_t>;

inline Bytes from_hex(std::string_view text) {
  Bytes out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  return out;
}

inline std::string to_hex(const Bytes& bytes) {
  static constexpr char kDigit[] = "0123456789abcdef";
  std::string out;
  for (std::uint8_t b : bytes) out += {kDigit[b >> 4], kDigit[b & 15]};
  return out;
}

inline const esp_table& constants() {
  static const auto table = [] {
    auto t = std::make_unique<esp_table>();
    fill_constants(*t);
    return t;
  }();
  return *table;
}

// An SA of keys alone.
struct alignas(64) TestSa {
  esp_sa sa{};
};
inline std::unique_ptr<TestSa> gcm_sa(const Bytes& key) {
  auto t = std::make_unique<TestSa>();
  expand_key(key, t->sa);
  fill_ghash(constants(), t->sa);
  return t;
}
inline std::unique_ptr<TestSa> hmac_sa(const Bytes& key) {
  auto t = std::make_unique<TestSa>();
  fill_hmac(key, t->sa);
  return t;
}

inline std::string crypto_folder() {
  const char* set = std::getenv("FULCRUM_DATA");
  return std::string(set ? set : "../shared/data") + "/crypto/";
}

// A file as text, gzip or not; empty where there is none.
inline std::string read_text(const std::string& path) {
  std::string text;
  gzFile file = gzopen(path.c_str(), "rb");
  if (!file) return text;
  char chunk[65536];
  for (int n; (n = gzread(file, chunk, sizeof chunk)) > 0;) text.append(chunk, static_cast<std::size_t>(n));
  gzclose(file);
  return text;
}

inline boost::json::value read_json(const std::string& path) {
  const std::string text = read_text(path);
  return text.empty() ? boost::json::value() : boost::json::parse(text);
}

inline std::string text_of(const boost::json::value& v, const char* key) {
  return std::string(v.as_object().at(key).as_string());
}

// A file of "NAME = VALUE" lines: each empty line ends a case, [NAME = VALUE] holds for those that follow.
using Case = std::map<std::string, std::string>;
inline void for_each_case(const std::string& text, const std::function<void(const Case&)>& call) {
  Case common, now;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == ']')) line.pop_back();
    const bool is_common = !line.empty() && line[0] == '[';
    if (is_common) line.erase(0, 1);
    const std::size_t equals = line.find(" =");
    if (line.empty()) {
      if (!now.empty()) {
        Case all = common;
        all.insert(now.begin(), now.end());
        call(all);
      }
      now.clear();
    } else if (line[0] != '#') {
      const std::string name = line.substr(0, equals);
      (is_common ? common : now)[name] = equals == line.npos || equals + 3 > line.size() ? "" : line.substr(equals + 3);
    }
  }
}

}  // namespace fulcrum::esp::testing
