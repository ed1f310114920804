// SPDX-License-Identifier: MIT
// backend.cc - a line of the configuration -> a backend.
#include "plugins/lb/backend.h"

#include <sstream>

#include "fulcrum/text_file.h"

namespace fulcrum::lb {
namespace {

Result<void> take_option(const std::string& name, const std::string& value, Setup& setup, Backend& b) {
  if (name == "weight") {
    const Result<std::uint64_t> weight = parse_number(value, {0, kMaxWeight});
    if (!weight) return Error{"weight: " + weight.error().text};
    b.weight = static_cast<std::uint32_t>(*weight);
  } else if (name == "mac") {
    b.has_mac = parse_mac(value, b.mac);
    if (!b.has_mac) return Error{"mac: '" + value + "' is no Ethernet address such as 02:00:00:00:00:01"};
  } else if (name == "dev") {
    const Result<std::uint16_t> port = setup.port(value);
    if (!port) return Error{"dev: " + port.error().text};
    b.port = *port;
    b.has_port_mac = setup.port_mac(*port, b.port_mac);
  } else {
    return Error{"'" + name + "' is not known: behind the address stand weight N, mac MAC, dev PORT"};
  }
  return {};
}

}  // namespace

Result<Backend> parse_backend(std::string_view text, Setup& setup) {
  std::istringstream words{std::string(text)};
  std::string word, value;
  if (!(words >> word)) return Error{"an address is missing, as in \"10.0.0.2 weight 3\""};
  const Result<IpAddress> address = parse_address(word);
  if (!address) return Error{address.error().text};
  Backend b;
  b.address = *address;
  while (words >> word) {
    if (!(words >> value)) return Error{"'" + word + "' lacks its value"};
    const Result<void> taken = take_option(word, value, setup, b);
    if (!taken) return taken.error();
  }
  return b;
}

std::vector<Backend> read_backends(const std::string& path, Setup& setup, std::vector<std::string>& errors) {
  std::vector<Backend> backends;
  const Result<std::string> text = read_text(path);
  if (!text) {
    errors.push_back(path + " " + text.error().text);
    return backends;
  }
  int line = 0;
  for_each_line(*text, [&](std::string_view words) {
    ++line;
    words = words.substr(0, words.find('#'));
    if (words.find_first_not_of(" \t\r") == words.npos) return;
    Result<Backend> b = parse_backend(words, setup);
    if (b)
      backends.push_back(*b);
    else
      errors.push_back(path + ":" + std::to_string(line) + ": " + b.error().text);
  });
  return backends;
}

}  // namespace fulcrum::lb
