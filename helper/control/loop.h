// SPDX-License-Identifier: MIT
// loop.h - the control thread's event loop: signals, timers, descriptors (Asio over io_uring).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "fulcrum/result.h"

namespace boost::asio {
class io_context;
}

namespace fulcrum {

// Threads: run() and all callbacks on one thread; post() and stop() from any.
// open() and set-up belong on the thread that runs: io_uring completes a request
// through the thread that submitted it, which shows there as EINTR, and cancels
// it when that thread ends.
class Loop {
 public:
  // Errors: io_uring not available.
  static Result<std::unique_ptr<Loop>> open();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // SIGINT, SIGTERM and SIGHUP; called for each one that comes.
  void on_signal(std::function<void(int signal)> call);
  // First call one interval from now. A late call is not made up for.
  void every(std::uint64_t interval_ns, std::function<void()> call);
  void after(std::uint64_t delay_ns, std::function<void()> call);
  // Level-triggered: called as long as `fd` has something to read. Owns: the
  // caller keeps fd, and calls unwatch() before closing it.
  Result<void> watch(int fd, std::function<void()> readable);
  void unwatch(int fd);
  void post(std::function<void()> call);

  void run();  // until stop(), also one that came before
  void stop();

  boost::asio::io_context& context();

 private:
  struct Impl;
  explicit Loop(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fulcrum
