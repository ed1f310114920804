/* SPDX-License-Identifier: MIT */
/* route_lookup.core.h - L3 headers -> next-hop results.
 *
 * Items go through in groups of FU_LANES: each step issues the loads of all lanes
 * before the next needs them, so that cache misses of a large table overlap.
 */
#include "fulcrum/kernel_code.h"
#include "plugins/route/lpm_table.h"

FU_CODE_BEGIN(route)

typedef struct lpm_lane {
  fu_u64 hi, lo; /* address bits not consumed yet, from the top */
  fu_u32 at;     /* index of the root slot, then of the node */
  fu_u32 item;
} lpm_lane;

FU_FN void lpm_consume(lpm_lane* a, fu_u32 bits) {
  a->hi = a->hi << bits | a->lo >> (64 - bits);
  a->lo <<= bits;
}

/* Address and root slot of a packet; 0: not IP, or cut short. */
FU_FN int lpm_start(FU_GLOBAL const LpmHeader* h, FU_GLOBAL const fu_u8* l3, fu_u32 length, lpm_lane* a) {
  fu_u32 v6;
  if (length < 20) return 0;
  v6 = l3[0] >> 4 == 6;
  if (v6) {
    if (length < 40) return 0;
    a->hi = fu_load_be64(l3 + 24);
    a->lo = fu_load_be64(l3 + 32);
  } else {
    if (l3[0] >> 4 != 4) return 0;
    a->hi = (fu_u64)fu_load_be32(l3 + 16) << 32;
    a->lo = 0;
  }
  a->at = h->family[v6].root_off_bytes / 4 + (fu_u32)(a->hi >> (64 - h->family[v6].root_bits));
  lpm_consume(a, h->family[v6].root_bits);
  return 1;
}

FU_FN fu_u32 lpm_result(FU_GLOBAL const LpmHeader* h, fu_u32 next_hop) { return next_hop ? h->tag | next_hop : 0; }

/* One group of at most FU_LANES items. */
FU_FN void lpm_group(const fu_task* t, fu_u32 first, fu_u32 count) {
  FU_GLOBAL const LpmHeader* h = (FU_GLOBAL const LpmHeader*)t->table;
  FU_GLOBAL const fu_u32* words = (FU_GLOBAL const fu_u32*)t->table;
  FU_GLOBAL const LpmNode* nodes = (FU_GLOBAL const LpmNode*)(t->table + h->node_off_bytes);
  FU_GLOBAL const fu_u32* leaves = (FU_GLOBAL const fu_u32*)(t->table + h->leaf_off_bytes);
  lpm_lane lane[FU_LANES];
  fu_u32 k, left = 0, inner = 0;
  for (k = 0; k < count; ++k) {
    lpm_lane* a = &lane[left];
    fu_u32 length;
    FU_GLOBAL const fu_u8* l3 = fu_range(t, first + k, &length);
    fu_out(t, first + k)[0] = 0;
    if (!fu_active(t, first + k) || !lpm_start(h, l3, length, a)) continue;
    FU_PREFETCH(words + a->at);
    a->item = first + k;
    ++left;
  }
  for (k = 0; k < left; ++k) {
    fu_u32 entry = words[lane[k].at];
    if (entry & LPM_LEAF) {
      fu_out(t, lane[k].item)[0] = lpm_result(h, entry & ~LPM_LEAF);
    } else {
      lane[k].at = entry;
      FU_PREFETCH(nodes + entry);
      lane[inner++] = lane[k];
    }
  }
  while (inner) {
    left = inner;
    inner = 0;
    for (k = 0; k < left; ++k) {
      lpm_lane* a = &lane[k];
      FU_GLOBAL const LpmNode* n = nodes + a->at;
      fu_u32 slot = (fu_u32)(a->hi >> 58);
      fu_u64 upto = ~(fu_u64)0 >> (63 - slot);
      if (n->vector >> slot & 1) {
        a->at = n->child_base + FU_POPCOUNT64(n->vector & upto) - 1;
        FU_PREFETCH(nodes + a->at);
        lpm_consume(a, 6);
        lane[inner++] = *a;
      } else {
        fu_out(t, a->item)[0] = lpm_result(h, leaves[n->leaf_base + FU_POPCOUNT64(n->leafvec & upto) - 1]);
      }
    }
  }
}

FU_FN void route_lookup_run(const fu_task* t, fu_u32 first, fu_u32 count) {
  fu_u32 at;
  for (at = 0; at < count; at += FU_LANES) {
    fu_u32 n = count - at < FU_LANES ? count - at : FU_LANES;
    if (t->table) {
      lpm_group(t, first + at, n);
    } else {
      fu_u32 k;
      for (k = 0; k < n; ++k) fu_out(t, first + at + k)[0] = 0;
    }
  }
}

FU_CODE_END

FU_KERNEL(route, route_lookup)
