// SPDX-License-Identifier: MIT
// variables.h - define() and parameters of compounds: values by name, put into arguments.
//
// As in Click, a value is put in as it was written: `define($w a b)` makes `X($w)`
// the same as `X(a b)`, so that a value may be "KEYWORD value". Inside "…" it is text.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "pipeline/ast.h"
#include "pipeline/diagnostics.h"

namespace fulcrum {

// A word of an argument, all variables resolved.
struct Word {
  std::string text;
  bool quoted = false;
  SourcePos pos;
};
using Words = std::vector<Word>;  // one argument

// `KEYWORD value`, or a value alone. `words` is not empty.
Arg make_arg(const Words& words);

// Whether an argument starts with this keyword, and a value follows.
bool has_keyword(const Words& words, const std::string& keyword);

// One body's variables; `outer`, those of the body around it, must outlive this.
class Variables {
 public:
  struct Value {
    std::vector<Words> args;  // one, but for `__REST__ $name`
    SourcePos pos;            // of its declaration
    bool used = false;
  };

  explicit Variables(Variables* outer) : outer_(outer) {}
  void set(const std::string& name, std::vector<Words> args, SourcePos pos) { values_[name] = {std::move(args), pos}; }
  // The innermost, or null.
  Value* find(const std::string& name);
  // "$name" of all that can be seen.
  std::vector<std::string> names() const;
  const std::map<std::string, Value>& here() const { return values_; }

 private:
  Variables* outer_;
  std::map<std::string, Value> values_;
};

// Puts values into arguments. What all of a file's arguments may grow to is limited.
class Substitution {
 public:
  // What was not understood may have declared a variable: then an unknown one is not blamed.
  explicit Substitution(Diagnostics& diag) : diag_(diag), blame_unknown_(diag.ok()) {}
  // One argument may become several, or none. `notes` go with errors; false: there was one.
  bool append(const ArgText& text, Variables& variables, const std::vector<Note>& notes, std::vector<Words>& args);
  bool exhausted() const { return exhausted_; }

 private:
  struct At {
    Variables& variables;
    const std::vector<Note>& notes;
  };
  const Variables::Value* look_up(const TextPart& part, const At& at);
  bool spend(std::size_t bytes, SourcePos pos, const At& at);
  void splice(const TextPart& part, const At& at, std::vector<Words>& args, Words& words);
  Word fill(const ArgWord& word, const At& at);

  Diagnostics& diag_;
  const bool blame_unknown_;
  std::size_t spent_bytes_ = 0;
  bool exhausted_ = false;
  bool failed_ = false;  // the append() that runs
};

}  // namespace fulcrum
