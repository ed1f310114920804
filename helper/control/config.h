// SPDX-License-Identifier: MIT
// config.h - command line and TOML file -> what the helper shall do.
//
// Every key of the file can be given as --set section.key=value; the command
// line wins. Unknown keys and values out of range are errors that name the
// place and what would be valid.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "balance/balancer.h"
#include "device/backends.h"
#include "fulcrum/result.h"
#include "port/umem.h"

namespace fulcrum {

enum class IdleMode : std::uint8_t { kSpin, kAdaptive, kPowersave };
enum class ReturnWay : std::uint8_t { kAuto, kLive, kRing, kTap };

struct DeviceConfig {              // [[device]]
  std::string kind = "manycore";   // back end
  std::string name = "manycore";   // tier name in ratio, stats
  std::string device;              // which of its kind: opencl: index or name; cuda: ordinal or UUID; empty: the first
  std::string model;               // modelled: name of a model, or its file
  std::string wraps = "manycore";  // modelled: what runs its kernels
  InPlaceMode in_place = InPlaceMode::kAuto;
  bool enabled = true;
  unsigned threads = 0;                // 0: one per cpu given, else what the machine has to spare
  std::vector<unsigned> cpus;          // empty: any
  unsigned max_in_flight = 4;          // tasks, 2 .. 64
  unsigned task_packets = 1024;        // submit at this many packets
  std::uint64_t task_bytes = 2 << 20;  // or at this many bytes
  unsigned deadline_us = 200;          // or when the oldest packet is this old
  unsigned task_timeout_ms = 500;      // a device that needs longer for a task is lost
  unsigned shadow_every = 1024;        // one task in so many is done on the cpu too and compared; 0: none
  unsigned retry_ms = 1000;            // a lost device is opened again after this, then after twice as long …
  unsigned retry_max_s = 60;           // … up to this
  // modelled: the failure script goes on when the device is opened again from a copy of this.
  std::shared_ptr<FailureScript> script = std::make_shared<FailureScript>();
};

struct BalanceConfig {  // [balance]
  std::string policy = "fixed";
  unsigned interval_ms = 200;
  std::vector<TierShare> permille;  // for fixed; empty: all on the cheapest eligible tier
};

struct HelperConfig {
  std::string pipeline_file;
  std::string config_file;               // empty: none
  std::string socket_path;               // default: control_socket_path()
  std::string bpf_dir;                   // steer.bpf.o, inline_*.bpf.o
  std::vector<std::string> plugin_dirs;  // *.so, absolute; before those beside the program
  std::string pin_dir;                   // default: FULCRUM_PIN_DIR
  std::string log_level = "info";
  unsigned workers = 0;              // 0: one per queue, at most the cpus
  std::vector<unsigned> cpus;        // workers are pinned to these in turn; empty: all allowed
  unsigned frames_per_queue = 8192;  // power of two
  unsigned frame_bytes = 0;          // 2048 or 4096; 0: by the ports' MTU
  unsigned batch_packets = 64;       // 1 .. 64
  IdleMode idle = IdleMode::kAdaptive;
  unsigned spin_us = 50;         // adaptive: spin this long before sleeping
  unsigned beat_limit_ms = 100;  // an older heartbeat counts as dead
  ReturnWay return_way = ReturnWay::kAuto;
  bool probe = true;  // measure the return ways at start
  UmemKind umem = UmemKind::kAuto;
  std::vector<DeviceConfig> devices = {DeviceConfig{}};  // at most FULCRUM_RINGS - 1; a [[device]] list replaces it
  BalanceConfig balance;
};

const char* to_string(IdleMode v);
const char* to_string(ReturnWay v);
const char* to_string(UmemKind v);

struct CommandLine {
  bool run = false;   // false: exit with exit_code, `output` says what to print
  int exit_code = 0;  // 0 after --help, 2 usage
  std::string output;
  HelperConfig config;
};
// `fulcrumd --pipeline FILE [--config TOML] [--socket P] [--set key=value]…`
CommandLine parse_command_line(int argc, const char* const* argv);

// Reads a TOML file over `config`. Errors: all of them, a line each.
Result<void> load_config_file(const std::string& path, HelperConfig& config);
// One "section.key=value", value in TOML syntax; a bare word counts as a string.
Result<void> set_config_key(const std::string& assignment, HelperConfig& config);
// What open_device() takes. Empty cpus stay empty.
DeviceSpec device_spec(const DeviceConfig& config);
// Every key with type and meaning, for --help and error messages.
std::string config_help();

}  // namespace fulcrum
