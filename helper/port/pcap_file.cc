// SPDX-License-Identifier: MIT
// pcap_file.cc - capture files: pcap and pcapng in, classic pcap out.
#include "port/pcap_file.h"

#include <pcap/pcap.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace fulcrum {
namespace {

constexpr std::uint32_t kMagicMicro = 0xa1b2c3d4;
constexpr std::uint32_t kMagicNano = 0xa1b23c4d;
constexpr std::uint32_t kMagicPcapng = 0x0a0d0d0a;
constexpr std::uint64_t kSecond_ns = 1'000'000'000;

// Classic files say it in their magic, pcapng per interface: assume the finer.
bool has_nanoseconds(std::FILE* file) {
  std::uint32_t magic = 0;
  const bool read = std::fread(&magic, sizeof(magic), 1, file) == 1;
  std::rewind(file);
  return read && (magic == kMagicNano || magic == __builtin_bswap32(kMagicNano) || magic == kMagicPcapng);
}

Error not_a_capture(const std::string& path, const char* why) {
  return Error{path + ": not a readable capture: " + why + ": give a pcap or pcapng file"};
}

Error other_link_type(const std::string& path, int type) {
  const char* name = pcap_datalink_val_to_name(type);
  const char* words = pcap_datalink_val_to_description(type);
  return Error{path + ": link type " + (name ? name : std::to_string(type)) +
               (words ? std::string(" (") + words + ")" : "") +
               ": only Ethernet (EN10MB) can be processed: capture on an Ethernet interface instead of 'any', "
               "or rewrite the file with Ethernet headers"};
}

}  // namespace

Result<std::unique_ptr<CaptureReader>> CaptureReader::open(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (!file) return Error{path + ": cannot be read: " + std::strerror(errno) + ": check the name and its permissions"};
  const bool nanoseconds = has_nanoseconds(file);
  char why[PCAP_ERRBUF_SIZE] = "";
  pcap_t* handle = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, why);
  if (!handle) {
    std::fclose(file);
    return not_a_capture(path, why);
  }
  std::unique_ptr<CaptureReader> reader(new CaptureReader(path, handle, nanoseconds));
  if (pcap_datalink(handle) != DLT_EN10MB) return other_link_type(path, pcap_datalink(handle));
  return reader;
}

CaptureReader::~CaptureReader() { pcap_close(handle_); }

Result<bool> CaptureReader::next(CapturedPacket& p) {
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  const int got = pcap_next_ex(handle_, &header, &data);
  if (got == PCAP_ERROR_BREAK) return false;
  if (got != 1)
    return Error{path_ + ": cannot be read beyond byte " + std::to_string(std::ftell(pcap_file(handle_))) +
                 ", after packet " + std::to_string(packets_) + ": " + pcap_geterr(handle_) +
                 ": capture again, or keep what is sound with 'editcap " + path_ + " sound.pcap'"};
  ++packets_;
  if (header->caplen > kMaxCapturedBytes)
    return Error{path_ + ": packet " + std::to_string(packets_) + ": has " + std::to_string(header->caplen) +
                 " bytes: " + std::to_string(kMaxCapturedBytes) + " is the limit: cut it with 'editcap -s'"};
  p.data = data;
  p.len = header->caplen;
  p.wire_len = header->len;
  // With nanosecond precision libpcap puts nanoseconds into tv_usec.
  p.time_ns =
      static_cast<std::uint32_t>(header->ts.tv_sec) * kSecond_ns + static_cast<std::uint32_t>(header->ts.tv_usec);
  return true;
}

Result<std::unique_ptr<CaptureWriter>> CaptureWriter::open(const std::string& path, bool nanoseconds) {
  auto file = OutputFile::open(path);
  if (!file) return file.error();
  const struct {
    std::uint32_t magic;
    std::uint16_t major, minor;
    std::uint32_t zone, accuracy, snaplen, link_type;
  } header = {nanoseconds ? kMagicNano : kMagicMicro, 2, 4, 0, 0, kMaxCapturedBytes, DLT_EN10MB};
  static_assert(sizeof(header) == 24);
  (*file)->write(&header, sizeof(header));
  return std::unique_ptr<CaptureWriter>(new CaptureWriter(std::move(*file), nanoseconds));
}

void CaptureWriter::write(const CapturedPacket& p) noexcept {
  const std::uint32_t fraction_ns = static_cast<std::uint32_t>(p.time_ns % kSecond_ns);
  const std::uint32_t record[4] = {static_cast<std::uint32_t>(p.time_ns / kSecond_ns),
                                   nanoseconds_ ? fraction_ns : fraction_ns / 1000, p.len, p.wire_len};
  file_->write(record, sizeof(record));
  file_->write(p.data, p.len);
}

}  // namespace fulcrum
