// SPDX-License-Identifier: MIT
// handlers.cc - LoadBalancer's handlers: look at backends and flows, change backends.
#include <sstream>

#include "plugins/lb/load_balancer.h"

namespace fulcrum::lb {
namespace {

constexpr HandlerSpec kHandlers[] = {
    {"backends", "", "each backend's state, weight, flows, packets and bytes", false},
    {"flows", "", "flows remembered by each worker, and room for them", false},
    {"add", "ADDRESS [weight N] [mac MAC] [dev PORT]", "gives new flows to one more backend", true},
    {"remove", "ADDRESS [now]", "gives a backend no new flows; now: takes those away that it has", true},
    {"weight", "ADDRESS N", "changes a backend's share of new flows", true},
};

// However the words were split into arguments.
std::string words_of(std::span<const Arg> args) {
  std::string words;
  for (const Arg& a : args) words += a.keyword + " " + a.text + " ";
  return words;
}

Result<VersionPtr> remove(Service& service, const std::string& words) {
  std::istringstream in(words);
  std::string address, now, more;
  in >> address >> now >> more;
  const Result<IpAddress> which = parse_address(address);
  if (!which) return Error{which.error().text};
  if ((!now.empty() && now != "now") || !more.empty()) return Error{"behind the address stands `now` or nothing"};
  return service.remove(*which, !now.empty());
}

Result<VersionPtr> set_weight(Service& service, const std::string& words) {
  std::istringstream in(words);
  std::string address, number, more;
  in >> address >> number >> more;
  const Result<IpAddress> which = parse_address(address);
  if (!which) return Error{which.error().text};
  const Result<std::uint64_t> weight = parse_number(number, {0, kMaxWeight});
  if (!weight) return Error{weight.error().text};
  if (!more.empty()) return Error{"'" + more + "' is too much: an address and a weight are needed"};
  return service.set_weight(*which, static_cast<std::uint32_t>(*weight));
}

}  // namespace

std::span<const HandlerSpec> LoadBalancer::handlers() const { return kHandlers; }

Result<std::string> LoadBalancer::read(std::string_view handler, std::span<const Arg>, std::span<Element* const>) {
  if (handler == "backends") return service_->backends_text();
  if (handler == "flows") return service_->flows_text();
  return Error{"has no such handler to read"};
}

Result<Element::Change> LoadBalancer::write(std::string_view handler, std::span<const Arg> args, Setup& setup) {
  if (!first_) return Change{};  // one change for all workers
  const std::string words = words_of(args);
  Result<VersionPtr> next = Error{"has no such handler to write"};
  if (handler == "add") {
    const Result<Backend> b = parse_backend(words, setup);
    next = b ? service_->add(*b) : Result<VersionPtr>(b.error());
  } else if (handler == "remove") {
    next = remove(*service_, words);
  } else if (handler == "weight") {
    next = set_weight(*service_, words);
  }
  if (!next) return next.error();
  return Change([service = service_, version = *next] { service->publish(version); });
}

}  // namespace fulcrum::lb
