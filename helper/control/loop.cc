// SPDX-License-Identifier: MIT
// loop.cc - Asio's io_context behind Loop.
#include "control/loop.h"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace fulcrum {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr auto kEndWait = std::chrono::milliseconds(500);

// Keeps itself alive through its pending handler; ends with the loop.
struct Repeater : std::enable_shared_from_this<Repeater> {
  Repeater(asio::io_context& io, const bool& ending, std::chrono::nanoseconds interval, std::function<void()> call,
           bool once)
      : timer(io), ending(ending), interval(interval), call(std::move(call)), once(once) {}
  void arm() {
    timer.expires_after(interval);
    timer.async_wait([self = shared_from_this()](error_code failed) {
      if (failed || self->ending) return;
      self->call();
      if (!self->once) self->arm();
    });
  }
  asio::steady_timer timer;
  const bool& ending;
  std::chrono::nanoseconds interval;
  std::function<void()> call;
  bool once;
};

struct Watch : std::enable_shared_from_this<Watch> {
  Watch(asio::io_context& io, int own_fd, std::function<void()> call) : descriptor(io, own_fd), call(std::move(call)) {}
  void arm() {
    descriptor.async_wait(asio::posix::stream_descriptor::wait_read, [self = shared_from_this()](error_code failed) {
      if (failed || !self->descriptor.is_open()) return;
      self->call();
      if (self->descriptor.is_open()) self->arm();
    });
  }
  asio::posix::stream_descriptor descriptor;
  std::function<void()> call;
};

}  // namespace

struct Loop::Impl {
  ~Impl() { end(); }
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::optional<asio::signal_set> signals;
  std::function<void(int)> on_signal;
  std::map<int, std::shared_ptr<Watch>> watches;
  std::list<std::weak_ptr<Repeater>> timers;
  bool ending = false;

  void repeat(std::uint64_t interval_ns, std::function<void()> call, bool once) {
    auto timer = std::make_shared<Repeater>(io, ending, std::chrono::nanoseconds(interval_ns), std::move(call), once);
    timers.remove_if([](const auto& weak) { return weak.expired(); });
    timers.push_back(timer);
    timer->arm();
  }
  // Cancels what is pending and waits for it to come back, calling nobody: an
  // io_context destroys its timers before what io_uring still holds, and a client's
  // read holds a timer.
  void end() {
    ending = true;
    for (auto& weak : timers)
      if (auto timer = weak.lock()) timer->timer.cancel();
    error_code ignored;
    for (auto& [fd, watch] : watches) watch->descriptor.close(ignored);
    if (signals) signals->cancel(ignored);
    work.reset();
    io.restart();
    io.run_for(kEndWait);
  }
  void wait_signal() {
    signals->async_wait([this](error_code failed, int number) {
      if (failed || ending) return;
      on_signal(number);
      wait_signal();
    });
  }
};

Loop::Loop(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Loop::~Loop() = default;

Result<std::unique_ptr<Loop>> Loop::open() {
  try {
    return std::unique_ptr<Loop>(new Loop(std::make_unique<Impl>()));
  } catch (const std::exception& e) {
    return Error{std::string("control: cannot start the event loop: ") + e.what() +
                 ", allow io_uring (sysctl kernel.io_uring_disabled=0, Linux 5.10 or newer)"};
  }
}

void Loop::on_signal(std::function<void(int)> call) {
  impl_->on_signal = std::move(call);
  if (impl_->signals) return;
  impl_->signals.emplace(impl_->io, SIGINT, SIGTERM, SIGHUP);
  impl_->wait_signal();
}

void Loop::every(std::uint64_t interval_ns, std::function<void()> call) {
  impl_->repeat(interval_ns, std::move(call), false);
}

void Loop::after(std::uint64_t delay_ns, std::function<void()> call) { impl_->repeat(delay_ns, std::move(call), true); }

Result<void> Loop::watch(int fd, std::function<void()> readable) {
  int own_fd = ::dup(fd);  // Asio closes what it is given; the caller keeps fd
  if (own_fd < 0) return Error{"control: cannot watch descriptor " + std::to_string(fd) + ": " + std::strerror(errno)};
  unwatch(fd);
  auto watch = std::make_shared<Watch>(impl_->io, own_fd, std::move(readable));
  watch->arm();
  impl_->watches[fd] = std::move(watch);
  return {};
}

void Loop::unwatch(int fd) {
  auto found = impl_->watches.find(fd);
  if (found == impl_->watches.end()) return;
  error_code ignored;
  found->second->descriptor.close(ignored);
  impl_->watches.erase(found);
}

void Loop::post(std::function<void()> call) {
  asio::post(impl_->io, [impl = impl_.get(), call = std::move(call)] {
    if (!impl->ending) call();
  });
}

void Loop::run() { impl_->io.run(); }

void Loop::stop() { impl_->io.stop(); }

asio::io_context& Loop::context() { return impl_->io; }

}  // namespace fulcrum
