// SPDX-License-Identifier: MIT
// pipeline_loop.h - a configuration, batches through it on one core -> time of each.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/traffic.h"
#include "pipeline/graph.h"
#include "pipeline/offline_setup.h"

namespace fulcrum {

// Threads: one.
class PipelineLoop {
 public:
  // A FromPort(in) and a ToPort(out). Errors: of the configuration, with place.
  static Result<std::unique_ptr<PipelineLoop>> open(const std::string& pipeline, const Traffic& traffic);

  // ns a packet, over `rounds` times all batches of the traffic. Each batch is filled
  // again before its turn, outside the time.
  double packet_ns(unsigned rounds);
  // ns a batch that holds one packet and goes through again and again.
  double single_ns(unsigned rounds);

 private:
  PipelineLoop(const Traffic& traffic) : traffic_(traffic), setup_("bench", OfflineSetup::KernelRoutes::kEmpty) {}
  void pass(Batch& b) noexcept;

  const Traffic& traffic_;
  OfflineSetup setup_;
  Registry registry_;
  std::unique_ptr<Graph> graph_;
  std::vector<std::unique_ptr<Batch>> batches_;
  Walk walk_;
};

}  // namespace fulcrum
