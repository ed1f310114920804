// SPDX-License-Identifier: MIT
// capture_test.cc - packets from the shared captures through the front-end.
//
// Each takes a valid action, is counted once, and XDP's metadata is what the
// same parser says in C++. Data: $FULCRUM_DATA, else ../shared/data.
#include <linux/bpf.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "capture_file.h"
#include "front.h"
#include "fulcrum_parse.h"

namespace fulcrum::test {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kFrameMax = 3000;  // a test run takes no more than a page
constexpr unsigned kPacketsMax = 5000;   // of one file

struct Sums {
  unsigned files = 0, other_link = 0, packets = 0, unusable = 0, rings = 0, bad = 0;
  std::string first_bad;
};

std::string class_counter(int kind) {
  switch (kind) {
    case FULCRUM_PKT_IP:
      return "ring0";
    case FULCRUM_PKT_NOT_IP:
      return "pass_not_ip";
    case FULCRUM_PKT_MULTICAST:
      return "pass_multicast";
    default:
      return "pass_malformed";
  }
}

// What is wrong with the run, or empty.
std::string judge(const Bytes& frame, const Ran& r) {
  fulcrum_parsed p;
  auto exact = std::make_unique<std::uint8_t[]>(frame.size());  // no byte more: a sanitizer sees overreads
  std::copy(frame.begin(), frame.end(), exact.get());
  const int kind = fulcrum_parse(exact.get(), exact.get() + frame.size(), &p);
  if (r.error) return "run failed";
  if (r.outcome != class_counter(kind)) return "counted " + r.outcome + ", C++ says " + class_counter(kind);
  if (r.action != (kind == FULCRUM_PKT_IP ? XDP_REDIRECT : XDP_PASS)) return "action " + std::to_string(r.action);
  if (r.frame != frame) return "frame was changed";
  if (kind != FULCRUM_PKT_IP) return r.meta ? "metadata on a passed packet" : "";
  if (p.l3_off > frame.size() || p.l4_off > frame.size() || p.payload_off > frame.size())
    return "offset beyond the frame";
  if (!r.meta || r.meta->hash != p.hash || r.meta->l3_off != p.l3_off || r.meta->l4_off != p.l4_off ||
      r.meta->payload_off != p.payload_off || r.meta->proto != p.proto || r.meta->flags != p.flags ||
      r.meta->bucket != p.hash % FULCRUM_BUCKETS)
    return "metadata is not what C++ says";
  return "";
}

void run_file(Front& front, const fs::path& path, Sums& sums) {
  std::vector<Bytes> frames;
  if (!read_capture(path.string(), kPacketsMax, frames)) return void(++sums.other_link);
  ++sums.files;
  for (std::size_t n = 0; n < frames.size(); ++n) {
    if (frames[n].size() < 14 || frames[n].size() > kFrameMax) {
      ++sums.unusable;
      continue;
    }
    const Ran r = front.run(frames[n]);
    const std::string wrong = judge(frames[n], r);
    ++sums.packets;
    sums.rings += r.outcome == "ring0";
    if (!wrong.empty() && sums.bad++ == 0)
      sums.first_bad = path.filename().string() + " packet " + std::to_string(n) + ": " + wrong;
  }
}

void run_folder(Tap& tap, Front& front, const fs::path& folder) {
  Sums sums;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".pcap") || name.ends_with(".pcap.gz")) run_file(front, entry.path(), sums);
  }
  std::printf("# %s: %u packets of %u files, %u to a ring; left out: %u packets by length, %u files of other links\n",
              folder.filename().c_str(), sums.packets, sums.files, sums.rings, sums.unusable, sums.other_link);
  tap.check(sums.packets > 0 && sums.bad == 0,
            "captures, " + folder.filename().string() + ": XDP and C++ agree, each packet counted once",
            std::to_string(sums.bad) + " wrong, first: " + sums.first_bad);
}

}  // namespace

void test_captures(Tap& tap, Front& front) {
  const char* env = std::getenv("FULCRUM_DATA");
  const fs::path root = fs::path(env ? env : "../shared/data") / "pcap";
  front.reset();
  for (const char* name : {"malformed", "fragments", "ipv6", "vlan-qinq"}) {
    if (fs::is_directory(root / name))
      run_folder(tap, front, root / name);
    else
      tap.skip(std::string("captures, ") + name, "no such data: set FULCRUM_DATA");
  }
}

}  // namespace fulcrum::test
