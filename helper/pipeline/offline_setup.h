// SPDX-License-Identifier: MIT
// offline_setup.h - Setup without a machine behind it: for `fulcrum run` and `pipeline check`.
//
// Any port name is valid and gets the next index; there are no interface
// addresses. The kernel's routes are refused in a run, which has to give the same
// answer everywhere, and are an empty feed in a check.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fulcrum/element.h"
#include "pipeline/reasons.h"

namespace fulcrum {

class OfflineSetup final : public Setup {
 public:
  enum class KernelRoutes : std::uint8_t { kRefused, kEmpty };

  // Relative file names are looked up beside `config_file`.
  explicit OfflineSetup(const std::string& config_file = "", KernelRoutes routes = KernelRoutes::kRefused);
  ~OfflineSetup() override;

  Result<std::uint16_t> port(std::string_view name) override;
  std::uint16_t port_by_ifindex(std::uint32_t) const override { return kNoPort; }
  bool port_mac(std::uint16_t, std::uint8_t*) const override { return false; }
  Reason reason(std::string_view name) override { return reasons_.index(name); }
  unsigned worker() const override { return 0; }
  RouteFeed* kernel_routes() override { return feed_.get(); }
  std::shared_ptr<void> shared(const std::string& key, const std::function<std::shared_ptr<void>()>& make) override;
  std::shared_ptr<void> inherited(const std::string& key) override;
  std::string resolve_path(std::string_view path) const override;
  // The pipeline built next takes the place of one that was built with `before`.
  void inherit(OfflineSetup& before) { inherited_ = before.shared_; }

  const std::vector<std::string>& ports() const { return ports_; }
  const ReasonTable& reasons() const { return reasons_; }

 private:
  std::string folder_;
  std::unique_ptr<RouteFeed> feed_;  // outlives shared_, which may listen to it
  std::vector<std::string> ports_;
  ReasonTable reasons_;
  std::map<std::string, std::shared_ptr<void>> shared_, inherited_;
};

}  // namespace fulcrum
