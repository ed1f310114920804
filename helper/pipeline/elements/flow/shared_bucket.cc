// SPDX-License-Identifier: MIT
// shared_bucket.cc - token buckets that all workers draw from, and the arguments that set them.
#include "pipeline/elements/flow/shared_bucket.h"

#include <algorithm>

namespace fulcrum {
namespace {

constexpr std::int64_t kOne = 1000000000;  // tokens of a packet or bit
constexpr std::uint64_t kMaxBurstPackets = 1000000000;
constexpr std::uint64_t kMaxBurstBytes = std::uint64_t{1} << 30;  // as bits times kOne still in 63 bits

std::int64_t depth(const BucketLimit& l) noexcept {
  return static_cast<std::int64_t>(l.burst * (l.rate.of_bits ? 8 : 1)) * kOne;
}

std::int64_t earn(std::int64_t tokens, std::uint64_t ns, std::uint64_t per_second, std::int64_t full) noexcept {
  const __int128 sum = tokens + static_cast<__int128>(ns) * per_second;
  return sum < full ? static_cast<std::int64_t>(sum) : full;
}

std::uint64_t tenth_of_a_second(Rate r) {
  if (r.of_bits) return std::clamp<std::uint64_t>(r.per_second / 80, 65536, kMaxBurstBytes);
  return std::clamp<std::uint64_t>(r.per_second / 10, 32, kMaxBurstPackets);
}

}  // namespace

// From when on the time up to last_ns is the caller's to earn for.
std::uint64_t SharedBucket::claim(std::uint64_t first_ns, std::uint64_t last_ns, std::int64_t full) noexcept {
  std::uint64_t until = earned_until_ns_.load(std::memory_order_relaxed);
  if (until == kNever && earned_until_ns_.compare_exchange_strong(until, first_ns, std::memory_order_relaxed)) {
    tokens_.fetch_add(full, std::memory_order_relaxed);
    until = first_ns;
  }
  while (until < last_ns)
    if (earned_until_ns_.compare_exchange_weak(until, last_ns, std::memory_order_relaxed)) return until;
  return last_ns;
}

Mask SharedBucket::spend(const Batch& b, Mask in, const BucketLimit& limit) noexcept {
  if (!in) return 0;
  const std::int64_t full = depth(limit);
  const std::uint64_t first_ns = b.time_ns(static_cast<unsigned>(std::countr_zero(in)));
  std::uint64_t last_ns = first_ns;
  for_each(in, [&](unsigned i) { last_ns = std::max(last_ns, b.time_ns(i)); });
  const std::uint64_t from_ns = claim(first_ns, last_ns, full);
  std::int64_t before = tokens_.load(std::memory_order_relaxed);
  for (;;) {
    std::int64_t tokens = before;
    std::uint64_t at_ns = from_ns;
    Mask paid = 0;
    const auto earn_until = [&](std::uint64_t ns) {
      if (ns > at_ns) tokens = earn(tokens, ns - at_ns, limit.rate.per_second, full), at_ns = ns;
    };
    for_each(in, [&](unsigned i) {
      earn_until(b.time_ns(i));
      const std::int64_t cost = (limit.rate.of_bits ? std::int64_t{8} * b.len[i] : 1) * kOne;
      if (tokens < cost) return;
      tokens -= cost;
      paid |= Mask{1} << i;
    });
    earn_until(last_ns);
    if (tokens_.compare_exchange_weak(before, tokens, std::memory_order_relaxed)) return paid;
  }
}

std::vector<BucketLimit> RateLimits::read(ArgReader& args, unsigned most) {
  std::vector<BucketLimit> limits;
  for (const Arg* a = args.positional("a rate, as in 10kpps or 100Mbps,"); a; a = args.positional()) {
    const Rate rate = args.rate(a);
    if (rate.per_second && !limits.empty() && rate.of_bits != limits.back().rate.of_bits)
      args.error(a->pos, "rates of packets and of bits do not mix");
    else if (rate.per_second && !limits.empty() && rate.per_second <= limits.back().rate.per_second)
      args.error(a->pos, "rate " + a->text + " is not above the one before it: rates ascend");
    if (limits.size() == most)
      args.error(a->pos, "rate " + a->text + " is one too many: " + std::to_string(most) + " is the limit");
    limits.push_back({rate, 0});
  }
  const Arg* a = args.keyword("BURST");
  const bool of_bits = !limits.empty() && limits[0].rate.of_bits;
  const std::uint64_t burst = of_bits ? args.size(a, {64, kMaxBurstBytes}) : args.number(a, {1, kMaxBurstPackets});
  for (BucketLimit& l : limits) l.burst = burst ? burst : tenth_of_a_second(l.rate);
  return limits;
}

void RateLimits::configure(ArgReader& args, Setup& setup, const char* class_name, unsigned most) {
  for (const BucketLimit& l : read(args, most)) limits_.emplace_back(l);
  const bool of_bits = !limits_.empty() && limits_[0].of_bits;
  // Tokens of packets are none of bits: another kind of rate starts anew.
  const std::string key = std::string(class_name) + "/" + setup.element() + (of_bits ? "/bits" : "/packets");
  const auto make = [&]() -> std::shared_ptr<void> {
    if (auto before = setup.inherited(key)) return before;
    return std::make_shared<std::array<SharedBucket, kMaxRates>>();
  };
  buckets_ = std::static_pointer_cast<std::array<SharedBucket, kMaxRates>>(setup.shared(key, make));
}

Result<std::vector<BucketLimit>> RateLimits::parse(std::span<const Arg> given) const {
  ArgReader args(given);
  std::vector<BucketLimit> limits = read(args, size());
  if (const std::vector<ArgError> errors = args.done(); !errors.empty()) return Error{errors[0].text};
  if (limits.size() != size())
    return Error{std::to_string(limits.size()) + " rates for " + std::to_string(size()) + ": give one for each"};
  if (limits[0].rate.of_bits != limits_[0].of_bits)
    return Error{"a rate of packets stays one of packets, and one of bits: load another pipeline to change that"};
  return limits;
}

void RateLimits::set(const std::vector<BucketLimit>& limits) noexcept {
  for (std::size_t k = 0; k < limits_.size(); ++k) {
    limits_[k].per_second.store(limits[k].rate.per_second, std::memory_order_relaxed);
    limits_[k].burst.store(limits[k].burst, std::memory_order_relaxed);
  }
}

std::string RateLimits::text() const {
  std::string text;
  for (const Shown& s : limits_) {
    const BucketLimit l = s.value();
    text += rate_text(l.rate) + " burst " + std::to_string(l.burst) + (l.rate.of_bits ? " bytes\n" : " packets\n");
  }
  return text;
}

}  // namespace fulcrum
