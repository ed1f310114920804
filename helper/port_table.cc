// SPDX-License-Identifier: MIT
// port_table.cc - the ports a pipeline names, and what elements may ask at set-up.
#include "port_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "worker.h"

namespace fulcrum {

Result<std::uint16_t> PortTable::index_of(std::string_view name) {
  for (std::size_t i = 0; i < ports_.size(); ++i)
    if (ports_[i]->link.name == name && (ports_[i]->usable || !frozen_)) return static_cast<std::uint16_t>(i);
  if (frozen_)
    return Error{
        fmt::format("'{}' is no port of the running helper, which has {}: name one of these, or restart fulcrumd "
                    "with this pipeline",
                    name, fmt::join(names(), ", "))};
  if (ports_.size() == FULCRUM_MAX_PORTS)
    return Error{fmt::format("port {}: more than {} ports", name, FULCRUM_MAX_PORTS)};
  auto link = find_link(std::string(name));
  if (!link) return link.error();
  ports_.push_back(std::make_unique<PortState>());
  ports_.back()->link = *link;
  return static_cast<std::uint16_t>(ports_.size() - 1);
}

std::vector<std::string> PortTable::names() const {
  std::vector<std::string> names;
  for (const auto& p : ports_)
    if (p->usable) names.push_back(p->link.name);
  return names;
}

void PortTable::add_routable() {
  for (const std::string& name : ethernet_links()) {
    if (ports_.size() == FULCRUM_MAX_PORTS) return;
    if (std::any_of(ports_.begin(), ports_.end(), [&](const auto& p) { return p->link.name == name; })) continue;
    auto i = index_of(name);
    if (!i) continue;
    ports_[*i]->named = false;
    ports_[*i]->usable = false;  // until its live frames were seen to arrive
  }
}

Reason ReasonTable::id(std::string_view name) {
  auto at = std::find(names_.begin(), names_.end(), name);
  if (at != names_.end()) return static_cast<Reason>(at - names_.begin());
  if (names_.size() == kMaxReasons) return static_cast<Reason>(kMaxReasons - 1);  // shares the last one's name
  names_.emplace_back(name);
  return static_cast<Reason>(names_.size() - 1);
}

std::uint16_t HelperSetup::port_by_ifindex(std::uint32_t ifindex) const {
  for (std::size_t i = 0; i < ports_.size(); ++i)
    if (ports_[i].link.ifindex == ifindex && ports_[i].usable) return static_cast<std::uint16_t>(i);
  return kNoPort;
}

bool HelperSetup::port_mac(std::uint16_t port, std::uint8_t mac[6]) const {
  if (port >= ports_.size()) return false;
  std::memcpy(mac, ports_[port].link.mac.data(), 6);
  return true;
}

bool HelperSetup::port_address(std::uint16_t port, bool v6, std::uint8_t* address) const {
  ifaddrs* all = nullptr;
  if (port >= ports_.size() || getifaddrs(&all) != 0) return false;
  bool found = false;
  for (const ifaddrs* a = all; a && !found; a = a->ifa_next) {
    if (!a->ifa_addr || ports_[port].link.name != a->ifa_name) continue;
    if (a->ifa_addr->sa_family != (v6 ? AF_INET6 : AF_INET)) continue;
    const auto* six = reinterpret_cast<const sockaddr_in6*>(a->ifa_addr);
    if (v6 && IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr)) continue;
    found = true;
    if (v6)
      std::memcpy(address, &six->sin6_addr, 16);
    else
      std::memcpy(address, &reinterpret_cast<const sockaddr_in*>(a->ifa_addr)->sin_addr, 4);
  }
  freeifaddrs(all);
  return found;
}

std::shared_ptr<void> HelperSetup::shared(const std::string& key, const std::function<std::shared_ptr<void>()>& make) {
  auto& slot = shared_[key];
  if (!slot) slot = with_code(make());
  return slot;
}

std::shared_ptr<void> HelperSetup::inherited(const std::string& key) {
  if (!inherited_) return nullptr;
  auto known = inherited_->find(key);
  return known == inherited_->end() ? nullptr : known->second;
}

std::string HelperSetup::resolve_path(std::string_view path) const {
  if (path.starts_with('/') || dir_.empty()) return std::string(path);
  return dir_ + "/" + std::string(path);
}

}  // namespace fulcrum
