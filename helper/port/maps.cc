// SPDX-License-Identifier: MIT
#include "port/maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>

namespace fulcrum {
namespace {

struct Shape {
  const char* name;
  std::uint32_t key_bytes, value_bytes;
};
// In the order of FrontMaps::Index.
constexpr std::array<Shape, 9> kShapes = {{
    {"fu1_port", 4, sizeof(fulcrum_port)},
    {"fu1_queue", sizeof(fulcrum_queue_key), sizeof(fulcrum_queue)},
    {"fu1_beat", 4, sizeof(fulcrum_beat)},
    {"fu1_order", 4, sizeof(fulcrum_order)},
    {"fu1_local", sizeof(fulcrum_addr), 4},
    {"fu1_xsk", 4, 4},
    {"fu1_sock", sizeof(fulcrum_sock_key), sizeof(fulcrum_sock)},
    {"fu1_inline", 4, 4},
    {"fu1_global", 4, sizeof(fulcrum_global)},
}};

std::size_t page_up(std::size_t n) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (n + page - 1) / page * page;
}

Error map_error(const char* map, const char* what) {
  return Error{fmt::format("map {}: {}: {}: check that the helper runs as root", map, what, std::strerror(errno))};
}

constexpr const char* kAttachHint =
    "attach it: ip link set dev {0} xdp obj steer.bpf.o sec xdp (or: fulcrum port attach {0})";

}  // namespace

Result<std::unique_ptr<FrontMaps>> FrontMaps::open(const Link& link, const std::string& pin_dir) {
  if (link.xdp == XdpAttach::kNone)
    return Error{fmt::format("port {}: no XDP program attached: {}", link.name,
                             fmt::format(fmt::runtime(kAttachHint), link.name))};
  std::unique_ptr<FrontMaps> m(new FrontMaps);
  if (auto r = m->from_program(link.xdp_prog_id); !r) return r.error();
  if (m->fd_[kPort] < 0)
    if (auto r = m->from_pins(pin_dir); !r) return r.error();
  for (int i = 0; i < kMaps; ++i)
    if (m->fd_[i] < 0)
      return Error{
          fmt::format("port {}: the attached XDP program has no map {}: it is not this version's front-end; {}",
                      link.name, kShapes[i].name, fmt::format(fmt::runtime(kAttachHint), link.name))};
  if (auto r = m->map_memory(); !r) return r.error();
  m->forget_vanished_ports();
  return m;
}

Result<void> FrontMaps::from_program(std::uint32_t prog_id) {
  int prog = bpf_prog_get_fd_by_id(prog_id);
  if (prog < 0)
    return Error{
        fmt::format("XDP program {}: {}: run as root (CAP_BPF and CAP_NET_ADMIN, CAP_SYS_ADMIN to look up ids)",
                    prog_id, std::strerror(errno))};
  std::array<std::uint32_t, 64> ids{};
  bpf_prog_info info{};
  std::uint32_t len = sizeof(info);
  info.nr_map_ids = ids.size();
  info.map_ids = reinterpret_cast<std::uint64_t>(ids.data());
  int err = bpf_obj_get_info_by_fd(prog, &info, &len);
  close(prog);
  if (err) return map_error("fu1_*", "program info");
  for (std::uint32_t i = 0; i < std::min<std::uint32_t>(info.nr_map_ids, ids.size()); ++i) {
    int fd = bpf_map_get_fd_by_id(ids[i]);
    if (fd < 0) return map_error("fu1_*", "open by id");
    if (auto r = adopt(fd); !r) return r;
  }
  return {};
}

// Takes the descriptor if it is one of ours, closes it otherwise.
Result<void> FrontMaps::adopt(int map_fd) {
  bpf_map_info info{};
  std::uint32_t len = sizeof(info);
  if (bpf_obj_get_info_by_fd(map_fd, &info, &len)) {
    close(map_fd);
    return map_error("fu1_*", "map info");
  }
  for (int i = 0; i < kMaps; ++i) {
    if (std::strcmp(info.name, kShapes[i].name) || fd_[i] >= 0) continue;
    if (info.key_size != kShapes[i].key_bytes || info.value_size != kShapes[i].value_bytes) {
      close(map_fd);
      return Error{
          fmt::format("map {}: key {} and value {} bytes, this version has {} and {}: detach the ports "
                      "(ip link set dev X xdp off), run `fulcrum unpin` and attach again",
                      info.name, info.key_size, info.value_size, kShapes[i].key_bytes, kShapes[i].value_bytes)};
    }
    fd_[i] = map_fd;
    id_[i] = info.id;
    return {};
  }
  close(map_fd);
  return {};
}

