// SPDX-License-Identifier: MIT
// ip_fragmenter.cc - IPFragmenter: IPv4 packets longer than the MTU in fragments -> 0; not allowed -> 1.
#include "pipeline/elements/packet/ip_fragmenter.h"

#include "fulcrum/reparse.h"
#include "manual/pipeline/elements/packet/ip_fragmenter.h"
#include "pipeline/elements/packet/ip_fragments.h"
#include "pipeline/elements/packet/values.h"

namespace fulcrum {
namespace {

// What the batch tells of a fragment. Without an Ethernet header in front the parser cannot say it.
void refresh(Batch& b, unsigned i, bool later) noexcept {
  if (b.l3_off[i] >= FULCRUM_ETH_BYTES) return reparse(b, i);
  b.flags[i] |= FULCRUM_META_FRAGMENT;
  if (later) b.l4_off[i] = b.payload_off[i] = 0;
}

// A fragment goes where its packet goes.
void copy_results(const Batch& from, unsigned k, Batch& to, unsigned i) noexcept {
  to.out_port[i] = from.out_port[k];
  to.l2[i] = from.l2[k];
  to.alert[i] = from.alert[k];
  to.paint[i] = from.paint[k];
}

}  // namespace

std::vector<ArgError> IPFragmenter::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  no_frames_ = setup.reason("no_frames");
  too_many_ = setup.reason("too_many_fragments");
  bad_header_ = setup.reason("bad_ip_header");
  mtu_ = read_needed_number(args, "MTU", 68, kMaxIp4Bytes);
  return args.done();
}

// All fragments but the first. On false none is left.
bool IPFragmenter::make_later(Batch& b, unsigned i, const IpSpan& s, const Cut& cut) noexcept {
  const std::uint32_t old = fragment_of4(s.ip), base = old & ~1u;
  const std::uint32_t l2_bytes = b.l3_off[i], payload = s.bytes - s.header_bytes;
  std::uint32_t at = cut.first_bytes;
  for (unsigned k = 0; k < cut.later_count; ++k) {
    const std::uint32_t bytes = std::min(cut.later_bytes, payload - at);
    const Made m = b.maker ? b.maker->make(b, i, 0, l2_bytes + cut.later_header + bytes) : Made{};
    if (!m) {
      for (unsigned n = 0; n < k; ++n) made_[n].batch->drop(made_[n].i, no_frames_);
      return false;
    }
    made_[k] = m;
    std::uint8_t* frame = m.batch->data[m.i];
    std::uint8_t* ip = frame + l2_bytes;
    std::memcpy(frame, b.data[i], l2_bytes);
    std::memcpy(ip, cut.later.data(), cut.later_header);
    std::memcpy(ip + cut.later_header, s.ip + s.header_bytes + at, bytes);
    seal_fragment(ip, cut.later_header, bytes, base + at, k + 1 < cut.later_count || (old & 1));
    m.batch->l3_off[m.i] = b.l3_off[i];
    copy_results(b, i, *m.batch, m.i);
    refresh(*m.batch, m.i, true);
    at += bytes;
  }
  return true;
}

// Why the packet is lost; 0: it is its first fragment now.
Reason IPFragmenter::fragment(Batch& b, unsigned i, const IpSpan& s) noexcept {
  Cut cut;
  const std::uint32_t base = fragment_of4(s.ip) & ~1u;
  if (base + s.bytes - s.header_bytes > kMaxIp4Bytes || !plan_cut(s, mtu_, cut)) return bad_header_;
  if (cut.later_count > kMaxLater) return too_many_;
  if (!make_later(b, i, s, cut)) return no_frames_;
  b.resize(i, b.l3_off[i] + s.header_bytes + cut.first_bytes);
  seal_fragment(s.ip, s.header_bytes, cut.first_bytes, base, true);
  refresh(b, i, base != 0);
  fragmented_.add(1);
  fragments_.add(1 + cut.later_count);
  return 0;
}

void IPFragmenter::handle(Batch& b, unsigned i, Mask* out) noexcept {
  const Mask bit = Mask{1} << i;
  IpSpan s;
  const Form form = find_ip(b, i, s);
  if (form == Form::kNone || (form == Form::kWhole && s.bytes <= mtu_)) {
    out[0] |= bit;
    return;
  }
  if (form == Form::kWhole && (s.v6 || s.ip[6] & 0x40)) {
    too_big_.add(1);
    out[1] |= bit;
    return;
  }
  const Reason why = form == Form::kWhole ? fragment(b, i, s) : bad_header_;
  if (!why) {
    out[0] |= bit;
    return;
  }
  b.drop(i, why);
  (why == no_frames_ ? missing_ : bad_).add(1);
}

void IPFragmenter::process(Batch& b, Mask in, Mask* out) noexcept {
  for_each(in, [&](unsigned i) { handle(b, i, out); });
}

std::vector<CounterValue> IPFragmenter::counters() const {
  return {{"fragmented", fragmented_.value()},
          {"fragments", fragments_.value()},
          {"too_big", too_big_.value()},
          {"no_frames", missing_.value()},
          {"bad", bad_.value()}};
}

namespace {
constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, ""}, {"too_big", Unconnected::kKernel, "too_big"}};
}
constinit const ElementClass kIPFragmenterClass = {"IPFragmenter",
                                                   "IPFragmenter(MTU n)",
                                                   "cuts IPv4 packets into fragments",
                                                   1,
                                                   kOutputs,
                                                   [] { return std::unique_ptr<Element>(new IPFragmenter); },
                                                   kManual};

}  // namespace fulcrum
