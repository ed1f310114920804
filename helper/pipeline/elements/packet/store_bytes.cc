// SPDX-License-Identifier: MIT
// store_bytes.cc - StoreBytes: overwrites bytes at a fixed place of every packet -> 0; too short -> 1.
#include "pipeline/elements/packet/store_bytes.h"

#include <cstring>

#include "fulcrum/reparse.h"
#include "manual/pipeline/elements/packet/store_bytes.h"
#include "pipeline/elements/packet/ip_family.h"
#include "pipeline/elements/packet/values.h"

namespace fulcrum {
namespace {

constexpr std::size_t kMaxBytes = 1500;

// Whether bytes from `at` on can be headers that the batch tells of.
bool may_be_header(const Batch& b, unsigned i, std::uint32_t at) noexcept {
  return b.l3_off[i] >= FULCRUM_ETH_BYTES && (b.payload_off[i] == 0 || at < b.payload_off[i]);
}

}  // namespace

std::vector<ArgError> StoreBytes::configure(std::span<const Arg> given, Setup&) {
  ArgReader args(given);
  offset_ = read_needed_number(args, "OFFSET", 0, 65535);
  const Arg* data = args.keyword("DATA");
  if (!data) data = args.positional("DATA, what to write,");
  if (data) data_ = data->text;
  if (data && (data_.empty() || data_.size() > kMaxBytes))
    args.error(data->pos, "DATA is " + std::to_string(data_.size()) + " bytes: 1 to " + std::to_string(kMaxBytes) +
                              " are possible");
  return args.done();
}

void StoreBytes::process(Batch& b, Mask in, Mask* out) noexcept {
  split_good(in, out, short_, [&](unsigned i) {
    if (offset_ + data_.size() > b.len[i]) return false;
    std::memcpy(b.data[i] + offset_, data_.data(), data_.size());
    if (may_be_header(b, i, offset_)) reparse(b, i);
    return true;
  });
}

namespace {
constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, ""}, {"short", Unconnected::kDrop, "short_frame"}};
}
constinit const ElementClass kStoreBytesClass = {"StoreBytes",
                                                 "StoreBytes(OFFSET n, DATA \"bytes\")",
                                                 "overwrites bytes at a fixed place",
                                                 1,
                                                 kOutputs,
                                                 [] { return std::unique_ptr<Element>(new StoreBytes); },
                                                 kManual};

}  // namespace fulcrum
