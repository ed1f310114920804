// SPDX-License-Identifier: MIT
#include "port/live.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_link.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

// clang-format off
#include <linux/types.h>
#include "../../bpf/return.h"
#include "return.skel.h"
// clang-format on

namespace fulcrum {
namespace {

constexpr std::uint32_t kMinFrame = 60;     // the test run wants a full Ethernet header at least
constexpr std::uint32_t kKernelBatch = 64;  // pages the kernel works on at a time

}  // namespace

static_assert(Live::kBurst == FULCRUM_RETURN_BURST);

Result<std::unique_ptr<Live>> Live::open(const Umem& umem) {
  std::unique_ptr<Live> l(new Live(umem));
  if (auto r = l->load(); !r) return r.error();
  l->park();
  // An empty run tells now, not under traffic, whether the kernel can do it.
  LIBBPF_OPTS(bpf_test_run_opts, t, .data_in = l->template_, .data_size_in = kMinFrame, .repeat = 1,
              .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
  if (bpf_prog_test_run_opts(l->prog_fd_, &t))
    return Error{fmt::format("live frames: {}: needs Linux 5.18 and CAP_NET_ADMIN; the TX ring is used instead",
                             std::strerror(errno))};
  l->skel_->data_burst->burst.next = 0;
  l->skel_->data_burst->burst.bad = 0;
  return l;
}

Result<void> Live::load() {
  skel_ = return_bpf__open();
  if (!skel_) return Error{fmt::format("live frames: return program: {}: rebuild Fulcrum", std::strerror(errno))};
  // What is left of a frame behind the last place to start at bounds a packet.
  skel_->rodata->len_max = max_len_ = umem_.frame_bytes() - FULCRUM_RETURN_OFF_MIN - FULCRUM_RETURN_OFF_SPAN;
  int err = 0;
  if (umem_.is_map()) {
    err = bpf_map__reuse_fd(skel_->maps.umem, umem_.fd());
  } else {
    err = bpf_map__set_value_size(skel_->maps.umem, umem_.frame_bytes());
    if (!err) err = bpf_map__set_max_entries(skel_->maps.umem, kBurst);
  }
  if (!err) err = return_bpf__load(skel_);
  if (err)
    return Error{fmt::format("live frames: loading the return program: {}: run as root (CAP_BPF, CAP_NET_ADMIN)",
                             std::strerror(errno))};
  prog_fd_ = bpf_program__fd(skel_->progs.fulcrum_return);
  if (umem_.is_map()) return {};
  void* p = mmap(nullptr, std::size_t{kBurst} * umem_.frame_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED,
                 bpf_map__fd(skel_->maps.umem), 0);
  if (p == MAP_FAILED)
    return Error{fmt::format("live frames: mapping the slots: {}: free memory", std::strerror(errno))};
  slots_ = static_cast<std::uint8_t*>(p);
  return {};
}

// A program that is attached nowhere enters and leaves the kernel's XDP dispatcher
// on each run, at the price of an RCU grace period. So it is attached to the
// loopback of a namespace of its own, where nobody meets it.
void Live::park() {
  std::thread([this] {
    if (unshare(CLONE_NEWNET)) {
      note_ = fmt::format("return program not parked ({}), each burst costs milliseconds", std::strerror(errno));
      return;
    }
    netns_fd_ = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    link_fd_ = bpf_link_create(prog_fd_, 1, BPF_XDP, nullptr);
    if (link_fd_ < 0)
      note_ = fmt::format("return program not parked ({}), each burst costs milliseconds", std::strerror(errno));
  }).join();
}

Live::~Live() {
  if (slots_) munmap(slots_, std::size_t{kBurst} * umem_.frame_bytes());
  if (link_fd_ >= 0) close(link_fd_);
  if (netns_fd_ >= 0) close(netns_fd_);
  if (skel_) return_bpf__destroy(skel_);
}

void Live::add(std::uint64_t addr, std::uint32_t len, std::uint32_t ifindex, const L2Rewrite& l2, bool timed) noexcept {
  fulcrum_return_desc& d = skel_->data_burst->burst.desc[pending_];
  const std::uint8_t* bytes = umem_.base() + addr;
  auto off = static_cast<std::uint32_t>(addr - umem_.frame_of(addr)) - FULCRUM_RETURN_OFF_MIN;
  const bool far = off >= FULCRUM_RETURN_OFF_SPAN;  // elements took much away in front
  if (far) off = 0;
  if (slots_ || far) {
    std::uint8_t* frame =
        slots_ ? slots_ + std::size_t{pending_} * umem_.frame_bytes() : umem_.base() + umem_.frame_of(addr);
    std::memmove(frame + FULCRUM_RETURN_OFF_MIN + off, bytes, std::min(len, max_len_));
  }
  d.frame = slots_ ? pending_ : umem_.index_of(addr);
  d.off = static_cast<__u16>(off);
  d.len = static_cast<__u16>(len);
  d.ifindex = ifindex;
  d.l2_valid = l2.valid;
  d.timed = timed;
  std::memcpy(d.l2, &l2, sizeof(d.l2));
  longest_ = std::max(longest_, len);
  ++pending_;
}

unsigned Live::flush(std::uint32_t ingress, std::uint32_t queue, std::uint64_t deadline_ns) noexcept {
  auto& burst = skel_->data_burst->burst;
  // volatile: the kernel counts in it between the calls.
  volatile __u32& next = burst.next;
  const std::uint32_t size = std::clamp(longest_, kMinFrame, max_len_);
  xdp_md ctx{};
  ctx.data_end = size;
  ctx.ingress_ifindex = ingress;
  ctx.rx_queue_index = queue;
  next = 0;
  burst.deadline_ns = deadline_ns;
  while (next < pending_) {
    LIBBPF_OPTS(bpf_test_run_opts, t, .data_in = template_, .data_size_in = size,
                .repeat = static_cast<int>(pending_ - next), .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
                .batch_size = kKernelBatch);
    if (ingress) {
      t.ctx_in = &ctx;
      t.ctx_size_in = sizeof(ctx);
    }
    const std::uint32_t before = next;
    if (bpf_prog_test_run_opts(prog_fd_, &t) && errno != EINTR && errno != EAGAIN) break;
    if (next == before && errno != EINTR) break;
  }
  const unsigned done = next;
  pending_ = 0;
  longest_ = 0;
  return done;
}

std::uint64_t Live::refused() const noexcept { return skel_->data_burst->burst.bad; }
std::uint64_t Live::late() const noexcept { return skel_->data_burst->burst.late; }

}  // namespace fulcrum
