// SPDX-License-Identifier: MIT
// variables.cc - define() and parameters of compounds: values by name, put into arguments.
#include "pipeline/variables.h"

#include <algorithm>

namespace fulcrum {
namespace {

// Of all arguments of a file together: 20 doublings in define() are a million copies.
constexpr std::size_t kMaxExpandedBytes = 8 * 1024 * 1024;
constexpr std::size_t kWordBytes = 64;  // what a word costs besides its text

// KEYWORD in front of a value: capitals, digits and underscores. The locale must not matter.
bool is_keyword(std::string_view word) {
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  return !word.empty() && upper(word[0]) &&
         std::all_of(word.begin(), word.end(), [&](char c) { return upper(c) || (c >= '0' && c <= '9') || c == '_'; });
}

std::string joined(const std::vector<Words>& args) {
  std::string out;
  for (std::size_t a = 0; a < args.size(); ++a)
    for (std::size_t w = 0; w < args[a].size(); ++w) out += (w ? " " : a ? ", " : "") + args[a][w].text;
  return out;
}

}  // namespace

Arg make_arg(const Words& words) {
  Arg arg;
  std::size_t first = 0;
  if (words.size() > 1 && !words[0].quoted && is_keyword(words[0].text)) {
    arg.keyword = words[0].text;
    first = 1;
  }
  arg.pos = words[first].pos;
  arg.quoted = words.size() - first == 1 && words[first].quoted;
  for (std::size_t i = first; i < words.size(); ++i) arg.text += (i > first ? " " : "") + words[i].text;
  return arg;
}

bool has_keyword(const Words& words, const std::string& keyword) {
  return words.size() > 1 && !words[0].quoted && words[0].text == keyword;
}

Variables::Value* Variables::find(const std::string& name) {
  for (Variables* v = this; v; v = v->outer_)
    if (auto known = v->values_.find(name); known != v->values_.end()) return &known->second;
  return nullptr;
}

std::vector<std::string> Variables::names() const {
  std::vector<std::string> all;
  for (const Variables* v = this; v; v = v->outer_)
    for (const auto& [name, value] : v->values_) all.push_back("$" + name);
  return all;
}

const Variables::Value* Substitution::look_up(const TextPart& part, const At& at) {
  if (Variables::Value* value = at.variables.find(part.text)) {
    value->used = true;
    return value;
  }
  failed_ = true;
  if (!blame_unknown_) return nullptr;
  const std::vector<std::string> known = at.variables.names();
  std::vector<std::string> near = nearest("$" + part.text, known);
  if (near.empty() && known.size() <= 8) near = known;
  diag_.error(part.pos, "$" + part.text + " is neither defined nor a parameter here", std::move(near), at.notes);
  return nullptr;
}

bool Substitution::spend(std::size_t bytes, SourcePos pos, const At& at) {
  spent_bytes_ += bytes + kWordBytes;
  if (spent_bytes_ <= kMaxExpandedBytes) return true;
  if (!exhausted_)
    diag_.error(pos, "arguments grow to more than 8 MiB once variables are put in: this is no pipeline", {}, at.notes);
  exhausted_ = failed_ = true;
  return false;
}

// A variable that is a whole word: the words of its value, at the place of the variable.
void Substitution::splice(const TextPart& part, const At& at, std::vector<Words>& args, Words& words) {
  const Variables::Value* value = look_up(part, at);
  if (!value) return;
  for (std::size_t i = 0; i < value->args.size(); ++i) {
    if (i && !words.empty()) {
      args.push_back(std::move(words));
      words.clear();
    }
    for (const Word& w : value->args[i]) {
      if (!spend(w.text.size(), part.pos, at)) return;
      words.push_back({w.text, w.quoted, part.pos});
    }
  }
}

Word Substitution::fill(const ArgWord& word, const At& at) {
  Word out{"", word.quoted, word.pos};
  for (const TextPart& part : word.parts) {
    std::string text = part.text;
    if (part.variable) {
      const Variables::Value* value = look_up(part, at);
      text = value ? joined(value->args) : "";
    }
    if (!spend(text.size(), part.pos, at)) break;
    out.text += text;
  }
  return out;
}

bool Substitution::append(const ArgText& text, Variables& variables, const std::vector<Note>& notes,
                          std::vector<Words>& args) {
  const At at{variables, notes};
  failed_ = exhausted_;
  Words words;
  for (const ArgWord& word : text) {
    if (exhausted_) return false;
    if (!word.quoted && word.parts.size() == 1 && word.parts[0].variable)
      splice(word.parts[0], at, args, words);
    else
      words.push_back(fill(word, at));
  }
  if (!words.empty()) args.push_back(std::move(words));
  return !failed_;
}

}  // namespace fulcrum
