// SPDX-License-Identifier: MIT
// offline_setup.cc - Setup without a machine behind it: for `fulcrum run` and `pipeline check`.
#include "pipeline/offline_setup.h"

#include <algorithm>
#include <filesystem>

#include "fulcrum/table.h"

namespace fulcrum {
namespace {

// A machine without routes, which never gets any.
class EmptyFeed final : public RouteFeed {
 public:
  EmptyFeed() {
    routes.publish(std::make_shared<RouteSnapshot>());
    neighbours.publish(std::make_shared<NeighbourSnapshot>());
  }
  int on_change(std::function<void()>) override { return 0; }
  void remove(int) override {}
};

}  // namespace

OfflineSetup::OfflineSetup(const std::string& config_file, KernelRoutes routes)
    : folder_(std::filesystem::path(config_file).parent_path().string()) {
  if (routes == KernelRoutes::kEmpty) feed_ = std::make_unique<EmptyFeed>();
}

OfflineSetup::~OfflineSetup() = default;

Result<std::uint16_t> OfflineSetup::port(std::string_view name) {
  const bool printable = std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f && c != '"'; });
  if (name.empty() || name.size() > 64 || !printable) return Error{"'" + std::string(name) + "' is no name for a port"};
  auto known = std::find(ports_.begin(), ports_.end(), name);
  if (known != ports_.end()) return static_cast<std::uint16_t>(known - ports_.begin());
  if (ports_.size() == FULCRUM_MAX_PORTS)
    return Error{"port '" + std::string(name) + "' is one too many: " + std::to_string(FULCRUM_MAX_PORTS) +
                 " is the limit"};
  ports_.emplace_back(name);
  return static_cast<std::uint16_t>(ports_.size() - 1);
}

std::shared_ptr<void> OfflineSetup::shared(const std::string& key, const std::function<std::shared_ptr<void>()>& make) {
  auto known = shared_.find(key);
  if (known == shared_.end()) known = shared_.emplace(key, with_code(make())).first;
  return known->second;
}

std::shared_ptr<void> OfflineSetup::inherited(const std::string& key) {
  auto known = inherited_.find(key);
  return known == inherited_.end() ? nullptr : known->second;
}

std::string OfflineSetup::resolve_path(std::string_view path) const {
  return (std::filesystem::path(folder_) / path).string();  // an absolute path stands for itself
}

}  // namespace fulcrum
