// SPDX-License-Identifier: MIT
// config_keys.cc - the rows, and the makers of their setters.
#include "control/config_keys.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "balance/policy.h"
#include "base/log.h"

namespace fulcrum {
namespace {

// A row's setter never knows the valid values twice: it returns what was wrong
// with the value, the row's `takes` says what is right.
constexpr const char* kRange = "out of range";

template <class T, class N>
auto number(N T::*field, std::int64_t min, std::int64_t max) {
  return [=](const toml::value& v, T& c) -> std::string {
    if (!v.is_integer()) return "not a number";
    if (v.as_integer() < min || v.as_integer() > max) return kRange;
    c.*field = static_cast<N>(v.as_integer());
    return {};
  };
}

template <class T>
auto text(std::string T::*field) {
  return [=](const toml::value& v, T& c) -> std::string {
    if (!v.is_string()) return "not a string";
    if (v.as_string().str.empty()) return "empty";
    c.*field = v.as_string().str;
    return {};
  };
}

template <class T>
auto flag(bool T::*field) {
  return [=](const toml::value& v, T& c) -> std::string {
    if (!v.is_boolean()) return "not true or false";
    c.*field = v.as_boolean();
    return {};
  };
}

template <class T, class E>
auto choice(E T::*field, std::initializer_list<E> values) {
  return [field, values = std::vector<E>(values)](const toml::value& v, T& c) -> std::string {
    if (!v.is_string()) return "not a string";
    for (E value : values)
      if (v.as_string().str == to_string(value)) {
        c.*field = value;
        return {};
      }
    return "not valid";
  };
}

template <class T>
auto cpu_list(std::vector<unsigned> T::*field) {
  return [=](const toml::value& v, T& c) -> std::string {
    if (!v.is_array()) return "not a list";
    std::vector<unsigned> cpus;
    for (const auto& item : v.as_array()) {
      if (!item.is_integer() || item.as_integer() < 0 || item.as_integer() > 4095) return "holds something else";
      cpus.push_back(static_cast<unsigned>(item.as_integer()));
    }
    c.*field = std::move(cpus);
    return {};
  };
}

std::string set_frames(const toml::value& v, HelperConfig& c) {
  if (!v.is_integer()) return "not a number";
  std::int64_t n = v.as_integer();
  if (n < 1024 || n > 1 << 20 || !std::has_single_bit(static_cast<std::uint64_t>(n))) return kRange;
  c.frames_per_queue = static_cast<unsigned>(n);
  return {};
}

std::string set_frame_bytes(const toml::value& v, HelperConfig& c) {
  if (!v.is_integer()) return "not a number";
  if (v.as_integer() != 0 && v.as_integer() != 2048 && v.as_integer() != 4096) return kRange;
  c.frame_bytes = static_cast<unsigned>(v.as_integer());
  return {};
}

std::string set_plugin_dirs(const toml::value& v, HelperConfig& c) {
  if (!v.is_array()) return "not a list";
  std::vector<std::string> folders;
  for (const auto& item : v.as_array()) {
    if (!item.is_string()) return "holds something else";
    if (!item.as_string().str.starts_with('/')) return "'" + item.as_string().str + "' does not begin with '/'";
    folders.push_back(item.as_string().str);
  }
  c.plugin_dirs = std::move(folders);
  return {};
}

std::string set_log_key(const toml::value& v, HelperConfig& c) {
  if (!v.is_string()) return "not a string";
  std::string levels = std::string(", ") + kLogLevels + ",";
  if (levels.find(", " + v.as_string().str + ",") == std::string::npos) return "not valid";
  c.log_level = v.as_string().str;
  return {};
}

std::string set_policy(const toml::value& v, HelperConfig& c) {
  if (!v.is_string()) return "not a string";
  if (!find_policy(v.as_string().str)) return "not valid";
  c.balance.policy = v.as_string().str;
  return {};
}

std::string set_interval(const toml::value& v, HelperConfig& c) {
  return number(&BalanceConfig::interval_ms, 10, 60'000)(v, c.balance);
}

// Tiers are checked against the port when the balancer starts.
std::string set_permille(const toml::value& v, HelperConfig& c) {
  if (!v.is_table()) return "not a table";
  std::vector<TierShare> shares;
  std::int64_t sum = 0;
  for (const auto& [tier, share] : v.as_table()) {
    if (!share.is_integer() || share.as_integer() < 0 || share.as_integer() > kPermille)
      return "share of '" + tier + "' is not 0 .. 1000";
    shares.push_back({tier, static_cast<std::uint32_t>(share.as_integer())});
    sum += share.as_integer();
  }
  if (sum != kPermille) return "shares add up to " + std::to_string(sum);
  std::sort(shares.begin(), shares.end(), [](const auto& a, const auto& b) { return a.tier < b.tier; });
  c.balance.permille = std::move(shares);
  return {};
}

std::string set_kind(const toml::value& v, DeviceConfig& c) {
  if (!v.is_string()) return "not a string";
  const std::vector<std::string> kinds = device_kinds();
  if (std::find(kinds.begin(), kinds.end(), v.as_string().str) == kinds.end()) return "not valid";
  c.kind = v.as_string().str;
  return {};
}

// A number or a name.
std::string set_which(const toml::value& v, DeviceConfig& c) {
  if (!v.is_integer()) return text(&DeviceConfig::device)(v, c);
  if (v.as_integer() < 0 || v.as_integer() > 1023) return kRange;
  c.device = std::to_string(v.as_integer());
  return {};
}

// What it wraps is checked as far as a device's word tells.
std::string set_wraps(const toml::value& v, DeviceConfig& c) {
  if (!v.is_string()) return "not a string";
  const std::string& word = v.as_string().str;
  if (word != "inline")
    if (auto spec = parse_device(word); !spec || spec->kind == "modelled") return "not valid";
  c.wraps = word;
  return {};
}

std::string list_of(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& w : words) out += (out.empty() ? "" : ", ") + w;
  return out;
}

// Words of devices that compute by themselves.
std::string wrappable() {
  std::vector<std::string> words = device_words();
  std::erase_if(words, [](const std::string& w) { return w.starts_with("modelled"); });
  return list_of(words) + ", inline";
}

using C = HelperConfig;
using D = DeviceConfig;

}  // namespace

std::span<const ConfigKey<HelperConfig>> config_keys() {
  static const std::string policies = policy_names();
  static const ConfigKey<HelperConfig> kKeys[] = {
      {"helper.pipeline", "file name", "the Click configuration to run", text(&C::pipeline_file)},
      {"helper.socket", "file name", "control socket", text(&C::socket_path)},
      {"helper.bpf_dir", "folder", "where steer.bpf.o and inline_*.bpf.o are", text(&C::bpf_dir)},
      {"helper.plugin_dirs", "list of folders, each from /", "where *.so plugins are, before those beside the program",
       set_plugin_dirs},
      {"helper.pin_dir", "folder", "where iproute2 pinned the maps", text(&C::pin_dir)},
      {"helper.log", kLogLevels, "what goes to stderr", set_log_key},
      {"workers.count", "0 .. 256", "worker threads, 0: one a queue", number(&C::workers, 0, 256)},
      {"workers.cpus", "list of cpu numbers", "workers are pinned to these in turn", cpu_list(&C::cpus)},
      {"workers.batch_packets", "1 .. 64", "most packets of a batch", number(&C::batch_packets, 1, 64)},
      {"workers.idle", "spin, adaptive, powersave", "what a worker does without packets",
       choice(&C::idle, {IdleMode::kSpin, IdleMode::kAdaptive, IdleMode::kPowersave})},
      {"workers.spin_us", "0 .. 1000000", "adaptive: spin this long, then sleep", number(&C::spin_us, 0, 1'000'000)},
      {"workers.beat_limit_ms", "10 .. 60000", "an older heartbeat counts as dead",
       number(&C::beat_limit_ms, 10, 60'000)},
      {"port.frames_per_queue", "power of two, 1024 .. 1048576", "frames of a queue's UMEM", set_frames},
      {"port.frame_bytes", "0, 2048, 4096", "size of a frame, 0: by MTU", set_frame_bytes},
      {"port.return_way", "auto, live, ring, tap", "how packets leave",
       choice(&C::return_way, {ReturnWay::kAuto, ReturnWay::kLive, ReturnWay::kRing, ReturnWay::kTap})},
      {"port.probe", "true, false", "measure the return ways at start", flag(&C::probe)},
      {"port.umem", "auto, map, memfd", "what a UMEM is made of",
       choice(&C::umem, {UmemKind::kAuto, UmemKind::kMap, UmemKind::kMemfd})},
      {"balance.policy", policies.c_str(), "what moves the split", set_policy},
      {"balance.interval_ms", "10 .. 60000", "time between two decisions", set_interval},
      {"balance.permille", "{ tier = permille, … }, 1000 in all", "split at start", set_permille},
  };
  return kKeys;
}

std::span<const ConfigKey<DeviceConfig>> device_keys() {
  static const std::string kinds = list_of(device_kinds()), wraps = wrappable();
  static const ConfigKey<DeviceConfig> kKeys[] = {
      {"kind", kinds.c_str(), "back end", set_kind},
      {"device", "number or name", "which of its kind: opencl: index or part of a name; cuda: ordinal or UUID",
       set_which},
      {"model", "name or path of a .toml file", "modelled: what it behaves like", text(&D::model)},
      {"wraps", wraps.c_str(), "modelled: what runs its kernels", set_wraps},
      {"in_place", "auto, on, off", "read packets where they are, or copy them",
       choice(&D::in_place, {InPlaceMode::kAuto, InPlaceMode::kOn, InPlaceMode::kOff})},
      {"name", "name of the tier, up to 15 letters", "as in ratio and stats",
       [](const toml::value& v, DeviceConfig& c) -> std::string {
         if (v.is_string() && v.as_string().str.size() > 15) return "too long";
         return text(&D::name)(v, c);
       }},
      {"enabled", "true, false", "false: not started", flag(&D::enabled)},
      {"threads", "0 .. 1024", "pool threads, 0: by cpus", number(&D::threads, 0, 1024)},
      {"cpus", "list of cpu numbers", "the pool is pinned to these", cpu_list(&D::cpus)},
      {"max_in_flight", "2 .. 64", "tasks on the device at once", number(&D::max_in_flight, 2, 64)},
      {"task_packets", "1 .. 65536", "submit at this many packets", number(&D::task_packets, 1, 65'536)},
      {"task_bytes", "2048 .. 268435456", "or at this many bytes", number(&D::task_bytes, 2'048, 268'435'456)},
      {"deadline_us", "1 .. 1000000", "or when the oldest is this old", number(&D::deadline_us, 1, 1'000'000)},
      {"task_timeout_ms", "10 .. 600000", "a device that needs longer for a task is lost",
       number(&D::task_timeout_ms, 10, 600'000)},
      {"shadow_every", "0 .. 1000000000", "one task in so many is run on the cpu too and compared, 0: none",
       number(&D::shadow_every, 0, 1'000'000'000)},
      {"retry_ms", "10 .. 3600000", "a lost device is opened again after this, then after twice as long, …",
       number(&D::retry_ms, 10, 3'600'000)},
      {"retry_max_s", "1 .. 86400", "… up to this", number(&D::retry_max_s, 1, 86'400)},
  };
  return kKeys;
}

}  // namespace fulcrum
