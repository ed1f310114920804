// SPDX-License-Identifier: MIT
// form_testing.h - for tests: the same batch through an element's cpu form and its kernels.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "device/task_image.h"
#include "fulcrum/isa.h"
#include "fulcrum/reparse.h"
#include "plugins/esp/decap.h"
#include "plugins/esp/encap.h"

namespace fulcrum::esp::testing {

// Setup for elements on their own. One a form, so that each has SA states of its own.
class FormSetup final : public Setup {
 public:
  Result<std::uint16_t> port(std::string_view) override { return std::uint16_t{0}; }
  std::uint16_t port_by_ifindex(std::uint32_t) const override { return kNoPort; }
  bool port_mac(std::uint16_t, std::uint8_t*) const override { return false; }
  Reason reason(std::string_view name) override {
    names.emplace_back(name);
    return static_cast<Reason>(names.size());
  }
  unsigned worker() const override { return 0; }
  RouteFeed* kernel_routes() override { return nullptr; }
  std::shared_ptr<void> shared(const std::string& key, const std::function<std::shared_ptr<void>()>& make) override {
    if (!objects[key]) objects[key] = make();
    return objects[key];
  }
  std::string resolve_path(std::string_view path) const override { return std::string(path); }
  std::string name(Reason r) const { return r ? names[r - 1u] : "none"; }

  std::vector<std::string> names;
  std::map<std::string, std::shared_ptr<void>> objects;
};

using Frame = std::vector<std::uint8_t>;

// Frames with the tailroom that ports give, at odd addresses.
class FormBatch {
 public:
  explicit FormBatch(const std::vector<Frame>& frames, unsigned misalign = 0) {
    for (const Frame& f : frames) {
      const unsigned i = batch.count++;
      const std::size_t shift = (misalign + i * 7) % 64;
      memory_.push_back(std::make_unique<std::uint8_t[]>(shift + f.size() + kTailroomBytes));
      batch.data[i] = memory_.back().get() + shift;
      std::copy(f.begin(), f.end(), batch.data[i]);
      batch.len[i] = static_cast<std::uint32_t>(f.size());
      reparse(batch, i);
      batch.reset_results(i);
    }
  }
  Frame frame(unsigned i) const { return {batch.data[i], batch.data[i] + batch.len[i]}; }
  Batch batch{};

 private:
  std::vector<std::unique_ptr<std::uint8_t[]>> memory_;
};

// What became of a batch.
struct Outcome {
  Mask out[2] = {};
  std::vector<std::string> what;  // a packet: output or verdict, reason, metadata
  std::vector<Frame> frame;
};

inline Outcome outcome_of(const FormBatch& b, const Mask (&out)[2], const FormSetup& setup) {
  Outcome o;
  o.out[0] = out[0], o.out[1] = out[1];
  for (unsigned i = 0; i < b.batch.count; ++i) {
    const std::string where = out[0] >> i & 1 ? "0" : out[1] >> i & 1 ? "1" : "dropped";
    o.what.push_back(where + " " + setup.name(b.batch.reason[i]) + " l4 " + std::to_string(b.batch.l4_off[i]) +
                     " payload " + std::to_string(b.batch.payload_off[i]) + " flags " +
                     std::to_string(b.batch.flags[i]) + " proto " + std::to_string(b.batch.proto[i]) + " hash " +
                     std::to_string(b.batch.hash[i]));
    o.frame.push_back(where == "dropped" ? Frame() : b.frame(i));
  }
  return o;
}

// A way to run an element: by itself, or by the kernel of an instruction set.
struct Form {
  std::string name;
  KernelFn CpuCode::*code = nullptr;  // null: Element::process
  std::uint32_t avoid = 0;
};

inline std::vector<Form> forms() {
  std::vector<Form> all{{"cpu"}, {"v2", &CpuCode::v2}};
  if (isa_supported(Isa::kV3))
    for (std::uint32_t avoid : {0u, 2u}) all.push_back({"v3-" + std::to_string(avoid), &CpuCode::v3, avoid});
  if (isa_supported(Isa::kV4))
    for (std::uint32_t avoid : {0u, 1u, 2u, 3u}) all.push_back({"v4-" + std::to_string(avoid), &CpuCode::v4, avoid});
  if (isa_supported(Isa::kKnl)) all.push_back({"knl", &CpuCode::knl, 0});
  return all;
}

// The device form as the worker runs it: layout, gather, kernel, put back, finish.
template <class E>
void run_kernel(E& element, const Form& form, Batch& b, Mask in, Mask* out) {
  const ChainLink link{&element.kernel(), Condition::kAlways};
  const ImagePlan plan({&link, 1}, false, {.items = 64, .read_bytes = 8 << 20});
  auto* memory = static_cast<std::uint8_t*>(std::aligned_alloc(64, (plan.image_bytes() + 63) & ~std::uint64_t{63}));
  const std::unique_ptr<std::uint8_t, decltype(&std::free)> image(memory, std::free);
  std::memset(image.get(), 0xa5, plan.image_bytes());
  DeviceTask task;
  task.image = {image.get(), plan.image_bytes(), nullptr};
  TaskFill fill;
  fill.open(task, plan, nullptr);
  const KernelTable table = element.table();
  const std::uint32_t first = fill.add(b, in);
  element.prepare(b, in, fill.columns(0, first, in));
  fill.close();
  fu_task t{task.stage[0].layout, nullptr, image.get(), static_cast<const std::uint8_t*>(table.data)};
  t.stage.constants[0] = form.avoid;
  (element.kernel().cpu.*form.code)(t, 0, task.count);
  fill.put_back(0, first, in, in, b);
  element.finish(b, in, fill.results(0, first, in), out);
}

// An element with its own SA states.
template <class E>
struct FormRun {
  FormRun(const Form& f, const std::string& sas) : form(f) {
    const Arg arg{.keyword = "SAS", .text = sas, .quoted = true, .pos = {1, 1}};
    for (const ArgError& e : element.configure({&arg, 1}, setup)) errors += e.text + "\n";
  }
  Outcome run(const std::vector<Frame>& frames, unsigned misalign = 0) {
    FormBatch b(frames, misalign);
    Mask out[2] = {};
    if (form.code)
      run_kernel(element, form, b.batch, b.batch.all(), out);
    else
      element.process(b.batch, b.batch.all(), out);
    return outcome_of(b, out, setup);
  }
  std::uint64_t counter(const std::string& name) const {
    for (const CounterValue& c : element.counters())
      if (name == c.name) return c.value;
    return ~std::uint64_t{0};
  }
  Form form;
  FormSetup setup;
  E element;
  std::string errors;
};

// A file for the test's time.
class TestFile {
 public:
  explicit TestFile(const std::string& text) {
    char name[] = "/tmp/fulcrum-esp-XXXXXX";
    const int fd = mkstemp(name);
    path = name;
    if (write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) path.clear();
    close(fd);
  }
  ~TestFile() { unlink(path.c_str()); }
  TestFile(const TestFile&) = delete;
  std::string path;
};

}  // namespace fulcrum::esp::testing