Result<void> FrontMaps::from_pins(const std::string& dir) {
  for (const auto& shape : kShapes) {
    std::string path = dir + "/" + shape.name;
    int fd = bpf_obj_get(path.c_str());
    if (fd < 0)
      return Error{
          fmt::format("map {}: {}: {}: attach the front-end with `ip link set dev X xdp obj steer.bpf.o sec xdp`, "
                      "which pins it",
                      shape.name, path, std::strerror(errno))};
    if (auto r = adopt(fd); !r) return r;
  }
  return {};
}

Result<void> FrontMaps::map_memory() {
  constexpr int kProt = PROT_READ | PROT_WRITE;
  void* beat = mmap(nullptr, page_up(sizeof(fulcrum_beat) * FULCRUM_MAX_SLOTS), kProt, MAP_SHARED, fd_[kBeat], 0);
  if (beat == MAP_FAILED) return map_error("fu1_beat", "mmap");
  beat_ = static_cast<fulcrum_beat*>(beat);
  void* order = mmap(nullptr, page_up(sizeof(fulcrum_order) * FULCRUM_MAX_SLOTS), kProt, MAP_SHARED, fd_[kOrder], 0);
  if (order == MAP_FAILED) return map_error("fu1_order", "mmap");
  order_ = static_cast<fulcrum_order*>(order);
  return {};
}

FrontMaps::~FrontMaps() {
  if (beat_) munmap(beat_, page_up(sizeof(fulcrum_beat) * FULCRUM_MAX_SLOTS));
  if (order_) munmap(order_, page_up(sizeof(fulcrum_order) * FULCRUM_MAX_SLOTS));
  for (int fd : fd_)
    if (fd >= 0) close(fd);
}

Result<void> FrontMaps::check_same(const Link& link, const std::string& pin_dir) const {
  auto other = open(link, pin_dir);
  if (!other) return other.error();
  if ((*other)->id_[kPort] == id_[kPort]) return {};
  return Error{
      fmt::format("port {}: its front-end uses other maps than the first port's: attach both with the same "
                  "object file and the same bpffs (`ip netns exec` and `ip -n` hide it; use nsenter --net)",
                  link.name)};
}

Result<std::uint32_t> FrontMaps::claim_slot(std::uint32_t ifindex, std::uint32_t queue) {
  fulcrum_queue_key want{ifindex, queue}, key{}, next{};
  fulcrum_queue q{};
  if (bpf_map_lookup_elem(fd_[kQueue], &want, &q) == 0) return q.slot;
  std::set<std::uint32_t> used;
  for (void* at = nullptr; bpf_map_get_next_key(fd_[kQueue], at, &next) == 0; at = &key) {
    key = next;
    if (bpf_map_lookup_elem(fd_[kQueue], &key, &q) == 0) used.insert(q.slot);
  }
  std::uint32_t slot = 0;
  while (used.count(slot)) ++slot;
  if (slot >= FULCRUM_MAX_SLOTS)
    return Error{fmt::format("queues: all {} slots are taken: lower the queues of the ports with `ethtool -L`",
                             FULCRUM_MAX_SLOTS)};
  q = {};
  q.slot = slot;
  if (bpf_map_update_elem(fd_[kQueue], &want, &q, BPF_ANY)) return map_error("fu1_queue", "add queue");
  return slot;
}

Result<std::uint32_t> FrontMaps::claim_inline_slot(std::uint32_t ifindex) {
  std::set<std::uint32_t> used;
  for (const auto& [other, slot] : inline_slots_)
    if (other != ifindex) used.insert(slot);
  std::uint32_t key = 0, next = 0, own = FULCRUM_MAX_PORTS;
  fulcrum_port p{};
  for (void* at = nullptr; bpf_map_get_next_key(fd_[kPort], at, &next) == 0; at = &key) {
    key = next;
    if (bpf_map_lookup_elem(fd_[kPort], &key, &p)) continue;
    if (key == ifindex)
      own = p.inline_slot;
    else
      used.insert(p.inline_slot);
  }
  std::uint32_t slot = used.count(own) ? FULCRUM_MAX_PORTS : own;
  for (std::uint32_t s = 0; slot == FULCRUM_MAX_PORTS && s < FULCRUM_MAX_PORTS; ++s)
    if (!used.count(s)) slot = s;
  if (slot == FULCRUM_MAX_PORTS)
    return Error{fmt::format("ports: all {} are taken: detach what is not used, then `fulcrum unpin`", FULCRUM_MAX_PORTS)};
  inline_slots_[ifindex] = slot;
  return slot;
}

