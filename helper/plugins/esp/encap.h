// SPDX-License-Identifier: MIT
// encap.h - ESPEncap: IP datagrams -> ESP tunnel packets.
//
// SYNOPSIS  ESPEncap(SAS FILE [, SPI NUMBER])
// INPUTS    0
// OUTPUTS   0 sealed; must be connected
//           1 no_sa: no SA takes it, or it is no IP; unconnected: dropped as "no_sa"
// ARGUMENTS SAS  file of security associations, one a line, words in any order behind `sa`,
//                # comments:
//                  sa spi 0x100 src 192.0.2.1 dst 192.0.2.2 alg aes-gcm-128 key HEX
//                     [auth HEX] [esn] [replay 64] [sel 10.0.0.0/8]…
//                spi: 256 to 4294967295. src, dst: ends of the tunnel, both IPv4 or both
//                IPv6. alg: aes-gcm-128, aes-gcm-256 (RFC 4106), aes-ctr-128-hmac-sha1,
//                aes-ctr-256-hmac-sha1 (RFC 3686, RFC 2404). key: the AES key, then 4 bytes
//                of salt or nonce: 20 or 36 bytes in hex. auth: HMAC's key, 20 bytes in hex,
//                with aes-ctr only. esn: 64-bit sequence numbers. replay: the receiver's
//                window in packets, 32 to 65536. sel: destinations of inner packets that
//                ESPEncap sends by this SA; the longest prefix wins
//           SPI  the one SA that takes every packet; without it the SA whose selector has
//                the packet's destination in its longest prefix
// COUNTERS  sealed, no_sa, malformed (dropped as "esp_malformed": the datagram is not all
//           there), too_big ("esp_too_big": beyond 65535 bytes), seq_exhausted (the SA has
//           no sequence number left)
// NOTES     The Ethernet header stays, with the outer family's EtherType; what stood behind
//           the datagram is gone. Outer header: TTL 64; DSCP and ECN of the inner packet
//           (normal mode); DF as inside, set over IPv6; IPv4 ID from the sequence number; no
//           flow label. The IV is the sequence number.
// SEE       RFC 4303, RFC 3686, RFC 4106, RFC 6040
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
