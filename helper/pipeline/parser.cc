// SPDX-License-Identifier: MIT
// parser.cc - tokens -> Config: statements, chains, names resolved.
//
//   file      := { statement ';' }
//   statement := require(plugin, …) | name, name… :: Class(args) | chain
//   chain     := node { -> node }
//   node      := [n] ( name | name :: Class(args) | Class(args) ) [n]
#include <charconv>
#include <map>

#include "fulcrum/text_file.h"
#include "pipeline/config.h"
#include "pipeline/lexer.h"

namespace fulcrum {
namespace {

constexpr std::size_t kMaxFileBytes = 4 * 1024 * 1024;

// One element inside a chain, before names are resolved.
struct ChainNode {
  std::size_t use = 0;  // index in Parser::uses_
  bool has_input = false, has_output = false;
  unsigned input = 0, output = 0;
  SourcePos pos, input_pos, output_pos;
};

class Parser {
 public:
  Parser(Config& config, Diagnostics& diag) : config_(config), diag_(diag), lexer_(config.source, diag) { take(); }

  void run() {
    while (token_.kind != TokenKind::kEnd) {
      if (token_.kind == TokenKind::kSemicolon)
        take();
      else if (!statement())
        skip_statement();
    }
    resolve();
  }

 private:
  // A word that stands for an element: a declared name or an anonymous class.
  struct Use {
    Token word;
    bool declared_here = false;
    std::size_t declaration = 0;  // valid with declared_here
    bool has_args = false;
    std::vector<Arg> args;
  };
  struct Link {
    ChainNode from, to;
  };

  void take() { token_ = lexer_.next(); }
  bool is(TokenKind kind) const { return token_.kind == kind; }
  bool fail(SourcePos pos, std::string text, std::vector<std::string> choices = {}) {
    diag_.error(pos, std::move(text), std::move(choices));
    return false;
  }

  // After an error: on behind the next ';'.
  void skip_statement() {
    while (!is(TokenKind::kEnd) && !is(TokenKind::kSemicolon)) {
      if (is(TokenKind::kOpen)) lexer_.arguments(token_.pos);
      take();
    }
  }

  bool statement() {
    if (is(TokenKind::kWord)) {
      if (token_.text == "require") return require_statement();
      if (token_.text == "elementclass" || token_.text == "define")
        return fail(token_.pos, "'" + token_.text + "' is not supported yet: write its elements out");
    }
    return chain();
  }

  bool end_of_statement() {
    if (is(TokenKind::kSemicolon) || is(TokenKind::kEnd)) return true;
    return fail(token_.pos, "unexpected '" + token_.text + "': the statement before it is not finished", {"->", ";"});
  }

  bool require_statement() {
    const SourcePos pos = token_.pos;
    take();
    if (!is(TokenKind::kOpen))
      return fail(token_.pos, "'require' wants plugin names in parentheses", {"require(route)"});
    std::vector<Arg> args = lexer_.arguments(token_.pos);
    take();
    if (args.empty()) return fail(pos, "'require' names no plugin", {"require(route)"});
    for (Arg& a : args) config_.required.push_back({a.text, a.pos});
    return end_of_statement();
  }

  // `Class` or `Class(args)` behind `::`, for each of `names`.
  bool declare(const std::vector<Token>& names, std::vector<std::size_t>& made) {
    take();
    if (is(TokenKind::kOpenBrace))
      return fail(token_.pos, "compound elements '{ … }' are not supported yet: write them out");
    if (!is(TokenKind::kWord)) return fail(token_.pos, "'::' wants an element class, not '" + token_.text + "'");
    Declaration d;
    d.class_name = token_.text;
    d.class_pos = token_.pos;
    take();
    if (is(TokenKind::kOpen)) {
      d.args = lexer_.arguments(token_.pos);
      take();
    }
    for (const Token& name : names) {
      d.name = name.text;
      d.name_pos = name.pos;
      auto [old, fresh] = by_name_.emplace(d.name, config_.declarations.size());
      if (!fresh) {
        fail(name.pos, "'" + d.name + "' is declared twice: first in line " +
                           std::to_string(config_.declarations[old->second].name_pos.line));
        continue;
      }
      made.push_back(config_.declarations.size());
      config_.declarations.push_back(d);
    }
    return !made.empty();
  }

  bool port_number(unsigned& number, SourcePos& pos, bool& present) {
    if (!is(TokenKind::kOpenBracket)) return true;
    take();
    if (!is(TokenKind::kNumber)) return fail(token_.pos, "'[' wants a port number, not '" + token_.text + "'");
    pos = token_.pos;
    auto [end, error] = std::from_chars(token_.text.data(), token_.text.data() + token_.text.size(), number);
    if (error != std::errc() || number > 0xffff) return fail(pos, "port number " + token_.text + " is too large");
    present = true;
    take();
    if (!is(TokenKind::kCloseBracket)) return fail(token_.pos, "']' is missing behind the port number");
    take();
    return true;
  }