// Rows of interfaces that are gone: their ifindex will not come again.
void FrontMaps::forget_vanished_ports() {
  char name[IF_NAMESIZE];
  std::vector<fulcrum_queue_key> queues;
  fulcrum_queue_key qkey{}, qnext{};
  for (void* at = nullptr; bpf_map_get_next_key(fd_[kQueue], at, &qnext) == 0; at = &qkey) {
    qkey = qnext;
    if (!if_indextoname(qkey.ifindex, name)) queues.push_back(qkey);
  }
  for (const auto& k : queues) bpf_map_delete_elem(fd_[kQueue], &k);
  std::vector<std::uint32_t> ports;
  std::uint32_t pkey = 0, pnext = 0;
  for (void* at = nullptr; bpf_map_get_next_key(fd_[kPort], at, &pnext) == 0; at = &pkey) {
    pkey = pnext;
    if (!if_indextoname(pkey, name)) ports.push_back(pkey);
  }
  for (std::uint32_t k : ports) bpf_map_delete_elem(fd_[kPort], &k);
}

Result<void> FrontMaps::write_port(std::uint32_t ifindex, const fulcrum_port& port) {
  if (bpf_map_update_elem(fd_[kPort], &ifindex, &port, BPF_ANY)) return map_error("fu1_port", "write");
  return {};
}
bool FrontMaps::read_port(std::uint32_t ifindex, fulcrum_port& port) const {
  return bpf_map_lookup_elem(fd_[kPort], &ifindex, &port) == 0;
}
void FrontMaps::erase_port(std::uint32_t ifindex) { bpf_map_delete_elem(fd_[kPort], &ifindex); }

bool FrontMaps::read_queue(std::uint32_t ifindex, std::uint32_t queue, fulcrum_queue& out) const {
  fulcrum_queue_key key{ifindex, queue};
  return bpf_map_lookup_elem(fd_[kQueue], &key, &out) == 0;
}

Result<void> FrontMaps::write_sock(const fulcrum_sock_key& key, const fulcrum_sock& value) {
  if (bpf_map_update_elem(fd_[kSock], &key, &value, BPF_ANY)) return map_error("fu1_sock", "write");
  return {};
}
void FrontMaps::erase_sock(const fulcrum_sock_key& key) { bpf_map_delete_elem(fd_[kSock], &key); }

Result<void> FrontMaps::write_xsk(std::uint32_t slot, unsigned ring, int socket_fd) {
  std::uint32_t key = slot * FULCRUM_RINGS + ring;
  if (bpf_map_update_elem(fd_[kXsk], &key, &socket_fd, BPF_ANY)) return map_error("fu1_xsk", "write");
  return {};
}
void FrontMaps::erase_xsk(std::uint32_t slot, unsigned ring) {
  std::uint32_t key = slot * FULCRUM_RINGS + ring;
  bpf_map_delete_elem(fd_[kXsk], &key);
}

Result<void> FrontMaps::write_inline(std::uint32_t inline_slot, int prog_fd) {
  if (bpf_map_update_elem(fd_[kInline], &inline_slot, &prog_fd, BPF_ANY)) return map_error("fu1_inline", "write");
  return {};
}
void FrontMaps::erase_inline(std::uint32_t inline_slot) { bpf_map_delete_elem(fd_[kInline], &inline_slot); }

Result<void> FrontMaps::write_local(const std::vector<fulcrum_addr>& addresses) {
  const std::uint32_t one = 1;
  for (const auto& a : addresses)
    if (bpf_map_update_elem(fd_[kLocal], &a, &one, BPF_ANY)) return map_error("fu1_local", "add address");
  fulcrum_addr key{}, next{};
  std::vector<fulcrum_addr> stale;
  for (void* at = nullptr; bpf_map_get_next_key(fd_[kLocal], at, &next) == 0; at = &key) {
    key = next;
    auto same = [&](const fulcrum_addr& a) { return std::memcmp(&a, &key, sizeof(a)) == 0; };
    if (std::none_of(addresses.begin(), addresses.end(), same)) stale.push_back(key);
  }
  for (const auto& a : stale) bpf_map_delete_elem(fd_[kLocal], &a);
  return {};
}

int FrontMaps::fd(const std::string& map_name) const {
  for (int i = 0; i < kMaps; ++i)
    if (map_name == kShapes[i].name) return fd_[i];
  return -1;
}

}  // namespace fulcrum
