// SPDX-License-Identifier: MIT
// decap.h - ESPDecap: ESP tunnel packets -> the datagrams in them.
//
//   ESPDecap(SAS FILE)   SAs from a file, see sa_file.h, found by SPI and destination
//
// Outputs: 0 opened: authentic, new, a sound datagram inside
//          1 bad, as it came; unconnected: dropped by its reason:
//            "unknown_spi"      no SA with this SPI and destination
//            "esp_malformed"    no whole ESP packet
//            "esp_auth_failed"  the ICV is wrong
//            "esp_malformed_inside"  authentic, but its padding or lengths cannot be
//            "esp_ecn"          marked congested outside, not capable of it inside (RFC 6040)
//            "esp_dummy"        next header 59 (RFC 4303 2.6)
// Dropped: "esp_replay" (seen before, or left of the window), whatever is connected
//
// Options and extension headers in front of ESP are allowed, fragments are not.
// The replay window is looked at first and moves only when a packet is authentic.
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
