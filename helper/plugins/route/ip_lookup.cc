// SPDX-License-Identifier: MIT
// ip_lookup.cc - one decision per packet, shared by the cpu and device forms.
#include "ip_lookup.h"

#include <algorithm>
#include <bit>

#include "kernel_rib.h"
#include "route_file.h"

namespace fulcrum::route {
namespace {

// Kinds of IPv6 address that Linux never forwards by bpf_fib_lookup.
bool stays_on_link(const std::uint8_t* a) noexcept {
  if (a[0] == 0xff) return true;
  if (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) return true;
  static constexpr std::uint8_t kLoopback[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return std::memcmp(a, kLoopback, 16) == 0;
}

// `l3` holds a whole IPv4 or IPv6 header: the lookup found a route for it.
bool kernel_would_forward(const std::uint8_t* l3, std::uint8_t flags, std::uint32_t mtu_bytes) noexcept {
  if (flags & FULCRUM_META_VLAN) return false;
  const bool v6 = l3[0] >> 4 == 6;
  const std::uint32_t total_bytes = v6 ? (l3[4] << 8 | l3[5]) + 40u : l3[2] << 8 | l3[3];
  if (total_bytes > mtu_bytes) return false;
  return !v6 || !(stays_on_link(l3 + 8) || stays_on_link(l3 + 24));
}

NeighbourKey destination(const std::uint8_t* l3, std::uint32_t ifindex) noexcept {
  NeighbourKey key{};
  key.ifindex = ifindex;
  key.v6 = l3[0] >> 4 == 6;
  std::memcpy(key.addr, key.v6 ? l3 + 24 : l3 + 16, key.v6 ? 16 : 4);
  return key;
}

bool has_ip_header(const Batch& b, unsigned i) noexcept {
  const std::uint32_t l3 = b.l3_off[i];
  return l3 + 20 <= b.len[i] && (b.data[i][l3] >> 4 == 4 || l3 + 40 <= b.len[i]);
}

}  // namespace

void IpLookup::use(std::shared_ptr<Rib> rib) {
  rib_ = std::move(rib);
  routes_ = TableReader<RouteTable>(&rib_->routes);
  neighbours_ = TableReader<NeighbourTable>(&rib_->neighbours);
}

std::vector<ArgError> IpLookup::use_kernel(Setup& setup, SourcePos pos) {
  RouteFeed* feed = setup.kernel_routes();
  if (!feed) return {{pos, "FIB kernel: the kernel's routes are not read here: name a file of routes", {"FIB FILE"}}};
  use(std::static_pointer_cast<Rib>(setup.shared("route:kernel", [&]() -> std::shared_ptr<void> {
    return std::static_pointer_cast<Rib>(std::make_shared<KernelRib>(*feed, setup));
  })));
  return {};
}

std::vector<ArgError> IpLookup::use_file(const Arg& arg, Setup& setup) {
  const std::string path = setup.resolve_path(arg.text);
  auto file = std::static_pointer_cast<FileRib>(setup.shared(
      "route:file:" + path, [&]() -> std::shared_ptr<void> { return load_route_file(path, setup, arg.pos); }));
  if (!file->errors.empty()) return file->errors;
  use(file);
  return {};
}

std::vector<ArgError> IpLookup::configure(std::span<const Arg> args, Setup& setup) {
  const std::vector<std::string> choices{"FIB kernel", "FIB \"routes.txt\""};
  const Arg* fib = nullptr;
  std::vector<ArgError> errors;
  for (const Arg& a : args) {
    if (a.keyword != "FIB")
      errors.push_back({a.pos, "unknown argument '" + (a.keyword.empty() ? a.text : a.keyword) + "'", choices});
    else if (fib)
      errors.push_back({a.pos, "FIB stands here twice", choices});
    else
      fib = &a;
  }
  if (!fib && errors.empty()) errors.push_back({{}, "needs to know whose routes to use", choices});
  if (fib && fib->text.empty()) errors.push_back({fib->pos, "FIB is empty", choices});
  if (!errors.empty()) return errors;
  if (fib->text == "kernel" && !fib->quoted) return use_kernel(setup, fib->pos);
  return use_file(*fib, setup);
}

std::span<const HandlerSpec> IpLookup::handlers() const {
  static constexpr HandlerSpec kHandlers[] = {{"load", "FILE", "the routes of FILE in place of all", true}};
  return kHandlers;
}

Result<Element::Change> IpLookup::write(std::string_view handler, std::span<const Arg> args, Setup& setup) {
  if (handler != "load") return Error{"has no such handler"};
  if (rib_->kernel_rules) return Error{"load: the routes are the kernel's: change them with ip route"};
  if (args.size() != 1 || args[0].text.empty()) return Error{"load: wants the name of one file of routes"};
  if (setup.worker() != 0) return Change{};  // one table for all
  const std::uint32_t tag = rib_->routes.load().first->tag % LPM_TAG_MASK + 1;
  const auto file = load_route_file(setup.resolve_path(args[0].text), setup, {}, tag);
  std::string errors;
  for (const ArgError& e : file->errors) errors += (errors.empty() ? "" : "\n") + e.text;
  if (!errors.empty()) return Error{errors};
  return Change([rib = rib_, next = file->routes.load().first] { rib->routes.publish(next); });
}

bool IpLookup::route(Batch& b, unsigned i, const RouteTable& routes, std::uint32_t hop_index) const noexcept {
  const NextHop& hop = routes.hops[hop_index];
  if (hop.action == HopAction::kLinux) return false;
  if (hop.action == HopAction::kFixed) {
    b.l2[i] = hop.l2;
    if (hop.src_is_old_dst) std::memcpy(b.l2[i].src, b.data[i], 6);
    b.out_port[i] = hop.port;
    return true;
  }
  const std::uint8_t* l3 = b.l3(i);
  if (!kernel_would_forward(l3, b.flags[i], hop.mtu_bytes)) return false;
  if (hop.action == HopAction::kGateway) {
    if (!known_->gateway(routes, hop_index, b.l2[i])) return false;
  } else {
    const std::uint8_t* mac = known_->find(destination(l3, hop.gateway.ifindex));
    if (!mac) return false;
    b.l2[i] = hop.l2;
    std::memcpy(b.l2[i].dst, mac, 6);
    b.l2[i].valid = 3;
  }
  b.out_port[i] = hop.port;
  return true;
}

void IpLookup::count(Mask routed, Mask unrouted) noexcept {
  routed_.add(static_cast<unsigned>(std::popcount(routed)));
  unrouted_.add(static_cast<unsigned>(std::popcount(unrouted)));
}

void IpLookup::process(Batch& b, Mask in, Mask* out) noexcept {
  const RouteTable* routes = routes_.get();
  known_ = neighbours_.get();
  std::uint32_t result[kBatchSize];
  const bool ready = routes && known_;
  if (ready) lookup_.run(b, in, routes->lpm.data(), result);
  Mask routed = 0;
  const std::uint32_t* next = result;
  for_each(ready ? in : 0, [&](unsigned i) {
    const std::uint32_t hop = *next++ & (LPM_MAX_NEXT_HOPS - 1);
    if (hop && route(b, i, *routes, hop)) routed |= Mask{1} << i;
  });
  out[0] |= routed;
  out[1] |= in & ~routed;
  count(routed, in & ~routed);
}

const KernelDecl& IpLookup::kernel() const noexcept { return kLookupKernel; }

KernelTable IpLookup::table() noexcept {
  const RouteTable* now = routes_.get();
  if (now && held_[newest_held_].get() != now) {
    newest_held_ = (newest_held_ + 1) % kHeldVersions;
    held_[newest_held_] = routes_.held();
  }
  if (!now) return {};
  return {held_[newest_held_], now->lpm.data(), now->lpm.bytes(), routes_.version(),
          reinterpret_cast<std::uintptr_t>(rib_.get())};
}

const RouteTable* IpLookup::version_of(std::uint32_t result) const noexcept {
  for (const auto& v : held_)
    if (v && v->tag == result >> LPM_TAG_SHIFT)
      return (result & (LPM_MAX_NEXT_HOPS - 1)) < v->hops.size() ? v.get() : nullptr;
  return nullptr;
}

void IpLookup::finish(Batch& b, Mask in, const ItemResults& items, Mask* out) noexcept {
  known_ = neighbours_.get();
  Mask routed = 0, again = 0;
  for_each(in, [&](unsigned i) {
    const std::uint32_t r = items.result(i);
    if (r == 0) return;
    const RouteTable* version = version_of(r);
    if (!version || !known_) {
      again |= Mask{1} << i;
    } else if (has_ip_header(b, i) && route(b, i, *version, r & (LPM_MAX_NEXT_HOPS - 1))) {
      routed |= Mask{1} << i;
    }
  });
  out[0] |= routed;
  out[1] |= in & ~routed & ~again;
  count(routed, in & ~routed & ~again);
  if (again) process(b, again, out);
}

std::vector<CounterValue> IpLookup::counters() const {
  return {{"routed", routed_.value()}, {"no_route", unrouted_.value()}};
}

}  // namespace fulcrum::route
