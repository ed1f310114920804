// SPDX-License-Identifier: MIT
// ip_fragmenter.h - IPFragmenter: IPv4 packets longer than the MTU in fragments -> 0; not allowed -> 1.
//
// SYNOPSIS  IPFragmenter(MTU n)
// INPUTS    0
// OUTPUTS   0 packets of MTU bytes at most, untouched, the fragments of longer ones, and
//             what is not IP; must be connected. Fragments follow one another, in order
//           1 too_big: longer than the MTU, and IPv4 with its don't-fragment bit set, or
//             IPv6, which routers do not fragment; untouched, for ICMPError(TYPE
//             fragmentation_needed). Unconnected: to the kernel as "too_big", which
//             fragments or answers by the MTU of its own route
//           Dropped whole, no fragment of it is sent: as "no_frames" if there are not
//           enough free frames; as "too_many_fragments" if it would need more than 256; as
//           "bad_ip_header" if a length in its header, or of an option, cannot be, or if its end
//           would be beyond 65535 bytes.
// ARGUMENTS MTU  bytes of an IP packet, Ethernet not counted, 68 to 65535
// COUNTERS  fragmented: packets cut up
//           fragments: made of them
//           too_big: left by output 1
//           no_frames, bad: dropped by these names; bad has both others
// NOTES     A packet's length is that of its IP header; what the frame has behind it is not
//           carried into fragments. Options stand in later fragments only if their copied
//           flag is set (RFC 791 section 3.1). A fragment may be cut up again. Checksums are
//           computed, so that one that was wrong is right then: put CheckIPHeader before.
// SEE       RFC 791 section 3.2, RFC 1812 section 4.2.2.7, RFC 8200 section 5; ICMPError
#pragma once

#include <array>

#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

struct Cut;
struct IpSpan;

class IPFragmenter final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override;

 private:
  static constexpr unsigned kMaxLater = 255;

  void handle(Batch& b, unsigned i, Mask* out) noexcept;
  Reason fragment(Batch& b, unsigned i, const IpSpan& s) noexcept;
  bool make_later(Batch& b, unsigned i, const IpSpan& s, const Cut& cut) noexcept;

  std::uint32_t mtu_ = 0;
  std::array<Made, kMaxLater> made_{};  // of the packet at hand
  Reason no_frames_ = 0, too_many_ = 0, bad_header_ = 0;
  Count fragmented_, fragments_, too_big_, missing_, bad_;
};

extern const ElementClass kIPFragmenterClass;

}  // namespace fulcrum
