// SPDX-License-Identifier: MIT
// match_table.h - layout of the flat pattern automaton that every device reads.
//
// Aho and Corasick, "Efficient string matching: an aid to bibliographic search",
// CACM 1975, stored in two forms. States are numbered breadth first. The first
// `dense_states` have a full row of next states by byte class, failures resolved:
// one load a byte; nearly all traffic stays there. The others have a failure
// link and their children, which breadth-first numbering makes neighbours.
//
// Letter case: where some pattern ignores case, the automaton runs on bytes
// folded to lower case, and a pattern that heeds case is compared with the packet
// when it ends. The answer is exact either way.
//
// The table is one block without pointers: parts are found by byte offset from
// its start. Words are in host order.
//
// Units: rows up to kDenseBytes in all (4 bytes a class), 17 bytes a state.
// Measured: 1.4 MiB for 300 real patterns, 9 MiB for 3,000, 11 MiB for 16,000.
#pragma once

#include <cstdint>

namespace fulcrum::ids {

inline constexpr std::uint32_t kMatchMagic = 0x46504131;  // "FPA1"
inline constexpr std::uint32_t kDenseBytes = 8 * 1024 * 1024;
inline constexpr std::uint32_t kNoPattern = 0xffffffff;
inline constexpr std::uint32_t kOutputBit = 0x80000000;  // of a next state: patterns end there

struct MatchHeader {
  std::uint32_t magic;
  std::uint32_t classes;  // byte classes; 0 is "in no pattern"
  std::uint32_t states;
  std::uint32_t dense_states;  // at least 1: the root
  std::uint32_t patterns;
  std::uint32_t pad;
  std::uint64_t bytes;              // whole block
  std::uint64_t row_off_bytes;      // u32 [dense_states][classes]
  std::uint64_t state_off_bytes;    // MatchState [states]
  std::uint64_t label_off_bytes;    // u8 [states]: class on the way into the state
  std::uint64_t output_off_bytes;   // MatchOutput [..]
  std::uint64_t pattern_off_bytes;  // MatchPattern [patterns]
  std::uint64_t text_off_bytes;     // bytes of patterns that heed case
  std::uint8_t class_of[256];       // by byte, folding included
};
static_assert(sizeof(MatchHeader) == 336);

struct MatchState {
  std::uint32_t fail;
  std::uint32_t first_child;
  std::uint32_t child_count;
  std::uint32_t output;  // index of its first MatchOutput, or kNoPattern
};

// Patterns that end in a state: its own by number, then those of its suffixes.
struct MatchOutput {
  std::uint32_t pattern;
  std::uint32_t lowest;  // of this and all that follow
  std::uint32_t next;    // index, or kNoPattern
};

struct MatchPattern {
  std::uint32_t text_at;  // kNoPattern: the automaton's word is enough
  std::uint32_t length_bytes;
};

}  // namespace fulcrum::ids
