// SPDX-License-Identifier: MIT
// rounds.cc - batches that go round through tasks, no graph between -> packets and time.
#include "bench/rounds.h"

#include <sched.h>

#include "base/clock.h"
#include "bench/figures.h"

namespace fulcrum {
namespace {

unsigned take_all(TaskAggregator& tasks, Round& r) {
  unsigned taken = 0;
  for (TaskAggregator::Ready ready; tasks.take(ready); ++taken) r.packets += ready.batch->count;
  return taken;
}

// With all batches at the device. Returns the CPU time until it has done something.
std::uint64_t wait_for_device(TaskAggregator& tasks) {
  const std::uint64_t start_ns = thread_cpu_ns();
  while (!tasks.poll(now_ns())) sched_yield();  // the device may need this core too
  return thread_cpu_ns() - start_ns;
}

}  // namespace

Batches receive_all(const Traffic& traffic) {
  Batches batches;
  for (unsigned n = 0; n < traffic.batches(); ++n) {
    batches.push_back(std::make_unique<Batch>());
    traffic.receive(*batches.back(), n, n * kBatchSize);
  }
  return batches;
}

Round go_round(TaskAggregator& tasks, Batches& batches, std::uint64_t for_ns) {
  Round r;
  std::size_t next = 0;
  std::uint64_t waited_ns = 0;
  const std::uint64_t began_ns = now_ns(), start_ns = thread_cpu_ns();
  for (;;) {
    const std::uint64_t now = now_ns();
    Batch* b = batches[next].get();
    const bool added = tasks.held_batches() < batches.size() && tasks.add(b, nullptr, b->all(), 0, now);
    if (added) next = next + 1 == batches.size() ? 0 : next + 1;
    const bool moved = tasks.poll(now);
    if (!(take_all(tasks, r) || added || moved)) waited_ns += wait_for_device(tasks);
    if (now - began_ns > for_ns) break;
  }
  r.elapsed_ns = now_ns() - began_ns;
  r.cpu_ns = thread_cpu_ns() - start_ns - waited_ns;
  tasks.flush();
  for (Round rest; !tasks.idle(); take_all(tasks, rest)) tasks.poll(now_ns());
  return r;
}

}  // namespace fulcrum
