// SPDX-License-Identifier: MIT
// netlink_routes.cc - dumps, notifications, and when to publish.
#include "table/netlink_routes.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "table/netlink_parse.h"

namespace fulcrum {
namespace {

constexpr std::size_t kReceive_bytes = 65536;
constexpr int kEventBuffer_bytes = 8 * 1024 * 1024;  // bursts of a routing daemon
constexpr unsigned kDumpAttempts = 5;
// The kernel announces that a link or an address goes before it removes the
// routes with it; by then it is done.
constexpr std::uint64_t kResyncDelay_ns = 20'000'000;
constexpr std::uint64_t kRetryDelay_ns = 1'000'000'000;
constexpr std::uint64_t kPublishShare = 4;  // at most 1 / this of the time

Error failed(const char* what) { return Error{std::string("kernel routes: ") + what + ": " + std::strerror(errno)}; }

}  // namespace

void NetlinkRoutes::Close::operator()(mnl_socket* socket) const { mnl_socket_close(socket); }

Result<std::unique_ptr<NetlinkRoutes>> NetlinkRoutes::open() {
  std::unique_ptr<NetlinkRoutes> routes(new NetlinkRoutes());
  if (Result<void> r = routes->start(); !r) return r.error();
  return routes;
}

NetlinkRoutes::~NetlinkRoutes() {
  if (poll_fd_ >= 0) ::close(poll_fd_);
  if (timer_fd_ >= 0) ::close(timer_fd_);
}

Result<void> NetlinkRoutes::start() {
  queries_.reset(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
  if (!queries_ || mnl_socket_bind(queries_.get(), 0, MNL_SOCKET_AUTOPID) < 0) return failed("netlink socket");
  if (Result<void> r = subscribe(); !r) return r;
  timer_fd_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  poll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  if (timer_fd_ < 0 || poll_fd_ < 0) return failed("timer");
  for (int fd : {timer_fd_, mnl_socket_get_fd(events_.get())}) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (epoll_ctl(poll_fd_, EPOLL_CTL_ADD, fd, &event) != 0) return failed("epoll");
  }
  if (Result<void> r = read_all(); !r) return r;
  publish();
  return {};
}

// Before the first dump, so that no change falls between the two.
Result<void> NetlinkRoutes::subscribe() {
  events_.reset(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!events_ || mnl_socket_bind(events_.get(), 0, MNL_SOCKET_AUTOPID) < 0) return failed("netlink socket");
  const int fd = mnl_socket_get_fd(events_.get());
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kEventBuffer_bytes, sizeof kEventBuffer_bytes) != 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kEventBuffer_bytes, sizeof kEventBuffer_bytes);
  for (int group :
       {RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_IFADDR, RTNLGRP_NEXTHOP})
    if (mnl_socket_setsockopt(events_.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
      return failed("subscribing");
  return {};
}

Result<void> NetlinkRoutes::ask(nlmsghdr& request, const EachMessage& each, bool& whole) {
  whole = true;
  request.nlmsg_seq = ++sequence_;
  if (mnl_socket_sendto(queries_.get(), &request, request.nlmsg_len) < 0) return failed("asking");
  std::vector<char> buffer(kReceive_bytes);
  const bool dumping = request.nlmsg_flags & NLM_F_DUMP;
  for (;;) {
    const ssize_t got = mnl_socket_recvfrom(queries_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("reading the answer");
    int left = static_cast<int>(got);
    for (auto* m = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(m, left);
         m = mnl_nlmsg_next(m, &left)) {
      if (m->nlmsg_seq != sequence_) continue;  // an answer that an error left behind
      if (m->nlmsg_flags & NLM_F_DUMP_INTR) whole = false;
      if (m->nlmsg_type == NLMSG_DONE) return {};
      if (m->nlmsg_type == NLMSG_ERROR) {
        const auto* e = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(m));
        errno = -e->error;
        return failed("refused");
      }
      each(*m);
      if (!dumping) return {};
    }
  }
}

Result<void> NetlinkRoutes::dump(std::uint16_t type, std::uint8_t family, const EachMessage& each) {
  bool whole = false;
  for (unsigned attempt = 0; attempt < kDumpAttempts && !whole; ++attempt) {
    alignas(nlmsghdr) char buffer[NLMSG_SPACE(sizeof(ifinfomsg))] = {};
    nlmsghdr* m = mnl_nlmsg_put_header(buffer);
    m->nlmsg_type = type;
    m->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    // First byte of ifinfomsg, rtmsg and ndmsg alike: the family.
    *static_cast<std::uint8_t*>(mnl_nlmsg_put_extra_header(m, sizeof(ifinfomsg))) = family;
    if (Result<void> r = ask(*m, each, whole); !r) return r;
  }
  // Still changing: notifications will bring the rest, unless routes were skipped.
  if (!whole) want_resync();
  return {};
}

// Links come first: that dump waits for changes of links and addresses to end.
Result<void> NetlinkRoutes::read_all() {
  resync_at_ns_ = 0;
  links_.clear();
  if (Result<void> r = dump(RTM_GETLINK, AF_UNSPEC, [this](const nlmsghdr& m) { on_link(m); }); !r) return r;
  store_.clear();
  for (std::uint8_t family : {AF_INET, AF_INET6})
    if (Result<void> r = dump(RTM_GETROUTE, family, [this](const nlmsghdr& m) { on_route(m, false); }); !r) return r;
  known_neighbours_.clear();
  for (std::uint8_t family : {AF_INET, AF_INET6})
    if (Result<void> r = dump(RTM_GETNEIGH, family, [this](const nlmsghdr& m) { on_neighbour(m); }); !r) return r;
  routes_dirty_ = neighbours_dirty_ = true;
  return {};
}

void NetlinkRoutes::want_resync() {
  if (!resync_at_ns_) resync_at_ns_ = now_ns() + kResyncDelay_ns;
}

void NetlinkRoutes::on_readable() {
  std::uint64_t expirations;
  while (::read(timer_fd_, &expirations, sizeof expirations) > 0) {
  }
  drain_events();
  act_when_due();
}

void NetlinkRoutes::drain_events() {
  std::vector<char> buffer(kReceive_bytes);
  for (;;) {
    const ssize_t got = mnl_socket_recvfrom(events_.get(), buffer.data(), buffer.size());
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno != ENOBUFS) return;  // EAGAIN: nothing left
      want_resync();                 // messages were lost
      continue;
    }
    int left = static_cast<int>(got);
    for (auto* m = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(m, left);
         m = mnl_nlmsg_next(m, &left))
      on_event(*m);
  }
}

