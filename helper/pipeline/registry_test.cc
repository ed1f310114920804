// SPDX-License-Identifier: MIT
// registry_test.cc - plugins added, refused, searched for.
#include "pipeline/registry.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace fulcrum {
namespace {

namespace fs = std::filesystem;

const ElementClass kThing[] = {{"Thing", "Thing", "", 1, {}, [] { return std::unique_ptr<Element>(); }}};
const ElementClass kTaken[] = {{"Counter", "Counter", "", 1, {}, [] { return std::unique_ptr<Element>(); }}};

TEST(Registry, KnowsTheBuiltInClasses) {
  Registry r;
  for (const char* name : {"FromPort", "ToPort", "ToKernel", "Discard", "Counter", "CheckIPHeader", "CheckIP6Header",
                           "DecIPTTL", "DecIP6HLIM", "EtherRewrite"})
    EXPECT_NE(r.find(name), nullptr) << name;
  EXPECT_EQ(r.find("counter"), nullptr);
}

TEST(Registry, AddsAPluginOnceAndChecksItsAbi) {
  Registry r;
  const PluginInfo good = {kPluginAbi, "thing", "1", kThing};
  const PluginInfo old = {kPluginAbi + 1, "old", "1", kThing};
  const PluginInfo taken = {kPluginAbi, "taken", "1", kTaken};
  EXPECT_TRUE(r.add(good));
  EXPECT_TRUE(r.add(good));
  EXPECT_TRUE(r.require("thing"));
  EXPECT_NE(r.find("Thing"), nullptr);
  EXPECT_EQ(r.plugin_with_class("Thing"), "thing");
  EXPECT_NE(r.add(old).error().text.find("ABI"), std::string::npos);
  EXPECT_NE(r.add(taken).error().text.find("exists already"), std::string::npos);
}

TEST(Registry, NamesTheFileThatCannotBeLoaded) {
  const fs::path folder = fs::temp_directory_path() / ("fulcrum_plugins_" + std::to_string(getpid()));
  fs::create_directories(folder);
  std::ofstream(folder / "broken.so") << "no shared object";
  setenv("FULCRUM_PLUGIN_DIR", folder.c_str(), 1);
  Registry r;
  const std::string text = r.require("broken").error().text;
  const std::vector<std::string> available = r.available_plugins();
  unsetenv("FULCRUM_PLUGIN_DIR");
  fs::remove_all(folder);
  EXPECT_NE(text.find((folder / "broken.so").string()), std::string::npos) << text;
  EXPECT_NE(std::find(available.begin(), available.end(), "broken"), available.end());
}

TEST(Registry, RefusesNamesThatArePaths) {
  Registry r;
  for (const char* name : {"", "../x", "a/b", "a.so", "Route"})
    EXPECT_NE(r.require(name).error().text.find("not a name"), std::string::npos) << name;
}

}  // namespace
}  // namespace fulcrum
