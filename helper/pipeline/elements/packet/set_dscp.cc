// SPDX-License-Identifier: MIT
// set_dscp.cc - SetIPDSCP: writes the DSCP of IPv4 and IPv6 packets -> output 0.
#include "pipeline/elements/packet/set_dscp.h"

#include "fulcrum/checksum.h"
#include "manual/pipeline/elements/packet/set_dscp.h"
#include "pipeline/elements/packet/ip_span.h"
#include "pipeline/elements/packet/values.h"

namespace fulcrum {
namespace {

// Names of IANA's registry; -1: none.
int dscp_of(std::string_view name) {
  if (name == "ef") return 46;
  if (name == "va") return 44;
  if (name == "le") return 1;
  const auto digit = [&](std::size_t at, char low, char high) { return name[at] >= low && name[at] <= high; };
  if (name.size() == 3 && name.starts_with("cs") && digit(2, '0', '7')) return (name[2] - '0') << 3;
  if (name.size() == 4 && name.starts_with("af") && digit(2, '1', '4') && digit(3, '1', '3'))
    return (name[2] - '0') << 3 | (name[3] - '0') << 1;
  return -1;
}

// `h`: the whole header. Both say whether there was another.
bool set4(std::uint8_t* h, std::uint8_t dscp) noexcept {
  const std::uint8_t now[2] = {h[0], static_cast<std::uint8_t>(dscp << 2 | (h[1] & 3))};
  if (now[1] == h[1]) return false;
  checksum_update(h + 10, checksum_delta(h, now, 2));
  h[1] = now[1];
  return true;
}

bool set6(std::uint8_t* h, std::uint8_t dscp) noexcept {
  const std::uint32_t before = load_be16(h);
  const std::uint32_t now = (before & ~0x0fc0u) | static_cast<std::uint32_t>(dscp) << 6;
  store_be16(h, now);
  return now != before;
}

}  // namespace

std::vector<ArgError> SetIPDSCP::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  bad_header_ = setup.reason("bad_ip_header");
  const Arg* a = args.keyword("DSCP");
  if (!a) a = args.positional("DSCP, a number from 0 to 63 or a name,");
  const int named = a ? dscp_of(a->text) : 0;
  const bool number = a && !a->text.empty() && a->text[0] >= '0' && a->text[0] <= '9';
  if (number)
    dscp_ = static_cast<std::uint8_t>(read_number(args, *a, "DSCP", 0, 63));
  else if (named < 0)
    args.error(a->pos, "'" + a->text + "' is no DSCP", {"0 to 63", "cs0 to cs7", "af11 to af43", "ef", "va", "le"});
  else
    dscp_ = static_cast<std::uint8_t>(named);
  return args.done();
}

void SetIPDSCP::process(Batch& b, Mask in, Mask* out) noexcept {
  std::uint64_t changed = 0;
  for_each(in, [&](unsigned i) {
    const bool v4 = b.flags[i] & FULCRUM_META_IP4, v6 = b.flags[i] & FULCRUM_META_IP6;
    if ((v4 || v6) && b.l3_off[i] + (v6 ? kIp6Bytes : kIp4Bytes) > b.len[i]) return b.drop(i, bad_header_);
    if (v6)
      changed += set6(b.l3(i), dscp_);
    else if (v4)
      changed += set4(b.l3(i), dscp_);
    out[0] |= Mask{1} << i;
  });
  changed_.add(changed);
}

namespace {
constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, ""}};
}
constinit const ElementClass kSetIPDSCPClass = {"SetIPDSCP",
                                                "SetIPDSCP(DSCP value)",
                                                "writes the DSCP of IPv4 and IPv6",
                                                1,
                                                kOutputs,
                                                [] { return std::unique_ptr<Element>(new SetIPDSCP); },
                                                kManual};

}  // namespace fulcrum