void NetlinkRoutes::on_event(const nlmsghdr& m) {
  switch (m.nlmsg_type) {
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      on_route(m, true);
      break;
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      on_neighbour(m);
      break;
    case RTM_NEWLINK:
    case RTM_DELLINK:
      on_link(m);
      break;
    case RTM_DELADDR:
    case RTM_DELNEXTHOP:
      want_resync();
      break;  // take routes along without a word
    default:
      break;
  }
}

void NetlinkRoutes::on_route(const nlmsghdr& m, bool notified) {
  const auto route = parse_route(m);
  if (!route) return;
  const bool known = m.nlmsg_type == RTM_DELROUTE ? store_.remove(*route)
                                                  : store_.add(*route, notified, m.nlmsg_flags & NLM_F_REPLACE);
  if (!known) want_resync();
  routes_dirty_ = true;
}

void NetlinkRoutes::on_neighbour(const nlmsghdr& m) {
  const auto n = parse_neighbour(m);
  if (!n) return;
  NeighbourId id{std::to_array(n->entry.addr), n->entry.ifindex, n->entry.v6};
  if (!n->usable) {
    neighbours_dirty_ |= known_neighbours_.erase(id) > 0;
    return;
  }
  const Mac mac = std::to_array(n->entry.mac);
  const auto [at, is_new] = known_neighbours_.try_emplace(id, mac);
  if (!is_new && at->second == mac) return;
  at->second = mac;
  neighbours_dirty_ = true;
}

void NetlinkRoutes::on_link(const nlmsghdr& m) {
  const auto link = parse_link(m);
  if (!link) return;
  const auto known = links_.find(link->ifindex);
  if (m.nlmsg_type == RTM_DELLINK) {
    if (known == links_.end()) return;
    links_.erase(known);
    routes_dirty_ = true;
    want_resync();
    return;
  }
  const bool is_new = known == links_.end();
  const LinkInfo old = is_new ? LinkInfo{} : known->second;
  links_[link->ifindex] = *link;
  // IPv4 routes leave with their link and are not announced.
  if (!is_new && old.up != link->up) want_resync();
  routes_dirty_ |= is_new || old.up != link->up || old.mtu_bytes != link->mtu_bytes ||
                   std::memcmp(old.mac, link->mac, sizeof old.mac) != 0;
}

