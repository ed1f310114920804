// SPDX-License-Identifier: MIT
// opencl_program.h - kernel text -> program, kept as a binary between runs.
//
// A binary is found again by a hash of the text, the device, its driver and the
// options; one that is damaged or that the driver refuses is built anew.
#pragma once

#include <string>

#include "device/opencl_api.h"

namespace fulcrum::opencl {

// Folder of binaries. Opens only one that nobody else may write to: what lies
// there is run by this process.
class ProgramCache {
 public:
  // Empty: keeps nothing. What goes wrong only costs time, so it is logged and not an error.
  explicit ProgramCache(const std::string& dir);
  // Empty: not there, or damaged.
  std::string load(const std::string& key) const;
  void store(const std::string& key, const std::string& binary) const;
  std::string path_of(const std::string& key) const;  // empty: keeps nothing

 private:
  std::string dir_;
};

struct BuiltProgram {
  Program program;
  bool cached = false;
};

// Errors: the compiler's words.
Result<BuiltProgram> build_program(cl_context context, cl_device_id device, const char* name, const char* source,
                                   const ProgramCache& cache);

// What a binary is found by.
std::string program_key(cl_device_id device, const char* source);

}  // namespace fulcrum::opencl
