// SPDX-License-Identifier: MIT
// service.cc - what the workers of one LoadBalancer share: backends, the Maglev table, all flows.
#include "plugins/lb/service.h"

#include <algorithm>

namespace fulcrum::lb {

// Null: all ids are taken.
template <class F>
std::shared_ptr<const BackendName> BackendBook::name(const IpAddress& address, F&& use) {
  std::lock_guard lock(mutex_);
  for (const auto& known : names_)
    if (known->address == address) return known;
  auto fresh = std::make_shared<BackendName>();
  fresh->address = address;
  // No version refers to it and no flow: its packets were counted before the last
  // reference went.
  const auto unused = [&](const auto& known) { return known.use_count() == 1 && use(known->id).flows == 0; };
  auto place = std::find_if(names_.begin(), names_.end(), unused);
  if (names_.size() < kMaxBackends) place = names_.insert(names_.end(), nullptr);
  if (place == names_.end()) return nullptr;
  fresh->id = static_cast<BackendId>(place - names_.begin());
  const Use so_far = use(fresh->id);
  fresh->packets_before = so_far.packets, fresh->bytes_before = so_far.bytes;
  *place = fresh;
  return fresh;
}

Result<std::shared_ptr<Service>> Service::make(const Settings& s, const Service* before) {
  std::shared_ptr<Service> service(new Service(s));
  std::vector<Member> members;
  for (const Backend& b : s.backends) members.push_back({b});
  const bool same = before && before->settings_.vip == s.vip;
  service->book_ = same ? before->book_ : std::make_shared<BackendBook>();
  if (same) {
    service->inherited_ = before->workers_;
    for (const Member& old : before->members())
      if (std::none_of(members.begin(), members.end(),
                       [&](const Member& m) { return m.backend.address == old.backend.address; }) &&
          check_backend(s, old.backend))
        members.push_back({old.backend, true});
  }
  Result<VersionPtr> first = service->version_of(members);
  if (!first) return first.error();
  service->publish(*first);
  return service;
}

std::shared_ptr<WorkerState> Service::worker(unsigned index) {
  if (index >= workers_.size()) workers_.resize(index + 1);
  std::shared_ptr<WorkerState>& mine = workers_[index];
  if (mine) return mine;
  mine = std::make_shared<WorkerState>(settings_.flows);
  if (index < inherited_.size() && inherited_[index] && inherited_[index]->flows.capacity() == mine->flows.capacity())
    mine = inherited_[index];
  return mine;
}

BackendId Service::peek(const FlowKey& key, std::uint64_t hash) const noexcept {
  for (const auto& w : workers_) {
    const BackendId id = w ? w->flows.peek(key, hash) : kNoBackend;
    if (id != kNoBackend) return id;
  }
  return kNoBackend;
}

BackendBook::Use Service::use(BackendId id) const {
  BackendBook::Use sum{};
  // A pipeline that is being built has the states of the one that runs.
  for (const auto& w : workers_.empty() ? inherited_ : workers_) {
    if (!w) continue;
    sum.flows += w->flows.flows(id);
    sum.packets += w->packets[id].value();
    sum.bytes += w->bytes[id].value();
  }
  return sum;
}

// Those that are drained no longer count.
std::vector<Service::Member> Service::members() const {
  std::vector<Member> all;
  const VersionPtr now = versions_.load().first;
  for (std::size_t id = 0; id < now->slot.size(); ++id) {
    const Version::Slot& s = now->slot[id];
    const bool draining = s.state == BackendState::kDraining;
    if (s.state == BackendState::kActive || (draining && use(static_cast<BackendId>(id)).flows))
      all.push_back({s.backend, draining});
  }
  return all;
}

Result<VersionPtr> Service::version_of(const std::vector<Member>& members) {
  auto v = std::make_shared<Version>();
  std::vector<MaglevBackend> takers;
  for (const Member& m : members) {
    const auto name = book_->name(m.backend.address, [&](BackendId id) { return use(id); });
    if (!name)
      return Error{"no more than " + std::to_string(kMaxBackends) +
                   " backends can be there or draining: wait until flows have ended, or use `remove ADDRESS now`"};
    if (name->id >= v->slot.size()) v->slot.resize(name->id + 1u);
    v->slot[name->id] = {m.draining ? BackendState::kDraining : BackendState::kActive, m.backend, name};
    if (!m.draining) takers.push_back({m.backend.address, m.backend.weight, name->id});
  }
  v->table = maglev_table(takers, settings_.table_size);
  return VersionPtr(v);
}

Result<VersionPtr> Service::add(const Backend& b) {
  const Result<void> possible = check_backend(settings_, b);
  if (!possible) return possible.error();
  std::vector<Member> all = members();
  const auto known =
      std::find_if(all.begin(), all.end(), [&](const Member& m) { return m.backend.address == b.address; });
  if (known == all.end())
    all.push_back({b});
  else if (known->draining)
    *known = {b};
  else
    return Error{address_text(b.address) + " is a backend already: use `weight` to change its share"};
  return version_of(all);
}

Result<VersionPtr> Service::remove(const IpAddress& address, bool now) {
  std::vector<Member> all = members();
  const auto known =
      std::find_if(all.begin(), all.end(), [&](const Member& m) { return m.backend.address == address; });
  if (known == all.end()) return Error{address_text(address) + " is no backend: `backends` lists them"};
  if (now)
    all.erase(known);
  else
    known->draining = true;
  return version_of(all);
}

Result<VersionPtr> Service::set_weight(const IpAddress& address, std::uint32_t weight) {
  std::vector<Member> all = members();
  const auto known =
      std::find_if(all.begin(), all.end(), [&](const Member& m) { return m.backend.address == address; });
  if (known == all.end() || known->draining)
    return Error{address_text(address) + " is no backend that takes new flows: `backends` lists them"};
  known->backend.weight = weight;
  return version_of(all);
}

std::string Service::backends_text() const {
  std::string text;
  const VersionPtr now = versions_.load().first;
  for (std::size_t id = 0; id < now->slot.size(); ++id) {
    const Version::Slot& s = now->slot[id];
    if (s.state == BackendState::kAbsent) continue;
    const BackendBook::Use n = use(static_cast<BackendId>(id));
    const char* state = s.state == BackendState::kActive ? "active" : n.flows ? "draining" : "drained";
    text += address_text(s.backend.address) + " " + state + " weight " + std::to_string(s.backend.weight) + " flows " +
            std::to_string(n.flows) + " packets " + std::to_string(n.packets - s.name->packets_before) + " bytes " +
            std::to_string(n.bytes - s.name->bytes_before) + "\n";
  }
  return text;
}

std::string Service::flows_text() const {
  std::string text;
  std::uint64_t all = 0, room = 0;
  for (std::size_t w = 0; w < workers_.size(); ++w) {
    if (!workers_[w]) continue;
    const FlowTable& flows = workers_[w]->flows;
    text += "worker " + std::to_string(w) + " flows " + std::to_string(flows.flows()) + " of " +
            std::to_string(flows.capacity()) + "\n";
    all += flows.flows(), room += flows.capacity();
  }
  return text + "all flows " + std::to_string(all) + " of " + std::to_string(room) + "\n";
}

}  // namespace fulcrum::lb
