// SPDX-License-Identifier: MIT
// front.cc - loads the front-end as iproute2 does, runs packets, reads counters.
#include "front.h"

#include <linux/if_xdp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>

namespace fulcrum::test {
namespace {

struct CounterName {
  const char* name;
  __u64 fulcrum_queue::*at;
};
#define NAMED(field) \
  { #field, &fulcrum_queue::field }
constexpr CounterName kOutcomes[] = {NAMED(pass_not_ip),       NAMED(pass_malformed),      NAMED(pass_multicast),
                                     NAMED(pass_local),        NAMED(pass_too_long),       NAMED(pass_tier),
                                     NAMED(pass_helper_stale), NAMED(pass_no_credit),      NAMED(pass_no_socket),
                                     NAMED(drop_helper_stale), NAMED(drop_no_credit),      NAMED(drop_no_socket),
                                     NAMED(drop_move_drain),   NAMED(inline_helper_stale), NAMED(inline_no_credit),
                                     NAMED(inline_no_socket),  NAMED(inline_packets)};

fulcrum_queue minus(fulcrum_queue a, const fulcrum_queue& b) {
  auto* x = reinterpret_cast<std::uint64_t*>(&a);
  auto* y = reinterpret_cast<const std::uint64_t*>(&b);
  for (std::size_t i = 1; i < sizeof(a) / 8; ++i) x[i] -= y[i];  // 0: slot
  return a;
}

std::string outcome_of(const fulcrum_queue& d) {
  std::string names;
  auto add = [&](const std::string& name, std::uint64_t n) {
    if (n) names += (names.empty() ? "" : "+") + name + (n > 1 ? "*" + std::to_string(n) : "");
  };
  for (const auto& c : kOutcomes) add(c.name, d.*c.at);
  for (int r = 0; r < FULCRUM_RINGS; ++r) add("ring" + std::to_string(r), d.ring_packets[r]);
  if (d.rx_packets != outcomes(d)) names += " but rx_packets " + std::to_string(d.rx_packets);
  return names.empty() ? "nothing" : names;
}

std::uint64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

int to_stderr(enum libbpf_print_level level, const char* format, va_list args) {
  return level == LIBBPF_WARN ? std::vfprintf(stderr, format, args) : 0;
}

}  // namespace

std::uint64_t outcomes(const fulcrum_queue& q) {
  std::uint64_t sum = 0;
  for (const auto& c : kOutcomes) sum += q.*c.at;
  for (auto n : q.ring_packets) sum += n;
  return sum;
}

void expect(Tap& tap, const Ran& ran, int action, const std::string& counter, const std::string& name) {
  tap.check(ran.action == action && ran.outcome == counter, name,
            "action " + std::to_string(ran.action) + ", wanted " + std::to_string(action) + "; counted " + ran.outcome +
                ", wanted " + counter + "; error " + std::to_string(ran.error));
}

int shell(const std::string& command) {
  const int status = std::system(("{ " + command + "\n} >&2").c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool enter_namespaces(std::string& why) {
  if (geteuid() != 0) return why = "needs root", false;
  if (unshare(CLONE_NEWNET | CLONE_NEWNS)) return why = "network namespaces are not permitted here", false;
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) || mount("bpf", "/sys/fs/bpf", "bpf", 0, nullptr))
    return why = "cannot mount a bpffs", false;
  mkdir("/sys/fs/bpf/tc", 0700);
  mkdir(FULCRUM_PIN_DIR, 0700);
  return shell("ip link set lo up") == 0 || (why = "ip link does not work", false);
}

int Front::map(const char* name) const { return bpf_object__find_map_fd_by_name(steer_, name); }

bool Front::open(const std::string& bpf_dir, std::string& why) {
  libbpf_set_print(to_stderr);
  bpf_dir_ = bpf_dir;
  LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = FULCRUM_PIN_DIR);
  steer_ = bpf_object__open_file((bpf_dir + "/steer.bpf.o").c_str(), &opts);
  if (!steer_ || bpf_object__load(steer_)) return why = "steer.bpf.o does not load", false;
  steer_fd_ = bpf_program__fd(bpf_object__find_program_by_name(steer_, "fulcrum_steer"));
  return steer_fd_ >= 0;
}

void Front::write_port(unsigned ifindex) { bpf_map_update_elem(map("fu1_port"), &ifindex, &port, BPF_ANY); }
void Front::erase_port(unsigned ifindex) { bpf_map_delete_elem(map("fu1_port"), &ifindex); }
void Front::set_all(fulcrum_tier tier) {
  for (auto& b : port.bucket) b = tier;
  write_port();
}

void Front::add_queue(unsigned ifindex, unsigned slot) {
  const fulcrum_queue_key key = {ifindex, 0};
  fulcrum_queue q{};
  q.slot = slot;
  bpf_map_update_elem(map("fu1_queue"), &key, &q, BPF_NOEXIST);
}
void Front::erase_queue(unsigned ifindex) {
  const fulcrum_queue_key key = {ifindex, 0};
  bpf_map_delete_elem(map("fu1_queue"), &key);
}

void Front::add_local(const std::string& text, bool confirmed) {
  const Bytes a = address(text);
  fulcrum_addr key{};
  if (a.size() == 4) key.word[2] = htonl(0xffff);
  std::memcpy(reinterpret_cast<char*>(&key) + 16 - a.size(), a.data(), a.size());
  const unsigned bit = fulcrum_local_hash(&key), one = 1;
  port.local_bloom[bit / 64] |= 1ull << (bit % 64);
  if (confirmed) bpf_map_update_elem(map("fu1_local"), &key, &one, BPF_ANY);
}

void Front::write_beat() {
  const unsigned slot = kSlot;
  bpf_map_update_elem(map("fu1_beat"), &slot, &beat, BPF_ANY);
}
void Front::beat_now(std::uint64_t ahead_ns) {
  beat.beat_ns = now_ns() + ahead_ns;
  write_beat();
}

fulcrum_order Front::order() {
  const unsigned slot = kSlot;
  fulcrum_order o{};
  bpf_map_lookup_elem(map("fu1_order"), &slot, &o);
  return o;
}
void Front::write_order(const fulcrum_order& o) {
  const unsigned slot = kSlot;
  bpf_map_update_elem(map("fu1_order"), &slot, &o, BPF_ANY);
}

// A socket with an RX ring is all that an XSKMAP asks for.
void Front::open_socket(unsigned ring) {
  if (socket_[ring] >= 0) return;
  const int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), descs = 64;
  setsockopt(fd, SOL_XDP, XDP_RX_RING, &descs, sizeof(descs));
  const unsigned place = kSlot * FULCRUM_RINGS + ring;
  if (bpf_map_update_elem(map("fu1_xsk"), &place, &fd, BPF_ANY)) std::printf("# fu1_xsk: %s\n", std::strerror(errno));
  socket_[ring] = fd;
}
void Front::close_socket(unsigned ring) {
  const unsigned place = kSlot * FULCRUM_RINGS + ring;
  bpf_map_delete_elem(map("fu1_xsk"), &place);
  if (socket_[ring] >= 0) close(socket_[ring]);
  socket_[ring] = -1;
}

