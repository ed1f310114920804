// SPDX-License-Identifier: MIT
// process.cc - posix_spawn with two temporary files, so that neither stream can fill and block.
#include "process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

extern char** environ;

namespace fulcrum::cli {
namespace {

struct Capture {
  int fd = ::memfd_create("fulcrum", MFD_CLOEXEC);
  Capture() = default;
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  ~Capture() {
    if (fd >= 0) ::close(fd);
  }
  std::string text() const {
    std::string out;
    char chunk[4096];
    for (off_t at = 0;;) {
      ssize_t n = ::pread(fd, chunk, sizeof chunk, at);
      if (n <= 0) return out;
      out.append(chunk, static_cast<std::size_t>(n));
      at += n;
    }
  }
};

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<Finished> run_program(const std::vector<std::string>& args) {
  std::vector<char*> argv;
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  Capture out, err;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.fd, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.fd, STDERR_FILENO);
  pid_t pid = 0;
  int failed = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed) return Error{args[0] + ": cannot run it: " + std::strerror(failed) + ", install the package that has it"};
  Finished done;
  done.exit_code = wait_for(pid);
  done.output = out.text();
  done.errors = err.text();
  while (!done.errors.empty() && done.errors.back() == '\n') done.errors.pop_back();
  return done;
}

}  // namespace fulcrum::cli
