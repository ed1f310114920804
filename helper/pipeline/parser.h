// SPDX-License-Identifier: MIT
// parser.h - tokens -> ast.h: statements, compounds, chains; names of elements resolved.
//
//   body      := [ formals '|' ] { statement ';' }
//   statement := require(plugin, …) | define($x value, …) | chain
//              | elementclass Name { body { '||' body } } | elementclass Name Other
//              | name, name… :: class
//   class     := ( Name | { body { '||' body } } ) [ (args) ]
//   chain     := node { -> node }
//   node      := [n] ( name | name :: class | class ) [n]
//   formals   := [ KEYWORD | __REST__ ] $x { ',' … }
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/ast.h"
#include "pipeline/config.h"
#include "pipeline/lexer.h"

namespace fulcrum {

class Parser {
 public:
  // `config` gives the text and gets what is required; errors go to `diag`.
  Parser(Config& config, Diagnostics& diag)
      : config_(config), diag_(diag), lexer_(config.source, diag), ahead_(config.source, quiet_) {
    take();
  }
  std::unique_ptr<Body> run();

 private:
  // A word that stands for an element: a declared name, an anonymous class, or a port of the compound.
  struct Use {
    Item item;  // where it is none of the others
    bool is_item = false;
    std::size_t known = 0;  // with is_item its index; else set by resolve()
  };
  struct Node {
    std::size_t use = 0;  // index in Scope::uses
    bool is_input = false, is_output_end = false;
    bool has_input = false, has_output = false;
    unsigned input = 0, output = 0;
    SourcePos pos, input_pos, output_pos;
  };
  // A body that is being read.
  struct Scope {
    Body* body;
    std::map<std::string, std::size_t> by_name;  // of body's items
    std::vector<Use> uses;
    std::vector<std::pair<Node, Node>> links;
    bool is_compound;
  };

  void take() { token_ = lexer_.next(); }
  bool is(TokenKind kind) const { return token_.kind == kind; }
  bool fail(SourcePos pos, std::string text, std::vector<std::string> choices = {}) {
    diag_.error(pos, std::move(text), std::move(choices));
    return false;
  }
  TokenKind kind_behind();  // of the token behind token_

  // parser.cc: statements and compounds
  void statements();
  void skip_statement();
  bool statement();
  bool end_of_statement();
  bool require_statement();
  bool define_statement();
  bool define(const ArgText& text, SourcePos pos);
  bool class_statement();
  bool add_class(std::unique_ptr<CompoundClass> made);
  bool forms(CompoundClass& made);
  std::unique_ptr<Body> form();
  bool formals(Body& body);
  bool formal(Body& body);

  // parser_chain.cc: elements and their connections
  bool chain();
  bool node(Node& node, bool first, bool& is_list);
  bool check_ends(const Node& node, bool first, bool last);
  bool port_number(unsigned& number, SourcePos& pos, bool& present);
  bool element(Node& node, bool alone, bool& is_list);
  bool names(std::vector<Token>& all, bool alone);
  bool use(Node& node, Item item);
  bool class_of(Item& item);
  void arguments_of(Item& item);
  bool declare(const std::vector<Token>& names, std::size_t& first);
  bool declare_one(const Token& name, Item item);
  bool compound_port(Node& node, const Token& word);
  void resolve();
  void resolve_use(Use& use);
  void check_ports();

  Config& config_;
  Diagnostics& diag_;
  Diagnostics quiet_;
  Lexer lexer_;
  Lexer ahead_;
  Token token_;
  Scope* scope_ = nullptr;
  unsigned depth_ = 0;
};

}  // namespace fulcrum
