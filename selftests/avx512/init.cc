// SPDX-License-Identifier: MIT
// init.cc - first process of the guest: /program -> its stdout on ttyS1, its end on ttyS0.
//
// /args holds the program's name and arguments, each ended by a zero byte. stderr goes to
// the console, ttyS0, between the two lines that guest.sh waits for:
//   guest: up
//   guest: status N        N as a shell says it: 128 + signal where one ended it
#include <fcntl.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace {

constexpr int kOutputLineStatus = 0x2f8 + 5;  // of ttyS1's UART
constexpr int kTransmitterEmpty = 0x40;
constexpr int kBochsShutdownPort = 0x8900;

// Bytes pass as they are, as fast as the line goes.
int open_output() {
  int fd = open("/dev/ttyS1", O_RDWR | O_NOCTTY);
  termios line{};
  if (fd < 0 || tcgetattr(fd, &line) != 0) return fd;
  cfmakeraw(&line);
  cfsetspeed(&line, B115200);
  tcsetattr(fd, TCSANOW, &line);
  return fd;
}

std::vector<std::string> read_args() {
  std::vector<std::string> args;
  std::ifstream file("/args", std::ios::binary);
  for (std::string arg; std::getline(file, arg, '\0');) args.push_back(arg);
  return args;
}

int run(int output, int console) {
  std::vector<std::string> args = read_args();
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  pid_t child = fork();
  if (child == 0) {
    dup2(open("/dev/null", O_RDONLY), 0);
    dup2(output, 1);
    dup2(console, 2);
    execv("/program", argv.data());
    dprintf(console, "guest: the program does not start: %s: is it a static x86-64 program?\n", strerror(errno));
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// The last byte leaves the UART before the machine goes. Does not return.
void power_off(int output) {
  tcdrain(output);
  iopl(3);
  while (!(inb(kOutputLineStatus) & kTransmitterEmpty)) usleep(1000);
  for (char c : std::string("Shutdown")) outb(static_cast<unsigned char>(c), kBochsShutdownPort);
  for (;;) pause();
}

}  // namespace

int main() {
  for (const char* dir : {"/dev", "/proc", "/sys", "/tmp"}) mkdir(dir, 0755);
  mount("dev", "/dev", "devtmpfs", 0, nullptr);
  mount("proc", "/proc", "proc", 0, nullptr);
  mount("sys", "/sys", "sysfs", 0, nullptr);
  int console = open("/dev/ttyS0", O_WRONLY | O_NOCTTY);
  int output = open_output();
  dprintf(console, "\nguest: up\n");
  int status = run(output, console);
  dprintf(console, "\nguest: status %d\n", status);
  tcdrain(console);
  power_off(output);
}
