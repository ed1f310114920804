// SPDX-License-Identifier: MIT
// backends_test.cc - words for devices, and what is said about wrong ones.
#include "device/backends.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace fulcrum {
namespace {

std::string refusal(std::string_view word) {
  const auto spec = parse_device(word);
  return spec ? "" : spec.error().text;
}
std::string refusal(const DeviceSpec& spec) {
  const auto device = open_device(spec);
  return device ? "" : device.error().text;
}

TEST(DeviceWord, NamesKindAndWhich) {
  const auto manycore = parse_device("manycore");
  ASSERT_TRUE(manycore);
  EXPECT_EQ(manycore->kind, "manycore");
  EXPECT_EQ(manycore->name, "manycore");
  const auto model = parse_device("modelled:dir/a:b.toml");
  ASSERT_TRUE(model);
  EXPECT_EQ(model->kind, "modelled");
  EXPECT_EQ(model->model, "dir/a:b.toml");
  EXPECT_EQ(model->name, "modelled:dir/a:b.toml");
}

TEST(DeviceWord, RefusalsTellTheChoices) {
  for (const char* word : {"", "gpu", "gpu:0", "manycore:1", "modelled", "modelled:", ":0"}) {
    const std::string text = refusal(word);
    EXPECT_NE(text.find("choose one of: manycore, "), std::string::npos) << word << ": " << text;
    EXPECT_NE(text.find("modelled:MODEL"), std::string::npos) << word << ": " << text;
  }
}

TEST(OpenDevice, EveryKindIsThereOrSaysWhatIsMissing) {
  const std::vector<std::string> kinds = device_kinds();
  EXPECT_EQ(kinds.front(), "manycore") << "the one that is always there";
  EXPECT_TRUE(std::find(kinds.begin(), kinds.end(), "modelled") != kinds.end());
  for (const std::string& kind : kinds) {
    DeviceSpec spec;
    spec.kind = kind;
    if (kind == "modelled") spec.model = "l4";
    auto device = open_device(spec);
    if (device) {
      EXPECT_EQ((*device)->health(), DeviceHealth::kUp) << kind;
      EXPECT_EQ((*device)->info().kind, kind);
    } else {
      EXPECT_GT(device.error().text.size(), 20u) << kind;
    }
  }
}

TEST(OpenDevice, AModelOnManycoreOrOnItsOwnThreads) {
  for (const char* wraps : {"manycore", "inline"}) {
    DeviceSpec spec;
    spec.kind = "modelled";
    spec.name = "gpu0";
    spec.model = "l4";
    spec.wraps = wraps;
    spec.threads = 1;
    auto device = open_device(spec);
    ASSERT_TRUE(device) << device.error().text;
    const DeviceInfo info = (*device)->info();
    EXPECT_EQ(info.name, "gpu0");
    EXPECT_FALSE(info.in_place);
    EXPECT_NE(info.model.find(std::string("run by ") + wraps), std::string::npos) << info.model;
    spec.in_place = InPlaceMode::kOn;
    device = open_device(spec);
    ASSERT_TRUE(device) << device.error().text;
    EXPECT_TRUE((*device)->info().in_place);
  }
}

TEST(OpenDevice, RefusesWhatDoesNotGoTogether) {
  DeviceSpec spec;
  spec.kind = "abacus";
  EXPECT_NE(refusal(spec).find("kind 'abacus': unknown: choose one of: manycore, "), std::string::npos);
  spec.kind = "manycore";
  spec.model = "l4";
  EXPECT_NE(refusal(spec).find("model: a manycore has none"), std::string::npos) << refusal(spec);
  spec.model = "";
  spec.which = "0";
  EXPECT_NE(refusal(spec).find("device: a manycore has none"), std::string::npos) << refusal(spec);
  spec.which = "";
  spec.in_place = InPlaceMode::kOff;
  EXPECT_NE(refusal(spec).find("in_place off"), std::string::npos) << refusal(spec);
  spec.in_place = InPlaceMode::kAuto;
  spec.kind = "modelled";
  EXPECT_NE(refusal(spec).find("no model: add model"), std::string::npos) << refusal(spec);
  spec.model = "no-such-card";
  EXPECT_NE(refusal(spec).find("choose one of: h100-pcie5, l4"), std::string::npos) << refusal(spec);
  spec.model = "l4";
  spec.wraps = "modelled:l4";
  EXPECT_NE(refusal(spec).find("a model of a model"), std::string::npos) << refusal(spec);
  spec.wraps = "abacus";
  EXPECT_NE(refusal(spec).find("unknown: choose one of: manycore"), std::string::npos) << refusal(spec);
}

// Copies of a specification are of one device: what failed once does not fail again.
TEST(OpenDevice, AFailureScriptGoesOnOverOpenings) {
  char folder[] = "/tmp/fulcrum-model-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  DeviceSpec spec;
  spec.kind = "modelled";
  spec.wraps = "inline";
  spec.model = std::string(folder) + "/m.toml";
  std::ofstream(spec.model) << "launch_ns = 1\nfail = [{ kind = \"compile\" }]\n";
  static const KernelDecl kernel{.name = "k", .cpu = {.v2 = [](const fu_task&, fu_u32, fu_u32) noexcept {}}};
  auto first = open_device(spec);
  ASSERT_TRUE(first) << first.error().text;
  EXPECT_FALSE((*first)->add_kernel(kernel));
  const DeviceSpec copy = spec;
  auto second = open_device(copy);
  ASSERT_TRUE(second);
  EXPECT_TRUE((*second)->add_kernel(kernel));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace fulcrum
