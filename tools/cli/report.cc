// SPDX-License-Identifier: MIT
// report.cc - tables, counters, JSON.
#include "report.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <utility>

namespace fulcrum::cli {
namespace {

namespace json = boost::json;

std::string grouped(std::string digits) {
  std::size_t first = digits.starts_with('-') ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string pad(const std::string& text, std::size_t width, bool right) {
  std::string blanks(width > text.size() ? width - text.size() : 0, ' ');
  return right ? blanks + text : text + blanks;
}

const json::value* member(const json::value& v, std::string_view key) {
  const json::object* object = v.if_object();
  return object ? object->if_contains(json::string_view(key.data(), key.size())) : nullptr;
}

}  // namespace

std::string cell(const json::value& v) {
  char text[48];
  switch (v.kind()) {
    case json::kind::null:
      return "-";
    case json::kind::bool_:
      return v.get_bool() ? "yes" : "no";
    case json::kind::int64:
      return grouped(std::to_string(v.get_int64()));
    case json::kind::uint64:
      return grouped(std::to_string(v.get_uint64()));
    case json::kind::double_:
      std::snprintf(text, sizeof text, "%.3f", v.get_double());
      return text;
    case json::kind::string:
      return std::string(v.get_string());
    default:
      break;
  }
  std::string out;
  auto add = [&](const std::string& part) { out.append(out.empty() ? "" : " ").append(part); };
  if (const json::array* list = v.if_array())
    for (const json::value& item : *list) add(cell(item));
  else
    for (const auto& [key, item] : v.get_object()) add(std::string(key) + "=" + cell(item));
  return out.empty() ? "-" : out;
}

const json::array& array_at(const json::value& v, std::string_view key) {
  static const json::array kEmpty;
  const json::value* found = member(v, key);
  return found && found->is_array() ? found->get_array() : kEmpty;
}

const json::object& object_at(const json::value& v, std::string_view key) {
  static const json::object kEmpty;
  const json::value* found = member(v, key);
  return found && found->is_object() ? found->get_object() : kEmpty;
}

std::string text_at(const json::value& v, std::string_view key) {
  const json::value* found = member(v, key);
  return found ? cell(*found) : "-";
}

double number_at(const json::value& v, std::string_view key) {
  const json::value* found = member(v, key);
  return found && found->is_number() ? found->to_number<double>() : 0;
}

void Report::line(std::string_view text) { text_.append(text) += '\n'; }

void Report::table(const json::array& rows, const std::vector<Column>& columns) {
  std::vector<std::vector<std::string>> cells(rows.size() + 1);
  std::vector<std::pair<std::size_t, bool>> shape;  // width, numbers to the right
  for (const Column& column : columns) {
    auto has = [&](const json::value& row) { return member(row, column.key) != nullptr; };
    if (std::none_of(rows.begin(), rows.end(), has)) continue;
    std::size_t width = std::string_view(column.title).size();
    bool right = true;
    cells[0].push_back(column.title);
    for (std::size_t r = 0; r < rows.size(); r++) {
      const json::value* found = member(rows[r], column.key);
      if (found && !found->is_number()) right = false;
      cells[r + 1].push_back(found ? cell(*found) : "-");
      width = std::max(width, cells[r + 1].back().size());
    }
    shape.emplace_back(width, right);
  }
  if (shape.empty()) return;
  for (const auto& row : cells) {
    std::string out;
    for (std::size_t c = 0; c < row.size(); c++) out += (c ? "  " : "") + pad(row[c], shape[c].first, shape[c].second);
    out.erase(out.find_last_not_of(' ') + 1);
    line(out);
  }
}

void Report::counters(const json::object& object, std::string_view indent, bool zeros) {
  std::size_t width = 0;
  auto shown = [&](const json::value& v) { return v.is_number() && (zeros || v.to_number<double>() != 0); };
  for (const auto& [key, v] : object)
    if (shown(v)) width = std::max(width, key.size());
  for (const auto& [key, v] : object)
    if (shown(v)) line(std::string(indent) + pad(std::string(key), width, false) + "  " + cell(v));
}

std::string Report::render(bool json) const { return json ? json::serialize(data_) + "\n" : text_; }

void Report::print(bool json) const {
  std::string out = render(json);
  std::fwrite(out.data(), 1, out.size(), stdout);
  std::fflush(stdout);
}

}  // namespace fulcrum::cli
