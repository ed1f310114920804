// SPDX-License-Identifier: MIT
// ip_classifier.cc - IPClassifier: output by the first tcpdump expression that a packet meets.
#include "pipeline/elements/flow/ip_classifier.h"

#include <pcap/pcap.h>

#include <mutex>

#include "fulcrum/args.h"
#include "manual/pipeline/elements/flow/ip_classifier.h"

namespace fulcrum {
namespace {

constexpr int kSnapBytes = 262144;

// libpcap compiles in several threads at once since 1.8 only.
std::mutex& compiler() {
  static std::mutex mutex;
  return mutex;
}

Result<std::vector<bpf_insn>> compile(const std::string& expression) {
  std::lock_guard lock(compiler());
  std::unique_ptr<pcap_t, void (*)(pcap_t*)> pcap(pcap_open_dead(DLT_EN10MB, kSnapBytes), pcap_close);
  if (!pcap) return Error{"libpcap has no memory to compile '" + expression + "'"};
  bpf_program program;
  if (pcap_compile(pcap.get(), &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
    return Error{"'" + expression + "' is no expression that libpcap takes: " + pcap_geterr(pcap.get()) +
                 "; see pcap-filter(7)"};
  std::vector<bpf_insn> code(program.bf_insns, program.bf_insns + program.bf_len);
  pcap_freecode(&program);
  return code;
}

}  // namespace

IPClassifier::IPClassifier() = default;
IPClassifier::~IPClassifier() = default;

std::vector<ArgError> IPClassifier::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  for (const Arg* a = args.positional("an expression"); a; a = args.positional()) {
    std::vector<bpf_insn> code;
    if (a->text != "-") code = args.value(*a, compile(a->text), std::vector<bpf_insn>{});
    programs_.push_back(std::move(code));
    outputs_.add(a->text);
  }
  if (programs_.size() > kMaxSwitchOutputs)
    args.error({}, std::to_string(programs_.size()) + " expressions are too many: 64 is the limit");
  reason_ = setup.reason("no_pattern");
  return args.done();
}

// An expression after the other over what is left: each program stays in cache.
// bpf_filter() checks every load against the frame's length.
void IPClassifier::process(Batch& b, Mask in, Mask* out) noexcept {
  for (std::size_t k = 0; k < programs_.size() && in; ++k) {
    Mask met = in;
    if (!programs_[k].empty())
      for_each(in, [&](unsigned i) {
        if (!bpf_filter(programs_[k].data(), b.data[i], b.len[i], b.len[i])) met &= ~(Mask{1} << i);
      });
    out[k] = met;
    in &= ~met;
  }
  for_each(in, [&](unsigned i) { b.drop(i, reason_); });
  no_pattern_.add(static_cast<std::uint64_t>(std::popcount(in)));
}

constinit const ElementClass kIPClassifierClass = {"IPClassifier",
                                                   "IPClassifier(EXPRESSION, …)",
                                                   "output by the first tcpdump expression that a packet meets",
                                                   1,
                                                   {},
                                                   [] { return std::unique_ptr<Element>(new IPClassifier); },
                                                   kManual,
                                                   true};

}  // namespace fulcrum
