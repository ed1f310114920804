// SPDX-License-Identifier: MIT
// live.cc - ask, print, wait; ends with --count, SIGINT or the helper.
#include "live.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "client.h"
#include "report.h"
#include "tables.h"

namespace fulcrum::cli {
namespace {

namespace json = boost::json;

// Blocks SIGINT for the whole watch, so that it ends between two pictures.
class Pace {
 public:
  explicit Pace(unsigned interval_s) : interval_{static_cast<time_t>(interval_s), 0} {
    sigemptyset(&wanted_);
    sigaddset(&wanted_, SIGINT);
    sigaddset(&wanted_, SIGTERM);
    sigprocmask(SIG_BLOCK, &wanted_, &before_);
  }
  ~Pace() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  // False: asked to end.
  bool wait() { return sigtimedwait(&wanted_, nullptr, &interval_) < 0; }

 private:
  timespec interval_;
  sigset_t wanted_, before_;
};

using Picture = Result<Report> (*)(const Options& o);

int watch(const Options& o, Picture picture) {
  Pace pace(o.interval_s);
  bool clear = !o.json && isatty(STDOUT_FILENO);
  for (unsigned n = 1;; n++) {
    auto report = picture(o);
    if (!report) return refuse(report.error());
    if (clear) std::fputs("\033[H\033[2J", stdout);
    report->print(o.json);
    if (!clear && !o.json) std::puts("");
    if (n == o.count || !pace.wait()) return 0;
  }
}

Result<Report> stats_picture(const Options& o) {
  auto data = ask(o.socket, {{"object", "stats"}, {"verb", "show"}});
  if (!data) return data.error();
  Report report(std::move(*data));
  fill_stats(report);
  return report;
}

std::string bar(double permille) {
  std::size_t full = static_cast<std::size_t>(std::clamp(permille, 0.0, 1000.0) / 50 + 0.5);
  return std::string(full, '#') + std::string(20 - full, '.');
}

json::array top_rows(const json::value& port) {
  json::array rows;
  for (const json::value& tier : array_at(port, "tiers")) {
    if (!tier.is_object()) continue;
    json::object row = tier.get_object();
    row["split"] = bar(number_at(tier, "permille"));
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<Report> top_picture(const Options& o) {
  auto ratio = ask(o.socket, {{"object", "ratio"}, {"verb", "show"}});
  if (!ratio) return ratio.error();
  auto stats = ask(o.socket, {{"object", "stats"}, {"verb", "show"}});
  if (!stats) return stats.error();
  Report report(json::object{{"ratio", *ratio}, {"stats", *stats}});
  for (const json::value& port : array_at(*ratio, "ports")) {
    report.line("port " + text_at(port, "port") + "  policy " + text_at(port, "policy") + "  moves " +
                text_at(port, "moves"));
    report.table(top_rows(port), {{"tier", "TIER"},
                                  {"split", "SPLIT"},
                                  {"permille", "PERMILLE"},
                                  {"mpps", "MPPS"},
                                  {"p50_us", "P50-US"},
                                  {"p99_us", "P99-US"},
                                  {"busy_permille", "BUSY"},
                                  {"queue_pkts", "QUEUE"},
                                  {"dropped", "DROPPED"}});
  }
  const json::value verdicts = object_at(*stats, "verdicts");
  report.line("tx " + text_at(verdicts, "tx") + "  drop " + text_at(verdicts, "drop") + "  kernel " +
              text_at(verdicts, "kernel") + "  lost " + text_at(*stats, "lost"));
  return report;
}

}  // namespace

void live_options(CLI::App& app, Options& o) {
  app.add_option("--interval", o.interval_s, "seconds between two pictures")
      ->check(CLI::Range(1u, 3600u))
      ->capture_default_str();
  app.add_option("--count", o.count, "end after so many pictures; 0: never")->capture_default_str();
}

int watch_stats(const Options& o) { return watch(o, stats_picture); }
int watch_top(const Options& o) { return watch(o, top_picture); }

}  // namespace fulcrum::cli
