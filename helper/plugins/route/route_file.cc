// SPDX-License-Identifier: MIT
// route_file.cc - lines, words, and what is wrong with them.
#include "route_file.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>
#include <map>
#include <optional>
#include <unordered_map>

#include "fulcrum/text_file.h"

namespace fulcrum::route {
namespace {

constexpr const char* kForm = "PREFIX via NEXTHOP dev PORT [lladdr MAC]";
constexpr std::size_t kMaxErrors = 20;

struct Address {
  std::uint8_t byte[16] = {};
  bool v6 = false;
};

std::optional<Address> parse_address(std::string_view word) {
  char text[INET6_ADDRSTRLEN + 1];
  if (word.size() >= sizeof text) return std::nullopt;
  text[word.copy(text, sizeof text - 1)] = 0;
  Address a;
  a.v6 = word.find(':') != word.npos;
  if (inet_pton(a.v6 ? AF_INET6 : AF_INET, text, a.byte) != 1) return std::nullopt;
  return a;
}

std::string to_text(const Address& a) {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(a.v6 ? AF_INET6 : AF_INET, a.byte, text, sizeof text);
}

bool parse_mac(std::string_view word, std::uint8_t mac[6]) {
  if (word.size() != 17) return false;
  for (unsigned i = 0; i < 6; ++i) {
    const char* at = word.data() + 3 * i;
    const auto [end, error] = std::from_chars(at, at + 2, mac[i], 16);
    if (error != std::errc{} || end != at + 2) return false;
    if (i < 5 && at[2] != ':') return false;
  }
  return true;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  constexpr std::string_view kSpace = " \t\r";
  for (std::size_t at = line.find_first_not_of(kSpace); at != line.npos && line[at] != '#';) {
    std::size_t end = line.find_first_of(" \t\r#", at);
    words.push_back(line.substr(at, end == line.npos ? end : end - at));
    at = end == line.npos ? end : line.find_first_not_of(kSpace, end);
  }
  return words;
}

// Zeroes the host bits; true: there were some.
bool clear_host_bits(Address& a, unsigned length) {
  bool had = false;
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned keep = length <= 8 * i ? 0 : std::min(8u, length - 8 * i);
    const auto kept = static_cast<std::uint8_t>(a.byte[i] & (0xff00u >> keep));
    had |= kept != a.byte[i];
    a.byte[i] = kept;
  }
  return had;
}

class FileParser {
 public:
  FileParser(const std::string& name, Setup& setup, SourcePos pos) : name_(name), setup_(setup), pos_(pos) {
    hops_.emplace_back();
  }

  void line(std::string_view text) {
    ++line_;
    const auto words = words_of(text);
    if (words.empty()) return;
    RouteEntry entry{};
    if (!prefix(words[0], entry.prefix)) return;
    const bool lladdr = words.size() == 7 && words[5] == "lladdr";
    if (words.size() < 5 || words[1] != "via" || words[3] != "dev" || (words.size() != 5 && !lladdr))
      return fail("not a route line", {kForm});
    if (!parse_address(words[2])) return fail(quoted(words[2]) + " is not an address", {"192.0.2.1", "2001:db8::1"});
    if (!next_hop(words[4], lladdr ? words[6] : std::string_view(), entry.next_hop)) return;
    if (!first_use(entry.prefix)) return;
    entries_.push_back(entry);
  }

  void finish(FileRib& rib, std::uint32_t tag) {
    if (errors_ > kMaxErrors)
      rib_errors_.push_back({pos_, name_ + ": and " + std::to_string(errors_ - kMaxErrors) + " more errors", {}});
    rib.errors = std::move(rib_errors_);
    if (!rib.errors.empty()) return;
    auto table = std::make_shared<RouteTable>();
    table->tag = tag;
    table->lpm = build_lpm(entries_, table->tag);
    table->hops = std::move(hops_);
    rib.routes.publish(table);
    rib.neighbours.publish(std::make_shared<const NeighbourTable>(NeighbourSnapshot{}, nullptr));
  }

 private:
  static std::string quoted(std::string_view word) { return "'" + std::string(word) + "'"; }

