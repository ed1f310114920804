// SPDX-License-Identifier: MIT
// running_pipeline.cc - a checked configuration -> one graph a worker.
#include "running_pipeline.h"

#include <filesystem>

namespace fulcrum {

bool RunningPipeline::build_part(const Site& site, const Registry& registry, unsigned worker, Diagnostics& diag) {
  const std::string dir = std::filesystem::path(config.file_name).parent_path().string();
  setups.push_back(
      std::make_unique<HelperSetup>(site.ports, site.reasons, shared, site.inherited, site.routes, dir, worker));
  auto part = std::make_unique<WorkerPipeline>();
  part->graph = Graph::build(config, registry, *setups.back(), diag);
  if (!part->graph) return false;
  workers.push_back(std::move(part));
  return true;
}

}  // namespace fulcrum
