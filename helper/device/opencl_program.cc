// SPDX-License-Identifier: MIT
// opencl_program.cc - kernel text -> program, kept as a binary between runs.
#include "device/opencl_program.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/log.h"

namespace fulcrum {

std::string opencl_cache_dir() {
  if (geteuid() == 0) return "/var/cache/fulcrum/opencl";
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache && *cache == '/') return std::string(cache) + "/fulcrum/opencl";
  const char* home = std::getenv("HOME");
  return home && *home == '/' ? std::string(home) + "/.cache/fulcrum/opencl" : "";
}

namespace opencl {
namespace {

constexpr const char* kOptions = "-cl-std=CL1.2";
constexpr std::size_t kMostLogBytes = 8000;

// FNV-1a. Guards against damage and mix-ups, not against an enemy: the folder's rights do that.
std::uint64_t hash_of(const std::string& s) {
  std::uint64_t h = 0xcbf29ce484222325;
  for (const char c : s) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return h;
}

std::string hex(std::uint64_t v) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(v));
  return text;
}

// In front of the binary: which it is, and that it is whole.
std::string head_of(const std::string& key, const std::string& binary) {
  return "fulcrum opencl 1 " + hex(hash_of(key)) + " " + std::to_string(key.size()) + " " + hex(hash_of(binary)) + " " +
         std::to_string(binary.size()) + "\n";
}

std::string build_log(cl_program program, cl_device_id device) {
  std::size_t bytes = 0;
  if (clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, 0, nullptr, &bytes)) return "";
  std::string log(bytes, '\0');
  clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, bytes, log.data(), nullptr);
  log.resize(std::strlen(log.c_str()));
  if (log.size() > kMostLogBytes) log.resize(kMostLogBytes);
  return log;
}

std::string binary_of(cl_program program) {
  std::size_t bytes = 0;
  if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, nullptr) || !bytes) return "";
  std::string binary(bytes, '\0');
  unsigned char* to = reinterpret_cast<unsigned char*>(binary.data());
  if (clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof to, &to, nullptr)) return "";
  return binary;
}

Program from_binary(cl_context context, cl_device_id device, const std::string& binary) {
  const std::size_t bytes = binary.size();
  const unsigned char* data = reinterpret_cast<const unsigned char*>(binary.data());
  cl_int status = 0, error = 0;
  Program program(clCreateProgramWithBinary(context, 1, &device, &bytes, &data, &status, &error));
  if (error || status || clBuildProgram(program.get(), 1, &device, kOptions, nullptr, nullptr)) return Program();
  return program;
}

}  // namespace

ProgramCache::ProgramCache(const std::string& dir) {
  if (dir.empty() || dir == "none") return;
  std::error_code failed;
  std::filesystem::create_directories(dir, failed);
  struct stat s {};
  if (stat(dir.c_str(), &s) || !S_ISDIR(s.st_mode)) {
    log_info("opencl: " + dir + ": cannot be made: kernels are compiled at every start");
  } else if (s.st_uid != geteuid() || s.st_mode & (S_IWGRP | S_IWOTH)) {
    log_warn("opencl: " + dir + ": not used, others may write to it: kernels are compiled at every start");
  } else {
    dir_ = dir;
  }
}

std::string ProgramCache::path_of(const std::string& key) const {
  return dir_.empty() ? "" : dir_ + "/" + hex(hash_of(key)) + ".bin";
}

std::string ProgramCache::load(const std::string& key) const {
  if (dir_.empty()) return "";
  std::ifstream file(path_of(key), std::ios::binary);
  std::string head;
  if (!std::getline(file, head)) return "";
  std::ostringstream rest;
  rest << file.rdbuf();
  std::string binary = std::move(rest).str();
  return head + "\n" == head_of(key, binary) ? binary : "";
}

// Beside it first, then renamed: a reader sees all of it or none.
void ProgramCache::store(const std::string& key, const std::string& binary) const {
  if (dir_.empty() || binary.empty()) return;
  std::string beside = dir_ + "/new.XXXXXX";
  const int fd = mkstemp(beside.data());
  if (fd < 0) return;
  const std::string all = head_of(key, binary) + binary;
  std::size_t done = 0;
  for (ssize_t n = 1; done < all.size() && n > 0; done += n > 0 ? static_cast<std::size_t>(n) : 0)
    n = write(fd, all.data() + done, all.size() - done);
  close(fd);
  if (done < all.size() || rename(beside.c_str(), path_of(key).c_str())) unlink(beside.c_str());
}

std::string program_key(cl_device_id device, const char* source) {
  const auto platform = number_of<cl_platform_id>(device, CL_DEVICE_PLATFORM);
  std::string key;
  for (const std::string& part : {text_of(platform, CL_PLATFORM_NAME), text_of(platform, CL_PLATFORM_VERSION),
                                  text_of(device, CL_DEVICE_NAME), text_of(device, CL_DEVICE_VERSION),
                                  text_of(device, CL_DRIVER_VERSION), std::string(kOptions), std::string(source)})
    key += part + '\n';
  return key;
}

Result<BuiltProgram> build_program(cl_context context, cl_device_id device, const char* name, const char* source,
                                   const ProgramCache& cache) {
  const std::string key = program_key(device, source);
  if (const std::string binary = cache.load(key); !binary.empty())
    if (Program program = from_binary(context, device, binary)) return BuiltProgram{std::move(program), true};
  cl_int error = 0;
  Program program(clCreateProgramWithSource(context, 1, &source, nullptr, &error));
  if (!error) error = clBuildProgram(program.get(), 1, &device, kOptions, nullptr, nullptr);
  if (error)
    return Error{std::string("opencl: kernel ") + name + " does not compile: " + error_name(error) +
                 ": mend it, or leave this device out of [devices]; the compiler says:\n" +
                 (program ? build_log(program.get(), device) : "")};
  cache.store(key, binary_of(program.get()));
  return BuiltProgram{std::move(program), false};
}

}  // namespace opencl
}  // namespace fulcrum
