// SPDX-License-Identifier: MIT
// traffic.cc - made-up packets in frames of a UMEM-like memory -> batches, in order of arrival.
#include "bench/traffic.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>

namespace fulcrum {
namespace {

constexpr std::uint32_t kRoomBytes = 256;  // in front of each packet, as XDP leaves it
constexpr std::string_view kText =
    "GET /index.html?id=42&lang=en HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux)\r\n"
    "Accept: text/html,application/xhtml+xml;q=0.9\r\nCookie: session=5f2c77e1; theme=light\r\nConnection: "
    "keep-alive\r\n"
    "\r\nHTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-cache\r\nServer: nginx\r\n\r\n"
    "<!DOCTYPE html><html><head><title>Welcome</title></head><body><p>Nothing to see here.</p></body></html>";

void store_be16(std::uint8_t* p, std::uint32_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 8);
  p[1] = static_cast<std::uint8_t>(v);
}

void write_checksum(std::uint8_t* ip) {
  std::uint32_t sum = 0;
  for (unsigned i = 0; i < 20; i += 2) sum += std::uint32_t{ip[i]} << 8 | ip[i + 1];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  store_be16(ip + 10, ~sum & 0xffff);
}

// Ethernet, IPv4 from 10/8 to 172.16/12, UDP.
void write_headers(std::uint8_t* p, std::uint32_t packet_bytes, std::uint32_t number) {
  std::memset(p, 0, Traffic::kHeaderBytes);
  p[5] = 2, p[11] = 1, p[12] = 8;
  std::uint8_t* ip = p + 14;
  ip[0] = 0x45;
  store_be16(ip + 2, packet_bytes - 14);
  store_be16(ip + 4, number & 0xffff);
  ip[8] = 64, ip[9] = 17;
  ip[12] = 10, store_be16(ip + 14, number & 0xffff);
  ip[16] = 172, ip[17] = static_cast<std::uint8_t>(16 | (number >> 8 & 15)),
  store_be16(ip + 18, number * 40503 & 0xffff);
  write_checksum(ip);
  std::uint8_t* udp = ip + 20;
  store_be16(udp, 1024 + number % 50000);
  store_be16(udp + 2, 80);
  store_be16(udp + 4, packet_bytes - 34);
}

}  // namespace

Result<Traffic> Traffic::make(const TrafficShape& shape) {
  if (shape.packet_bytes < kHeaderBytes || shape.packet_bytes + kRoomBytes + kTailroomBytes > kFrameBytes)
    return Error{"bench: packets of " + std::to_string(shape.packet_bytes) + " bytes: choose " +
                 std::to_string(kHeaderBytes) + " to " + std::to_string(kFrameBytes - kRoomBytes - kTailroomBytes)};
  Traffic t(shape);
  void* p = mmap(nullptr, t.memory_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED)
    return Error{"bench: no memory: " + std::to_string(t.memory_bytes() >> 20) + " MiB for frames: free some"};
  t.memory_ = static_cast<std::uint8_t*>(p);
  t.fill();
  return t;
}

Traffic::Traffic(Traffic&& o) noexcept
    : shape_(std::move(o.shape_)), memory_(std::exchange(o.memory_, nullptr)), headers_(std::move(o.headers_)) {}

Traffic::~Traffic() {
  if (memory_) munmap(memory_, memory_bytes());
}

void Traffic::fill() {
  std::mt19937_64 random(shape_.seed);
  headers_.resize(std::size_t{shape_.frames} * kHeaderBytes);
  for (unsigned f = 0; f < shape_.frames; ++f) {
    std::uint8_t* packet = memory_ + std::size_t{f} * kFrameBytes + kRoomBytes;
    write_headers(packet, shape_.packet_bytes, f);
    std::memcpy(&headers_[std::size_t{f} * kHeaderBytes], packet, kHeaderBytes);
    const std::uint32_t length = shape_.packet_bytes - kHeaderBytes;
    std::uint8_t* payload = packet + kHeaderBytes;
    const bool text = f & 1;
    std::size_t at = random() % kText.size();
    for (std::uint32_t i = 0; i < length; ++i, ++at)
      payload[i] =
          text ? static_cast<std::uint8_t>(kText[at % kText.size()]) : static_cast<std::uint8_t>(random() >> 56);
    if (shape_.words.empty() || random() % 32) continue;
    const std::string& word = shape_.words[random() % shape_.words.size()];
    if (word.size() <= length) std::memcpy(payload + random() % (length - word.size() + 1), word.data(), word.size());
  }
}

void Traffic::receive(Batch& b, unsigned n, std::uint32_t position) const noexcept {
  const std::size_t first = std::size_t{n} * kBatchSize;
  b.count = kBatchSize;
  b.tier = FULCRUM_TIER_CPU;
  b.in_port = 0;
  for (unsigned i = 0; i < kBatchSize; ++i) {
    std::uint8_t* packet = memory_ + (first + i) * kFrameBytes + kRoomBytes;
    std::memcpy(packet, &headers_[(first + i) * kHeaderBytes], kHeaderBytes);
    b.data[i] = packet;
    b.len[i] = shape_.packet_bytes;
    b.frame[i] = first + i;
    b.l3_off[i] = 14;
    b.l4_off[i] = 34;
    b.payload_off[i] = kHeaderBytes;
    b.proto[i] = 17;
    b.flags[i] = FULCRUM_META_IP4;
    b.hash[i] = static_cast<std::uint32_t>(first + i);
    b.bucket[i] = static_cast<std::uint8_t>(i);
    b.pos[i] = position + i;
    b.rx_ns[i] = 0;
    b.reset_results(i);
  }
}

}  // namespace fulcrum
