// SPDX-License-Identifier: MIT
// unpin.cc - pinned fu*_ maps of other versions, that no program uses -> removed, and said so.
#include <bpf/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>

#include "base/data_dir.h"
#include "fulcrum.h"
#include "machine.h"
#include "port/pins.h"
#include "report.h"

namespace fulcrum::cli {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

Error unpin_error(const std::string& text) { return Error{"unpin: " + text}; }

struct Fd {
  int fd;
  ~Fd() {
    if (fd >= 0) ::close(fd);
  }
};

// Maps that some loaded program refers to.
Result<std::set<std::uint32_t>> maps_in_use() {
  std::set<std::uint32_t> out;
  std::uint32_t id = 0;
  while (bpf_prog_get_next_id(id, &id) == 0) {
    Fd program{bpf_prog_get_fd_by_id(id)};
    if (program.fd < 0) continue;  // gone since
    std::uint32_t ids[256];
    bpf_prog_info info{};
    info.map_ids = reinterpret_cast<std::uintptr_t>(ids);
    info.nr_map_ids = std::size(ids);
    std::uint32_t length = sizeof info;
    if (bpf_obj_get_info_by_fd(program.fd, &info, &length) == 0)
      out.insert(ids, ids + std::min<std::size_t>(info.nr_map_ids, std::size(ids)));
  }
  if (errno != ENOENT)
    return unpin_error(std::string("cannot list BPF programs: ") + std::strerror(errno) + ", run as root");
  return out;
}

// "fu12_port" -> 12; 0: not one of ours.
unsigned abi_of(const std::string& name) {
  unsigned abi = 0;
  char rest = 0;
  return std::sscanf(name.c_str(), "fu%u_%c", &abi, &rest) == 2 ? abi : 0;
}

std::uint32_t map_id(const fs::path& pin) {
  Fd map{bpf_obj_get(pin.c_str())};
  bpf_map_info info{};
  std::uint32_t length = sizeof info;
  return map.fd >= 0 && bpf_obj_get_info_by_fd(map.fd, &info, &length) == 0 ? info.id : 0;
}

// What becomes of one pin.
std::string handle(const fs::path& pin, bool current, const std::set<std::uint32_t>& used, const Options& o) {
  if (current && !o.all) return "kept: this version's, give --all";
  if (used.count(map_id(pin)) && !o.force) return "kept: in use by a program, detach it or give --force";
  std::error_code failed;
  fs::remove(pin, failed);
  return failed ? "not removed: " + failed.message() : "removed";
}

}  // namespace

void unpin_options(CLI::App& app, Options& o) {
  app.add_flag("--all", o.all, "this version's maps too, not only those of others");
  app.add_flag("--force", o.force, "also maps that a loaded program uses (it keeps them, new programs get new ones)");
  app.add_option("--pin-dir", o.pin_dir, "folder of the pins (default " FULCRUM_PIN_DIR ")");
  app.add_flag("--json", o.json, "JSON instead of text");
}

int unpin(const Options& o) {
  std::string folder = o.pin_dir.empty() ? FULCRUM_PIN_DIR : o.pin_dir;
  std::error_code failed;
  std::vector<fs::path> pins;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed))
    if (abi_of(at->path().filename())) pins.push_back(at->path());
  if (failed && failed != std::errc::no_such_file_or_directory)
    return refuse(unpin_error(folder + ": " + failed.message() + ", run as root"));
  std::sort(pins.begin(), pins.end());
  json::array rows;
  if (!pins.empty()) {
    auto used = maps_in_use();
    if (!used) return refuse(used.error());
    const auto stale = stale_pins(default_data_dir("bpf") + "/steer.bpf.o", folder);
    for (const fs::path& pin : pins) {
      const std::string name = pin.filename();
      const bool current = abi_of(name) == FULCRUM_ABI &&
                           std::none_of(stale.begin(), stale.end(), [&](const StalePin& s) { return s.name == name; });
      rows.push_back(json::object{{"pin", pin.string()}, {"result", handle(pin, current, *used, o)}});
    }
  }
  bool refused = std::any_of(rows.begin(), rows.end(),
                             [](const json::value& row) { return text_at(row, "result").starts_with("not removed"); });
  Report report(json::object{{"pins", rows}});
  if (rows.empty()) report.line("nothing pinned in " + folder);
  report.table(rows, {{"pin", "PIN"}, {"result", "RESULT"}});
  report.print(o.json);
  return refused ? 1 : 0;
}

}  // namespace fulcrum::cli
