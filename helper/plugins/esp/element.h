// SPDX-License-Identifier: MIT
// element.h - what ESPEncap and ESPDecap have in common: SAs, ways out, counters by status.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "fulcrum/args.h"
#include "fulcrum/count.h"
#include "fulcrum/element.h"
#include "plugins/esp/mb.h"
#include "plugins/esp/sa_file.h"

namespace fulcrum::esp {

class EspElement : public Element, public Offload {
 public:
  Offload* offload() noexcept override { return this; }
  KernelTable table() noexcept override;
  std::vector<CounterValue> counters() const override;

 protected:
  using StatusNames = std::array<const char*, ESP_STATUSES>;  // null: this element never has it
  // `reasons` of drops, `counts` of counters.
  EspElement(const StatusNames& reasons, const StatusNames& counts) : names_(reasons), counts_(counts) {}

  // SAS FILE; then what is needed to run. Errors go to `args`.
  void take_sas(ArgReader& args, Setup& setup);
  // A result as a device gave it: what no kernel of this element gives counts as malformed.
  std::uint32_t known(std::uint32_t result) const noexcept {
    return result == ESP_OK || (result < ESP_STATUSES && names_[result]) ? result : std::uint32_t{ESP_MALFORMED};
  }
  // Packet i is not for output 0.
  void drop(Batch& b, unsigned i, std::uint32_t status) noexcept {
    count_[status].add(1);
    b.drop(i, reason_[status]);
  }
  void leave(Batch& b, unsigned i, std::uint32_t status, Mask* out) noexcept {
    count_[status].add(1);
    b.reason[i] = reason_[status];
    out[1] |= Mask{1} << i;
  }
  void done(unsigned i, Mask* out) noexcept {
    count_[ESP_OK].add(1);
    out[0] |= Mask{1} << i;
  }

  std::shared_ptr<SaFile> file_;
  TableReader<SaTable> sas_;
  TableReader<SelectorTable> selectors_;
  std::unique_ptr<MbCrypto> crypto_;
  std::array<MbPacket, kBatchSize> packet_;  // of the batch at hand

 private:
  const StatusNames& names_;
  const StatusNames& counts_;
  std::array<Reason, ESP_STATUSES> reason_{};
  std::array<Count, ESP_STATUSES> count_;
};

}  // namespace fulcrum::esp
