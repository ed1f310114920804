// SPDX-License-Identifier: MIT
// probe.cc - AVX-512 instructions of this CPU against plain C++ -> TAP on stdout.
//
// Plain code first: on a CPU without AVX-512 the cases fail, nothing faults.
#include <cpuid.h>
#include <immintrin.h>

#include <array>
#include <cstdint>
#include <cstdio>

#include "../bpf/tap.h"

namespace {

constexpr int kLanes = 16, kRounds = 64, kTable = 256;
using Vector = std::array<uint32_t, kLanes>;
#define AVX512 __attribute__((target("avx512f,avx512cd,avx512bw,avx512dq,avx512vl")))

uint32_t next_random() {
  static uint32_t state = 0x2545f491;  // fixed: the guest's input is the same each time
  state ^= state << 13;
  state ^= state >> 17;
  return state ^= state << 5;
}

// Both halves are needed: the CPU has it, and the kernel saves its registers.
bool cpu_has_avx512() {
  unsigned a, b = 0, c, d;
  constexpr unsigned kWanted = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;  // F DQ CD BW VL
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & kWanted) == kWanted;
}
bool kernel_keeps_zmm() {
  unsigned a, b, c = 0, d, low = 0, high;
  constexpr unsigned kOsxsave = 1u << 27, kStates = 0xe6;  // SSE AVX opmask ZMM_Hi256 Hi16_ZMM
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & kOsxsave)) return false;
  asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & kStates) == kStates;
}

AVX512 bool gather_matches(const uint32_t* table) {
  Vector index, got;
  for (uint32_t& i : index) i = next_random() % kTable;
  __m512i at = _mm512_loadu_si512(index.data());
  _mm512_storeu_si512(got.data(), _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), 0xffff, at, table, 4));
  bool same = true;
  for (int i = 0; i < kLanes; i++) same &= got[i] == table[index[i]];
  return same;
}

AVX512 bool compress_matches() {
  Vector in, got{}, want{};
  for (uint32_t& i : in) i = next_random();
  __m512i v = _mm512_loadu_si512(in.data());
  __mmask16 big = _mm512_cmpgt_epu32_mask(v, _mm512_set1_epi32(0x40000000));
  _mm512_storeu_si512(got.data(), _mm512_maskz_compress_epi32(big, v));
  int count = 0;
  for (uint32_t i : in)
    if (i > 0x40000000) want[count++] = i;
  return got == want && __builtin_popcount(big) == count;
}

AVX512 bool masked_add_and_clz_match() {
  Vector in, sum, zeros;
  for (uint32_t& i : in) i = next_random() >> (next_random() % 31);
  __m512i v = _mm512_loadu_si512(in.data());
  __mmask16 odd = _mm512_test_epi32_mask(v, _mm512_set1_epi32(1));
  _mm512_storeu_si512(sum.data(), _mm512_mask_add_epi32(v, odd, v, _mm512_set1_epi32(7)));
  _mm512_storeu_si512(zeros.data(), _mm512_lzcnt_epi32(v));
  bool same = true;
  for (int i = 0; i < kLanes; i++)
    same &= sum[i] == in[i] + (in[i] & 1 ? 7 : 0) && zeros[i] == (in[i] ? __builtin_clz(in[i]) : 32u);
  return same;
}

AVX512 bool byte_shuffle_matches() {
  std::array<uint8_t, 64> in, order, got;
  for (uint8_t& i : in) i = next_random();
  for (uint8_t& i : order) i = next_random() % 16;
  _mm512_storeu_si512(got.data(), _mm512_shuffle_epi8(_mm512_loadu_si512(in.data()), _mm512_loadu_si512(order.data())));
  bool same = true;
  for (int i = 0; i < 64; i++) same &= got[i] == in[i / 16 * 16 + order[i]];
  return same;
}

// Not a case: Bochs 2.7 is known to fail it, and nothing may rely on it there.
AVX512 bool conflict_matches() {
  Vector in, got;
  for (uint32_t& i : in) i = next_random() % 8;
  _mm512_storeu_si512(got.data(), _mm512_conflict_epi32(_mm512_loadu_si512(in.data())));
  bool same = true;
  for (int i = 0; i < kLanes; i++) {
    uint32_t want = 0;
    for (int j = 0; j < i; j++) want |= uint32_t{in[j] == in[i]} << j;
    same &= got[i] == want;
  }
  return same;
}

template <typename Case>
bool every_round(Case held) {
  bool all = true;
  for (int round = 0; round < kRounds; round++) all &= held();
  return all;
}

}  // namespace

int main() {
  fulcrum::test::Tap tap;
  char brand[49] = "";
  for (unsigned i = 0; i < 3; i++) {
    auto* part = reinterpret_cast<unsigned*>(brand) + i * 4;
    __get_cpuid(0x80000002 + i, part, part + 1, part + 2, part + 3);
  }
  std::printf("# %s\n", brand);
  bool usable = tap.check(cpu_has_avx512(), "CPUID names AVX-512 F CD BW DQ VL");
  usable &= tap.check(kernel_keeps_zmm(), "the kernel saves opmasks and 512-bit registers");
  if (!usable) return tap.finish();
  std::array<uint32_t, kTable> table;
  for (uint32_t& i : table) i = next_random();
  tap.check(every_round([&] { return gather_matches(table.data()); }), "gather reads what plain loads read");
  tap.check(every_round(compress_matches), "compress keeps what its mask names, in order");
  tap.check(every_round(masked_add_and_clz_match), "masked add and lzcnt");
  tap.check(every_round(byte_shuffle_matches), "byte shuffle stays in its 16 bytes");
  std::printf("# VPCONFLICTD: %s here\n", every_round(conflict_matches) ? "right" : "wrong");
  return tap.finish();
}