void Front::reset() {
  port = {};
  port.abi = FULCRUM_ABI;
  port.inline_slot = kInlineSlot;
  port.beat_limit_ms = 50;
  port.frame_max_bytes = 3000;
  port.stamp_mask = FULCRUM_STAMP_MASK;
  write_order({});
  beat = {};
  for (unsigned r = 0; r < FULCRUM_RINGS; ++r) {
    beat.limit[r] = 1u << 30;
    open_socket(r);
  }
  beat_now();
  set_all(FULCRUM_TIER_CPU);
  add_queue(kIfindex, kSlot);
}

Ran Front::run(const Bytes& frame, unsigned ifindex) {
  Ran ran;
  const fulcrum_queue before = queue(ifindex);
  Bytes out(frame.size() + 512);
  xdp_md in{}, after{};
  in.data_end = static_cast<std::uint32_t>(frame.size());
  in.ingress_ifindex = ifindex;
  LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame.data(), .data_out = out.data(),
              .data_size_in = static_cast<std::uint32_t>(frame.size()),
              .data_size_out = static_cast<std::uint32_t>(out.size()), .ctx_in = &in, .ctx_out = &after,
              .ctx_size_in = sizeof(in), .ctx_size_out = sizeof(after));
  ran.error = bpf_prog_test_run_opts(steer_fd_, &opts);
  if (ran.error) return ran;
  ran.action = static_cast<int>(opts.retval);
  const std::size_t meta_bytes = after.data;  // test runs number addresses from the metadata on
  if (meta_bytes == sizeof(fulcrum_meta)) std::memcpy(&ran.meta.emplace(), out.data(), sizeof(fulcrum_meta));
  ran.frame.assign(out.begin() + static_cast<long>(meta_bytes), out.begin() + opts.data_size_out);
  ran.delta = minus(queue(ifindex), before);
  ran.outcome = outcome_of(ran.delta);
  return ran;
}