  // The element of a node. `alone`: a list of names is allowed (start of a statement).
  bool element(ChainNode& node, bool alone, bool& is_list) {
    if (is(TokenKind::kOpenBrace) || is(TokenKind::kOpen))
      return fail(token_.pos, "compound elements are not supported yet: write them out");
    if (is(TokenKind::kVariable)) return fail(token_.pos, "$parameters are not supported yet: write the value");
    if (!is(TokenKind::kWord)) return fail(token_.pos, "an element is expected, not '" + token_.text + "'");
    std::vector<Token> names{token_};
    node.pos = token_.pos;
    take();
    while (is(TokenKind::kComma)) {
      take();
      if (!is(TokenKind::kWord)) return fail(token_.pos, "',' wants another element name, not '" + token_.text + "'");
      names.push_back(token_);
      take();
    }
    is_list = names.size() > 1;
    if (is_list && (!alone || !is(TokenKind::kColonColon)))
      return fail(names[1].pos, "a list of names can only be declared: 'a, b :: Class;'");
    Use use;
    use.word = names[0];
    if (is(TokenKind::kColonColon)) {
      std::vector<std::size_t> made;
      if (!declare(names, made)) return false;
      use.declared_here = true;
      use.declaration = made[0];
    } else if (is(TokenKind::kOpen)) {
      use.args = lexer_.arguments(token_.pos);
      use.has_args = true;
      take();
    }
    node.use = uses_.size();
    uses_.push_back(std::move(use));
    return true;
  }

  bool chain() {
    ChainNode before;
    bool is_list = false;
    for (bool first = true;; first = false) {
      ChainNode node;
      if (!port_number(node.input, node.input_pos, node.has_input)) return false;
      if (!element(node, first && !node.has_input, is_list)) return false;
      if (!port_number(node.output, node.output_pos, node.has_output)) return false;
      if (!node.has_input) node.input_pos = node.pos;
      if (!node.has_output) node.output_pos = node.pos;
      if (first && node.has_input)
        return fail(node.input_pos, "an input port stands at the start of a chain: write 'x -> [n]y'");
      if (!first) links_.push_back({before, node});
      before = node;
      if (is(TokenKind::kDoubleArrow)) return fail(token_.pos, "'=>' is not supported: connect one by one", {"->"});
      if (!is(TokenKind::kArrow)) break;
      if (is_list) return fail(token_.pos, "a list of names cannot be part of a chain");
      take();
    }
    if (before.has_output)
      return fail(before.output_pos, "an output port stands at the end of a chain", {"-> ToPort", "-> Discard"});
    return end_of_statement();
  }

  // The whole file is known: words become declared names or anonymous elements.
  void resolve() {
    std::vector<std::size_t> index(uses_.size());
    for (std::size_t i = 0; i < uses_.size(); ++i) {
      Use& use = uses_[i];
      auto known = by_name_.find(use.word.text);
      if (use.declared_here) {
        index[i] = use.declaration;
      } else if (known != by_name_.end()) {
        index[i] = known->second;
        if (use.has_args)
          diag_.error(use.word.pos, "'" + use.word.text +
                                        "' is an element: its arguments stand where it is declared, in line " +
                                        std::to_string(config_.declarations[known->second].name_pos.line));
      } else {
        index[i] = config_.declarations.size();
        config_.declarations.push_back({use.word.text + "@" + std::to_string(index[i] + 1), use.word.text,
                                        std::move(use.args), use.word.pos, use.word.pos, true, !use.has_args});
      }
    }
    for (const Link& l : links_)
      config_.connections.push_back(
          {index[l.from.use], l.from.output, l.from.output_pos, index[l.to.use], l.to.input, l.to.input_pos});
  }

  Config& config_;
  Diagnostics& diag_;
  Lexer lexer_;
  Token token_;
  std::map<std::string, std::size_t> by_name_;
  std::vector<Use> uses_;
  std::vector<Link> links_;
};

}  // namespace

Config parse_config(std::string file_name, std::string source, Diagnostics& diag) {
  Config config;
  config.file_name = std::move(file_name);
  config.source = std::move(source);
  diag.set_source(config.file_name, config.source);
  Parser(config, diag).run();
  return config;
}

Config load_config(const std::string& path, Diagnostics& diag) {
  diag.set_source(path, "");
  auto text = read_text(path);
  if (!text) {
    diag.error({}, text.error().text + ": check the name and its permissions");
    return {};
  }
  if (text->size() > kMaxFileBytes) {
    diag.error({}, "is larger than 4 MiB: this is no pipeline");
    return {};
  }
  return parse_config(path, std::move(*text), diag);
}

}  // namespace fulcrum
