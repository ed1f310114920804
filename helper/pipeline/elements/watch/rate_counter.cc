// SPDX-License-Identifier: MIT
// rate_counter.cc - RateCounter: passes packets on and tells how many come a second.
#include "pipeline/elements/watch/rate_counter.h"

#include "base/clock.h"
#include "fulcrum/args.h"
#include "manual/pipeline/elements/watch/rate_counter.h"
#include "pipeline/elements/watch/handler_args.h"
#include "pipeline/elements/watch/per_worker.h"

namespace fulcrum {
namespace {

constexpr std::uint64_t kSecond_ns = 1'000'000'000;

std::string line(const char* name, std::uint64_t scaled) {
  constexpr std::uint64_t kHalf = 1u << (RateWindow::kFractionBits - 1);
  return std::string(name) + " " + std::to_string((scaled + kHalf) >> RateWindow::kFractionBits) + "\n";
}

}  // namespace

std::vector<ArgError> RateCounter::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  RateWindow fresh;
  fresh.interval_ns = args.duration_ns(args.keyword("INTERVAL"), {1'000'000, 3600 * kSecond_ns}, kSecond_ns);
  fresh.ewma = args.number(args.keyword("EWMA"), {1, 1000}, 8);
  live_ = setup.live();
  state_ = per_worker<State>(
      "RateCounter", setup,
      [&] {
        auto made = std::make_shared<State>();
        made->window = fresh;
        made->shown.store(fresh);
        return made;
      },
      [&](const State& s) {
        const RateWindow w = s.shown.load();
        return w.interval_ns == fresh.interval_ns && w.ewma == fresh.ewma;
      });
  return args.done();
}

void RateCounter::process(Batch& b, Mask in, Mask* out) noexcept {
  RateWindow& w = state_->window;
  std::uint64_t bytes = 0;
  for_each(in, [&](unsigned i) {
    w.roll(b.time_ns(i));
    w.add(b.len[i]);
    bytes += b.len[i];
  });
  state_->shown.store(w);
  packets_.add(static_cast<std::uint64_t>(std::popcount(in)));
  bytes_.add(bytes);
  out[0] = in;
}

std::vector<CounterValue> RateCounter::counters() const {
  return {{"packets", packets_.value()}, {"bytes", bytes_.value()}};
}

std::span<const HandlerSpec> RateCounter::handlers() const {
  static constexpr HandlerSpec kAll[] = {{"rate", "", "packets and bytes a second, last interval and average", false},
                                         {"reset", "", "starts again with the next packet", true}};
  return kAll;
}

Result<std::string> RateCounter::read(std::string_view name, std::span<const Arg> given,
                                      std::span<Element* const> peers) {
  if (name != "rate") return Error{"has no such handler"};
  ArgReader args(given);
  if (Error wrong = handler_error(args); !wrong.text.empty()) return wrong;
  RateWindow::Pair last, average;
  for (Element* e : peers) {
    RateWindow w = static_cast<RateCounter*>(e)->state_->shown.load();
    if (live_ && w.end_ns) w.roll(now_ns());  // a worker without packets does not roll its own
    last.packets += w.last.packets, last.bytes += w.last.bytes;
    average.packets += w.average.packets, average.bytes += w.average.bytes;
  }
  return line("packets_per_s", last.packets) + line("bytes_per_s", last.bytes) +
         line("average_packets_per_s", average.packets) + line("average_bytes_per_s", average.bytes);
}

Result<Element::Change> RateCounter::write(std::string_view name, std::span<const Arg> given, Setup&) {
  if (name != "reset") return Error{"has no such handler"};
  ArgReader args(given);
  if (Error wrong = handler_error(args); !wrong.text.empty()) return wrong;
  return Change([state = state_] {
    RateWindow fresh;
    fresh.interval_ns = state->window.interval_ns;
    fresh.ewma = state->window.ewma;
    state->window = fresh;
    state->shown.store(fresh);
  });
}

namespace {
constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, ""}};
}
constinit const ElementClass kRateCounterClass = {"RateCounter",
                                                  "RateCounter([INTERVAL duration] [, EWMA n])",
                                                  "tells how many packets and bytes come a second",
                                                  1,
                                                  kOutputs,
                                                  [] { return std::unique_ptr<Element>(new RateCounter); },
                                                  kManual};

}  // namespace fulcrum
