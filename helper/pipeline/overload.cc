// SPDX-License-Identifier: MIT
// overload.cc - arguments given to a compound -> the body they fit and its parameters' values.
#include "pipeline/overload.h"

#include <algorithm>
#include <utility>

namespace fulcrum {
namespace {

std::string name_of(const CompoundClass& of) { return of.name.empty() ? "{…}" : of.name; }

std::string formal_text(const Formal& f) {
  return (f.rest ? "__REST__ " : f.keyword.empty() ? "" : f.keyword + " ") + "$" + f.name;
}

// "X($a, KEY $b)"
std::string signature(const CompoundClass& of, const Body& body) {
  std::string out = name_of(of) + "(";
  for (std::size_t i = 0; i < body.formals.size(); ++i) out += (i ? ", " : "") + formal_text(body.formals[i]);
  return out + ")";
}

// Takes arguments out of those given, one parameter after another.
class Binding {
 public:
  Binding(const std::vector<Words>& args, Variables* variables)
      : args_(args), taken_(args.size(), false), variables_(variables) {}

  // Those with a keyword come first: a positional parameter takes what is left.
  void bind(const Body& body) {
    for (const Formal& f : body.formals)
      if (!f.keyword.empty()) keyword(f);
    for (const Formal& f : body.formals)
      if (f.keyword.empty()) positional(f);
  }
  const std::vector<const Formal*>& missing() const { return missing_; }
  std::vector<std::size_t> left() const {
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < args_.size(); ++i)
      if (!taken_[i]) all.push_back(i);
    return all;
  }

 private:
  void keyword(const Formal& f) {
    for (std::size_t i = 0; i < args_.size(); ++i) {
      if (taken_[i] || !has_keyword(args_[i], f.keyword)) continue;
      taken_[i] = true;
      return set(f, {Words(args_[i].begin() + 1, args_[i].end())});
    }
    missing_.push_back(&f);
  }
  void positional(const Formal& f) {
    std::vector<Words> values;
    for (std::size_t i = 0; i < args_.size() && (f.rest || values.empty()); ++i) {
      if (taken_[i]) continue;
      taken_[i] = true;
      values.push_back(args_[i]);
    }
    if (values.empty() && !f.rest) missing_.push_back(&f);
    set(f, std::move(values));
  }
  void set(const Formal& f, std::vector<Words> values) {
    if (variables_) variables_->set(f.name, std::move(values), f.pos);
  }

  const std::vector<Words>& args_;
  std::vector<bool> taken_;
  std::vector<const Formal*> missing_;
  Variables* variables_;
};

}  // namespace

const Body* choose_form(const CompoundClass& of, const std::vector<Words>& args) {
  for (const auto& form : of.forms) {
    Binding binding(args, nullptr);
    binding.bind(*form);
    if (binding.missing().empty() && binding.left().empty()) return form.get();
  }
  return of.forms[0].get();
}

std::vector<FormError> bind(const CompoundClass& of, const Body& body, const std::vector<Words>& args,
                            SourcePos used_at, Variables& variables) {
  Binding binding(args, &variables);
  binding.bind(body);
  const std::vector<std::size_t> left = binding.left();
  if (binding.missing().empty() && left.empty()) return {};
  std::vector<std::string> choices;
  for (const auto& form : of.forms) choices.push_back(signature(of, *form));
  if (of.forms.size() > 1)
    return {{used_at, "no form of " + name_of(of) + " takes these " + std::to_string(args.size()) + " arguments",
             std::move(choices)}};
  std::vector<FormError> wrong;
  for (const Formal* f : binding.missing())
    wrong.push_back({used_at, name_of(of) + ": argument " + formal_text(*f) + " is missing", choices});
  for (std::size_t i : left)
    wrong.push_back({args[i][0].pos, name_of(of) + ": unexpected argument '" + make_arg(args[i]).text + "'", choices});
  return wrong;
}

}  // namespace fulcrum
