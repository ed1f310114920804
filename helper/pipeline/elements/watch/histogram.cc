// SPDX-License-Identifier: MIT
// histogram.cc - Histogram: passes packets on and counts them by latency or size.
#include "pipeline/elements/watch/histogram.h"

#include "fulcrum/args.h"
#include "manual/pipeline/elements/watch/histogram.h"
#include "pipeline/elements/watch/handler_args.h"
#include "pipeline/elements/watch/per_worker.h"

namespace fulcrum {
namespace {

std::string percentiles(const HistogramSnapshot& s) {
  std::string out = "count " + std::to_string(s.count()) + "\n";
  for (const auto& [name, percent] :
       {std::pair{"p50", 50.0}, {"p90", 90.0}, {"p99", 99.0}, {"p99.9", 99.9}, {"max", 100.0}})
    out += std::string(name) + " " + std::to_string(s.percentile(percent)) + "\n";
  return out;
}

std::string classes(const HistogramSnapshot& s) {
  std::string out;
  for (std::size_t i = 0; i < s.counts.size(); ++i)
    if (s.counts[i]) out += std::to_string(histogram::upper_bound(i)) + " " + std::to_string(s.counts[i]) + "\n";
  return out;
}

}  // namespace

std::vector<ArgError> HistogramElement::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  Of of = Of::kSize;
  if (const Arg* a = args.positional("what to measure, latency or size,"))
    of = args.choice<Of>(*a, {{"latency", Of::kLatency}, {"size", Of::kSize}}, of);
  state_ = per_worker<State>(
      "Histogram", setup,
      [&] {
        auto made = std::make_shared<State>();
        made->of = of;
        return made;
      },
      [&](const State& s) { return s.of == of; });
  return args.done();
}

void HistogramElement::process(Batch& b, Mask in, Mask* out) noexcept {
  std::uint64_t measured = 0;
  for_each(in, [&](unsigned i) {
    if (state_->of == Of::kSize) {
      state_->counts.record(b.len[i]);
    } else if (b.rx_ns[i]) {
      state_->counts.record(b.now_ns > b.rx_ns[i] ? b.now_ns - b.rx_ns[i] : 0);
    } else {
      return;
    }
    ++measured;
  });
  measured_.add(measured);
  unstamped_.add(static_cast<std::uint64_t>(std::popcount(in)) - measured);
  out[0] = in;
}

std::vector<CounterValue> HistogramElement::counters() const {
  return {{"measured", measured_.value()}, {"unstamped", unstamped_.value()}};
}

std::span<const HandlerSpec> HistogramElement::handlers() const {
  static constexpr HandlerSpec kAll[] = {{"percentiles", "", "count, p50 to p99.9 and max, of all workers", false},
                                         {"classes", "", "largest value and packets of each class", false},
                                         {"reset", "", "starts again from 0", true}};
  return kAll;
}

Result<std::string> HistogramElement::read(std::string_view name, std::span<const Arg> given,
                                           std::span<Element* const> peers) {
  if (name != "percentiles" && name != "classes") return Error{"has no such handler"};
  ArgReader args(given);
  if (Error wrong = handler_error(args); !wrong.text.empty()) return wrong;
  HistogramSnapshot sum;
  for (Element* e : peers) sum.merge(static_cast<HistogramElement*>(e)->state_->counts.snapshot());
  return name == "classes" ? classes(sum) : percentiles(sum);
}

Result<Element::Change> HistogramElement::write(std::string_view name, std::span<const Arg> given, Setup&) {
  if (name != "reset") return Error{"has no such handler"};
  ArgReader args(given);
  if (Error wrong = handler_error(args); !wrong.text.empty()) return wrong;
  return Change([state = state_] { state->counts.clear(); });
}

namespace {
constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, ""}};
}
constinit const ElementClass kHistogramClass = {"Histogram",
                                                "Histogram(latency | size)",
                                                "counts packets by latency or size",
                                                1,
                                                kOutputs,
                                                [] { return std::unique_ptr<Element>(new HistogramElement); },
                                                kManual};

}  // namespace fulcrum
