// SPDX-License-Identifier: MIT
// sa_file.cc - lines, words, and what is wrong with them.
#include "plugins/esp/sa_file.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

#include "fulcrum/text_file.h"
#include "plugins/esp/mb.h"

namespace fulcrum::esp {
namespace {

constexpr std::size_t kMaxErrors = 20;
constexpr std::uint32_t kMinSpi = 256;  // RFC 4303 2.1: those below are reserved
constexpr std::uint32_t kMinReplay = 32, kMaxReplay = 65536;

struct Word {
  std::string_view text;
  int column;
};

struct Algorithm {
  const char* name;
  std::uint32_t suite;
  std::size_t key_bytes;  // of AES
};
constexpr Algorithm kAlgorithms[] = {{"aes-gcm-128", ESP_GCM, 16},
                                     {"aes-gcm-256", ESP_GCM, 32},
                                     {"aes-ctr-128-hmac-sha1", ESP_CTR_SHA1, 16},
                                     {"aes-ctr-256-hmac-sha1", ESP_CTR_SHA1, 32}};
constexpr std::size_t kSaltBytes = 4, kAuthBytes = 20;
const std::vector<std::string> kWords{"spi", "src", "dst", "alg", "key", "auth", "esn", "replay", "sel"};

std::vector<Word> words_of(std::string_view line) {
  std::vector<Word> words;
  constexpr std::string_view kSpace = " \t\r";
  for (std::size_t at = line.find_first_not_of(kSpace); at != line.npos && line[at] != '#';) {
    const std::size_t end = std::min(line.find_first_of(" \t\r#", at), line.size());
    words.push_back({line.substr(at, end - at), static_cast<int>(at) + 1});
    at = line.find_first_not_of(kSpace, end);
  }
  return words;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool parse_number(std::string_view text, std::uint32_t& out) {
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, hex ? 16 : 10);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse_hex(std::string_view text, std::vector<std::uint8_t>& out) {
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  out.clear();
  for (std::size_t i = 0; i < text.size(); i += 2) {
    std::uint8_t byte = 0;
    const char* at = text.data() + i;
    if (i + 2 > text.size() || std::from_chars(at, at + 2, byte, 16).ptr != at + 2) return false;
    out.push_back(byte);
  }
  return !out.empty();
}

bool parse_address(std::string_view word, Address& out, bool& v6) {
  char text[INET6_ADDRSTRLEN + 1];
  if (word.size() >= sizeof text) return false;
  text[word.copy(text, sizeof text - 1)] = 0;
  out = {};
  v6 = word.find(':') != word.npos;
  return inet_pton(v6 ? AF_INET6 : AF_INET, text, out.data()) == 1;
}

// What a line says, word by word.
struct Line {
  SaSpec spec;
  const Algorithm* algorithm = nullptr;
  bool src_v6 = false;
  std::vector<std::uint8_t> key;
  std::vector<std::pair<RoutePrefix, Word>> selectors;
  std::map<std::string, Word> given;  // value, or the word itself
};

class FileParser {
 public:
  FileParser(const std::string& name, SourcePos pos, SaStates& states) : name_(name), pos_(pos), states_(states) {}

  void line(std::string_view text) {
    ++line_;
    const std::vector<Word> words = words_of(text);
    if (words.empty()) return;
    if (lower(words[0].text) != "sa") return fail(words[0], quoted(words[0]) + " starts no line", {"sa"});
    Line now;
    for (std::size_t i = 1; i < words.size(); ++i)
      if (!word(now, words, i)) return;
    if (complete(now, words[0])) add(now);
  }

  void finish(SaFile& file) {
    if (errors_.empty() && entries_.empty()) errors_.push_back({pos_, name_ + ": names no SA", {}});
    if (count_ > kMaxErrors)
      errors_.push_back({pos_, name_ + ": and " + std::to_string(count_ - kMaxErrors) + " more errors", {}});
    file.errors = std::move(errors_);
    if (!file.errors.empty()) return;
    file.database.sas.publish(std::make_shared<const SaTable>(std::move(entries_)));
    file.database.selectors.publish(std::make_shared<const SelectorTable>(rules_));
  }

 private:
  static std::string quoted(const Word& w) { return "'" + std::string(w.text) + "'"; }

  void fail(const Word& at, const std::string& what, std::vector<std::string> choices) {
    if (++count_ > kMaxErrors) return;
    const std::string where = name_ + ":" + std::to_string(line_) + ":" + std::to_string(at.column) + ": ";
    errors_.push_back({pos_, where + what, std::move(choices)});
  }
  bool refuse(const Word& at, const std::string& what, std::vector<std::string> choices) {
    fail(at, what, std::move(choices));
    return false;
  }

  // The word words[i] and its value; i moves on to what was used last.
  bool word(Line& now, const std::vector<Word>& words, std::size_t& i) {
    const std::string name = lower(words[i].text);
    if (std::find(kWords.begin(), kWords.end(), name) == kWords.end())
      return refuse(words[i], quoted(words[i]) + " is not known", kWords);
    if (name != "sel" && now.given.count(name)) return refuse(words[i], quoted(words[i]) + " stands here twice", {});
    if (name == "esn") {
      now.given[name] = words[i];
      return now.spec.esn = true;
    }
    if (i + 1 == words.size()) return refuse(words[i], quoted(words[i]) + " needs a value", {});
    const Word& value = words[++i];
    now.given[name] = value;
    return this->value(now, name, value);
  }

  bool value(Line& now, const std::string& name, const Word& v) {
    if (name == "spi") {
      if (parse_number(v.text, now.spec.spi) && now.spec.spi >= kMinSpi) return true;
      return refuse(v, quoted(v) + " is not an SPI", {"256 to 4294967295, such as 0x100"});
    }
    if (name == "src" || name == "dst") {
      const bool src = name == "src";
      if (parse_address(v.text, src ? now.spec.src : now.spec.dst, src ? now.src_v6 : now.spec.outer_v6)) return true;
      return refuse(v, quoted(v) + " is not an address", {"192.0.2.1", "2001:db8::1"});
    }
    if (name == "alg") return algorithm(now, v);
    if (name == "replay") {
      if (parse_number(v.text, now.spec.replay_pkts) && now.spec.replay_pkts >= kMinReplay &&
          now.spec.replay_pkts <= kMaxReplay)
        return true;
      return refuse(v, quoted(v) + " is not a size of the replay window", {"32 to 65536"});
    }
    if (name == "sel") return selector(now, v);
    if (parse_hex(v.text, name == "key" ? now.key : now.spec.auth)) return true;
    return refuse(v, "the value of '" + name + "' is not hex, two digits a byte",
                  {});  // the key itself stays out of the log
  }

  bool algorithm(Line& now, const Word& v) {
    std::vector<std::string> names;
    for (const Algorithm& a : kAlgorithms) {
      if (lower(v.text) == a.name) now.algorithm = &a;
      names.emplace_back(a.name);
    }
    if (!now.algorithm) return refuse(v, quoted(v) + " is not an algorithm", names);
    now.spec.suite = now.algorithm->suite;
    return true;
  }

  bool selector(Line& now, const Word& v) {
    const std::size_t slash = v.text.find('/');
    Address address;
    RoutePrefix prefix{};
    std::uint32_t length = 0;
    bool good = parse_address(v.text.substr(0, slash), address, prefix.v6);
    const std::uint32_t longest = prefix.v6 ? 128 : 32;
    if (slash == v.text.npos)
      length = longest;
    else
      good = good && parse_number(v.text.substr(slash + 1), length) && length <= longest;
    if (!good) return refuse(v, quoted(v) + " is not a prefix", {"10.0.0.0/8", "2001:db8::/32"});
    for (std::uint32_t bit = length; bit < longest; ++bit)
      if (address[bit / 8] >> (7 - bit % 8) & 1)
        return refuse(v, quoted(v) + " has bits set behind its length", {"10.0.0.0/8", "2001:db8::/32"});
    std::copy(address.begin(), address.end(), prefix.addr);
    prefix.length = static_cast<std::uint8_t>(length);
    now.selectors.emplace_back(prefix, v);
    return true;
  }

  bool complete(Line& now, const Word& first) {
    for (const char* name : {"spi", "src", "dst", "alg", "key"})
      if (!now.given.count(name)) return refuse(first, "this SA has no '" + std::string(name) + "'", {name});
    if (now.src_v6 != now.spec.outer_v6)
      return refuse(now.given["dst"], "'src' and 'dst' are of different families", {"both IPv4", "both IPv6"});
    const std::size_t key_bytes = now.algorithm->key_bytes;
    if (now.key.size() != key_bytes + kSaltBytes)
      return refuse(now.given["key"], "this key has " + std::to_string(now.key.size()) + " bytes",
                    {std::to_string(key_bytes + kSaltBytes) + " bytes: " + std::to_string(key_bytes) + " of AES and " +
                     std::to_string(kSaltBytes) + (now.spec.suite == ESP_GCM ? " of salt" : " of nonce")});
    now.spec.key.assign(now.key.begin(), now.key.begin() + static_cast<std::ptrdiff_t>(key_bytes));
    for (std::size_t i = 0; i < kSaltBytes; ++i) now.spec.salt = now.spec.salt << 8 | now.key[key_bytes + i];
    if (now.spec.suite == ESP_GCM && now.given.count("auth"))
      return refuse(now.given["auth"], "AES-GCM authenticates by itself", {"no 'auth'"});
    if (now.spec.suite == ESP_CTR_SHA1 && now.spec.auth.size() != kAuthBytes)
      return refuse(now.given.count("auth") ? now.given["auth"] : first, "HMAC-SHA1 needs a key of its own",
                    {"auth and 20 bytes in hex"});
    return true;
  }

  void add(const Line& now) {
    const auto slot = static_cast<std::uint32_t>(entries_.size());
    const auto [at, is_new] = line_of_.try_emplace({now.spec.spi, now.spec.outer_v6, now.spec.dst}, line_);
    if (!is_new)
      return fail(now.given.at("spi"), "line " + std::to_string(at->second) + " has the same SPI and destination", {});
    for (const auto& [prefix, w] : now.selectors) {
      Address addr;
      std::copy(prefix.addr, prefix.addr + 16, addr.begin());
      const auto [other, is_first] = line_of_selector_.try_emplace({prefix.v6, prefix.length, addr}, line_);
      if (!is_first) fail(w, "line " + std::to_string(other->second) + " takes the same prefix", {});
      rules_.push_back({prefix, slot});
    }
    auto state = states_.of(now.spec);
    if (!state)
      return fail(now.given.at("spi"), "this SA is in use with another 'esn' or 'replay'",
                  {"the same as before", "a new key"});
    entries_.push_back({now.spec, std::move(state), make_mb_keys(now.spec)});
  }

  const std::string& name_;
  SourcePos pos_;
  SaStates& states_;
  int line_ = 0;
  std::size_t count_ = 0;
  std::vector<ArgError> errors_;
  std::vector<SaTable::Entry> entries_;
  std::vector<SelectorTable::Rule> rules_;
  std::map<std::tuple<std::uint32_t, bool, Address>, int> line_of_;
  std::map<std::tuple<bool, std::uint8_t, Address>, int> line_of_selector_;
};

}  // namespace

std::shared_ptr<SaFile> parse_sas(std::string_view text, const std::string& name, SourcePos pos, SaStates& states) {
  auto file = std::make_shared<SaFile>();
  FileParser parser(name, pos, states);
  for_each_line(text, [&](std::string_view line) { parser.line(line); });
  parser.finish(*file);
  return file;
}

std::shared_ptr<SaFile> load_sa_file(const std::string& path, SourcePos pos, SaStates& states) {
  Result<std::string> text = read_text(path);
  if (!text) {
    auto file = std::make_shared<SaFile>();
    file->errors.push_back({pos, path + ": " + text.error().text, {}});
    return file;
  }
  auto file = parse_sas(*text, path, pos, states);
  explicit_bzero(text->data(), text->size());
  return file;
}

}  // namespace fulcrum::esp
