// SPDX-License-Identifier: MIT
// classifier.cc - Classifier: output by the first byte pattern that a packet meets.
#include "pipeline/elements/flow/classifier.h"

#include "fulcrum/args.h"
#include "manual/pipeline/elements/flow/classifier.h"

namespace fulcrum {

std::vector<ArgError> Classifier::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  std::vector<BytePattern> patterns;
  for (const Arg* a = args.positional("a pattern"); a; a = args.positional()) {
    patterns.push_back(args.value(*a, parse_byte_pattern(a->text), BytePattern{}));
    outputs_.add(a->text);
  }
  if (patterns.size() > kMaxSwitchOutputs)
    args.error({}, std::to_string(patterns.size()) + " patterns are too many: 64 is the limit");
  std::size_t tests = 0;
  for (const BytePattern& p : patterns)
    for (const Clause& c : p) tests += c.tests.size();
  if (tests > kMaxWordTests)
    args.error({}, "the patterns look at " + std::to_string(tests) + " words of four bytes, " +
                       std::to_string(kMaxWordTests) + " is the limit: use two Classifiers");
  std::vector<ArgError> errors = args.done();
  if (errors.empty()) graph_.emplace(patterns);
  reason_ = setup.reason("no_pattern");
  return errors;
}

void Classifier::process(Batch& b, Mask in, Mask* out) noexcept {
  const auto patterns = static_cast<unsigned>(outputs_.size());
  std::uint64_t none = 0;
  for_each(in, [&](unsigned i) {
    const unsigned k = graph_->match(b.data[i], b.len[i]);
    if (k < patterns)
      out[k] |= Mask{1} << i;
    else
      b.drop(i, reason_), ++none;
  });
  no_pattern_.add(none);
}

constinit const ElementClass kClassifierClass = {"Classifier",
                                                 "Classifier(PATTERN, …)",
                                                 "output by the first byte pattern that a packet meets",
                                                 1,
                                                 {},
                                                 [] { return std::unique_ptr<Element>(new Classifier); },
                                                 kManual,
                                                 true};

}  // namespace fulcrum
