// SPDX-License-Identifier: MIT
// output.h - packets with verdicts, in order of arrival -> captures, verdict lines, sums.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fulcrum/batch.h"
#include "pipeline/offline_setup.h"
#include "port/pcap_file.h"
#include "replay/replay.h"

namespace fulcrum {

// One packet's end.
struct Outcome {
  CapturedPacket packet;  // as it leaves
  Verdict verdict = Verdict::kNone;
  std::uint16_t port = kNoPort;  // of tx
  const std::string* reason = nullptr;
  const std::string* tier = nullptr;
  std::uint32_t alert = 0;  // Batch::alert
  bool made = false;        // added by an element, to the packet before
};

class ReplayOutput {
 public:
  // Errors: a file that cannot be written, a port that the pipeline does not know.
  static Result<std::unique_ptr<ReplayOutput>> open(const ReplayOptions& options, const OfflineSetup& setup,
                                                    bool nanoseconds);

  void put(const Outcome& o);
  // Puts all files in their place.
  Result<void> commit();
  ReplayReport& report() { return report_; }

 private:
  ReplayOutput() = default;
  Result<void> open_ports(const ReplayOptions& options, bool nanoseconds);
  void verdict_line(const Outcome& o);

  std::vector<std::string> ports_;                         // by index
  std::unique_ptr<CaptureWriter> all_;                     // --out
  std::vector<std::unique_ptr<CaptureWriter>> port_file_;  // by index; null: not kept
  std::unique_ptr<OutputFile> verdicts_;
  std::string line_;
  std::vector<std::uint64_t> tx_;  // by port index
  ReplayReport report_;
};

}  // namespace fulcrum
