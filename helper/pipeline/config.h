// SPDX-License-Identifier: MIT
// config.h - a configuration file as written: elements, connections, where each word stands.
//
// Names are resolved (every connection names a declaration), meaning is not
// checked: Graph::build() does that against the known element classes.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "fulcrum/element.h"
#include "pipeline/diagnostics.h"

namespace fulcrum {

struct Require {
  std::string plugin;
  SourcePos pos;
};

struct Declaration {
  std::string name;  // anonymous ones are called Class@N
  std::string class_name;
  std::vector<Arg> args;
  SourcePos name_pos;  // where it is declared
  SourcePos class_pos;
  bool anonymous = false;
  bool bare = false;  // anonymous and without (…): may be a misspelt element name
};

struct Connection {
  std::size_t from = 0;  // index in declarations
  unsigned output = 0;
  SourcePos output_pos;  // of the number, or of the element where none is written
  std::size_t to = 0;
  unsigned input = 0;
  SourcePos input_pos;
};

struct Config {
  std::string file_name;
  std::string source;  // for diagnostics
  std::vector<Require> required;
  std::vector<Declaration> declarations;
  std::vector<Connection> connections;
};

// Syntax errors go to `diag`, which also gets the file's name and text; the
// result then holds what could be read.
Config parse_config(std::string file_name, std::string source, Diagnostics& diag);

// Reads `path` and parses it. A file that cannot be read is an error in `diag`.
Config load_config(const std::string& path, Diagnostics& diag);

}  // namespace fulcrum
