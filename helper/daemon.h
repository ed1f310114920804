// SPDX-License-Identifier: MIT
// daemon.h - the running helper as the control socket sees it.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "balance_port.h"
#include "control/api.h"
#include "control/loop.h"
#include "runtime.h"

namespace fulcrum {

// Threads: the control thread's.
class Daemon final : public ControlApi {
 public:
  Daemon(Runtime& rt, Loop& loop, Registry& registry, std::string pipeline_file);

  // Timers and netlink on the loop; first split as configured.
  // Errors: a split in the configuration that this pipeline cannot have.
  Result<void> begin();
  void reload();  // the pipeline's file again; what comes of it is logged

  Reply port_list() override;
  Reply pipeline_show(bool dot) override;
  Reply pipeline_load(const std::string& file) override;
  Reply element_call(std::string_view element, std::string_view handler, std::string_view args) override;
  Reply element_handlers(std::string_view element) override;
  Reply ratio_show(std::string_view port) override;
  Reply ratio_set(std::string_view port, const std::vector<TierShare>& shares) override;
  Reply ratio_auto(std::string_view port, std::string_view policy) override;
  Reply stats() override;
  Reply device_list() override;
  Reply device_set(std::string_view device, bool enabled) override;
  Reply plugin_list() override;
  Reply plugin_info(std::string_view name) override;
  Reply plugin_load(std::string_view name) override;
  Reply plugin_unload(std::string_view name) override;
  Reply shutdown() override;

 private:
  bool uses(const LoadedPlugin& plugin) const;
  Result<void> first_split(std::string_view port);
  void follow_ports();
  Result<std::vector<Element*>> elements(std::string_view name);
  std::string counters_text(std::string_view element);
  Result<std::string> call_generic(std::string_view element, std::string_view handler);
  void reset(std::string_view element);
  Result<void> write(std::string_view element, std::string_view handler, std::span<const Arg> args,
                     std::span<Element* const> all);

  Runtime& rt_;
  Loop& loop_;
  Registry& registry_;
  std::string pipeline_file_;
  Balancer balancer_;
  std::vector<std::unique_ptr<RunningPort>> ports_;  // with rings; in the balancer while in use
  std::uint64_t local_version_ = 0;
};

}  // namespace fulcrum
