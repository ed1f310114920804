// SPDX-License-Identifier: MIT
// runtime_swap.cc - another pipeline in the place of the one that runs, without losing a packet.
//
// In this order:
//   1. The next one is built aside: graphs, tables, lanes, inline programs. An error ends it here.
//   2. Ports whose inline program is not the next one's leave the inline tier: their buckets go to
//      the cpu (close_inline(), then the balancer). From here on XDP runs the old program for no
//      packet by the split, only where a port's policy for a lost helper says so.
//   3. The inline programs are exchanged, or taken away. From here on the old ones run for nobody.
//   4. Each worker changes over between two batches.
//   5. Ports follow: policy, ordering, tiers of ports that have no FromPort any more.
//   6. What is on its way in the old one comes out; its counts are carried over; it is destroyed.
//      The balancer may use the inline tier again.
// So no packet is seen by an old inline program once a worker runs the new pipeline.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "inline_tier.h"
#include "runtime.h"

namespace fulcrum {
namespace {

constexpr auto kLook = std::chrono::microseconds(50);
// Longer than any device is waited for. A worker that does not answer by then never will.
constexpr std::uint64_t kPatience_ns = 30'000'000'000;

bool wait_until(const auto& done) {
  for (const std::uint64_t end = now_ns() + kPatience_ns; now_ns() < end; std::this_thread::sleep_for(kLook))
    if (done()) return true;
  log_error("a worker does not answer: restart fulcrumd");
  return false;
}

}  // namespace

NextPipeline::~NextPipeline() {
  for (const InlineForm& form : inline_forms)
    if (form.prog >= 0) close(form.prog);
}

// ---- inline tier -------------------------------------------------------------

// Redirected frames arrive where live frames do. Elsewhere Linux sends.
std::vector<std::uint32_t> Runtime::inline_outputs() {
  std::vector<std::uint32_t> out;
  for (std::size_t i = 0; i < ports_.size(); ++i)
    if (workers_[0]->out().ports()[i]->live_ok) out.push_back(ports_[i].link.ifindex);
  return out;
}

InlineForm Runtime::inline_form(const Graph& graph, const SourcePort& source, const PortState& p) {
  InlineForm form;
  form.why = graph.inline_refusal(source, form.plan);
  if (form.why.empty()) form.why = kernel_forwarding_refusal(p.link.name, form.plan);
  if (form.why.empty() && inline_outputs().empty()) form.why = "redirected frames arrive on no port";
  form.as_before = form.why.empty() ? p.inline_prog >= 0 && p.inline_plan == form.plan : p.inline_prog < 0;
  return form;
}

Result<int> Runtime::load_inline(const InlineForm& form) {
  return load_inline_route(config_.bpf_dir, form.plan, inline_outputs(), *maps_);
}

// Takes over the form's program.
void Runtime::put_inline(PortState& p, InlineForm& form) {
  p.inline_why = form.why;
  p.inline_plan = form.plan;
  if (form.as_before) return;
  if (form.prog < 0)
    maps_->erase_inline(p.map.inline_slot);
  else if (auto ok = maps_->write_inline(p.map.inline_slot, form.prog); !ok)
    p.inline_why = ok.error().text;
  if (p.inline_prog >= 0) close(p.inline_prog);
  p.inline_prog = std::exchange(form.prog, -1);
}

Result<void> Runtime::open_inline() {
  for (auto& p : ports_) {
    auto slot = maps_->claim_inline_slot(p->link.ifindex);
    if (!slot) return slot.error();
    p->map.inline_slot = *slot;
    if (!p->receives) continue;
    InlineForm form = inline_form(pipeline_->graph(), p->source, *p);
    form.as_before = false;  // a helper before this one may have left a program there
    if (form.why.empty()) {
      auto prog = load_inline(form);
      if (!prog) return prog.error();
      form.prog = *prog;
    }
    put_inline(*p, form);
  }
  return {};
}

Result<void> Runtime::prepare_inline(NextPipeline& next) {
  next.inline_forms.resize(ports_.size());
  for (InlineForm& form : next.inline_forms) form.why = "the pipeline has no FromPort for it";
  for (const SourcePort& s : next.pipeline->graph().sources()) {
    InlineForm& form = next.inline_forms[s.port];
    form = inline_form(next.pipeline->graph(), s, ports_[s.port]);
    if (form.as_before || !form.why.empty()) continue;
    auto prog = load_inline(form);
    if (!prog) return prog.error();
    form.prog = *prog;
  }
  return {};
}

void Runtime::close_inline(const NextPipeline& next) {
  for (std::size_t i = 0; i < ports_.size(); ++i)
    if (ports_[i].in_use && ports_[i].inline_prog >= 0 && !next.inline_forms[i].as_before)
      ports_[i].inline_why = "another pipeline takes its place";
}

// ---- building aside ----------------------------------------------------------

// Rings are opened when the helper starts: only ports that have them can be received from.
bool Runtime::check_sources(const RunningPipeline& next, Diagnostics& diag) {
  std::vector<std::string> valid;
  for (auto& p : ports_)
    if (p->receives) valid.push_back(p->link.name);
  for (const SourcePort& s : next.graph().sources()) {
    if (ports_[s.port].receives) continue;
    SourcePos pos;
    for (const Declaration& d : next.config.declarations)
      if (d.name == s.name) pos = d.class_pos;
    diag.error(pos,
               fmt::format("FromPort({}): fulcrumd was started without it: restart it with this pipeline",
                           ports_[s.port].link.name),
               valid);
  }
  return diag.ok();
}

Result<NextPipeline> Runtime::prepare(const std::string& file, Registry& registry) {
  const std::uint64_t begin = now_ns();
  if (!stuck_.empty()) return Error{"pipeline: a worker did not answer when the last one was loaded: restart fulcrumd"};
  Diagnostics diag;
  Config config = load_config(file, diag);
  registry.require_all(config, diag);
  if (!diag.ok()) return Error{diag.text()};
  NextPipeline next;
  next.pipeline = std::make_shared<RunningPipeline>(std::move(config));
  const RunningPipeline::Site site{ports_, reasons_, routes_.get(), &pipeline_->shared};
  for (unsigned w = 0; w < worker_count_; ++w)
    if (!next.pipeline->build_part(site, registry, w, diag)) return Error{diag.text()};
  if (!check_sources(*next.pipeline, diag)) return Error{diag.text()};
  bool asked_before = false;
  for (auto& setup : pipeline_->setups) asked_before |= setup->asked_routes();
  if (next.pipeline->setups[0]->asked_routes() && !asked_before)
    next.notes.push_back(
        "routes out of interfaces that no pipeline has named lead to the kernel: restart fulcrumd to use them");
  if (auto ok = supervisor_.equip(*next.pipeline, true, next.notes); !ok) return ok.error();
  if (auto ok = prepare_inline(next); !ok) return ok.error();
  next.build_ns = now_ns() - begin;
  return next;
}

// ---- the exchange ------------------------------------------------------------

// Returns the longest gap. Workers look once a turn, and wake for it.
std::uint64_t Runtime::command(std::vector<WorkerOrder> given) {
  auto orders = std::make_shared<std::vector<WorkerOrder>>(std::move(given));
  for (std::size_t w = 0; w < workers_.size(); ++w) workers_[w]->give((*orders)[w]);
  if (!wait_until([&] { return std::all_of(workers_.begin(), workers_.end(), [](auto& w) { return w->obeyed(); }); }))
    stuck_.push_back(orders);
  std::uint64_t gap_ns = 0;
  for (const WorkerOrder& o : *orders) gap_ns = std::max(gap_ns, o.gap_ns);
  return gap_ns;
}

void Runtime::change(std::vector<std::vector<Element::Change>> changes) {
  std::vector<WorkerOrder> orders(workers_.size());
  for (std::size_t w = 0; w < workers_.size(); ++w) orders[w].changes = std::move(changes[w]);
  command(std::move(orders));
}

// Policy, ordering and tiers of the ports, once the workers run the new pipeline.
void Runtime::follow_ports(const RunningPipeline& next, NextPipeline& forms) {
  for (auto& p : ports_) p->in_use = false;
  for (const SourcePort& s : next.graph().sources()) {
    PortState& p = ports_[s.port];
    p.in_use = true;
    p.source = s;
  }
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    PortState& p = ports_[i];
    if (!p.receives) continue;
    if (!p.in_use) {
      put_inline(p, forms.inline_forms[i]);
      std::fill(std::begin(p.map.bucket), std::end(p.map.bucket), FULCRUM_TIER_PASS);
      p.map.inline_permille = p.map.cpu_permille = p.map.dev0_permille = p.map.dev1_permille = p.map.dev2_permille = 0;
      p.map.pass_permille = 1000;
    }
    if (auto ok = write_port(p); !ok) log_error(ok.error().text);
  }
}

