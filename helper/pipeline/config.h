// SPDX-License-Identifier: MIT
// config.h - a configuration file, compounds taken apart: elements, connections, where each word stands.
//
// Names are resolved (every connection names a declaration), meaning is not
// checked: Graph::build() does that against the known element classes. An element
// of a compound is called "outer/inner", and may be found in it: Declaration::within.
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

inline constexpr std::size_t kNotWithin = ~std::size_t{0};

// One use of a compound.
struct Compound {
  std::string name;        // "outer/inner"
  std::string class_name;  // empty: it has none
  SourcePos pos;           // where it is declared
  std::size_t within = kNotWithin;
};

struct Declaration {
  std::string name;  // anonymous ones are called Class@N
  std::string class_name;
  std::vector<Arg> args;
  SourcePos name_pos;  // where it is declared
  SourcePos class_pos;
  bool anonymous = false;
  bool bare = false;                // anonymous and without (…): may be a misspelt element name
  bool broken = false;              // its arguments could not be made out: reported
  std::size_t within = kNotWithin;  // index in compounds
};

struct Connection {
  std::size_t from = 0;  // index in declarations
  unsigned output = 0;
  SourcePos output_pos;  // of the number, or of the element where none is written
  std::size_t to = 0;
  unsigned input = 0;
  SourcePos input_pos;
};

// An elementclass of the file.
struct NamedClass {
  std::string name;
  SourcePos pos;
};

struct Config {
  std::string file_name;
  std::string source;  // for diagnostics
  std::vector<Require> required;
  std::vector<NamedClass> classes;
  std::vector<Compound> compounds;  // an outer one before those in it
  std::vector<Declaration> declarations;
  std::vector<Connection> connections;
  bool partial = false;  // syntax errors, or a limit was met: there is more than this, and no connections
  bool loose = false;    // a compound was refused: connections are missing
};

// The compounds around an element, from the inside: "in compound 'x' of class C", declared at.
std::vector<Note> notes_within(const Config& config, std::size_t within);

// Syntax errors go to `diag`, which also gets the file's name and text; the
// result then holds what could be read.
Config parse_config(std::string file_name, std::string source, Diagnostics& diag);

// Reads `path` and parses it. A file that cannot be read is an error in `diag`.
Config load_config(const std::string& path, Diagnostics& diag);

}  // namespace fulcrum
