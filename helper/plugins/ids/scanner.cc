// SPDX-License-Identifier: MIT
// scanner.cc - Hyperscan (or Vectorscan, same API) behind two small classes.
#include "scanner.h"

#include <hs/hs.h>

#include <algorithm>
#include <numeric>

namespace fulcrum::ids {

void ScanDatabase::Free::operator()(hs_database* database) const { hs_free_database(database); }
void Scanner::Free::operator()(hs_scratch* scratch) const { hs_free_scratch(scratch); }

namespace {

// Frees `error`. name_of: number of a pattern -> what the user calls it.
template <class NameOf>
Error why_not(hs_error_t code, hs_compile_error_t* error, NameOf name_of) {
  std::string why = error && error->message ? error->message : "error " + std::to_string(code);
  if (error && error->expression >= 0) why = name_of(static_cast<std::size_t>(error->expression)) + ": " + why;
  hs_free_compile_error(error);
  return Error{"Hyperscan: " + why};
}

}  // namespace

Result<std::shared_ptr<const ScanDatabase>> ScanDatabase::compile(std::span<const Pattern> patterns, bool every) {
  std::vector<const char*> texts;
  std::vector<std::size_t> lengths;
  std::vector<unsigned> flags, numbers(patterns.size());
  std::iota(numbers.begin(), numbers.end(), 0u);
  for (const Pattern& p : patterns) {
    texts.push_back(p.bytes.data());
    lengths.push_back(p.bytes.size());
    // One report a pattern is enough to know the lowest.
    flags.push_back((every ? 0u : HS_FLAG_SINGLEMATCH) | (p.nocase ? HS_FLAG_CASELESS : 0u));
  }
  auto out = std::make_shared<ScanDatabase>();
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  const hs_error_t code =
      hs_compile_lit_multi(texts.data(), flags.data(), numbers.data(), lengths.data(),
                           static_cast<unsigned>(texts.size()), HS_MODE_BLOCK, nullptr, &database, &error);
  if (code != HS_SUCCESS) return why_not(code, error, [](std::size_t k) { return "pattern " + std::to_string(k); });
  out->database_.reset(database);
  return std::shared_ptr<const ScanDatabase>(std::move(out));
}

Result<std::shared_ptr<const ScanDatabase>> ScanDatabase::compile_regex(std::span<const Regex> expressions) {
  std::vector<const char*> texts;
  std::vector<unsigned> flags, numbers(expressions.size());
  std::iota(numbers.begin(), numbers.end(), 0u);
  for (const Regex& r : expressions) {
    texts.push_back(r.text.c_str());
    flags.push_back(HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY | (r.flags.nocase ? HS_FLAG_CASELESS : 0u) |
                    (r.flags.multiline ? HS_FLAG_MULTILINE : 0u) | (r.flags.dotall ? HS_FLAG_DOTALL : 0u));
  }
  auto out = std::make_shared<ScanDatabase>();
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  const hs_error_t code =
      hs_compile_multi(texts.data(), flags.data(), numbers.data(), static_cast<unsigned>(texts.size()), HS_MODE_BLOCK,
                       nullptr, &database, &error);
  if (code != HS_SUCCESS) return why_not(code, error, [&](std::size_t k) { return expressions[k].where; });
  out->database_.reset(database);
  return std::shared_ptr<const ScanDatabase>(std::move(out));
}

Result<Scanner> Scanner::open(std::shared_ptr<const ScanDatabase> database) {
  Scanner s;
  hs_scratch_t* scratch = nullptr;
  const hs_error_t code = hs_alloc_scratch(database->database_.get(), &scratch);
  if (code != HS_SUCCESS) return Error{"Hyperscan: no working memory: error " + std::to_string(code)};
  s.scratch_.reset(scratch);
  s.database_ = std::move(database);
  return s;
}

namespace {

int on_match(unsigned number, unsigned long long, unsigned long long, unsigned, void* lowest_so_far) {
  auto& lowest = *static_cast<std::uint32_t*>(lowest_so_far);
  if (number < lowest) lowest = number;
  return lowest == 0;  // nothing can be lower: stop
}

}  // namespace

std::uint32_t Scanner::lowest(const std::uint8_t* data, std::uint32_t bytes) noexcept {
  std::uint32_t lowest = ~0u;
  if (bytes)
    hs_scan(database_->database_.get(), reinterpret_cast<const char*>(data), bytes, 0, scratch_.get(), on_match,
            &lowest);
  return lowest + 1;
}

namespace {

struct Collected {
  std::span<PatternMatch> room;
  std::size_t found = 0;
};

int on_each(unsigned number, unsigned long long, unsigned long long end, unsigned, void* context) {
  auto& c = *static_cast<Collected*>(context);
  if (c.found < c.room.size()) c.room[c.found] = {static_cast<std::uint32_t>(end), number};
  ++c.found;
  return 0;
}

}  // namespace

std::size_t Scanner::all(const std::uint8_t* data, std::uint32_t bytes, std::span<PatternMatch> room) noexcept {
  Collected c{room};
  if (bytes)
    hs_scan(database_->database_.get(), reinterpret_cast<const char*>(data), bytes, 0, scratch_.get(), on_each, &c);
  std::ranges::sort(room.first(std::min(c.found, room.size())));  // Hyperscan leaves open which of one end comes first
  return c.found;
}

}  // namespace fulcrum::ids
