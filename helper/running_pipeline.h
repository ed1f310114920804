// SPDX-License-Identifier: MIT
// running_pipeline.h - a pipeline as built for all workers, and all that its elements hold on to.
#pragma once

#include <memory>
#include <vector>

#include "pipeline/config.h"
#include "pipeline/registry.h"
#include "port_table.h"
#include "work_batch.h"

namespace fulcrum {

// Owns:    elements, tables, aggregators with their lanes.
// Threads: made and destroyed by the control thread (route tables listen to its feed).
struct RunningPipeline {
  explicit RunningPipeline(Config c) : config(std::move(c)) {}

  // What a pipeline is built against.
  struct Site {
    PortTable& ports;
    ReasonTable& reasons;
    RouteFeed* routes;
    const SharedObjects* inherited;  // of the pipeline that it takes the place of, or null
  };
  // Appends the part of the next worker; false: errors are in diag.
  bool build_part(const Site& site, const Registry& registry, unsigned worker, Diagnostics& diag);
  Graph& graph() const { return *workers[0]->graph; }  // all workers' are alike

  // Destroyed from the last up.
  Config config;
  std::vector<std::unique_ptr<HelperSetup>> setups;  // tables go on asking them
  SharedObjects shared;
  std::vector<std::unique_ptr<WorkerPipeline>> workers;
};

}  // namespace fulcrum
