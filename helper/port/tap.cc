// SPDX-License-Identifier: MIT
#include "port/tap.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace fulcrum {

Result<std::unique_ptr<Tap>> Tap::open(const std::array<std::uint8_t, 6>& mac) {
  std::unique_ptr<Tap> t(new Tap);
  t->fd_ = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ifreq r{};
  std::strcpy(r.ifr_name, "ful%d");
  r.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (t->fd_ < 0 || ioctl(t->fd_, TUNSETIFF, &r))
    return Error{fmt::format("tap: {}: packets for the kernel cannot be handed over: load the tun module, run as root",
                             std::strerror(errno))};
  t->name_ = r.ifr_name;
  r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::memcpy(r.ifr_hwaddr.sa_data, mac.data(), mac.size());
  int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool has_mac = mac != std::array<std::uint8_t, 6>{};  // lo has none: the tap keeps its own
  int err = has_mac ? ioctl(s, SIOCSIFHWADDR, &r) : 0;
  r.ifr_flags = IFF_UP;
  if (!err) err = ioctl(s, SIOCSIFFLAGS, &r);
  close(s);
  if (err) return Error{fmt::format("tap {}: cannot be brought up: {}: run as root", t->name_, std::strerror(errno))};
  return t;
}

Tap::~Tap() {
  if (fd_ >= 0) close(fd_);
}

bool Tap::write(const std::uint8_t* data, std::uint32_t len) noexcept {
  return ::write(fd_, data, len) == static_cast<ssize_t>(len);
}

}  // namespace fulcrum
