// SPDX-License-Identifier: MIT
// probe.cc - a plugin as good or as bad as -D says, for the tests of loading.
//
// NAME, VERSION; ABI, SAYS (the name it gives itself), CLASS, TWICE, NO_SYMBOL,
// START_FAILS, START_THROWS, UNRESOLVED, CONFIGURE_THROWS, UNIQUE make it bad.
#include <atomic>
#include <stdexcept>

#include "fulcrum/count.h"
#include "fulcrum/element.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#ifndef ABI
#define ABI fulcrum::kPluginAbi
#endif
#ifndef CLASS
#define CLASS Probe
#endif
#ifndef SAYS
#define SAYS NAME
#endif

using namespace fulcrum;

#ifdef UNRESOLVED
namespace fulcrum {
void log_info(const std::string& text);  // the helper's own
}
#endif
#ifdef UNIQUE
// Built with unique symbols, which keep their object mapped.
inline std::atomic<int>& kept() {
  static std::atomic<int> value;
  return value;
}
#endif

namespace {

// Of all workers; its destructor is the plugin's code.
struct Shared {
  std::atomic<unsigned> users{0};
  ~Shared() { users = 0; }
};

class Probe final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg>, Setup& setup) override {
#ifdef CONFIGURE_THROWS
    throw std::runtime_error("no more of this");
#endif
#ifdef UNRESOLVED
    log_info("reached");
#endif
#ifdef UNIQUE
    ++kept();
#endif
    shared_ = std::static_pointer_cast<Shared>(setup.shared("probe", [] { return std::make_shared<Shared>(); }));
    ++shared_->users;
    return {};
  }
  void process(Batch&, Mask in, Mask* out) noexcept override {
    out[0] = in;
    packets_.add(static_cast<unsigned>(std::popcount(in)));
  }
  std::vector<CounterValue> counters() const override { return {{"packets", packets_.value()}}; }

 private:
  std::shared_ptr<Shared> shared_;
  Count packets_;
};

constexpr OutputSpec kOutputs[] = {{"out", Unconnected::kError, nullptr}};
#define PROBE_CLASS \
  {TEXT(CLASS), TEXT(CLASS), "passes packets on", 1, kOutputs, []() -> std::unique_ptr<Element> { return std::make_unique<Probe>(); }}
const ElementClass kElements[] = {
    PROBE_CLASS,
#ifdef TWICE
    PROBE_CLASS,
#endif
};

Result<void> start() {
#ifdef START_FAILS
  return Error{"the card is not there: put it in"};
#elif defined(START_THROWS)
  throw std::runtime_error("no more of this");
#else
  return {};
#endif
}
void stop() noexcept {}

}  // namespace

#ifndef NO_SYMBOL
#define DEFINE(name) FULCRUM_PLUGIN(name)
DEFINE(NAME) = {.abi = ABI,
                .name = TEXT(SAYS),
                .version = TEXT(VERSION),
                .elements = kElements,
                .summary = "probe of the tests",
                .start = start,
                .stop = stop};
#endif
