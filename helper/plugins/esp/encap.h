// SPDX-License-Identifier: MIT
// encap.h - ESPEncap: IP datagrams -> ESP tunnel packets.
//
//   ESPEncap(SAS FILE [, SPI n])   SAs from a file, see sa_file.h
//
// The SA is the one whose selector has the destination in its longest prefix, or
// the one that SPI names. The Ethernet header stays, with the outer family's
// EtherType; what stood behind the datagram is gone.
//
// Outputs: 0 sealed
//          1 no SA takes it, or it is no IP; unconnected: dropped as "no_sa"
// Dropped: "esp_malformed" (datagram not all there), "esp_too_big" (beyond 65535
//          bytes), "seq_exhausted" (the SA has no sequence number left)
//
// Outer header: TTL 64; DSCP and ECN of the inner packet (RFC 6040, normal mode);
// DF as inside, set over IPv6; IPv4 ID from the sequence number; no flow label.
// The IV is the sequence number, as RFC 3686 and RFC 4106 allow.
#pragma once

#include "plugins/esp/element.h"

namespace fulcrum::esp {

class EspEncap final : public EspElement {
 public:
  EspEncap();
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;

  const KernelDecl& kernel() const noexcept override;
  void prepare(Batch& b, Mask in, const ItemColumns& columns) noexcept override;
  void finish(Batch& b, Mask in, const ItemResults& items, Mask* out) noexcept override;
  Chain chain() const noexcept override { return {0, Condition::kIfZero}; }

 private:
  // What becomes of a packet; takes a sequence number where status is ESP_OK.
  struct Plan {
    std::uint32_t status = ESP_NO_SA;
    std::uint32_t slot = 0;
    std::uint32_t inner_bytes = 0;
    std::uint64_t number = 0;
  };
  Plan plan(const Batch& b, unsigned i) noexcept;
  void frame(Batch& b, unsigned i, const Plan& plan, MbPacket& p) noexcept;
  void sealed(Batch& b, unsigned i, bool outer_v6, Mask* out) noexcept;
  void refuse(Batch& b, unsigned i, std::uint32_t status, Mask* out) noexcept;

  std::uint32_t fixed_slot_ = SelectorTable::kNone;
  const SaTable* now_ = nullptr;  // of the batch at hand
  const SelectorTable* selectors_now_ = nullptr;
};

}  // namespace fulcrum::esp
