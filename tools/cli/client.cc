// SPDX-License-Identifier: MIT
// client.cc - connect, write a line, read a line.
#include "client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>

namespace fulcrum::cli {
namespace {

namespace json = boost::json;

constexpr timeval kAnswerLimit = {60, 0};  // a pipeline's kernels may have to be compiled

struct Socket {
  int fd = -1;
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
};

Error unreachable(const std::string& path, int error) {
  const char* hint = error == EACCES || error == EPERM ? "run as root or as a member of the socket's group"
                                                       : "start fulcrumd or give --socket";
  return Error{"control: cannot reach the helper at " + path + ": " + std::strerror(error) + ", " + hint};
}

bool send_all(int fd, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    ssize_t n = ::send(fd, text.data() + at, text.size() - at, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += static_cast<std::size_t>(n);
  }
  return true;
}

// Up to the newline; false: the connection ended or time is over (errno).
bool receive_line(int fd, std::string& line) {
  char chunk[16384];
  for (;;) {
    ssize_t n = ::recv(fd, chunk, sizeof chunk, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      if (n == 0) errno = ECONNRESET;
      return false;
    }
    line.append(chunk, static_cast<std::size_t>(n));
    if (line.back() == '\n') return true;
  }
}

Result<json::value> unpack(const std::string& path, const std::string& line) {
  boost::system::error_code failed;
  json::value answer = json::parse(line, failed);
  const json::object* object = failed ? nullptr : answer.if_object();
  const json::value* ok = object ? object->if_contains("ok") : nullptr;
  if (ok && ok->is_bool() && ok->get_bool()) {
    const json::value* data = object->if_contains("data");
    return data ? *data : json::value();
  }
  const json::value* error = object ? object->if_contains("error") : nullptr;
  if (error && error->is_string()) return Error{std::string(error->get_string())};
  return Error{"control: " + path +
               ": the answer is not the helper's: is another program listening there? check --socket"};
}

}  // namespace

Result<json::value> ask(const std::string& socket_path, const json::object& request) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.empty() || socket_path.size() >= sizeof address.sun_path)
    return Error{"control: socket path '" + socket_path + "' has a wrong length: use 1 to " +
                 std::to_string(sizeof address.sun_path - 1) + " bytes"};
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  Socket s{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (s.fd < 0 || ::connect(s.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return unreachable(socket_path, errno);
  ::setsockopt(s.fd, SOL_SOCKET, SO_RCVTIMEO, &kAnswerLimit, sizeof kAnswerLimit);
  ::setsockopt(s.fd, SOL_SOCKET, SO_SNDTIMEO, &kAnswerLimit, sizeof kAnswerLimit);
  std::string line;
  if (!send_all(s.fd, json::serialize(request) + "\n") || !receive_line(s.fd, line)) {
    bool late = errno == EAGAIN || errno == EWOULDBLOCK;
    return Error{"control: no answer from the helper at " + socket_path + ": " +
                 (late ? "none in 60 s" : std::strerror(errno)) + ", look at the helper's log"};
  }
  return unpack(socket_path, line);
}

}  // namespace fulcrum::cli
