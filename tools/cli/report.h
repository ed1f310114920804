// SPDX-License-Identifier: MIT
// report.h - what a command found -> aligned text or JSON. The one place that knows both.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace fulcrum::cli {

struct Column {
  const char* key;  // member of the row's object
  const char* title;
};

// The JSON is the data as it came; text is added beside it by the command.
class Report {
 public:
  explicit Report(boost::json::value data) : data_(std::move(data)) {}

  const boost::json::value& data() const { return data_; }
  void line(std::string_view text);
  // Rows are objects; a column that no row has is left out.
  void table(const boost::json::array& rows, const std::vector<Column>& columns);
  // "name  value" lines of an object's numbers; zeros only with `zeros`.
  void counters(const boost::json::object& object, std::string_view indent, bool zeros = false);
  std::string render(bool json) const;  // ends with a newline
  void print(bool json) const;          // on stdout

 private:
  boost::json::value data_;
  std::string text_;
};

// One cell: numbers with thousands apart, fractions with 3 digits, lists joined.
std::string cell(const boost::json::value& v);

// Members that may be absent.
const boost::json::array& array_at(const boost::json::value& v, std::string_view key);
const boost::json::object& object_at(const boost::json::value& v, std::string_view key);
std::string text_at(const boost::json::value& v, std::string_view key);
double number_at(const boost::json::value& v, std::string_view key);

}  // namespace fulcrum::cli
