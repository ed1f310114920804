// SPDX-License-Identifier: MIT
// pipeline_loop.cc - a configuration, batches through it on one core -> time of each.
#include "bench/pipeline_loop.h"

#include "base/clock.h"

namespace fulcrum {

Result<std::unique_ptr<PipelineLoop>> PipelineLoop::open(const std::string& pipeline, const Traffic& traffic) {
  std::unique_ptr<PipelineLoop> loop(new PipelineLoop(traffic));
  static_cast<void>(static_cast<bool>(loop->setup_.port("in")));  // index 0, the traffic's
  Diagnostics diag;
  const Config config = parse_config("bench", pipeline, diag);
  if (diag.ok()) loop->registry_.require_all(config, diag);
  if (diag.ok()) loop->graph_ = Graph::build(config, loop->registry_, loop->setup_, diag);
  if (!loop->graph_) return Error{diag.text()};
  for (unsigned n = 0; n < traffic.batches(); ++n) loop->batches_.push_back(std::make_unique<Batch>());
  return loop;
}

void PipelineLoop::pass(Batch& b) noexcept {
  graph_->start(walk_, b);
  graph_->advance(walk_, b, false);
}

double PipelineLoop::packet_ns(unsigned rounds) {
  std::uint64_t ns = 0, packets = 0;
  for (unsigned r = 0; r < rounds; ++r) {
    for (unsigned n = 0; n < batches_.size(); ++n) {
      traffic_.receive(*batches_[n], n, n * kBatchSize);
      batches_[n]->in_port = 0;
      batches_[n]->now_ns = packets * 100 + 1;
    }
    const std::uint64_t from = now_ns();
    for (auto& b : batches_) pass(*b);
    ns += now_ns() - from;
    packets += batches_.size() * kBatchSize;
  }
  return static_cast<double>(ns) / static_cast<double>(packets);
}

double PipelineLoop::single_ns(unsigned rounds) {
  Batch& b = *batches_[0];
  traffic_.receive(b, 0, 0);
  b.in_port = 0;
  b.count = 1;
  const std::uint64_t from = now_ns();
  for (unsigned r = 0; r < rounds; ++r) {
    b.reset_results(0);
    pass(b);
  }
  return static_cast<double>(now_ns() - from) / rounds;
}

}  // namespace fulcrum
