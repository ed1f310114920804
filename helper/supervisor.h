// SPDX-License-Identifier: MIT
// supervisor.h - opens the devices, notices when one is lost, brings it back.
//
// A device is lost when it says so, or when a worker's aggregator gave it up
// (a failed task, one that did not finish, a wrong answer). Then it is no tier of
// the split any more, workers run what it had, and it is opened anew after a
// while that doubles with each failure. Opening may take seconds (drivers,
// compilers), so it happens on a thread of its own; workers take the new lane
// between two tasks.
//
// Threads: the control thread's, where not said otherwise.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "control/config.h"
#include "device/aggregate.h"
#include "running_pipeline.h"
#include "worker.h"

namespace fulcrum {

// One device of the configuration. Read by the control thread only.
struct DeviceState {
  DeviceConfig config;
  std::unique_ptr<Device> device;  // null: could not be opened yet
  bool enabled = true;             // by the user
  bool lost = false;
  std::string why;       // lost: what happened
  std::string evidence;  // capture file of the last wrong answer
  unsigned losses = 0;   // since the start
  std::uint64_t lost_ns = 0, retry_ns = 0, backoff_ns = 0;

  // A second device on its way, with a lane for each worker.
  struct Reopened {
    std::unique_ptr<Device> device;
    std::vector<std::unique_ptr<DeviceLane>> lanes;
  };
  using Reopening = std::future<Result<std::shared_ptr<Reopened>>>;
  std::shared_ptr<const void> reopening_for;  // the pipeline whose chains that reads
  Reopening reopening;
  bool adopting = false;             // new lanes offered, not all taken
  std::unique_ptr<Device> replaced;  // goes when all its lanes have come back
  // Of the device as it was lost, in pipelines that were replaced since.
  std::vector<std::unique_ptr<DeviceLane>> stale_lanes;
};

AggregateLimits aggregate_limits(const DeviceConfig& config);

class DeviceSupervisor {
 public:
  using Open = std::function<Result<std::unique_ptr<Device>>(const DeviceConfig&)>;
  // Frames of all workers, and where capture files of wrong answers go.
  struct Frames {
    const std::uint8_t* base = nullptr;
    std::uint64_t bytes = 0;
  };

  explicit DeviceSupervisor(Open open) : open_(std::move(open)) {}
  ~DeviceSupervisor();

  // Opens what can be opened; what cannot is lost, with the reason in notes, and tried again later.
  void open_all(const std::vector<DeviceConfig>& configs, OffloadChains chains, std::vector<std::string>& notes);
  void set_frames(Frames frames) { frames_ = frames; }  // before equip()
  // Watches over `pipeline`, which runs in `workers`. Context: before they do.
  void connect(std::shared_ptr<RunningPipeline> pipeline, const std::vector<std::unique_ptr<Worker>>& workers);
  // Makes the aggregators of the pipeline, with a lane to each device that there is. With `must`, a device
  // that is up and refuses is an error; else it is a note, and its packets stay on the cpu.
  Result<void> equip(RunningPipeline& pipeline, bool must, std::vector<std::string>& notes);
  // A pipeline from equip() runs in place of the last one, which may still have packets: until
  // replaced_is_idle() no device is given up or taken back.
  void replace(std::shared_ptr<RunningPipeline> pipeline);
  // Takes the old one's aggregators down.
  void replaced_is_idle(RunningPipeline& old, std::uint64_t now_ns);
  // Waits for what still reads a pipeline or the frames.
  void forget_pipelines();
  // Now and then. True: a device went or came, the split has to follow.
  bool tick(std::uint64_t now_ns);

  // Before a plugin's code is unmapped. Errors: a device is on its way in or out, or still has something of it.
  Result<void> forget(const CodeRange& code);

  std::vector<DeviceState>& devices() { return devices_; }
  const std::vector<DeviceState>& devices() const { return devices_; }
  // Empty: device i can take packets; else why not.
  std::string refusal(std::size_t i) const;

 private:
  // `by`: the pipeline whose tasks told.
  void lose(DeviceState& d, std::size_t i, std::string why, RunningPipeline& by, std::uint64_t now_ns);
  std::string loss_of(const DeviceState& d, std::size_t i) const;
  void start_reopening(DeviceState& d);
  void take_reopened(DeviceState& d, std::size_t i, std::uint64_t now_ns);
  bool finish_adoption(DeviceState& d, std::size_t i);
  void save_evidence(DeviceState& d, std::size_t i, RunningPipeline& by);
  void bury(std::unique_ptr<Device> device, std::vector<std::unique_ptr<DeviceLane>> lanes);
  void abandon_reopening(DeviceState& d);
  void bury_abandoned();

  Open open_;
  std::vector<DeviceState> devices_;
  std::vector<Worker*> workers_;
  std::shared_ptr<RunningPipeline> pipeline_;
  bool replacing_ = false;
  // Devices on their way for a pipeline that runs no more.
  struct Abandoned {
    std::shared_ptr<const void> reads;  // goes after the future
    DeviceState::Reopening reopening;
  };
  std::vector<Abandoned> abandoned_;
  Frames frames_;
  std::vector<std::future<void>> burials_;
};

}  // namespace fulcrum
