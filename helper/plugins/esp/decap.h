// SPDX-License-Identifier: MIT
// decap.h - ESPDecap: ESP tunnel packets -> the datagrams in them.
//
// SYNOPSIS  ESPDecap(SAS FILE)
// INPUTS    0
// OUTPUTS   0 opened: authentic, new, a sound datagram inside; must be connected
//           1 bad, as it came; unconnected: dropped by its reason, "unknown_spi" (no SA with
//             this SPI and destination), "esp_malformed" (no whole ESP packet),
//             "esp_auth_failed" (the ICV is wrong), "esp_malformed_inside" (authentic, but
//             its padding or lengths cannot be), "esp_ecn" (marked congested outside, not
//             capable of it inside) or "esp_dummy" (next header 59)
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
// COUNTERS  opened, unknown_spi, malformed, auth_failed, replayed, ecn, malformed_inside,
//           dummy
// NOTES     Dropped as "esp_replay", whatever is connected: seen before, or left of the
//           window. The window is looked at first and moves only when a packet is authentic.
//           Options and extension headers in front of ESP are allowed, fragments are not.
//           An SA is found by SPI and destination.
// SEE       RFC 4303, RFC 3686, RFC 4106, RFC 6040
#pragma once

#include "plugins/esp/element.h"

namespace fulcrum::esp {

class EspDecap final : public EspElement {
 public:
  EspDecap();
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;

  const KernelDecl& kernel() const noexcept override;
  void prepare(Batch& b, Mask in, const ItemColumns& columns) noexcept override;
  void finish(Batch& b, Mask in, const ItemResults& items, Mask* out) noexcept override;

 private:
  struct Plan {
    std::uint32_t status = ESP_MALFORMED;
    std::uint32_t slot = 0;
    std::uint32_t esp_off = 0;  // from L3
    std::uint32_t text_bytes = 0;
    std::uint64_t number = 0;
  };
  Plan plan(const Batch& b, unsigned i) const noexcept;
  void open(Batch& b, MbPacket& p, Mask* out) noexcept;
  void opened(Batch& b, unsigned i, Mask* out) noexcept;
  void refuse(Batch& b, unsigned i, std::uint32_t status, Mask* out) noexcept;

  const SaTable* now_ = nullptr;  // of the batch at hand
};

}  // namespace fulcrum::esp
