// SPDX-License-Identifier: MIT
// supervisor_swap.cc - devices while one pipeline takes the place of another.
#include <fmt/format.h>

#include "base/log.h"
#include "supervisor.h"

namespace fulcrum {

Result<void> DeviceSupervisor::equip(RunningPipeline& pipeline, bool must, std::vector<std::string>& notes) {
  for (DeviceState& d : devices_) {
    const AggregateLimits limits = aggregate_limits(d.config);
    // One that is coming back has its new lanes on the way to the pipeline that runs: it is there.
    const bool there = d.device && (!d.lost || d.adopting);
    if (there && must)
      if (auto ok = prepare_device(*d.device, pipeline.graph().chains(), true); !ok)
        return Error{
            fmt::format("device {}: {}: this pipeline runs only without it: take it out of the configuration "
                        "and restart fulcrumd",
                        d.config.name, ok.error().text)};
    for (std::size_t w = 0; w < pipeline.workers.size(); ++w) {
      WorkerPipeline& part = *pipeline.workers[w];
      std::unique_ptr<DeviceLane> lane;
      if (there) {
        auto opened =
            DeviceLane::open(*d.device, part.graph->chains(), frames_.base, frames_.bytes, lane_limits(limits));
        const std::string failed =
            opened ? "" : fmt::format("device {}: worker {}: {}", d.config.name, w, opened.error().text);
        if (opened)
          lane = std::move(*opened);
        else if (must)
          return Error{failed};
        else
          notes.push_back(failed);
      }
      auto device = std::make_unique<WorkerDevice>();
      device->tasks = std::make_unique<TaskAggregator>(part.graph->chains(), std::move(lane), frames_.base, limits);
      part.devices.push_back(std::move(device));
    }
  }
  return {};
}

void DeviceSupervisor::replace(std::shared_ptr<RunningPipeline> pipeline) {
  replacing_ = true;
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    abandon_reopening(devices_[i]);
    for (std::size_t w = 0; w < workers_.size(); ++w)
      pipeline->workers[w]->devices[i]->before = pipeline_->workers[w]->devices[i]->sums();
  }
  pipeline_ = std::move(pipeline);
}

// Lanes that fit the pipeline before would not fit this one: the device is opened again.
void DeviceSupervisor::abandon_reopening(DeviceState& d) {
  if (!d.reopening.valid()) return;
  abandoned_.push_back({std::move(d.reopening_for), std::move(d.reopening)});
  d.retry_ns = 0;
}

void DeviceSupervisor::bury_abandoned() {
  std::erase_if(abandoned_, [this](Abandoned& a) {
    if (a.reopening.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return false;
    if (auto got = a.reopening.get()) bury(std::move((*got)->device), std::move((*got)->lanes));
    return true;
  });
}

// Lanes of a broken device are taken down with it, aside; those of one that works, here.
void DeviceSupervisor::replaced_is_idle(RunningPipeline& old, std::uint64_t now) {
  replacing_ = false;
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    DeviceState& d = devices_[i];
    LaneState state = LaneState::kUp;
    std::vector<std::unique_ptr<DeviceLane>> broken;
    for (std::size_t w = 0; w < workers_.size(); ++w) {
      TaskAggregator& tasks = *old.workers[w]->devices[i]->tasks;
      pipeline_->workers[w]->devices[i]->before = old.workers[w]->devices[i]->sums();
      auto lanes = tasks.release_lanes();
      auto &current = lanes[0], &replaced = lanes[1];
      const bool is_broken = tasks.state() != LaneState::kUp || (d.lost && !d.adopting);
      if (tasks.state() != LaneState::kUp) state = tasks.state();
      if (is_broken && current) broken.push_back(std::move(current));
      if (replaced) broken.push_back(std::move(replaced));
    }
    if (d.adopting) {  // all that was left of the device before were these lanes
      for (auto& lane : d.stale_lanes) broken.push_back(std::move(lane));
      d.stale_lanes.clear();
      bury(std::move(d.replaced), std::move(broken));
      d.adopting = d.lost = false;
      log_info(fmt::format("device {}: is back", d.config.name));
      continue;
    }
    for (auto& lane : broken) d.stale_lanes.push_back(std::move(lane));
    if (!d.lost && state != LaneState::kUp) lose(d, i, to_string(state), old, now);
  }
  for (auto& part : old.workers) part->devices.clear();
}

void DeviceSupervisor::forget_pipelines() {
  for (DeviceState& d : devices_) abandon_reopening(d);
  abandoned_.clear();  // waits
  pipeline_ = nullptr;
  for (DeviceState& d : devices_) d.stale_lanes.clear();
}

}  // namespace fulcrum
