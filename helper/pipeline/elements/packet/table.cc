// SPDX-License-Identifier: MIT
// table.cc - the element classes of this folder.
#include "pipeline/elements/builtin.h"
#include "pipeline/elements/packet/check_ip.h"
#include "pipeline/elements/packet/check_ip6.h"
#include "pipeline/elements/packet/check_l4.h"
#include "pipeline/elements/packet/dec_hlim.h"
#include "pipeline/elements/packet/dec_ttl.h"
#include "pipeline/elements/packet/ether_mirror.h"
#include "pipeline/elements/packet/ether_rewrite.h"
#include "pipeline/elements/packet/icmp_error.h"
#include "pipeline/elements/packet/ip_fragmenter.h"
#include "pipeline/elements/packet/set_checksums.h"
#include "pipeline/elements/packet/set_dscp.h"
#include "pipeline/elements/packet/store_bytes.h"
#include "pipeline/elements/packet/strip.h"
#include "pipeline/elements/packet/unstrip.h"
#include "pipeline/elements/packet/vlan_decap.h"
#include "pipeline/elements/packet/vlan_encap.h"

namespace fulcrum {

std::span<const ElementClass* const> packet_elements() {
  static constexpr const ElementClass* kAll[] = {
      &kCheckIP6HeaderClass, &kCheckIPHeaderClass, &kCheckL4ChecksumClass, &kDecIP6HLIMClass,
      &kDecIPTTLClass,       &kEtherMirrorClass,   &kEtherRewriteClass,    &kICMPErrorClass,
      &kIPFragmenterClass,   &kSetChecksumsClass,  &kSetIPDSCPClass,       &kStoreBytesClass,
      &kStripClass,          &kUnstripClass,       &kVLANDecapClass,       &kVLANEncapClass};
  return kAll;
}

}  // namespace fulcrum