// Publishes, reads again, or sets the timer for either.
void NetlinkRoutes::act_when_due() {
  std::uint64_t now = now_ns();
  if (resync_at_ns_ && now >= resync_at_ns_) {
    ++resyncs_;
    if (const Result<void> r = read_all(); !r) {
      log_warn(r.error().text + "; trying again");
      resync_at_ns_ = now + kRetryDelay_ns;
    }
  }
  if ((routes_dirty_ || neighbours_dirty_) && now_ns() >= next_publish_ns_) publish();
  if (!fresh_.empty()) notify(std::exchange(fresh_, {}));
  std::uint64_t due_ns = resync_at_ns_;
  if (routes_dirty_ || neighbours_dirty_) due_ns = due_ns ? std::min(due_ns, next_publish_ns_) : next_publish_ns_;
  if (!fresh_.empty()) due_ns = 1;  // a listener registered another one
  const itimerspec when{
      .it_interval = {},
      .it_value = {static_cast<time_t>(due_ns / 1'000'000'000), static_cast<long>(due_ns % 1'000'000'000)}};
  timerfd_settime(timer_fd_, TFD_TIMER_ABSTIME, &when, nullptr);
}

void NetlinkRoutes::publish() {
  const std::uint64_t start_ns = now_ns();
  if (routes_dirty_) {
    store_.compact();
    routes.publish(store_.snapshot([this](std::uint32_t ifindex) {
      const LinkInfo* l = link(ifindex);
      return l ? LinkState{l->up, l->mtu_bytes} : LinkState{};
    }));
    auto addresses = store_.local_addresses();
    const auto same = [](const fulcrum_addr& a, const fulcrum_addr& b) { return std::memcmp(&a, &b, sizeof a) == 0; };
    if (!std::ranges::equal(addresses, local_, same)) {
      local_ = std::move(addresses);
      ++local_version_;
    }
  }
  if (neighbours_dirty_) {
    auto snapshot = std::make_shared<NeighbourSnapshot>();
    for (const auto& [id, mac] : known_neighbours_) {
      NeighbourEntry& e = snapshot->emplace_back();
      std::ranges::copy(id.addr, e.addr);
      e.ifindex = id.ifindex;
      e.v6 = id.v6;
      std::ranges::copy(mac, e.mac);
    }
    neighbours.publish(std::move(snapshot));
  }
  routes_dirty_ = neighbours_dirty_ = false;
  std::vector<int> all;
  for (const auto& [token, call] : listeners_) all.push_back(token);
  fresh_.clear();
  notify(all);
  const std::uint64_t end_ns = now_ns();
  next_publish_ns_ = end_ns + (kPublishShare - 1) * (end_ns - start_ns);
}

// A listener may remove itself or others.
void NetlinkRoutes::notify(const std::vector<int>& tokens) {
  for (int token : tokens)
    if (const auto at = listeners_.find(token); at != listeners_.end()) {
      const auto call = at->second;
      call();
    }
}

int NetlinkRoutes::on_change(std::function<void()> call) {
  listeners_.emplace(next_token_, std::move(call));
  fresh_.push_back(next_token_);
  const itimerspec at_once{.it_interval = {}, .it_value = {0, 1}};
  timerfd_settime(timer_fd_, 0, &at_once, nullptr);
  return next_token_++;
}

void NetlinkRoutes::remove(int token) { listeners_.erase(token); }

const LinkInfo* NetlinkRoutes::link(std::uint32_t ifindex) const {
  const auto at = links_.find(ifindex);
  return at == links_.end() ? nullptr : &at->second;
}

Result<LinkInfo> NetlinkRoutes::link(std::string_view name) const {
  std::string names;
  for (const auto& [ifindex, info] : links_) {
    if (info.name == name) return info;
    names += (names.empty() ? "" : ", ") + info.name;
  }
  return Error{"interface " + std::string(name) + ": there is none of that name here; there are: " + names};
}

Result<LinkInfo> NetlinkRoutes::link_stats(std::uint32_t ifindex) {
  alignas(nlmsghdr) char buffer[NLMSG_SPACE(sizeof(ifinfomsg))] = {};
  nlmsghdr* m = mnl_nlmsg_put_header(buffer);
  m->nlmsg_type = RTM_GETLINK;
  m->nlmsg_flags = NLM_F_REQUEST;
  static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(m, sizeof(ifinfomsg)))->ifi_index = static_cast<int>(ifindex);
  std::optional<LinkInfo> found;
  bool whole;
  const Result<void> r = ask(
      *m, [&](const nlmsghdr& answer) { found = parse_link(answer); }, whole);
  if (!r) return r.error();
  if (!found) return Error{"interface " + std::to_string(ifindex) + ": the kernel's answer makes no sense"};
  return *found;
}

}  // namespace fulcrum