SwapReport Runtime::swap(NextPipeline next) {
  SwapReport report;
  const RunningPipeline& graph = *next.pipeline;
  std::vector<WorkerOrder> orders(workers_.size());
  for (std::size_t w = 0; w < workers_.size(); ++w) orders[w].next = next.pipeline->workers[w].get();
  for (const SourcePort& s : graph.graph().sources()) {
    put_inline(ports_[s.port], next.inline_forms[s.port]);
    const bool passes_by = s.on_helper_loss != FULCRUM_LOSS_DROP;
    for (std::size_t w = 0; w < workers_.size(); ++w)
      for (auto& q : workers_[w]->queues())
        if (q->info().port == s.port)
          orders[w].changes.emplace_back([queue = q.get(), passes_by] { queue->set_passes_by(passes_by); });
  }
  supervisor_.replace(next.pipeline);
  report.gap_ns = command(std::move(orders));
  const std::uint64_t swapped = now_ns();
  for (std::size_t w = 0; w < workers_.size(); ++w) workers_[w]->show(*next.pipeline->workers[w]);
  std::shared_ptr<RunningPipeline> old = std::exchange(pipeline_, next.pipeline);
  follow_ports(*pipeline_, next);
  // A device that hangs is given up after its time-out; what it had is done on the cpu.
  const bool idle = wait_until(
      [&] { return std::all_of(workers_.begin(), workers_.end(), [](auto& w) { return w->replaced_is_idle(); }); });
  report.drain_ns = now_ns() - swapped;
  if (!idle || !stuck_.empty()) {
    stuck_.push_back(old);
    return report;
  }
  supervisor_.replaced_is_idle(*old, now_ns());
  for (std::size_t w = 0; w < workers_.size(); ++w) pipeline_->workers[w]->graph->carry(*old->workers[w]->graph);
  for (auto& setup : pipeline_->setups) setup->end_inheritance();
  return report;
}

}  // namespace fulcrum
