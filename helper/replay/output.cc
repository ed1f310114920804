// SPDX-License-Identifier: MIT
// output.cc - packets with verdicts, in order of arrival -> captures, verdict lines, sums.
#include "replay/output.h"

#include <algorithm>
#include <set>

namespace fulcrum {
namespace {

const char* verdict_name(Verdict v) {
  switch (v) {
    case Verdict::kTx:
      return "tx";
    case Verdict::kKernel:
      return "kernel";
    case Verdict::kDrop:
      return "drop";
    case Verdict::kNone:
      break;
  }
  return "none";
}

// Two outputs in one file would overwrite each other.
Result<void> check_distinct(const ReplayOptions& options) {
  std::set<std::string> seen;
  std::vector<std::string> files{options.out, options.verdicts};
  for (const auto& [name, file] : options.out_port) files.push_back(file);
  for (const std::string& f : files)
    if (!f.empty() && f != "/dev/null" && !seen.insert(f).second)
      return Error{f + ": is named for two outputs: give each its own file"};
  return {};
}

}  // namespace

Result<std::unique_ptr<ReplayOutput>> ReplayOutput::open(const ReplayOptions& options, const OfflineSetup& setup,
                                                         bool nanoseconds) {
  std::unique_ptr<ReplayOutput> output(new ReplayOutput);
  output->ports_ = setup.ports();
  output->tx_.resize(setup.ports().size());
  Result<void> opened = check_distinct(options);
  if (opened) opened = output->open_ports(options, nanoseconds);
  if (!opened) return opened.error();
  if (!options.out.empty()) {
    auto file = CaptureWriter::open(options.out, nanoseconds);
    if (!file) return file.error();
    output->all_ = std::move(*file);
  }
  if (!options.verdicts.empty()) {
    auto file = OutputFile::open(options.verdicts);
    if (!file) return file.error();
    output->verdicts_ = std::move(*file);
  }
  return output;
}

Result<void> ReplayOutput::open_ports(const ReplayOptions& options, bool nanoseconds) {
  port_file_.resize(ports_.size());
  for (const auto& [name, path] : options.out_port) {
    auto known = std::find(ports_.begin(), ports_.end(), name);
    if (known == ports_.end()) {
      std::string choices;
      for (const std::string& p : ports_) choices += (choices.empty() ? "" : ", ") + p;
      return Error{"--out-port " + name + ": the pipeline has no such port: choose one of: " + choices};
    }
    auto& slot = port_file_[static_cast<std::size_t>(known - ports_.begin())];
    if (slot) return Error{"--out-port " + name + ": is given twice: name each port once"};
    auto file = CaptureWriter::open(path, nanoseconds);
    if (!file) return file.error();
    slot = std::move(*file);
  }
  return {};
}

void ReplayOutput::verdict_line(const Outcome& o) {
  // Names of ports, reasons and tiers hold no character that JSON would escape.
  line_ = "{\"n\":" + std::to_string(report_.packets - o.made) + (o.made ? ",\"made\":true" : "") + ",\"verdict\":\"" +
          verdict_name(o.verdict) + "\"";
  if (o.verdict == Verdict::kTx) line_ += ",\"port\":\"" + ports_[o.port] + "\"";
  line_ += ",\"reason\":\"" + *o.reason + "\",\"tier\":\"" + *o.tier + "\",\"alerts\":[";
  if (o.alert) line_ += std::to_string(o.alert - 1);
  line_ += "]}\n";
  verdicts_->write(line_.data(), line_.size());
}

void ReplayOutput::put(const Outcome& o) {
  if (verdicts_) verdict_line(o);
  ++(o.made ? report_.made : report_.packets);
  report_.bytes += o.packet.len;
  report_.alerts += o.alert != 0;
  ++report_.by_tier[*o.tier];
  switch (o.verdict) {
    case Verdict::kTx:
      ++report_.tx;
      ++tx_[o.port];
      if (all_) all_->write(o.packet);
      if (port_file_[o.port]) port_file_[o.port]->write(o.packet);
      break;
    case Verdict::kKernel:
      ++report_.kernel_by_reason[*o.reason];
      break;
    case Verdict::kDrop:
    case Verdict::kNone:
      ++report_.drop_by_reason[*o.reason];
      break;
  }
}

Result<void> ReplayOutput::commit() {
  for (std::size_t i = 0; i < tx_.size(); ++i)
    if (tx_[i]) report_.tx_by_port[ports_[i]] = tx_[i];
  std::vector<CaptureWriter*> captures{all_.get()};
  for (auto& p : port_file_) captures.push_back(p.get());
  for (CaptureWriter* c : captures) {
    if (!c) continue;
    if (Result<void> done = c->commit(); !done) return done;
  }
  return verdicts_ ? verdicts_->commit() : Result<void>();
}

}  // namespace fulcrum