  void fail(const std::string& what, std::vector<std::string> choices) {
    if (++errors_ > kMaxErrors) return;
    rib_errors_.push_back({pos_, name_ + ":" + std::to_string(line_) + ": " + what, std::move(choices)});
  }

  bool prefix(std::string_view word, RoutePrefix& out) {
    const std::size_t slash = word.find('/');
    auto address = parse_address(word.substr(0, slash));
    unsigned length = address && address->v6 ? 128 : 32;
    const unsigned longest = length;
    if (slash != word.npos) {
      const auto [end, error] = std::from_chars(word.data() + slash + 1, word.data() + word.size(), length);
      if (error != std::errc{} || end != word.data() + word.size() || length > longest) address.reset();
    }
    if (!address) {
      fail(quoted(word) + " is not a prefix", {"192.0.2.0/24", "2001:db8::/32"});
      return false;
    }
    if (clear_host_bits(*address, length)) {
      fail(quoted(word) + " has bits set behind its length", {to_text(*address) + "/" + std::to_string(length)});
      return false;
    }
    std::memcpy(out.addr, address->byte, 16);
    out.length = static_cast<std::uint8_t>(length);
    out.v6 = address->v6;
    return true;
  }

  // Routes that leave by the same port to the same MAC share one next hop.
  bool next_hop(std::string_view port_name, std::string_view mac, std::uint32_t& index) {
    std::string key = std::string(port_name) + " " + std::string(mac);
    if (auto known = hop_by_text_.find(key); known != hop_by_text_.end()) {
      index = known->second;
      return true;
    }
    NextHop hop;
    hop.action = HopAction::kFixed;
    const Result<std::uint16_t> port = setup_.port(port_name);
    if (!port) return fail(port.error().text, {}), false;
    hop.port = *port;
    if (!mac.empty()) {
      if (!parse_mac(mac, hop.l2.dst)) return fail(quoted(mac) + " is not a MAC", {"02:00:00:00:00:01"}), false;
      hop.src_is_old_dst = !setup_.port_mac(hop.port, hop.l2.src);
      hop.l2.valid = 3;
    }
    if (hops_.size() >= LPM_MAX_NEXT_HOPS) return fail("more than 4 million next hops", {}), false;
    index = static_cast<std::uint32_t>(hops_.size());
    hops_.push_back(hop);
    hop_by_text_.emplace(std::move(key), index);
    return true;
  }

  bool first_use(const RoutePrefix& p) {
    std::string key(reinterpret_cast<const char*>(p.addr), p.v6 ? 16 : 4);
    key.push_back(static_cast<char>(p.length));
    const auto [at, is_new] = line_of_.emplace(std::move(key), line_);
    if (!is_new) fail("this prefix stands in line " + std::to_string(at->second) + ", too", {"one line a prefix"});
    return is_new;
  }

  const std::string& name_;
  Setup& setup_;
  SourcePos pos_;
  int line_ = 0;
  std::size_t errors_ = 0;
  std::vector<ArgError> rib_errors_;
  std::vector<RouteEntry> entries_;
  std::vector<NextHop> hops_;
  std::map<std::string, std::uint32_t, std::less<>> hop_by_text_;
  std::unordered_map<std::string, int> line_of_;
};

}  // namespace

std::shared_ptr<FileRib> parse_routes(std::string_view text, const std::string& name, Setup& setup, SourcePos pos,
                                      std::uint32_t tag) {
  auto rib = std::make_shared<FileRib>();
  FileParser parser(name, setup, pos);
  for_each_line(text, [&](std::string_view line) { parser.line(line); });
  parser.finish(*rib, tag);
  return rib;
}

std::shared_ptr<FileRib> load_route_file(const std::string& path, Setup& setup, SourcePos pos, std::uint32_t tag) {
  const auto text = read_text(path);
  if (text) return parse_routes(*text, path, setup, pos, tag);
  auto rib = std::make_shared<FileRib>();
  rib->errors.push_back({pos, path + ": " + text.error().text, {}});
  return rib;
}

}  // namespace fulcrum::route
