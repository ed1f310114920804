// SPDX-License-Identifier: MIT
// print.cc - Print: passes packets on and writes a line for some of them.
#include "pipeline/elements/watch/print.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "fulcrum/args.h"
#include "manual/pipeline/elements/watch/print.h"
#include "pipeline/elements/watch/flow_key.h"

namespace fulcrum {
namespace {

constexpr std::uint64_t kSecond_ns = 1'000'000'000;
constexpr std::uint32_t kHeadersBytes = 192;  // kept for addresses and ports, whatever is shown
constexpr std::size_t kRingBytes = 256 << 10;

class PrintSink final : public TapSink {
 public:
  bool packet(const TapStyle& style, const TapRecord& r, const std::uint8_t* bytes) noexcept override {
    text_ += print_line(style, r, bytes) + "\n";
    if (text_.size() >= kBlockBytes) idle();
    return true;
  }
  // Whole lines at once, so that they do not mix with those of others.
  void idle() noexcept override {
    std::size_t done = 0;
    while (done < text_.size()) {
      const ssize_t n = ::write(STDERR_FILENO, text_.data() + done, text_.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;  // nobody reads: the lines are gone
      done += static_cast<std::size_t>(n);
    }
    text_.clear();
  }

 private:
  static constexpr std::size_t kBlockBytes = 16 << 10;
  std::string text_;
};

}  // namespace

std::string print_line(const TapStyle& style, const TapRecord& r, const std::uint8_t* bytes) {
  char head[64];
  std::snprintf(head, sizeof head, ": %llu.%09llu %u bytes", static_cast<unsigned long long>(r.time_ns / kSecond_ns),
                static_cast<unsigned long long>(r.time_ns % kSecond_ns), r.wire_len);
  std::string line = style.prefix + head;
  Batch b;
  b.data[0] = const_cast<std::uint8_t*>(bytes);
  b.len[0] = r.len;
  b.l3_off[0] = r.l3_off, b.l4_off[0] = r.l4_off, b.proto[0] = r.proto, b.flags[0] = r.flags;
  FlowKey key;
  if (flow_key(b, 0, FlowBy::kFlow, key)) line += ", " + flow_text(key, FlowBy::kFlow);
  const std::uint32_t shown = std::min(r.len, style.shown_bytes);
  if (shown) line += ":";
  for (std::uint32_t i = 0; i < shown; ++i) {
    char hex[4];
    std::snprintf(hex, sizeof hex, i % 2 ? "%02x" : " %02x", bytes[i]);
    line += hex;
  }
  return line;
}

Print::~Print() {
  if (lane_) lane_->close();
}

std::vector<ArgError> Print::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  TapStyle style;
  const Arg* prefix = args.keyword("PREFIX");
  style.prefix = prefix ? prefix->text : setup.element();
  every_ = args.number(args.keyword("EVERY"), {1, 1'000'000'000}, 1);
  style.shown_bytes = static_cast<std::uint32_t>(args.number(args.keyword("MAX"), {0, 1024}, 64));
  style.snap_bytes = std::max(kHeadersBytes, style.shown_bytes);
  const std::string key = "print";
  tap_ = std::static_pointer_cast<PacketTap>(setup.shared(key, [&]() -> std::shared_ptr<void> {
    if (std::shared_ptr<void> before = setup.inherited(key)) return before;
    return std::make_shared<PacketTap>(std::make_unique<PrintSink>());
  }));
  lane_ = tap_->lane(std::move(style), kRingBytes, !setup.live());
  return args.done();
}

void Print::process(Batch& b, Mask in, Mask* out) noexcept {
  std::uint64_t printed = 0, missed = 0;
  for_each(in, [&](unsigned i) {
    if (until_next_) {
      --until_next_;
      return;
    }
    until_next_ = every_ - 1;
    ++(lane_->put(b, i) ? printed : missed);
  });
  printed_.add(printed);
  missed_.add(missed);
  out[0] = in;
}

std::vector<CounterValue> Print::counters() const {
  return {{"printed", printed_.value()}, {"missed", missed_.value()}};
}

namespace {
constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, ""}};
}
constinit const ElementClass kPrintClass = {"Print",
                                            "Print([PREFIX text] [, EVERY n] [, MAX bytes])",
                                            "writes a line for some packets",
                                            1,
                                            kOutputs,
                                            [] { return std::unique_ptr<Element>(new Print); },
                                            kManual};

}  // namespace fulcrum
