// SPDX-License-Identifier: MIT
// ast.h - a configuration as the parser read it: bodies with elements, links, classes and variables.
//
// The file is a body, and so is what stands in `{ … }`. Names of elements are
// resolved within a body; names of classes and variables are not, since what they
// mean depends on where a compound is used: see expand.h.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "fulcrum/element.h"

namespace fulcrum {

// A literal piece of text, or the name of a variable that stands for one.
struct TextPart {
  std::string text;
  bool variable = false;
  SourcePos pos;
};

// One word of an argument.
struct ArgWord {
  std::vector<TextPart> parts;
  bool quoted = false;
  SourcePos pos;
};
using ArgText = std::vector<ArgWord>;  // what stands between two commas

struct Body;

// elementclass NAME { … || … }, elementclass NAME OTHER, or a nameless { … }.
struct CompoundClass {
  std::string name;  // empty: nameless
  SourcePos pos;
  std::vector<std::unique_ptr<Body>> forms;  // overloads in order; none: an alias
  std::string alias;
  SourcePos alias_pos;
};

// A parameter of a compound: `$name`, `KEY $name`, or `__REST__ $name`.
struct Formal {
  std::string name;
  std::string keyword;  // or empty
  bool rest = false;    // takes all arguments that are left
  SourcePos pos;
};

struct Define {
  std::string name;
  ArgText value;
  SourcePos pos;
};

struct Item {
  std::string name;  // anonymous ones are called Class@N
  SourcePos name_pos;
  std::string class_name;
  SourcePos class_pos;
  std::shared_ptr<const CompoundClass> compound;  // where `{ … }` stands for the class
  std::vector<ArgText> args;
  bool anonymous = false;
  bool bare = false;    // anonymous and without (…): may be a misspelt element name
  bool broken = false;  // its arguments have syntax errors
};

// Ends of a link that are no item: the ports of the compound that it is in.
inline constexpr std::size_t kInputEnd = ~std::size_t{0};
inline constexpr std::size_t kOutputEnd = kInputEnd - 1;

struct LinkText {
  std::size_t from = 0;  // index in Body::items, or kInputEnd
  unsigned output = 0;
  SourcePos output_pos;
  std::size_t to = 0;  // index in Body::items, or kOutputEnd
  unsigned input = 0;
  SourcePos input_pos;
};

struct Body {
  SourcePos pos;  // of its `{`
  std::vector<Formal> formals;
  std::vector<Define> defines;
  std::vector<std::unique_ptr<CompoundClass>> classes;
  std::vector<Item> items;
  std::vector<LinkText> links;
  unsigned inputs = 0, outputs = 0;  // of the compound
};

}  // namespace fulcrum
