// SPDX-License-Identifier: MIT
// decap.cc - one plan per packet, shared by the cpu and device forms.
#include "plugins/esp/decap.h"

#include "fulcrum/range.h"
#include "fulcrum/reparse.h"
#include "plugins/esp/kernel.h"
#include "plugins/esp/pieces.h"

namespace fulcrum::esp {
namespace {

// In the order of ESP_OK ….
constexpr std::array<const char*, ESP_STATUSES> kReasons{
    nullptr, "unknown_spi", "esp_malformed", "esp_auth_failed",      "esp_replay",
    nullptr, nullptr,       "esp_ecn",       "esp_malformed_inside", "esp_dummy"};
constexpr std::array<const char*, ESP_STATUSES> kCounts{"opened",           "unknown_spi", "malformed", "auth_failed",
                                                        "replayed",         nullptr,       nullptr,     "ecn",
                                                        "malformed_inside", "dummy"};

}  // namespace

EspDecap::EspDecap() : EspElement(kReasons, kCounts) {}

std::vector<ArgError> EspDecap::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  take_sas(args, setup);
  return args.done();
}

EspDecap::Plan EspDecap::plan(const Batch& b, unsigned i) const noexcept {
  Plan p;
  const bool is_esp =
      b.proto[i] == FULCRUM_PROTO_ESP && b.l4_off[i] > b.l3_off[i] && !(b.flags[i] & FULCRUM_META_FRAGMENT);
  if (!now_ || !is_esp) return p;
  const ByteRange range = packet_range(b, i, PacketRange::kDatagram, 0);
  const std::uint8_t* l3 = b.data[i] + range.offset;
  p.esp_off = b.l4_off[i] - range.offset;
  if (esp_datagram_bytes(l3, range.length) != range.length || p.esp_off + ESP_HEAD_BYTES > range.length) return p;
  const std::uint8_t* esp = l3 + p.esp_off;
  const bool v6 = l3[0] >> 4 == 6;
  p.slot = now_->find(fu_load_be32(esp), v6, l3 + (v6 ? 24 : 16));
  if (p.slot == now_->count()) {
    p.status = ESP_NO_SA;
    return p;
  }
  const SaTable::Entry& entry = now_->entry(p.slot);
  p.text_bytes = esp_sealed_text(now_->sa(p.slot), p.esp_off, range.length);
  if (!p.text_bytes) return p;
  const std::uint32_t low = fu_load_be32(esp + 4);
  p.number = low;
  if (entry.spec.esn) p.number |= std::uint64_t{entry.state->replay.upper_half(low)} << 32;
  p.status = entry.state->replay.may_take(p.number) ? ESP_OK : ESP_REPLAY;
  return p;
}

void EspDecap::refuse(Batch& b, unsigned i, std::uint32_t status, Mask* out) noexcept {
  // Whether a copy is found before or after it was decrypted depends on its neighbours:
  // so that nobody sees the difference, none leaves.
  if (status == ESP_REPLAY) return drop(b, i, status);
  leave(b, i, status, out);
}

void EspDecap::opened(Batch& b, unsigned i, Mask* out) noexcept {
  set_ethertype(b, i, b.l3(i)[0] >> 4 == 6);
  reparse(b, i);
  done(i, out);
}

void EspDecap::open(Batch& b, MbPacket& p, Mask* out) noexcept {
  const unsigned i = p.packet;
  std::uint8_t* text = crypto_->open(p);
  if (!text) return refuse(b, i, ESP_AUTH, out);
  std::uint32_t inner_bytes = 0;
  const std::uint32_t status = esp_finish_text(text, p.text_bytes, esp_traffic_class(b.l3(i)), &inner_bytes);
  if (!now_->entry(p.slot).state->replay.take(p.number)) return refuse(b, i, ESP_REPLAY, out);
  if (status != ESP_OK) return refuse(b, i, status, out);
  std::memcpy(b.l3(i), text, inner_bytes);
  b.resize(i, b.l3_off[i] + inner_bytes);
  opened(b, i, out);
}

void EspDecap::process(Batch& b, Mask in, Mask* out) noexcept {
  now_ = sas_.get();
  unsigned count = 0;
  for_each(in, [&](unsigned i) {
    const Plan plan = this->plan(b, i);
    if (plan.status != ESP_OK) return refuse(b, i, plan.status, out);
    MbPacket& p = packet_[count++];
    p.sa = now_->sa(plan.slot);
    p.keys = now_->entry(plan.slot).mb.get();
    p.esp = b.l3(i) + plan.esp_off;
    p.text_bytes = plan.text_bytes;
    p.seq_hi = static_cast<std::uint32_t>(plan.number >> 32);
    p.slot = plan.slot;
    p.packet = i;
    p.number = plan.number;
  });
  crypto_->check(packet_.data(), count);
  for (unsigned k = 0; k < count; ++k) open(b, packet_[k], out);
}

const KernelDecl& EspDecap::kernel() const noexcept { return kDecapKernel; }

void EspDecap::prepare(Batch& b, Mask in, const ItemColumns& columns) noexcept {
  now_ = sas_.get();
  for_each(in, [&](unsigned i) {
    const Plan p = plan(b, i);
    const DecapIn record{p.status == ESP_OK ? p.slot : ESP_REFUSED | p.status,
                         static_cast<std::uint32_t>(p.number >> 32), p.esp_off};
    std::memcpy(columns.of(i), &record, sizeof record);
  });
}

void EspDecap::finish(Batch& b, Mask in, const ItemResults& items, Mask* out) noexcept {
  now_ = sas_.get();
  for_each(in, [&](unsigned i) {
    const std::uint32_t status = known(items.result(i));
    const bool authentic = status == ESP_OK || status == ESP_ECN || status == ESP_DUMMY || status == ESP_TEXT;
    if (authentic) {
      DecapOut column;
      std::memcpy(&column, items.columns(i), sizeof column);
      const std::uint64_t number = std::uint64_t{column.seq_hi} << 32 | column.seq_lo;
      if (column.slot >= now_->count()) return refuse(b, i, ESP_MALFORMED, out);  // the device is wrong
      if (!now_->entry(column.slot).state->replay.take(number)) return refuse(b, i, ESP_REPLAY, out);
    }
    if (status != ESP_OK) return refuse(b, i, status, out);
    opened(b, i, out);
  });
}

}  // namespace fulcrum::esp
