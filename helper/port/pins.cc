// SPDX-License-Identifier: MIT
#include "port/pins.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>

namespace fulcrum {
namespace {

struct Layout {
  std::uint32_t type = 0, key_bytes = 0, value_bytes = 0, entries = 0, flags = 0;
  bool operator==(const Layout&) const = default;
  std::string text() const {
    return fmt::format("type {}, key {} and value {} bytes, {} entries, flags {:#x}", type, key_bytes, value_bytes,
                       entries, flags);
  }
};

bool read_pin(const std::string& path, Layout& out) {
  const int fd = bpf_obj_get(path.c_str());
  if (fd < 0) return false;
  bpf_map_info i{};
  std::uint32_t len = sizeof(i);
  const bool ok = bpf_obj_get_info_by_fd(fd, &i, &len) == 0;
  close(fd);
  out = {i.type, i.key_size, i.value_size, i.max_entries, i.map_flags};
  return ok;
}

}  // namespace

std::vector<StalePin> stale_pins(const std::string& object, const std::string& pin_dir) {
  std::vector<StalePin> out;
  bpf_object* o = bpf_object__open(object.c_str());
  if (!o) return out;
  bpf_map* m;
  bpf_object__for_each_map(m, o) {
    const char* pin = bpf_map__pin_path(m);  // of the maps that are pinned by name only
    if (!pin) continue;
    const Layout want{static_cast<std::uint32_t>(bpf_map__type(m)), bpf_map__key_size(m), bpf_map__value_size(m),
                      bpf_map__max_entries(m), bpf_map__map_flags(m)};
    Layout have;
    const std::string name = bpf_map__name(m);
    if (read_pin(pin_dir + "/" + name, have) && !(have == want))
      out.push_back({name, fmt::format("map {}: pinned with {}; this version has {}", name, have.text(), want.text())});
  }
  bpf_object__close(o);
  return out;
}

}  // namespace fulcrum
