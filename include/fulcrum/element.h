// SPDX-License-Identifier: MIT
// element.h - a node of the pipeline: the plugin author's one header.
//
// A plugin NAME is a shared object NAME.so, built by plugin.mk against include/fulcrum, that defines
//     FULCRUM_PLUGIN(NAME) = {fulcrum::kPluginAbi, "NAME", "1.0", kElements};
// whose `elements` table names its element classes. The exported symbol is
// fulcrum_plugin_NAME, so that several plugins can be linked into one program.
//
// One instance of an element serves one worker and is called by that thread
// only. State shared between workers (tables) goes through Setup::shared().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fulcrum/batch.h"
#include "fulcrum/items.h"
#include "fulcrum/kernel.h"
#include "fulcrum/result.h"

namespace fulcrum {

inline constexpr std::uint32_t kPluginAbi = 2;

// Where a word of the configuration stands; 1-based.
struct SourcePos {
  int line = 0;
  int column = 0;
};

// One argument of `Class(arg, KEY value, …)`.
struct Arg {
  std::string keyword;  // upper-case word in front, or empty
  std::string text;     // value; string quotes removed, escapes resolved
  bool quoted = false;
  SourcePos pos;  // of the value (of the keyword where there is no value)
};

// A refused argument. pos {0,0} means the element as a whole.
struct ArgError {
  SourcePos pos;
  std::string text;                  // what is wrong
  std::vector<std::string> choices;  // what would be valid, or empty
};

// What is done with packets that leave by an output nobody connected.
enum class Unconnected : std::uint8_t { kError, kDrop, kKernel };

struct OutputSpec {
  const char* name;
  Unconnected unconnected;
  const char* reason;  // counted under this name when unconnected
};

struct RouteFeed;  // table.h

// Setup-time services of the helper. Outlives the elements and tables made with it.
// Threads: the thread that builds the pipeline.
class Setup {
 public:
  virtual ~Setup() = default;
  // Index of a port by name. Unknown names are an ArgError in the helper and
  // name an output file in `fulcrum run`.
  virtual Result<std::uint16_t> port(std::string_view name) = 0;
  virtual std::uint16_t port_by_ifindex(std::uint32_t ifindex) const = 0;  // kNoPort: none
  virtual bool port_mac(std::uint16_t port, std::uint8_t mac[6]) const = 0;
  // The first address of that family that the port has now, in network order: 4 bytes, or
  // 16 of a global IPv6 address. False: it has none, or there is no machine (`fulcrum run`).
  virtual bool port_address(std::uint16_t, bool /*v6*/, std::uint8_t*) const { return false; }
  virtual Reason reason(std::string_view name) = 0;
  virtual unsigned worker() const = 0;
  // The kernel's routes, or null (in `fulcrum run`).
  virtual RouteFeed* kernel_routes() = 0;
  // One object per key and pipeline, made by the first worker that asks.
  virtual std::shared_ptr<void> shared(const std::string& key, const std::function<std::shared_ptr<void>()>& make) = 0;
  // What the pipeline that this one takes the place of has under `key`, or null:
  // state that outlives a change of pipeline (a NAT's mappings). The old pipeline goes
  // on using it until the last of its packets has left. By convention the key is "Class/element".
  virtual std::shared_ptr<void> inherited(const std::string&) { return nullptr; }
  // Whether packets come from interfaces: they wait for nobody, and their times are
  // CLOCK_MONOTONIC's. Else they come from captures, with times since 1970.
  virtual bool live() const { return false; }
  // Name of the element that is being configured, "outer/inner" inside a compound.
  const std::string& element() const { return element_; }
  // The framework's. `code` keeps the element's plugin loaded; null: it is part of the program.
  void set_element(const std::string& name, std::shared_ptr<const void> code = nullptr) {
    element_ = name;
    code_ = std::move(code);
  }
  // Folder that relative file names are resolved against.
  virtual std::string resolve_path(std::string_view path) const = 0;

 protected:
  // `object`, which keeps the code that made it loaded as long as it lives.
  std::shared_ptr<void> with_code(std::shared_ptr<void> object) const {
    if (!code_ || !object) return object;
    struct Kept {
      std::shared_ptr<const void> code;
      std::shared_ptr<void> object;  // goes first
    };
    void* const at = object.get();
    return {std::make_shared<Kept>(Kept{code_, std::move(object)}), at};
  }

