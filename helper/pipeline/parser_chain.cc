// SPDX-License-Identifier: MIT
// parser_chain.cc - tokens -> ast.h: chains of elements, their names and ports.
#include <charconv>
#include <utility>

#include "pipeline/parser.h"

namespace fulcrum {

bool Parser::port_number(unsigned& number, SourcePos& pos, bool& present) {
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

bool Parser::names(std::vector<Token>& all, bool alone) {
  all.push_back(token_);
  take();
  while (is(TokenKind::kComma)) {
    take();
    if (!is(TokenKind::kWord)) return fail(token_.pos, "',' wants another element name, not '" + token_.text + "'");
    all.push_back(token_);
    take();
  }
  if (all.size() > 1 && (!alone || !is(TokenKind::kColonColon)))
    return fail(all[1].pos, "a list of names can only be declared: 'a, b :: Class;'");
  return true;
}

// `Class`, `Class(args)`, `{ … }` or `{ … }(args)`, from its first token.
bool Parser::class_of(Item& item) {
  item.class_pos = token_.pos;
  if (is(TokenKind::kOpenBrace)) {
    auto made = std::make_shared<CompoundClass>();
    made->pos = token_.pos;
    if (!forms(*made)) return false;
    item.compound = std::move(made);
  } else if (is(TokenKind::kWord)) {
    item.class_name = token_.text;
    take();
  } else {
    return fail(token_.pos, "'::' wants an element class, not '" + token_.text + "'");
  }
  arguments_of(item);
  return true;
}

void Parser::arguments_of(Item& item) {
  if (!is(TokenKind::kOpen)) return;
  const std::size_t errors = diag_.count();
  item.args = lexer_.arguments(token_.pos);
  item.broken = diag_.count() != errors;
  take();
}

bool Parser::declare_one(const Token& name, Item item) {
  Scope& s = *scope_;
  if (s.is_compound && (name.text == "input" || name.text == "output"))
    return fail(name.pos, "'" + name.text + "' names the ports of the compound: choose another name");
  if (name.text.find('@') != std::string::npos)
    return fail(name.pos, "'" + name.text + "' cannot be a name: '@' is for elements that have none");
  auto [old, fresh] = s.by_name.emplace(name.text, s.body->items.size());
  if (!fresh)
    return fail(name.pos, "'" + name.text + "' is declared twice: first in line " +
                              std::to_string(s.body->items[old->second].name_pos.line));
  item.name = name.text;
  item.name_pos = name.pos;
  s.body->items.push_back(std::move(item));
  return true;
}

// From `::` on. `first`: the item of the first name.
bool Parser::declare(const std::vector<Token>& names, std::size_t& first) {
  take();
  Item item;
  if (!class_of(item)) return false;
  bool good = true;
  for (const Token& name : names) good &= declare_one(name, item);
  first = scope_->body->items.size() - names.size();
  return good;
}

bool Parser::use(Node& node, Item item) {
  node.use = scope_->uses.size();
  scope_->uses.push_back({std::move(item), false, 0});
  return true;
}

// `input` and `output` inside a compound; false: they are names like others.
bool Parser::compound_port(Node& node, const Token& word) {
  if (!scope_->is_compound || (word.text != "input" && word.text != "output")) return false;
  (word.text == "input" ? node.is_input : node.is_output_end) = true;
  return true;
}

// The element of a node. `alone`: a list of names is allowed (start of a statement).
bool Parser::element(Node& node, bool alone, bool& is_list) {
  node.pos = token_.pos;
  Item item;
  item.name_pos = token_.pos;
  item.anonymous = true;
  if (is(TokenKind::kOpenBrace)) return class_of(item) && use(node, std::move(item));
  if (is(TokenKind::kVariable))
    return fail(token_.pos, "a variable cannot stand for an element: '$" + token_.text + "' belongs into arguments");
  if (!is(TokenKind::kWord)) return fail(token_.pos, "an element is expected, not '" + token_.text + "'");
  std::vector<Token> all;
  if (!names(all, alone)) return false;
  is_list = all.size() > 1;
  if (is(TokenKind::kColonColon)) {
    std::size_t first = 0;
    if (!declare(all, first)) return false;
    node.use = scope_->uses.size();
    scope_->uses.push_back({{}, true, first});
    return true;
  }
  if (compound_port(node, all[0])) {
    if (is(TokenKind::kOpen)) return fail(token_.pos, "'" + all[0].text + "' takes no arguments");
    return true;
  }
  item.class_name = all[0].text;
  item.class_pos = all[0].pos;
  item.bare = !is(TokenKind::kOpen);
  arguments_of(item);
  return use(node, std::move(item));
}

// Where `input` and `output` may stand, and ports at the ends of a chain.
bool Parser::check_ends(const Node& node, bool first, bool last) {
  if (node.is_input && !first)
    return fail(node.pos, "nothing can lead to 'input': it is where packets come into the compound");
  if (node.is_output_end && !last)
    return fail(node.pos, "nothing can come from 'output': it is where packets leave the compound");
  if (first && node.has_input)
    return fail(node.input_pos, "an input port stands at the start of a chain: write 'x -> [n]y'");
  if (last && node.has_output)
    return fail(node.output_pos, "an output port stands at the end of a chain", {"-> ToPort", "-> Discard"});
  if (first && last && (node.is_input || node.is_output_end))
    return fail(node.pos, "'" + std::string(node.is_input ? "input' leads nowhere" : "output' is reached by nothing"),
                {"input -> …", "… -> output"});
  return true;
}

bool Parser::node(Node& node, bool first, bool& is_list) {
  if (!port_number(node.input, node.input_pos, node.has_input)) return false;
  if (!element(node, first && !node.has_input, is_list)) return false;
  if (!port_number(node.output, node.output_pos, node.has_output)) return false;
  if (!node.has_input) node.input_pos = node.pos;
  if (!node.has_output) node.output_pos = node.pos;
  return true;
}

bool Parser::chain() {
  Node before;
  bool is_list = false;
  for (bool first = true;; first = false) {
    Node now;
    if (!node(now, first, is_list)) return false;
    const bool more = is(TokenKind::kArrow);
    if (is(TokenKind::kDoubleArrow)) return fail(token_.pos, "'=>' is not supported: connect one by one", {"->"});
    if (!check_ends(now, first, !more)) return false;
    if (!first) scope_->links.emplace_back(before, now);
    before = now;
    if (!more) return end_of_statement();
    if (is_list) return fail(token_.pos, "a list of names cannot be part of a chain");
    take();
  }
}

void Parser::resolve_use(Use& use) {
  if (use.is_item) return;
  Scope& s = *scope_;
  Item& item = use.item;
  auto known = item.compound ? s.by_name.end() : s.by_name.find(item.class_name);
  if (known != s.by_name.end()) {
    use.known = known->second;
    if (!item.bare)
      diag_.error(item.class_pos, "'" + item.class_name +
                                      "' is an element: its arguments stand where it is declared, in line " +
                                      std::to_string(s.body->items[known->second].name_pos.line));
    return;
  }
  if (item.class_name == "input" || item.class_name == "output")
    diag_.error(item.class_pos, "'" + item.class_name + "' means the ports of a compound, but stands in none");
  use.known = s.body->items.size();
  item.name = (item.compound ? "compound" : item.class_name) + "@" + std::to_string(use.known + 1);
  s.body->items.push_back(std::move(item));
}

// The whole body is known: words become declared names or anonymous elements.
void Parser::resolve() {
  Scope& s = *scope_;
  for (Use& u : s.uses) resolve_use(u);
  for (const auto& [from, to] : s.links)
    s.body->links.push_back({from.is_input ? kInputEnd : s.uses[from.use].known, from.output, from.output_pos,
                             to.is_output_end ? kOutputEnd : s.uses[to.use].known, to.input, to.input_pos});
}

// The ports of the compound: counted, and none left out.
void Parser::check_ports() {
  Body& body = *scope_->body;
  std::map<unsigned, SourcePos> inputs, outputs;  // by number, where first used
  for (const LinkText& l : body.links) {
    if (l.from == kInputEnd) {
      auto [old, fresh] = inputs.emplace(l.output, l.output_pos);
      if (!fresh)
        diag_.error(l.output_pos,
                    "input " + std::to_string(l.output) + " of the compound is connected twice: first at line " +
                        std::to_string(old->second.line) + " column " + std::to_string(old->second.column));
    }
    if (l.to == kOutputEnd) outputs.emplace(l.input, l.input_pos);
  }
  const auto count = [&](const std::map<unsigned, SourcePos>& ports, const char* what) {
    unsigned next = 0;
    for (const auto& [number, pos] : ports)
      if (number != next++) {
        diag_.error(pos, std::string(what) + " " + std::to_string(number) + " of the compound is used, but not " +
                             std::to_string(next - 1) + ": ports are numbered from 0 on");
        break;
      }
    return ports.empty() ? 0 : ports.rbegin()->first + 1;
  };
  body.inputs = count(inputs, "input");
  body.outputs = count(outputs, "output");
}

}  // namespace fulcrum
