// SPDX-License-Identifier: MIT
// netlink_routes.h - the kernel's routes, neighbours and links, kept in step.
//
// Reads what Linux would use to forward: tables local and main of both families,
// usable neighbours, and the links they name, in the network namespace of the
// thread that calls open(). Notifications keep it in step; where they do not say
// enough (lost messages, routes that vanish with a link or an address, several
// routes of one metric) everything is read again.
//
// Rules: like the kernel without policy rules. The longest prefix wins over both
// tables (IPv6: table local first), then table local, then the lowest metric. Of
// a multipath route the first next hop is used. Routes with a TOS, with
// encapsulation (lwtunnel) or in other tables are left to Linux.
//
// Publishing costs time in proportion to the table. The first change after a
// quiet time is published at once; while changes keep coming, no more than a
// quarter of the time is spent on publishing.
//
// Threads: all of it on the thread that runs the event loop.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fulcrum.h"
#include "fulcrum/result.h"
#include "fulcrum/table.h"
#include "table/route_store.h"

struct nlmsghdr;
struct mnl_socket;

namespace fulcrum {

struct LinkInfo {
  std::uint32_t ifindex = 0;
  std::string name;
  std::uint8_t mac[6] = {};
  std::uint32_t mtu_bytes = 0;
  bool up = false;  // IFF_UP: routes through it count
  std::uint64_t rx_packets = 0;
  std::uint64_t tx_packets = 0;
};

class NetlinkRoutes final : public RouteFeed {
 public:
  // Reads everything once and publishes. Errors: no netlink, or a dump refused.
  static Result<std::unique_ptr<NetlinkRoutes>> open();
  ~NetlinkRoutes() override;

  // For the event loop: when readable, call on_readable().
  int fd() const { return poll_fd_; }
  void on_readable();

  int on_change(std::function<void()> call) override;
  void remove(int token) override;

  // Addresses of this machine, IPv4 with broadcast addresses, as ::ffff:a.b.c.d.
  // Changes call on_change().
  const std::vector<fulcrum_addr>& local_addresses() const { return local_; }
  std::uint64_t local_version() const { return local_version_; }

  // As last notified; packet counts as of then.
  Result<LinkInfo> link(std::string_view name) const;
  const LinkInfo* link(std::uint32_t ifindex) const;
  // Asks the kernel now.
  Result<LinkInfo> link_stats(std::uint32_t ifindex);

  std::uint64_t resyncs() const { return resyncs_; }  // full reads after the first

 private:
  struct Close {
    void operator()(mnl_socket* socket) const;
  };
  using Socket = std::unique_ptr<mnl_socket, Close>;
  using Mac = std::array<std::uint8_t, 6>;
  struct NeighbourId {
    std::array<std::uint8_t, 16> addr;
    std::uint32_t ifindex;
    bool v6;
    auto operator<=>(const NeighbourId&) const = default;
  };

  NetlinkRoutes() = default;
  using EachMessage = std::function<void(const nlmsghdr&)>;

  Result<void> start();
  Result<void> subscribe();
  // One dump, asked again while the kernel says that it changed underneath.
  Result<void> dump(std::uint16_t type, std::uint8_t family, const EachMessage& each);
  // Sends `request` and calls `each` for every answer. False in `whole`: the dump
  // is inconsistent.
  Result<void> ask(nlmsghdr& request, const EachMessage& each, bool& whole);
  Result<void> read_all();
  void drain_events();
  void act_when_due();
  void publish();
  void want_resync();
  void notify(const std::vector<int>& tokens);

  void on_event(const nlmsghdr& m);
  void on_route(const nlmsghdr& m, bool notified);
  void on_neighbour(const nlmsghdr& m);
  void on_link(const nlmsghdr& m);

  Socket events_;     // subscribed, non-blocking
  Socket queries_;    // requests and their answers
  int poll_fd_ = -1;  // epoll over events_ and the timer
  int timer_fd_ = -1;
  std::uint32_t sequence_ = 0;

  RouteStore store_;
  std::map<NeighbourId, Mac> known_neighbours_;
  std::map<std::uint32_t, LinkInfo> links_;
  std::vector<fulcrum_addr> local_;
  std::uint64_t local_version_ = 0;

  std::uint64_t resync_at_ns_ = 0;  // 0: not needed
  bool routes_dirty_ = false;
  bool neighbours_dirty_ = false;
  std::uint64_t next_publish_ns_ = 0;
  std::uint64_t resyncs_ = 0;

  int next_token_ = 1;
  std::vector<int> fresh_;  // listeners to be called once without a change
  std::map<int, std::function<void()>> listeners_;
};

}  // namespace fulcrum
