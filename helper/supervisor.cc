// SPDX-License-Identifier: MIT
// supervisor.cc - opens the devices, notices when one is lost, brings it back.
#include "supervisor.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "base/clock.h"
#include "base/log.h"
#include "port/pcap_file.h"

namespace fulcrum {
namespace {

// A device that ran this long has shown that it works: its next loss starts from the shortest wait.
constexpr std::uint64_t kProven_ns = 60'000'000'000;

bool ready(const auto& future) {
  return future.valid() && future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

}  // namespace

AggregateLimits aggregate_limits(const DeviceConfig& c) {
  AggregateLimits l;
  l.max_packets = c.task_packets;
  l.max_bytes = c.task_bytes;
  l.deadline_ns = std::uint64_t{c.deadline_us} * 1000;
  l.timeout_ns = std::uint64_t{c.task_timeout_ms} * 1'000'000;
  l.shadow_every = c.shadow_every;
  l.tasks = c.max_in_flight + 4;
  return l;
}

DeviceSupervisor::~DeviceSupervisor() = default;

void DeviceSupervisor::open_all(const std::vector<DeviceConfig>& configs, OffloadChains chains,
                                std::vector<std::string>& notes) {
  for (const DeviceConfig& c : configs) {
    DeviceState d;
    d.config = c;
    d.enabled = c.enabled;
    d.backoff_ns = std::uint64_t{c.retry_ms} * 1'000'000;
    auto device = open_(c);
    Result<void> ok = device ? prepare_device(**device, chains, true) : Result<void>(device.error());
    if (device && ok) {
      d.device = std::move(*device);
    } else {
      d.lost = true;
      d.why = ok.error().text;
      d.lost_ns = now_ns();
      d.retry_ns = d.lost_ns + d.backoff_ns;
      notes.push_back(fmt::format("device {}: {}: its packets stay on the cpu; it is tried again", c.name, d.why));
    }
    devices_.push_back(std::move(d));
  }
}

void DeviceSupervisor::connect(std::shared_ptr<RunningPipeline> pipeline,
                               const std::vector<std::unique_ptr<Worker>>& workers) {
  pipeline_ = std::move(pipeline);
  for (auto& w : workers) workers_.push_back(w.get());
}

std::string DeviceSupervisor::refusal(std::size_t i) const {
  const DeviceState& d = devices_[i];
  if (!d.enabled) return "disabled: fulcrum device enable " + d.config.name;
  if (d.lost) return "lost: " + d.why;
  if (d.adopting) return "coming back";
  return "";
}

// What took the device away, or empty.
std::string DeviceSupervisor::loss_of(const DeviceState& d, std::size_t i) const {
  LaneState state = LaneState::kUp;
  for (Worker* w : workers_)
    if (const LaneState s = w->devices()[i]->tasks->state(); s != LaneState::kUp) state = s;
  if (state == LaneState::kUp && (!d.device || d.device->health() == DeviceHealth::kUp)) return "";
  std::string why = state == LaneState::kUp ? "broken" : to_string(state);
  if (d.device)
    if (const std::string said = d.device->info().error; !said.empty()) why += ": " + said;
  return why;
}

void DeviceSupervisor::lose(DeviceState& d, std::size_t i, std::string why, RunningPipeline& by, std::uint64_t now) {
  if (now - d.lost_ns > kProven_ns) d.backoff_ns = std::uint64_t{d.config.retry_ms} * 1'000'000;
  d.lost = true;
  d.why = std::move(why);
  d.lost_ns = now;
  d.retry_ns = now + d.backoff_ns;
  ++d.losses;
  save_evidence(d, i, by);
  for (Worker* w : workers_) w->devices()[i]->tasks->revoke();
  log_warn(fmt::format("device {}: lost: it {}: what it held was done on the cpu; next try in {} ms", d.config.name,
                       d.why, d.backoff_ns / 1'000'000));
}

void DeviceSupervisor::save_evidence(DeviceState& d, std::size_t i, RunningPipeline& by) {
  for (auto& part : by.workers) {
    const auto evidence = part->devices[i]->tasks->take_evidence();
    if (!evidence) continue;
    const auto dir = std::filesystem::temp_directory_path();
    const std::string path =
        (dir / fmt::format("fulcrum-{}-{}-{}.pcap", d.config.name, evidence->kernel, evidence->time_ns)).string();
    auto file = CaptureWriter::open(path, true);
    if (!file) {
      log_warn(fmt::format("device {}: {}", d.config.name, file.error().text));
      continue;
    }
    for (const auto& p : evidence->packets)
      (*file)->write({p.data(), static_cast<std::uint32_t>(p.size()), static_cast<std::uint32_t>(p.size()), 0});
    if (auto ok = (*file)->commit(); !ok) log_warn(ok.error().text);
    d.evidence = path;
    d.why += fmt::format(": kernel {}, packet {} of {}", evidence->kernel, evidence->item + 1, path);
  }
}

void DeviceSupervisor::start_reopening(DeviceState& d) {
  std::vector<OffloadChains> chains;
  for (Worker* w : workers_) chains.push_back(w->graph().chains());
  d.reopening_for = pipeline_;
  d.reopening = std::async(std::launch::async, [open = open_, config = d.config, chains, frames = frames_] {
    using Out = Result<std::shared_ptr<DeviceState::Reopened>>;
    auto device = open(config);
    if (!device) return Out(device.error());
    auto r = std::make_shared<DeviceState::Reopened>();
    for (const OffloadChains& c : chains) {
      // Tables are the workers' to read: they bring theirs when they have the lane.
      if (auto ok = prepare_device(**device, c, false); !ok) return Out(ok.error());
      auto lane = DeviceLane::open(**device, c, frames.base, frames.bytes, lane_limits(aggregate_limits(config)));
      if (!lane) return Out(lane.error());
      r->lanes.push_back(std::move(*lane));
    }
    r->device = std::move(*device);
    return Out(r);
  });
}

void DeviceSupervisor::take_reopened(DeviceState& d, std::size_t i, std::uint64_t now) {
  auto got = d.reopening.get();
  d.reopening_for = nullptr;
  if (!got) {
    d.why = got.error().text;
    d.backoff_ns = std::min(2 * d.backoff_ns, std::uint64_t{d.config.retry_max_s} * 1'000'000'000);
    d.retry_ns = now + d.backoff_ns;
    return;
  }
  for (std::size_t w = 0; w < workers_.size(); ++w)
    workers_[w]->devices()[i]->tasks->offer_lane(std::move((*got)->lanes[w]));
  d.replaced = std::move(d.device);
  d.device = std::move((*got)->device);
  d.adopting = true;
}

// True: every worker has its new lane. One that was lost again meanwhile is seen at the next turn.
bool DeviceSupervisor::finish_adoption(DeviceState& d, std::size_t i) {
  for (Worker* w : workers_)
    if (w->devices()[i]->tasks->offer_pending()) return false;
  std::vector<std::unique_ptr<DeviceLane>> lanes = std::move(d.stale_lanes);
  d.stale_lanes.clear();
  for (Worker* w : workers_) lanes.push_back(w->devices()[i]->tasks->take_old_lane());
  bury(std::move(d.replaced), std::move(lanes));
  d.adopting = d.lost = false;
  d.backoff_ns = std::min(2 * d.backoff_ns, std::uint64_t{d.config.retry_max_s} * 1'000'000'000);
  log_info(fmt::format("device {}: is back", d.config.name));
  return true;
}

// Taking down a broken device may take its time.
void DeviceSupervisor::bury(std::unique_ptr<Device> device, std::vector<std::unique_ptr<DeviceLane>> lanes) {
  std::erase_if(burials_, [](const auto& b) { return ready(b); });
  burials_.push_back(std::async(std::launch::async, [device = std::move(device), lanes = std::move(lanes)]() mutable {
    lanes.clear();
    device.reset();
  }));
}

Result<void> DeviceSupervisor::forget(const CodeRange& code) {
  std::erase_if(burials_, [](const auto& b) { return ready(b); });
  if (!burials_.empty() || !abandoned_.empty())
    return Error{"a device that was lost is still being closed: try again in a moment"};
  if (replacing_) return Error{"the pipeline before still has packets: try again in a moment"};
  for (const DeviceState& d : devices_) {
    if (d.reopening.valid() || d.adopting)
      return Error{fmt::format("device {} is being opened again: try again in a moment", d.config.name)};
    if (!d.stale_lanes.empty())
      return Error{
          fmt::format("device {} is lost and may still run tasks of it: try again when it is back", d.config.name)};
  }
  for (const DeviceState& d : devices_)
    if (d.device)
      if (auto ok = d.device->forget(code); !ok) return ok;
  return {};
}

bool DeviceSupervisor::tick(std::uint64_t now) {
  bool changed = false;
  bury_abandoned();
  if (replacing_) return false;
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    DeviceState& d = devices_[i];
    if (d.adopting) {
      changed |= finish_adoption(d, i);
    } else if (!d.lost) {
      if (std::string why = loss_of(d, i); !why.empty()) lose(d, i, std::move(why), *pipeline_, now), changed = true;
    } else if (ready(d.reopening)) {
      take_reopened(d, i, now);
    } else if (!d.reopening.valid() && d.enabled && now >= d.retry_ns) {
      start_reopening(d);
    }
  }
  return changed;
}

}  // namespace fulcrum
