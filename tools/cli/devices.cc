// SPDX-License-Identifier: MIT
// devices.cc - what the helper says of its devices -> a few lines each.
#include <boost/json.hpp>
#include <cstdio>

#include "tables.h"

namespace fulcrum::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kColumns = 100;

// "1.25 GB": three digits and the unit.
std::string scaled(double bytes) {
  static constexpr const char* kUnits[] = {"B", "KB", "MB", "GB", "TB", "PB"};
  std::size_t unit = 0;
  for (; bytes >= 999.5 && unit + 1 < std::size(kUnits); ++unit) bytes /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, "%.*f %s",
                unit == 0 || bytes >= 99.95 ? 0
                : bytes >= 9.995            ? 1
                                            : 2,
                bytes, kUnits[unit]);
  return text;
}

std::string with_digits(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

// `line`, then the words of `text`; further lines are indented.
void wrapped(Report& report, std::string line, std::string_view text) {
  bool first = true;  // of its line
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size() == text.size() ? word.size() : word.size() + 1);
    if (!first && line.size() + 1 + word.size() > kColumns) {
      report.line(line);
      line = "   ";
    }
    line.append(line.empty() ? "" : " ").append(word);
    first = false;
  }
  report.line(line);
}

std::string model_of(const json::value& d) {
  const std::string model = text_at(d, "model"), isa = text_at(d, "isa");
  if (model.empty()) return text_at(d, "kind");
  return text_at(d, "kind") + ", " + model + (isa.empty() || model.find(isa) != model.npos ? "" : ", " + isa);
}

std::string way_of(const json::value& d) {
  if (text_at(d, "reads_frames") == "in place") return "reads in place";
  return "copies " + with_digits(number_at(d, "copy_in_gbps"), 0) + "/" +
         with_digits(number_at(d, "copy_out_gbps"), 0) + " Gbit/s";
}

void fill_device(Report& report, const json::value& d) {
  wrapped(report, text_at(d, "device") + ":", text_at(d, "state") + "; " + model_of(d));
  wrapped(report, " ",
          "launch " + with_digits(number_at(d, "launch_us"), 1) + " us, " + way_of(d) + "; " + text_at(d, "tasks") +
              " tasks, " + scaled(number_at(d, "in_bytes")) + " in, " + scaled(number_at(d, "out_bytes")) + " out, " +
              scaled(number_at(d, "saved_bytes")) + " saved; errors " + text_at(d, "errors") + ", lost " +
              text_at(d, "losses"));
  std::string more;  // what seldom happens
  if (number_at(d, "done_on_cpu_instead") > 0)
    more = text_at(d, "done_on_cpu_instead") + " packets done on the cpu instead, " + text_at(d, "taken_back") +
           " of them taken back";
  if (number_at(d, "shadow_tasks") > 0)
    more += (more.empty() ? "" : "; ") + text_at(d, "shadow_tasks") + " tasks run on the cpu too, " +
            text_at(d, "shadow_mismatches") + " with another answer";
  if (d.as_object().contains("evidence")) more += ", see " + text_at(d, "evidence");
  if (!more.empty()) wrapped(report, " ", more);
}

}  // namespace

void fill_devices(Report& report) {
  const json::array& devices = array_at(report.data(), "devices");
  if (devices.empty()) return report.line("no devices: see [[device]] in fulcrumd --help");
  for (const json::value& d : devices)
    if (d.is_object()) fill_device(report, d);
}

void fill_device_states(Report& report) {
  for (const json::value& d : array_at(report.data(), "devices"))
    wrapped(report, text_at(d, "device") + ":", text_at(d, "state"));
}

}  // namespace fulcrum::cli
