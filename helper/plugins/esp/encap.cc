// SPDX-License-Identifier: MIT
// encap.cc - one plan per packet, shared by the cpu and device forms.
#include "plugins/esp/encap.h"

#include <charconv>

#include "fulcrum/range.h"
#include "fulcrum/reparse.h"
#include "plugins/esp/kernel.h"
#include "plugins/esp/pieces.h"

namespace fulcrum::esp {
namespace {

static_assert(ESP_GROWTH_BYTES <= kTailroomBytes);

// In the order of ESP_OK ….
constexpr std::array<const char*, ESP_STATUSES> kReasons{
    nullptr, "no_sa", "esp_malformed", nullptr, nullptr, "esp_too_big", "seq_exhausted", nullptr, nullptr, nullptr};
constexpr std::array<const char*, ESP_STATUSES> kCounts{"sealed",  "no_sa",         "malformed", nullptr, nullptr,
                                                        "too_big", "seq_exhausted", nullptr,     nullptr, nullptr};

bool parse_spi(std::string_view text, std::uint32_t& spi) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), spi, hex ? 16 : 10);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

EspEncap::EspEncap() : EspElement(kReasons, kCounts) {}

std::vector<ArgError> EspEncap::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  take_sas(args, setup);
  if (const Arg* a = args.keyword("SPI")) {
    std::uint32_t spi = 0;
    const SaTable* sas = file_ && file_->errors.empty() ? sas_.get() : nullptr;
    if (!parse_spi(a->text, spi)) {
      args.error(a->pos, "SPI cannot be '" + a->text + "'", {"a number such as 256 or 0x100"});
    } else if (sas) {
      const std::optional<std::uint32_t> slot = sas->find_spi(spi);
      std::vector<std::string> known;
      for (std::uint32_t s = 0; s < std::min(sas->count(), 8u); ++s)
        known.push_back(std::to_string(sas->entry(s).spec.spi));
      if (!slot) args.error(a->pos, "no SA of the file has the SPI " + a->text, known);
      fixed_slot_ = slot.value_or(SelectorTable::kNone);
    }
  }
  return args.done();
}

EspEncap::Plan EspEncap::plan(const Batch& b, unsigned i) noexcept {
  Plan p;
  if (!now_ || !(b.flags[i] & (FULCRUM_META_IP4 | FULCRUM_META_IP6))) return p;
  const ByteRange range = packet_range(b, i, PacketRange::kDatagram, 0);
  const std::uint8_t* l3 = b.data[i] + range.offset;
  p.inner_bytes = esp_datagram_bytes(l3, range.length);
  if (!p.inner_bytes) {
    p.status = ESP_MALFORMED;
    return p;
  }
  const bool v6 = l3[0] >> 4 == 6;
  p.slot = fixed_slot_;
  if (p.slot == SelectorTable::kNone && selectors_now_) p.slot = selectors_now_->find(v6, l3 + (v6 ? 24 : 16));
  if (p.slot >= now_->count() || now_->sa(p.slot)->suite == ESP_NONE) return p;
  p.status = ESP_TOO_BIG;
  if (!esp_fits(now_->sa(p.slot), p.inner_bytes)) return p;
  p.number = now_->entry(p.slot).state->sequence.take();
  p.status = p.number ? ESP_OK : ESP_EXHAUSTED;
  return p;
}

void EspEncap::frame(Batch& b, unsigned i, const Plan& plan, MbPacket& p) noexcept {
  const esp_sa* sa = now_->sa(plan.slot);
  const std::uint32_t l3 = b.l3_off[i];
  b.resize(i, l3 + esp_sealed_bytes(sa, plan.inner_bytes));
  std::uint8_t* to = b.data[i] + l3;
  std::uint8_t* text = to + esp_front_bytes(sa);
  std::memmove(text, to, plan.inner_bytes);
  const auto seq = static_cast<std::uint32_t>(plan.number);
  p.seq_hi = static_cast<std::uint32_t>(plan.number >> 32);
  esp_write_front(to, sa, text, plan.inner_bytes, seq, p.seq_hi, seq);
  esp_write_trailer(text, plan.inner_bytes, esp_next_header(text));
  p.sa = sa;
  p.keys = now_->entry(plan.slot).mb.get();
  p.esp = to + sa->outer_bytes;
  p.text_bytes = esp_text_bytes(plan.inner_bytes);
  p.packet = i;
}

void EspEncap::sealed(Batch& b, unsigned i, bool outer_v6, Mask* out) noexcept {
  set_ethertype(b, i, outer_v6);
  reparse(b, i);
  done(i, out);
}

void EspEncap::refuse(Batch& b, unsigned i, std::uint32_t status, Mask* out) noexcept {
  if (status == ESP_NO_SA) return leave(b, i, status, out);
  drop(b, i, status);
}

void EspEncap::process(Batch& b, Mask in, Mask* out) noexcept {
  now_ = sas_.get();
  selectors_now_ = selectors_.get();
  unsigned count = 0;
  for_each(in, [&](unsigned i) {
    const Plan p = plan(b, i);
    if (p.status != ESP_OK) return refuse(b, i, p.status, out);
    frame(b, i, p, packet_[count++]);
  });
  crypto_->seal(packet_.data(), count);
  for (unsigned k = 0; k < count; ++k) sealed(b, packet_[k].packet, packet_[k].sa->flags & ESP_OUTER6, out);
}

const KernelDecl& EspEncap::kernel() const noexcept { return kEncapKernel; }

void EspEncap::prepare(Batch& b, Mask in, const ItemColumns& columns) noexcept {
  now_ = sas_.get();
  selectors_now_ = selectors_.get();
  for_each(in, [&](unsigned i) {
    const Plan p = plan(b, i);
    const auto hi = static_cast<std::uint32_t>(p.number >> 32);
    const auto lo = static_cast<std::uint32_t>(p.number);
    const EncapIn record{p.status == ESP_OK ? p.slot : ESP_REFUSED | p.status, hi, lo, hi, lo};
    std::memcpy(columns.of(i), &record, sizeof record);
  });
}

void EspEncap::finish(Batch& b, Mask in, const ItemResults& items, Mask* out) noexcept {
  for_each(in, [&](unsigned i) {
    const std::uint32_t status = known(items.result(i));
    if (status != ESP_OK) return refuse(b, i, status, out);
    sealed(b, i, b.l3(i)[0] >> 4 == 6, out);
  });
}

}  // namespace fulcrum::esp
