// SPDX-License-Identifier: MIT
// instance.h - bodies in use -> connections between elements, through the ports of compounds.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "pipeline/ast.h"
#include "pipeline/config.h"

namespace fulcrum {

// A body in use: the file, or one use of a compound.
struct Instance {
  // What an item of the body became.
  enum class Kind : std::uint8_t { kMissing, kElement, kCompound };
  struct Slot {
    Kind kind = Kind::kMissing;  // missing: an error was reported
    std::size_t index = 0;       // in Config::declarations, or of the instance
  };

  const Body* body = nullptr;
  std::size_t compound = kNotWithin;  // in Config::compounds
  std::size_t parent = 0;             // the instance it is used in, as which item of it
  std::size_t item = 0;
  std::vector<Slot> slots;                                              // by item
  std::map<std::pair<std::size_t, unsigned>, const LinkText*> leaving;  // by item and output: the first link
};
using Instances = std::deque<Instance>;  // [0] is the file

// Fills config.connections.
class Connector {
 public:
  Connector(Instances& instances, Config& config, Diagnostics& diag)
      : instances_(instances), config_(config), diag_(diag) {}
  // Errors: ports of compounds that are not there, not connected or connected twice.
  void check();
  void connect();

 private:
  using Slot = Instance::Slot;
  const Slot* compound(const Instance& in, std::size_t item) const;
  const Body& body_of(const Slot& slot) const { return *instances_[slot.index].body; }
  void check_link(Instance& in, const LinkText& link);
  void check_slots(const Instance& in);
  Slot end_of(std::size_t instance, const LinkText*& link);
  void error(const Instance& in, SourcePos pos, std::string text, std::vector<std::string> choices = {});

  Instances& instances_;
  Config& config_;
  Diagnostics& diag_;
  std::set<std::pair<const Instance*, std::size_t>> blamed_;  // items whose ports were reported: one error is enough
  bool round_ = false;                                        // a way without end was reported
  std::size_t links_ = 0;                                     // of all instances: no way through them is longer
};

}  // namespace fulcrum
