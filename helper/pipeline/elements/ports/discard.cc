// SPDX-License-Identifier: MIT
// discard.cc - Discard: input -> dropped, counted by reason.
#include "pipeline/elements/ports/discard.h"

#include <algorithm>
#include <cctype>

#include "fulcrum/args.h"
#include "manual/pipeline/elements/ports/discard.h"

namespace fulcrum {

std::vector<ArgError> Discard::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  const Arg* a = args.keyword("REASON");
  if (!a) a = args.positional();
  std::string name = "discard";
  if (a) {
    const bool plain = !a->text.empty() && a->text.size() <= 32 &&
                       std::all_of(a->text.begin(), a->text.end(),
                                   [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; });
    if (!plain) args.error(a->pos, "REASON wants one name of letters, digits and '_', at most 32 long");
    name = a->text;
    keep_earlier_ = false;
  }
  reason_ = setup.reason(name);
  return args.done();
}

void Discard::process(Batch& b, Mask in, Mask*) noexcept {
  for_each(in, [&](unsigned i) { b.drop(i, keep_earlier_ && b.reason[i] ? b.reason[i] : reason_); });
  packets_.add(static_cast<std::uint64_t>(std::popcount(in)));
}

constinit const ElementClass kDiscardClass = {"Discard",
                                              "Discard | Discard([REASON] name)",
                                              "drops packets",
                                              1,
                                              {},
                                              [] { return std::unique_ptr<Element>(new Discard); },
                                              kManual};

}  // namespace fulcrum
