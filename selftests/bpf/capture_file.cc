// SPDX-License-Identifier: MIT
// capture_file.cc - libpcap -> frames.
#include "capture_file.h"

#include <pcap/pcap.h>

#include <cstdio>

namespace fulcrum::test {

bool read_capture(const std::string& path, unsigned limit, std::vector<Bytes>& frames) {
  char err[PCAP_ERRBUF_SIZE];
  FILE* pipe = path.ends_with(".gz") ? popen(("gzip -dc '" + path + "'").c_str(), "r") : nullptr;
  // pcap_close() closes the pipe's stream; gzip ends by itself at the end or by SIGPIPE.
  pcap_t* in = pipe ? pcap_fopen_offline(pipe, err) : pcap_open_offline(path.c_str(), err);
  if (!in) return false;
  const bool ethernet = pcap_datalink(in) == DLT_EN10MB;
  pcap_pkthdr* head;
  const unsigned char* data;
  while (ethernet && frames.size() < limit && pcap_next_ex(in, &head, &data) == 1)
    frames.emplace_back(data, data + head->caplen);
  pcap_close(in);
  return ethernet;
}

}  // namespace fulcrum::test
