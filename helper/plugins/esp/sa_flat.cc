// SPDX-License-Identifier: MIT
// sa_flat.cc - keys -> round keys, GHASH tables, HMAC states: the flat table of kernels.
#include "plugins/esp/pieces.h"
#include "plugins/esp/sa.h"

namespace fulcrum::esp {
namespace {

std::uint8_t times2(std::uint8_t x) { return static_cast<std::uint8_t>(x << 1 ^ (x & 0x80 ? 0x1b : 0)); }

// FIPS 197 5.1.1: inverse in GF(2^8), then an affine map. By powers of 3, which run through all of it.
std::array<std::uint8_t, 256> make_sbox() {
  std::array<std::uint8_t, 256> sbox{};
  std::uint8_t p = 1, q = 1;  // q * p = 1
  do {
    p = static_cast<std::uint8_t>(p ^ times2(p));
    q = static_cast<std::uint8_t>(q ^ q << 1);
    q = static_cast<std::uint8_t>(q ^ q << 2);
    q = static_cast<std::uint8_t>(q ^ q << 4);
    if (q & 0x80) q ^= 0x09;
    auto turned = [&](int n) { return std::rotl(q, n); };
    sbox[p] = static_cast<std::uint8_t>(q ^ turned(1) ^ turned(2) ^ turned(3) ^ turned(4) ^ 0x63);
  } while (p != 1);
  sbox[0] = 0x63;
  return sbox;
}

const std::array<std::uint8_t, 256>& sbox() {
  static const std::array<std::uint8_t, 256> table = make_sbox();
  return table;
}

void store64_little(std::uint8_t* p, std::uint64_t v) { std::memcpy(p, &v, 8); }

// x * y for y = H^n, as h_power wants it.
void store_power(esp_ghash y, std::uint8_t* to) {
  const bool carry = y.hi >> 63;
  std::uint64_t hi = y.hi << 1 | y.lo >> 63;
  std::uint64_t lo = y.lo << 1;
  if (carry) hi ^= 0xc200000000000000u, lo ^= 1;
  store64_little(to, lo);
  store64_little(to + 8, hi);
}

// One bit on: y * x.
esp_ghash shifted(esp_ghash y) {
  const bool out = y.lo & 1;
  y.lo = y.lo >> 1 | y.hi << 63;
  y.hi >>= 1;
  if (out) y.hi ^= 0xe100000000000000u;
  return y;
}

void store_state(std::uint32_t* to, const std::vector<std::uint8_t>& key, std::uint8_t pad) {
  std::uint8_t block[64];
  for (std::size_t i = 0; i < sizeof block; ++i) block[i] = (i < key.size() ? key[i] : 0) ^ pad;
  const esp_message m{block, sizeof block, 0, 0};
  const esp_words5 s = esp_sha1_message({0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}, &m, 0);
  to[0] = s.a, to[1] = s.b, to[2] = s.c, to[3] = s.d, to[4] = s.e;
  explicit_bzero(block, sizeof block);
}

void fill_outer(const SaSpec& spec, esp_sa& sa) {
  std::uint8_t* h = sa.outer;
  if (spec.outer_v6) {
    h[0] = 0x60, h[6] = 50, h[7] = 64;
    std::memcpy(h + 8, spec.src.data(), 16);
    std::memcpy(h + 24, spec.dst.data(), 16);
  } else {
    h[0] = 0x45, h[8] = 64, h[9] = 50;
    std::memcpy(h + 12, spec.src.data(), 4);
    std::memcpy(h + 16, spec.dst.data(), 4);
    for (std::size_t i = 0; i < 20; i += 2) sa.outer_sum += esp_load_be16(h + i);
  }
}

}  // namespace

void fill_constants(esp_table& table) {
  for (std::uint32_t x = 0; x < 256; ++x) {
    const std::uint32_t s = sbox()[x], s2 = times2(sbox()[x]);
    table.te[x] = s2 << 24 | s << 16 | s << 8 | (s ^ s2);
  }
  for (std::uint32_t i = 0; i < 16; ++i) {
    esp_ghash y{0, i};
    for (int bit = 0; bit < 4; ++bit) y = shifted(y);
    table.rem[i] = static_cast<std::uint32_t>(y.hi >> 32);
  }
}

// FIPS 197 5.2.
void expand_key(const std::vector<std::uint8_t>& key, esp_sa& sa) {
  const std::size_t words = key.size() / 4;
  sa.rounds = static_cast<std::uint32_t>(words + 6);
  std::memcpy(sa.key, key.data(), key.size());
  std::uint8_t round_constant = 1;
  for (std::size_t i = words; i < 4 * (sa.rounds + 1); ++i) {
    std::uint8_t t[4];
    std::memcpy(t, sa.key + 4 * (i - 1), 4);
    if (i % words == 0) {
      const std::uint8_t first = t[0];
      t[0] = static_cast<std::uint8_t>(sbox()[t[1]] ^ round_constant);
      t[1] = sbox()[t[2]], t[2] = sbox()[t[3]], t[3] = sbox()[first];
      round_constant = times2(round_constant);
    } else if (words > 6 && i % words == 4) {
      for (std::uint8_t& b : t) b = sbox()[b];
    }
    for (std::size_t b = 0; b < 4; ++b) sa.key[4 * i + b] = sa.key[4 * (i - words) + b] ^ t[b];
  }
}

void fill_ghash(const esp_table& table, esp_sa& sa) {
  const esp_words4 h = esp_aes(&table, &sa, {0, 0, 0, 0});
  esp_ghash y{std::uint64_t{h.a} << 32 | h.b, std::uint64_t{h.c} << 32 | h.d};
  esp_ghash power = y;
  for (std::size_t bit : {8, 4, 2, 1}) {
    sa.h_table[bit][0] = y.hi, sa.h_table[bit][1] = y.lo;
    y = shifted(y);
  }
  for (std::size_t i = 3; i < 16; ++i) {
    const std::size_t top = std::bit_floor(i);
    if (top == i) continue;
    for (std::size_t half : {0, 1}) sa.h_table[i][half] = sa.h_table[top][half] ^ sa.h_table[i - top][half];
  }
  for (std::size_t n = 1; n <= ESP_POWERS; ++n) {
    store_power(power, sa.h_power[ESP_POWERS - n]);
    power = esp_ghash_mul(&table, &sa, power);
  }
}

void fill_hmac(const std::vector<std::uint8_t>& key, esp_sa& sa) {
  store_state(sa.hmac_inner, key, 0x36);
  store_state(sa.hmac_outer, key, 0x5c);
}

void fill_sa(const SaSpec& spec, const esp_table& table, esp_sa& sa) {
  sa.suite = spec.suite;
  sa.flags = (spec.esn ? std::uint32_t{ESP_ESN} : 0) | (spec.outer_v6 ? std::uint32_t{ESP_OUTER6} : 0);
  sa.spi = spec.spi;
  sa.salt = spec.salt;
  sa.outer_bytes = spec.outer_v6 ? 40 : 20;
  sa.icv_bytes = spec.suite == ESP_GCM ? std::uint32_t{ESP_GCM_ICV_BYTES} : std::uint32_t{ESP_SHA1_ICV_BYTES};
  fill_outer(spec, sa);
  expand_key(spec.key, sa);
  if (spec.suite == ESP_GCM)
    fill_ghash(table, sa);
  else
    fill_hmac(spec.auth, sa);
}

}  // namespace fulcrum::esp
