// SPDX-License-Identifier: MIT
// table.cc - the element classes of this folder.
#include "pipeline/elements/builtin.h"
#include "pipeline/elements/flow/acl.h"
#include "pipeline/elements/flow/check_paint.h"
#include "pipeline/elements/flow/classifier.h"
#include "pipeline/elements/flow/hash_switch.h"
#include "pipeline/elements/flow/ip_classifier.h"
#include "pipeline/elements/flow/meter.h"
#include "pipeline/elements/flow/null.h"
#include "pipeline/elements/flow/packet_size_classifier.h"
#include "pipeline/elements/flow/paint.h"
#include "pipeline/elements/flow/policer.h"
#include "pipeline/elements/flow/random_switch.h"
#include "pipeline/elements/flow/round_robin_switch.h"
#include "pipeline/elements/flow/tee.h"

namespace fulcrum {

std::span<const ElementClass* const> flow_elements() {
  static constexpr const ElementClass* kAll[] = {
      &kACLClass,          &kCheckPaintClass, &kClassifierClass,   &kHashSwitchClass,
      &kIPClassifierClass, &kMeterClass,      &kNullClass,         &kPacketSizeClassifierClass,
      &kPaintClass,        &kPolicerClass,    &kRandomSwitchClass, &kRoundRobinSwitchClass,
      &kTeeClass};
  return kAll;
}

}  // namespace fulcrum
