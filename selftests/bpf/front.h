// SPDX-License-Identifier: MIT
// front.h - the real front-end in the kernel, with the test in the helper's place.
//
// Runs in network and mount namespaces of its own with a bpffs of its own: pins,
// interfaces and programs go with the process.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <optional>
#include <string>

#include "fulcrum.h"
#include "fulcrum_inline.h"
#include "packet.h"
#include "tap.h"

namespace fulcrum::test {

// What one packet did.
struct Ran {
  int error = 0;    // of the run itself
  int action = -1;  // XDP_*
  std::optional<fulcrum_meta> meta;
  Bytes frame;  // as it left the program
  fulcrum_queue delta{};
  std::string outcome;  // the one counter that conservation counts, or what is wrong
};

class Front {
 public:
  static constexpr unsigned kIfindex = 1, kSlot = 3;  // lo; some slot that is not 0
  static constexpr unsigned kInlineSlot = 2;

  // False and `why` when this machine cannot run it.
  bool open(const std::string& bpf_dir, std::string& why);

  fulcrum_port port{};  // configuration; write_port() puts it in force
  void write_port(unsigned ifindex = kIfindex);
  void erase_port(unsigned ifindex);
  void set_all(fulcrum_tier tier);
  void add_queue(unsigned ifindex, unsigned slot);
  void erase_queue(unsigned ifindex);
  void add_local(const std::string& addr, bool confirmed = true);

  fulcrum_beat beat{};
  void write_beat();
  void beat_now(std::uint64_t ahead_ns = 3'600'000'000'000ull);
  fulcrum_order order();
  void write_order(const fulcrum_order& o);
  void open_socket(unsigned ring);
  void close_socket(unsigned ring);

  // A port with default settings, all rings empty, fresh and open.
  void reset();

  Ran run(const Bytes& frame, unsigned ifindex = kIfindex);
  // The same packet for real: what the program decides is done.
  int run_live(const Bytes& frame, unsigned ifindex);
  fulcrum_queue queue(unsigned ifindex = kIfindex);
  fulcrum_global global();

  bool load_inline(const fulcrum_inline_plan& plan, std::string& why);
  void unload_inline();
  int steer_fd() const { return steer_fd_; }
  const std::string& bpf_dir() const { return bpf_dir_; }

 private:
  int map(const char* name) const;
  std::string bpf_dir_;
  bpf_object* steer_ = nullptr;
  bpf_object* inline_ = nullptr;
  int steer_fd_ = -1;
  int socket_[FULCRUM_RINGS] = {-1, -1, -1, -1};
};

// Sum of the outcomes of fulcrum.h's conservation rule.
std::uint64_t outcomes(const fulcrum_queue& q);

// One case: the packet took `action` and was counted under `counter` and nowhere else.
void expect(Tap& tap, const Ran& ran, int action, const std::string& counter, const std::string& name);

bool enter_namespaces(std::string& why);
int shell(const std::string& command);  // exit status; output to stderr

void test_decisions(Tap& tap, Front& front);
void test_parse(Tap& tap, Front& front);
void test_loss(Tap& tap, Front& front);
void test_order(Tap& tap, Front& front);
void test_route(Tap& tap, Front& front);
void test_captures(Tap& tap, Front& front);
void test_attach(Tap& tap, Front& front, const std::string& bpf_dir);

}  // namespace fulcrum::test
