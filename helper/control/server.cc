// SPDX-License-Identifier: MIT
// server.cc - accepts clients on the Unix socket, one Session each.
#include "control/server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <list>

#include "base/log.h"
#include "control/dispatch.h"

namespace fulcrum {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Protocol = asio::local::stream_protocol;

Error socket_error(const std::string& path, const std::string& why) {
  return Error{"control: socket " + path + ": " + why};
}

// Whether a helper answers at `path`.
bool is_live(const sockaddr_un& address) {
  int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  // EAGAIN: somebody listens whose queue is full.
  bool live = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN;
  ::close(fd);
  return live;
}

Result<void> clear_path(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return socket_error(path, "path has " + std::to_string(path.size()) + " bytes: use 1 to " +
                                  std::to_string(sizeof address.sun_path - 1) + ", give a shorter --socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  std::error_code failed;
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty() && !std::filesystem::exists(folder, failed)) {
    std::filesystem::create_directories(folder, failed);
    if (failed)
      return socket_error(path, "cannot create its folder: " + failed.message() + ", run as root or give --socket");
    ::chmod(folder.c_str(), 0755);
  }
  struct stat st;
  if (::lstat(path.c_str(), &st) != 0) return {};
  if (!S_ISSOCK(st.st_mode))
    return socket_error(path, "exists and is not a socket: remove it or give another --socket");
  if (is_live(address)) return socket_error(path, "a helper answers there already: stop it or give another --socket");
  if (::unlink(path.c_str()) != 0) return socket_error(path, std::string("cannot replace it: ") + std::strerror(errno));
  return {};
}

}  // namespace

std::string control_socket_path() {
  const char* given = std::getenv("FULCRUM_SOCKET");
  return given && *given ? given : kDefaultSocketPath;
}

struct ControlServer::Impl : std::enable_shared_from_this<Impl> {
  class Session;
  Impl(Loop& loop, ControlApi& api, const std::string& path, const ServerLimits& limits)
      : api(api), path(path), limits(limits), io(loop.context()), acceptor(io) {}

  Result<void> listen();
  void accept();
  void close();

  ControlApi& api;
  std::string path;
  ServerLimits limits;
  asio::io_context& io;
  Protocol::acceptor acceptor;
  ino_t inode = 0;  // of our socket: another helper's must not be removed
  bool closed = false;
  std::list<std::weak_ptr<Session>> sessions;
  std::size_t count = 0;
};

// One client: read a line, answer it, only then read on. So a client that does
// not read holds one answer, not the helper.
// Owns: itself through its pending handler.
class ControlServer::Impl::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<Impl> server, Protocol::socket socket)
      : server_(std::move(server)), socket_(std::move(socket)), idle_(server_->io) {
    server_->count++;
  }
  ~Session() { server_->count--; }

  void start() {
    watch_idle();
    next();
  }
  void send_last(std::string answer) {
    last_ = true;
    watch_idle();
    write(std::move(answer));
  }
  void close() {
    error_code ignored;
    idle_.cancel();
    socket_.close(ignored);
  }

 private:
  void watch_idle() {
    idle_.expires_after(std::chrono::nanoseconds(server_->limits.idle_ns));
    idle_.async_wait([weak = weak_from_this()](error_code failed) {
      if (auto self = weak.lock(); self && !failed) self->close();
    });
  }
  // Answers the next whole line of input_, or reads more.
  void next() {
    std::size_t end = input_.find('\n', scanned_);
    if (end == std::string::npos) {
      scanned_ = input_.size();
      if (scanned_ <= server_->limits.request_bytes) return read();
    }
    if (end == std::string::npos || end > server_->limits.request_bytes)
      return send_last(refusal("control: request is longer than " + std::to_string(server_->limits.request_bytes) +
                               " bytes: send shorter ones"));
    std::string line = input_.substr(0, end);
    input_.erase(0, end + 1);
    scanned_ = 0;
    write(dispatch(server_->api, line));
  }
  void read() {
    socket_.async_read_some(asio::buffer(chunk_), [self = shared_from_this()](error_code failed, std::size_t bytes) {
      if (failed || self->server_->closed) return self->close();
      self->watch_idle();
      self->input_.append(self->chunk_, bytes);
      self->next();
    });
  }
  void write(std::string answer) {
    output_ = std::move(answer);
    asio::async_write(socket_, asio::buffer(output_), [self = shared_from_this()](error_code failed, std::size_t) {
      if (failed || self->last_ || self->server_->closed) return self->close();
      self->watch_idle();
      self->next();
    });
  }

  std::shared_ptr<Impl> server_;
  Protocol::socket socket_;
  asio::steady_timer idle_;
  char chunk_[4096];
  std::string input_, output_;
  std::size_t scanned_ = 0;
  bool last_ = false;
};

Result<void> ControlServer::Impl::listen() {
  if (auto clear = clear_path(path); !clear) return clear.error();
  error_code failed;
  acceptor.open(Protocol(), failed);
  mode_t old_mask = ::umask(0117);  // 0660 from the first moment
  if (!failed) acceptor.bind(Protocol::endpoint(path), failed);
  ::umask(old_mask);
  if (!failed) acceptor.listen(asio::socket_base::max_listen_connections, failed);
  if (failed)
    return socket_error(path, "cannot listen: " + failed.message() + ", run as root or give another --socket");
  struct stat st;
  if (::stat(path.c_str(), &st) == 0) inode = st.st_ino;
  accept();
  return {};
}

void ControlServer::Impl::accept() {
  acceptor.async_accept([self = shared_from_this()](error_code failed, Protocol::socket socket) {
    if (self->closed) return;
    if (!failed) {
      bool full = self->count >= self->limits.clients;
      auto session = std::make_shared<Session>(self, std::move(socket));
      self->sessions.remove_if([](const auto& weak) { return weak.expired(); });
      self->sessions.push_back(session);
      if (full)
        session->send_last(refusal("control: too many clients: " + std::to_string(self->limits.clients) +
                                   " are connected, close one and try again"));
      else
        session->start();
      return self->accept();
    }
    // Out of descriptors, most likely: a pause, so that the loop does not spin.
    log_warn("control: cannot accept a client: " + failed.message());
    auto pause = std::make_shared<asio::steady_timer>(self->io, std::chrono::milliseconds(100));
    pause->async_wait([self, pause](error_code) {
      if (!self->closed) self->accept();
    });
  });
}

void ControlServer::Impl::close() {
  closed = true;
  error_code ignored;
  acceptor.close(ignored);
  for (auto& weak : sessions)
    if (auto session = weak.lock()) session->close();
  struct stat st;
  if (inode && ::stat(path.c_str(), &st) == 0 && st.st_ino == inode) ::unlink(path.c_str());
}

ControlServer::ControlServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
ControlServer::~ControlServer() { impl_->close(); }
std::size_t ControlServer::clients() const { return impl_->count; }

Result<std::unique_ptr<ControlServer>> ControlServer::open(Loop& loop, ControlApi& api, const std::string& path,
                                                           const ServerLimits& limits) {
  auto impl = std::make_shared<Impl>(loop, api, path, limits);
  if (auto done = impl->listen(); !done) return done.error();
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(impl)));
}

}  // namespace fulcrum
