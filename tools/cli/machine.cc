// SPDX-License-Identifier: MIT
// machine.cc - their rows.
#include "machine.h"

namespace fulcrum::cli {
namespace {

constexpr Command kCommands[] = {
    {"port", "attach", "what `ip link set dev DEV xdp obj steer.bpf.o sec xdp` does", attach_options, attach},
    {"port", "detach", "what `ip link set dev DEV xdp off` does", detach_options, detach},
    {"unpin", "", "remove pinned maps that nothing uses", unpin_options, unpin},
    {"doctor", "", "what this machine can and cannot do, and how to mend it", doctor_options, doctor},
};

}  // namespace

std::span<const Command> machine_commands() { return kCommands; }

}  // namespace fulcrum::cli
