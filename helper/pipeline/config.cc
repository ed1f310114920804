// SPDX-License-Identifier: MIT
// config.cc - a file, or its text -> Config.
#include "pipeline/config.h"

#include "fulcrum/text_file.h"
#include "pipeline/expand.h"
#include "pipeline/parser.h"

namespace fulcrum {
namespace {

constexpr std::size_t kMaxFileBytes = 1024 * 1024;

}  // namespace

Config parse_config(std::string file_name, std::string source, Diagnostics& diag) {
  Config config;
  config.file_name = std::move(file_name);
  config.source = std::move(source);
  diag.set_source(config.file_name, config.source);
  const std::unique_ptr<Body> file = Parser(config, diag).run();
  expand(*file, config, diag);
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
    diag.error({}, "is larger than 1 MiB: this is no pipeline");
    return {};
  }
  return parse_config(path, std::move(*text), diag);
}

}  // namespace fulcrum