 private:
  std::string element_;
  std::shared_ptr<const void> code_;
};

// What a BPF program can do in an element's place.
enum class InlineOp : std::uint8_t {
  kNone,         // no inline form
  kCheckIp4,     // CheckIPHeader
  kCheckIp6,     // CheckIP6Header
  kRouteKernel,  // IPLookup(FIB kernel)
  kDecTtl4,
  kDecTtl6,
  kToRoutedPort,  // ToPort without argument
  kToKernel,
  kDiscard,
};

// Only ever grows. The framework adds up workers, carries sums over to the next
// pipeline and resets by remembering.
struct CounterValue {
  const char* name;
  std::uint64_t value;
};

// What `fulcrum element call NAME HANDLER [ARGS]` can ask of an element.
struct HandlerSpec {
  const char* name;
  const char* args;  // synopsis: "FILE", "N | off", ""
  const char* summary;
  bool writes;
};

// The part of an element that can run on a device.
// Threads: the worker's. The device calls the kernel, never this.
class Offload {
 public:
  virtual ~Offload() = default;
  virtual const KernelDecl& kernel() const noexcept = 0;
  // The version that the next task shall run on.
  virtual KernelTable table() noexcept = 0;
  // FU_CONSTANTS words that all items of a task see, or null. Read when a task opens.
  virtual const std::uint32_t* constants() noexcept { return nullptr; }
  // Packets `in` join a task, in order of arrival, once: fills their in columns.
  virtual void prepare(Batch&, Mask, const ItemColumns&) noexcept {}
  // Same answer as Element::process, from the kernel's results. Where the kernel
  // writes, the packets that meet write_if have their new bytes and length already.
  virtual void finish(Batch& b, Mask in, const ItemResults& items, Mask* out) noexcept = 0;
  // The output whose packets may go straight on to the next kernel: those whose
  // result meets `when`, and finish() will send exactly these there. -1: none.
  struct Chain {
    int output = -1;
    Condition when = Condition::kAlways;
  };
  virtual Chain chain() const noexcept { return {}; }
};

class Element {
 public:
  virtual ~Element() = default;

  // Checks arguments and prepares. Errors: all of them are reported, none is fatal to the others.
  virtual std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) = 0;

  // Handles the packets of `in`; sets in out[port] the bits of those that leave
  // by an output (out[] comes zeroed, one entry an output). Each packet ends in
  // exactly one output or has a verdict.
  // Context: data path: no allocation, lock, log or throw.
  virtual void process(Batch& b, Mask in, Mask* out) noexcept = 0;
  // Called instead where the class has several inputs: in[k] are the packets at input k.
  virtual void process_inputs(Batch& b, const Mask* in, Mask* out) noexcept { process(b, in[0], out); }
  // The outputs of this instance, where its class leaves them open. After configure().
  virtual std::span<const OutputSpec> outputs() const { return {}; }

  virtual Offload* offload() noexcept { return nullptr; }
  virtual InlineOp inline_op() const noexcept { return InlineOp::kNone; }
  // Also asked before configure(), for their names.
  // Threads: any, while the worker counts: see count.h.
  virtual std::vector<CounterValue> counters() const { return {}; }

  // Takes over what `before`, the element of the same name and class in the pipeline
  // that this one takes the place of, has gathered: token buckets, positions. Counters
  // are carried over without it, tables of all workers by Setup::inherited().
  // Threads: the worker's, between two batches. `before` may still finish some.
  virtual void adopt(Element&) noexcept {}

  virtual std::span<const HandlerSpec> handlers() const { return {}; }
  // The answer of a handler that does not write, as text. `peers` are this element in
  // all workers, this one first.
  // Threads: control, while workers run: reads only what is atomic or immutable.
  virtual Result<std::string> read(std::string_view, std::span<const Arg>, std::span<Element* const>) {
    return Error{"has no such handler"};
  }
  // A change that was checked and prepared; quick, and does not throw.
  using Change = std::function<void()>;
  // Prepares what a writing handler does to this worker's instance. The worker runs
  // the change between two batches, once all workers have prepared theirs: a refusal
  // by one leaves all as they were. Empty: nothing to do.
  // Threads: control.
  virtual Result<Change> write(std::string_view, std::span<const Arg>, Setup&) { return Error{"has no such handler"}; }
};

struct ElementClass {
  const char* name;
  const char* synopsis;  // "IPLookup(FIB kernel | FIB FILE)"
  const char* summary;   // one line
  unsigned inputs;       // 0 for sources; with several, process_inputs() is called
  std::span<const OutputSpec> outputs;
  std::unique_ptr<Element> (*make)();
  const char* manual = "";    // the page that `fulcrum element help NAME` prints
  bool open_outputs = false;  // outputs are each instance's: Element::outputs()
};

struct PluginInfo {
  std::uint32_t abi;
  const char* name;
  const char* version;
  std::span<const ElementClass> elements;
  const char* summary = "";                      // one line
  std::span<const KernelDecl* const> kernels{};  // its device kernels, for `fulcrum plugin info`
  std::span<const char* const> tables{};         // names of what it looks up in, likewise
  const char* inline_object = nullptr;           // its BPF object, a file beside the front-end's
  const char* kernel_module = nullptr;           // name of its part in the kernel
  // Runs once behind loading; an error or an exception refuses the plugin.
  Result<void> (*start)() = nullptr;
  // Runs when nothing of it is in use: before it is unloaded, or when the program ends.
  void (*stop)() noexcept = nullptr;
};

}  // namespace fulcrum

// Defines the plugin's description; see the head of this file.
#define FULCRUM_PLUGIN(plugin)                                                                         \
  extern "C" __attribute__((visibility("default"))) const fulcrum::PluginInfo fulcrum_plugin_##plugin; \
  const fulcrum::PluginInfo fulcrum_plugin_##plugin