int Front::run_live(const Bytes& frame, unsigned ifindex) {
  xdp_md in{};
  in.data_end = static_cast<std::uint32_t>(frame.size());
  in.ingress_ifindex = ifindex;
  LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame.data(),
              .data_size_in = static_cast<std::uint32_t>(frame.size()), .ctx_in = &in, .ctx_size_in = sizeof(in),
              .repeat = 1, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
  return bpf_prog_test_run_opts(steer_fd_, &opts);
}

fulcrum_queue Front::queue(unsigned ifindex) {
  const fulcrum_queue_key key = {ifindex, 0};
  fulcrum_queue q{};
  bpf_map_lookup_elem(map("fu1_queue"), &key, &q);
  return q;
}

fulcrum_global Front::global() {
  const unsigned zero = 0;
  std::vector<fulcrum_global> per_cpu(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  bpf_map_lookup_elem(map("fu1_global"), &zero, per_cpu.data());
  fulcrum_global sum{};
  for (const auto& g : per_cpu) {
    sum.pass_unknown_port += g.pass_unknown_port;
    sum.pass_unknown_queue += g.pass_unknown_queue;
  }
  return sum;
}

bool Front::load_inline(const fulcrum_inline_plan& plan, std::string& why) {
  unload_inline();
  LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = FULCRUM_PIN_DIR);
  inline_ = bpf_object__open_file((bpf_dir_ + "/inline_route.bpf.o").c_str(), &opts);
  if (!inline_) return why = "inline_route.bpf.o does not open", false;
  bpf_map* rodata = bpf_object__find_map_by_name(inline_, ".rodata");
  if (!rodata || bpf_map__set_initial_value(rodata, &plan, sizeof(plan))) return why = "plan is not its .rodata", false;
  if (bpf_object__load(inline_)) return why = "inline_route.bpf.o does not load", false;
  const int fd = bpf_program__fd(bpf_object__find_program_by_name(inline_, "fulcrum_inline_route"));
  const unsigned key = kInlineSlot;
  if (bpf_map_update_elem(map("fu1_inline"), &key, &fd, BPF_ANY))
    return why = std::string("fu1_inline: ") + std::strerror(errno), false;
  return true;
}

void Front::unload_inline() {
  const unsigned key = kInlineSlot;
  bpf_map_delete_elem(map("fu1_inline"), &key);
  if (inline_) bpf_object__close(inline_);
  inline_ = nullptr;
}

}  // namespace fulcrum::test
