// SPDX-License-Identifier: MIT
// capture_file.h - pcap file, gzipped or not -> frames. (libpcap's headers and
// <linux/bpf.h> cannot be included together.)
#pragma once

#include <string>
#include <vector>

#include "packet.h"

namespace fulcrum::test {

// At most `limit` frames; false: not a capture of Ethernet.
bool read_capture(const std::string& path, unsigned limit, std::vector<Bytes>& frames);

}  // namespace fulcrum::test
