// SPDX-License-Identifier: MIT
// server.h - Unix socket: a line of JSON in, a line of JSON out.
//
// Request  {"object":"ratio","verb":"show","port":"eth0"}
// Answer   {"ok":true,"data":…} or {"ok":false,"error":"object: what: why, and what to do"}
// Requests on one connection are answered in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "control/api.h"
#include "control/loop.h"

namespace fulcrum {

inline constexpr const char* kDefaultSocketPath = "/run/fulcrum/control.sock";
// FULCRUM_SOCKET, or the default.
std::string control_socket_path();

struct ServerLimits {
  std::size_t request_bytes = 1 << 20;     // a longer line is refused and the connection closed
  std::size_t clients = 64;                // more are told so and closed
  std::uint64_t idle_ns = 60'000'000'000;  // without a request, or without reading an answer
};

// Threads: the loop's. `api` and `loop` outlive it.
class ControlServer {
 public:
  // Replaces the socket of a dead helper. Errors: a live helper answers there,
  // folder or socket cannot be made.
  static Result<std::unique_ptr<ControlServer>> open(Loop& loop, ControlApi& api, const std::string& path,
                                                     const ServerLimits& limits = {});
  ~ControlServer();  // removes the socket, if it is still its own
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  std::size_t clients() const;

 private:
  struct Impl;
  explicit ControlServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace fulcrum
