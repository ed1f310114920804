// SPDX-License-Identifier: MIT
// ether_rewrite.cc - EtherRewrite: sets the Ethernet addresses of every packet -> output 0.
#include "pipeline/elements/packet/ether_rewrite.h"

#include <cstring>

#include "fulcrum/args.h"
#include "manual/pipeline/elements/packet/ether_rewrite.h"

namespace fulcrum {

std::vector<ArgError> EtherRewrite::configure(std::span<const Arg> given, Setup&) {
  ArgReader args(given);
  auto read = [&](const char* key, std::uint8_t mac[6]) {
    const Arg* a = args.keyword(key);
    if (a && !parse_mac(a->text, mac))
      args.error(a->pos, std::string(key) + " is no Ethernet address: '" + a->text + "'", {"02:00:00:00:00:01"});
    return a != nullptr;
  };
  has_src_ = read("SRC", src_);
  has_dst_ = read("DST", dst_);
  if (!has_src_ && !has_dst_) args.error({}, "no address to set", {"SRC mac", "DST mac"});
  return args.done();
}

void EtherRewrite::process(Batch& b, Mask in, Mask* out) noexcept {
  const std::uint32_t bits = kL2Always | (has_dst_ ? kL2Dst : 0) | (has_src_ ? kL2Src : 0);
  for_each(in, [&](unsigned i) {
    if (has_dst_) std::memcpy(b.l2[i].dst, dst_, 6);
    if (has_src_) std::memcpy(b.l2[i].src, src_, 6);
    b.l2[i].valid |= bits;
  });
  out[0] = in;
}

namespace {
constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, ""}};
}
constinit const ElementClass kEtherRewriteClass = {"EtherRewrite",
                                                   "EtherRewrite([SRC mac] [, DST mac])",
                                                   "sets Ethernet addresses",
                                                   1,
                                                   kOutputs,
                                                   [] { return std::unique_ptr<Element>(new EtherRewrite); },
                                                   kManual};

}  // namespace fulcrum
