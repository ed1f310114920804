// SPDX-License-Identifier: MIT
// parser.cc - tokens -> ast.h: statements, classes, the bodies of compounds.
#include "pipeline/parser.h"

#include <algorithm>

namespace fulcrum {
namespace {

constexpr unsigned kMaxDepth = 16;  // of compounds written inside one another

std::string line_of(SourcePos pos) { return "line " + std::to_string(pos.line); }

}  // namespace

TokenKind Parser::kind_behind() {
  ahead_.go_to(lexer_);
  return ahead_.next().kind;
}

std::unique_ptr<Body> Parser::run() {
  auto body = std::make_unique<Body>();
  Scope scope{body.get(), {}, {}, {}, false};
  scope_ = &scope;
  while (!is(TokenKind::kEnd)) {
    statements();
    if (is(TokenKind::kEnd)) break;
    fail(token_.pos, "unexpected '" + token_.text + "': no '{' is open");
    take();
  }
  resolve();
  return body;
}

// Up to what ends this body: `}` or `||` (or, in error, the file).
void Parser::statements() {
  while (!is(TokenKind::kEnd) && !is(TokenKind::kCloseBrace) && !is(TokenKind::kDoubleBar)) {
    if (is(TokenKind::kSemicolon))
      take();
    else if (!statement())
      skip_statement();
  }
}

// After an error: on to the next ';' or the end of the body.
void Parser::skip_statement() {
  for (unsigned depth = 0; !is(TokenKind::kEnd); take()) {
    if (is(TokenKind::kOpen)) lexer_.arguments(token_.pos);
    if (is(TokenKind::kOpenBrace)) ++depth;
    if (depth == 0 && (is(TokenKind::kSemicolon) || is(TokenKind::kCloseBrace) || is(TokenKind::kDoubleBar))) return;
    if (is(TokenKind::kCloseBrace)) --depth;
  }
}

bool Parser::statement() {
  if (is(TokenKind::kWord)) {
    if (token_.text == "require") return require_statement();
    if (token_.text == "define") return define_statement();
    if (token_.text == "elementclass") return class_statement();
  }
  return chain();
}

bool Parser::end_of_statement() {
  if (is(TokenKind::kSemicolon) || is(TokenKind::kEnd) || is(TokenKind::kCloseBrace) || is(TokenKind::kDoubleBar))
    return true;
  return fail(token_.pos, "unexpected '" + token_.text + "': the statement before it is not finished", {"->", ";"});
}

bool Parser::require_statement() {
  const SourcePos pos = token_.pos;
  take();
  if (!is(TokenKind::kOpen)) return fail(token_.pos, "'require' wants plugin names in parentheses", {"require(route)"});
  const std::vector<ArgText> args = lexer_.arguments(token_.pos);
  take();
  if (args.empty()) return fail(pos, "'require' names no plugin", {"require(route)"});
  for (const ArgText& arg : args)
    for (const ArgWord& word : arg) {
      if (word.parts.size() == 1 && !word.parts[0].variable)
        config_.required.push_back({word.parts[0].text, word.pos});
      else
        fail(word.pos, "'require' wants the name of a plugin as it is, without variables");
    }
  return end_of_statement();
}

bool Parser::define_statement() {
  const SourcePos pos = token_.pos;
  take();
  if (!is(TokenKind::kOpen)) return fail(token_.pos, "'define' wants variables in parentheses", {"define($x value)"});
  const std::vector<ArgText> args = lexer_.arguments(token_.pos);
  take();
  if (args.empty()) return fail(pos, "'define' names no variable", {"define($x value)"});
  for (const ArgText& arg : args) define(arg, arg[0].pos);
  return end_of_statement();
}

bool Parser::define(const ArgText& text, SourcePos pos) {
  const ArgWord& name = text[0];
  if (name.quoted || name.parts.size() != 1 || !name.parts[0].variable)
    return fail(pos, "'define' wants a variable and its value", {"$x value"});
  Define d{name.parts[0].text, ArgText(text.begin() + 1, text.end()), pos};
  for (const Define& other : scope_->body->defines)
    if (other.name == d.name) return fail(pos, "$" + d.name + " is defined twice: first in " + line_of(other.pos));
  for (const Formal& other : scope_->body->formals)
    if (other.name == d.name) return fail(pos, "$" + d.name + " is a parameter: it cannot be defined again");
  scope_->body->defines.push_back(std::move(d));
  return true;
}

bool Parser::class_statement() {
  take();
  if (!is(TokenKind::kWord)) return fail(token_.pos, "'elementclass' wants a name, not '" + token_.text + "'");
  auto made = std::make_unique<CompoundClass>();
  made->name = token_.text;
  made->pos = token_.pos;
  take();
  if (is(TokenKind::kWord)) {
    made->alias = token_.text;
    made->alias_pos = token_.pos;
    take();
    return add_class(std::move(made)) && end_of_statement();
  }
  if (!is(TokenKind::kOpenBrace))
    return fail(token_.pos,
                "elementclass '" + made->name + "' wants '{' or the name of another class, not '" + token_.text + "'");
  if (!forms(*made)) return false;
  return add_class(std::move(made));
}

bool Parser::add_class(std::unique_ptr<CompoundClass> made) {
  for (const auto& other : scope_->body->classes)
    if (other->name == made->name)
      return fail(made->pos, "elementclass '" + made->name + "' is declared twice: first in " + line_of(other->pos));
  config_.classes.push_back({made->name, made->pos});
  scope_->body->classes.push_back(std::move(made));
  return true;
}

// From `{` behind the matching `}`.
bool Parser::forms(CompoundClass& made) {
  const SourcePos open = token_.pos;
  if (depth_ == kMaxDepth)
    return fail(open, "compounds stand inside one another more than " + std::to_string(kMaxDepth) + " deep");
  ++depth_;
  do {
    take();
    made.forms.push_back(form());
    made.forms.back()->pos = open;
  } while (is(TokenKind::kDoubleBar));
  --depth_;
  if (!is(TokenKind::kCloseBrace)) return fail(open, "'{' is not closed: '}' is missing");
  take();
  return true;
}

std::unique_ptr<Body> Parser::form() {
  auto body = std::make_unique<Body>();
  Scope scope{body.get(), {}, {}, {}, true};
  Scope* outer = scope_;
  scope_ = &scope;
  const bool has_formals = is(TokenKind::kVariable) || is(TokenKind::kBar) ||
                           (is(TokenKind::kWord) && kind_behind() == TokenKind::kVariable);
  if (has_formals && !formals(*body)) skip_statement();
  statements();
  resolve();
  check_ports();
  scope_ = outer;
  return body;
}

// Behind the `|`.
bool Parser::formals(Body& body) {
  while (!is(TokenKind::kBar)) {
    if (!formal(body)) return false;
    if (is(TokenKind::kComma))
      take();
    else if (!is(TokenKind::kBar))
      return fail(token_.pos,
                  "unexpected '" + token_.text + "' in the parameters of a compound: ',' or '|' is missing");
  }
  take();
  return true;
}

bool Parser::formal(Body& body) {
  Formal f;
  if (is(TokenKind::kWord)) {
    f.rest = token_.text == "__REST__";
    if (!f.rest) f.keyword = token_.text;
    take();
  }
  if (!is(TokenKind::kVariable))
    return fail(token_.pos, "the parameter of a compound is expected, not '" + token_.text + "'",
                {"$name", "KEYWORD $name", "__REST__ $name"});
  f.name = token_.text;
  f.pos = token_.pos;
  take();
  if (!body.formals.empty() && body.formals.back().rest)
    return fail(f.pos, "no parameter can stand behind __REST__, which takes all that is left");
  const auto same = [&](const Formal& other) {
    return other.name == f.name || (!f.keyword.empty() && other.keyword == f.keyword);
  };
  if (std::any_of(body.formals.begin(), body.formals.end(), same))
    return fail(f.pos, "parameter '" + (f.keyword.empty() ? "" : f.keyword + " ") + "$" + f.name + "' is there twice");
  body.formals.push_back(std::move(f));
  return true;
}

}  // namespace fulcrum
