// SPDX-License-Identifier: MIT
// registry_test.cc - plugins added, refused, searched for.
#include "pipeline/registry.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "pipeline/offline_setup.h"

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

Result<void> refuse_to_start() { return Error{"no card: put one in"}; }
Result<void> throw_at_start() { throw std::runtime_error("no more of this"); }
int g_started = 0;
Result<void> count_start() { return ++g_started, Result<void>(); }
void count_stop() noexcept { --g_started; }

TEST(Registry, APluginThatDoesNotStartLeavesNothing) {
  Registry r;
  PluginInfo bad = {kPluginAbi, "thing", "1", kThing};
  bad.start = refuse_to_start;
  EXPECT_EQ(r.add(bad).error().text, "plugin thing: does not start: no card: put one in");
  bad.start = throw_at_start;
  EXPECT_EQ(r.add(bad).error().text, "plugin thing: does not start: it throws: no more of this");
  EXPECT_EQ(r.find("Thing"), nullptr);
  EXPECT_EQ(r.plugin("thing"), nullptr);
}

TEST(Registry, StartsOnceAndStopsWithTheLastUser) {
  PluginInfo good = {kPluginAbi, "thing", "1", kThing};
  good.start = count_start;
  good.stop = count_stop;
  PluginRef user;
  {
    Registry r;
    ASSERT_TRUE(r.add(good));
    ASSERT_TRUE(r.add(good));
    EXPECT_EQ(g_started, 1);
    user = r.owner_of("Thing");
    ASSERT_NE(user, nullptr);
    EXPECT_EQ(r.owner_of("Counter"), nullptr);
  }
  EXPECT_EQ(g_started, 1);
  user.reset();
  EXPECT_EQ(g_started, 0);
}

TEST(Registry, UnloadsNeitherWhatIsPartOfTheProgramNorWhatIsNotThere) {
  Registry r;
  ASSERT_TRUE(r.require("route"));  // linked into this program
  EXPECT_EQ(r.unload("route").error().text, "plugin route: is part of this program: it cannot be unloaded");
  EXPECT_EQ(r.unload("nosuch").error().text, "plugin nosuch: is not loaded: see `fulcrum plugin list`");
  EXPECT_NE(r.find("IPLookup"), nullptr);
}

TEST(PluginFile, BelongsToWhoRunsItAndIsWrittenByNobodyElse) {
  const fs::path folder = fs::temp_directory_path() / ("fulcrum_owner_" + std::to_string(getpid()));
  fs::create_directories(folder / "open");
  const std::string file = folder / "a.so", in_open = folder / "open/b.so", link = folder / "b.so";
  std::ofstream(file) << "x";
  std::ofstream(in_open) << "x";
  fs::create_symlink("open/b.so", link);
  chmod(folder.c_str(), 0755);
  chmod((folder / "open").c_str(), 0777);
  chmod(file.c_str(), 0644);
  chmod(in_open.c_str(), 0644);
  EXPECT_TRUE(check_plugin_owner(file)) << check_plugin_owner(file).error().text;
  EXPECT_NE(check_plugin_owner(in_open).error().text.find("written by everyone (mode 0777)"), std::string::npos);
  EXPECT_FALSE(check_plugin_owner(link)) << "a link out of a good folder";
  chmod(file.c_str(), 0664);
  EXPECT_NE(check_plugin_owner(file).error().text.find("written by its group (mode 0664)"), std::string::npos);
  chmod(file.c_str(), 0644);
  EXPECT_FALSE(check_plugin_owner((folder / "none.so").string()));
  if (geteuid() == 0) {
    ASSERT_EQ(chown(file.c_str(), 1, 1), 0);
    EXPECT_NE(check_plugin_owner(file).error().text.find("belongs to user 1, not to root"), std::string::npos);
  }
  fs::remove_all(folder);
}

TEST(PluginFile, FoldersComeInOrder) {
  setenv("FULCRUM_PLUGIN_DIR", "/a:/b::/c", 1);
  const std::vector<std::string> folders = plugin_folders({"/d"});
  unsetenv("FULCRUM_PLUGIN_DIR");
  ASSERT_EQ(folders.size(), 6u);
  EXPECT_EQ((std::vector<std::string>(folders.begin(), folders.begin() + 4)),
            (std::vector<std::string>{"/a", "/b", "/c", "/d"}));
}

// What elements share keeps the code of its destructor.
TEST(Setup, SharedObjectsGoBeforeTheirCode) {
  std::vector<std::string> gone;
  std::shared_ptr<void> held;
  {
    OfflineSetup setup("x.click", OfflineSetup::KernelRoutes::kEmpty);
    auto code = std::shared_ptr<const int>(new int(0), [&](const int* p) { gone.emplace_back("code"), delete p; });
    setup.set_element("e", std::move(code));
    held = setup.shared("k", [&] {
      return std::shared_ptr<void>(new int(7),
                                   [&](void* p) { gone.emplace_back("object"), delete static_cast<int*>(p); });
    });
    setup.set_element("");
    EXPECT_EQ(*static_cast<int*>(held.get()), 7);
    EXPECT_EQ(setup.shared("k", [] { return std::make_shared<int>(8); }), held);
  }
  EXPECT_TRUE(gone.empty());
  held.reset();
  EXPECT_EQ(gone, (std::vector<std::string>{"object", "code"}));
}

}  // namespace
}  // namespace fulcrum
