// SPDX-License-Identifier: MIT
// mb.cc - packets -> jobs of intel-ipsec-mb, submitted all together.
#include "plugins/esp/mb.h"

#include <intel-ipsec-mb.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

namespace fulcrum::esp {

struct MbKeys {
  alignas(64) gcm_key_data gcm;
  alignas(64) std::uint8_t round_keys[16 * 15];
};

namespace {

constexpr std::size_t kMaxText = 65536;

struct ManagerKind {
  const char* name;
  std::uint64_t needs;  // IMB_FEATURE_*
  void (*init)(IMB_MGR*);
};
constexpr ManagerKind kManagers[] = {{"sse", IMB_CPUFLAGS_SSE, init_mb_mgr_sse},
                                     {"avx", IMB_CPUFLAGS_AVX, init_mb_mgr_avx},
                                     {"avx2", IMB_CPUFLAGS_AVX2, init_mb_mgr_avx2},
                                     {"avx512", IMB_CPUFLAGS_AVX512, init_mb_mgr_avx512}};

struct Choice {
  const ManagerKind* gcm = nullptr;
  const ManagerKind* hmac = nullptr;
};

using Manager = std::unique_ptr<IMB_MGR, decltype(&free_mb_mgr)>;

Manager make_manager(const ManagerKind& kind) {
  Manager m(alloc_mb_mgr(0), free_mb_mgr);
  if (m) kind.init(m.get());
  return m;
}

void fill_keys(IMB_MGR* gcm, IMB_MGR* hmac, const std::vector<std::uint8_t>& key, MbKeys& out) {
  alignas(16) std::uint8_t decryption[16 * 15];
  if (key.size() == 16) {
    IMB_AES128_GCM_PRE(gcm, key.data(), &out.gcm);
    IMB_AES_KEYEXP_128(hmac, key.data(), out.round_keys, decryption);
  } else {
    IMB_AES256_GCM_PRE(gcm, key.data(), &out.gcm);
    IMB_AES_KEYEXP_256(hmac, key.data(), out.round_keys, decryption);
  }
  explicit_bzero(decryption, sizeof decryption);
}

void gcm_call(IMB_MGR* m, bool wide, bool opens, const gcm_key_data* key, gcm_context_data* context, std::uint8_t* to,
              const std::uint8_t* from, std::uint64_t bytes, const std::uint8_t* iv, const std::uint8_t* aad,
              std::uint64_t aad_bytes, std::uint8_t* tag) {
  if (wide && opens)
    IMB_AES256_GCM_DEC(m, key, context, to, from, bytes, iv, aad, aad_bytes, tag, 16);
  else if (wide)
    IMB_AES256_GCM_ENC(m, key, context, to, from, bytes, iv, aad, aad_bytes, tag, 16);
  else if (opens)
    IMB_AES128_GCM_DEC(m, key, context, to, from, bytes, iv, aad, aad_bytes, tag, 16);
  else
    IMB_AES128_GCM_ENC(m, key, context, to, from, bytes, iv, aad, aad_bytes, tag, 16);
}

// A job of counter mode and HMAC-SHA1, or of one of them.
void fill_job(IMB_JOB& job, MbPacket& p, bool ciphers, bool hashes) {
  const bool has_extra = p.sa->flags & ESP_ESN;
  job.cipher_mode = ciphers ? IMB_CIPHER_CNTR : IMB_CIPHER_NULL;
  job.hash_alg = hashes ? IMB_AUTH_HMAC_SHA_1 : IMB_AUTH_NULL;
  job.cipher_direction = IMB_DIR_ENCRYPT;
  job.chain_order = IMB_ORDER_CIPHER_HASH;
  job.enc_keys = job.dec_keys = p.keys->round_keys;
  job.key_len_in_bytes = p.sa->rounds == 10 ? 16 : 32;
  job.src = p.esp;
  job.dst = p.esp + ESP_HEAD_BYTES + ESP_IV_BYTES;
  job.cipher_start_src_offset_in_bytes = ESP_HEAD_BYTES + ESP_IV_BYTES;
  job.msg_len_to_cipher_in_bytes = p.text_bytes;
  job.iv = p.iv;
  job.iv_len_in_bytes = 12;
  job.hash_start_src_offset_in_bytes = 0;
  job.msg_len_to_hash_in_bytes = ESP_HEAD_BYTES + ESP_IV_BYTES + p.text_bytes + (has_extra ? 4 : 0);
  job.auth_tag_output = p.icv;
  job.auth_tag_output_len_in_bytes = ESP_SHA1_ICV_BYTES;
  job.u.HMAC._hashed_auth_key_xor_ipad = reinterpret_cast<const std::uint8_t*>(p.sa->hmac_inner);
  job.u.HMAC._hashed_auth_key_xor_opad = reinterpret_cast<const std::uint8_t*>(p.sa->hmac_outer);
  job.user_data = nullptr;
}

void store_be32(std::uint8_t* to, std::uint32_t v) {
  v = __builtin_bswap32(v);
  std::memcpy(to, &v, 4);
}

// Salt, IV.
void fill_iv(MbPacket& p) {
  store_be32(p.iv, p.sa->salt);
  std::memcpy(p.iv + 4, p.esp + ESP_HEAD_BYTES, ESP_IV_BYTES);
}

std::uint8_t* icv_of(const MbPacket& p) { return p.esp + ESP_HEAD_BYTES + ESP_IV_BYTES + p.text_bytes; }

void run_jobs(IMB_MGR* m, MbPacket* packet, unsigned count, bool ciphers) {
  for (unsigned i = 0; i < count; ++i) {
    if (packet[i].sa->suite != ESP_CTR_SHA1) continue;
    fill_iv(packet[i]);
    fill_job(*IMB_GET_NEXT_JOB(m), packet[i], ciphers, true);
    IMB_SUBMIT_JOB_NOCHECK(m);
  }
  while (IMB_FLUSH_JOB(m)) {
  }
}

constexpr unsigned kTrialPackets = 64;
constexpr std::uint32_t kTrialBytes = 512;

// The shortest of some runs over a batch.
template <class F>
double best_seconds(F&& run) {
  double best = 1;
  for (int n = 0; n < 8; ++n) {
    const auto start = std::chrono::steady_clock::now();
    run();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

double trial(IMB_MGR* m, std::uint32_t suite) {
  auto keys = std::make_unique<MbKeys>();
  fill_keys(m, m, std::vector<std::uint8_t>(16, 1), *keys);
  auto sa = std::make_unique<esp_sa>();
  sa->suite = suite, sa->rounds = 10;
  std::vector<std::uint8_t> bytes((kTrialBytes + 64) * kTrialPackets);
  std::vector<MbPacket> packet(kTrialPackets);
  for (unsigned i = 0; i < kTrialPackets; ++i)
    packet[i].sa = sa.get(), packet[i].keys = keys.get(), packet[i].esp = &bytes[(kTrialBytes + 64) * i],
    packet[i].text_bytes = kTrialBytes;
  gcm_context_data context;
  return best_seconds([&] {
    if (suite == ESP_CTR_SHA1) return run_jobs(m, packet.data(), kTrialPackets, true);
    for (MbPacket& p : packet) {
      std::uint8_t* text = p.esp + 16;
      gcm_call(m, false, false, &keys->gcm, &context, text, text, kTrialBytes, p.iv, p.esp, 8, p.icv);
    }
  });
}

Choice measure() {
  Choice choice;
  double best_gcm = 1e9, best_hmac = 1e9;
  const Manager probe(alloc_mb_mgr(0), free_mb_mgr);
  if (!probe) return choice;
  for (const ManagerKind& kind : kManagers) {
    if ((probe->features & kind.needs) != kind.needs) continue;
    const Manager m = make_manager(kind);
    if (!m) continue;
    if (const double s = trial(m.get(), ESP_GCM); s < best_gcm) best_gcm = s, choice.gcm = &kind;
    if (const double s = trial(m.get(), ESP_CTR_SHA1); s < best_hmac) best_hmac = s, choice.hmac = &kind;
  }
  return choice;
}

const Choice& choice() {
  static const Choice made = measure();
  return made;
}

}  // namespace

std::string mb_choice() {
  if (!choice().gcm) return "none";
  return std::string("AES-GCM by ") + choice().gcm->name + ", AES-CTR with HMAC-SHA1 by " + choice().hmac->name;
}

std::shared_ptr<const MbKeys> make_mb_keys(const SaSpec& spec) {
  if (!choice().gcm) return nullptr;
  const Manager gcm = make_manager(*choice().gcm), hmac = make_manager(*choice().hmac);
  if (!gcm || !hmac) return nullptr;
  auto keys = std::make_shared<MbKeys>();
  fill_keys(gcm.get(), hmac.get(), spec.key, *keys);
  return keys;
}

void MbCrypto::FreeManager::operator()(IMB_MGR* m) const { free_mb_mgr(m); }
MbCrypto::~MbCrypto() = default;

Result<std::unique_ptr<MbCrypto>> MbCrypto::make() {
  if (!choice().gcm) return Error{"intel-ipsec-mb: this CPU has no AES instructions, and needs them for IPsec"};
  std::unique_ptr<MbCrypto> c(new MbCrypto);
  c->gcm_.reset(make_manager(*choice().gcm).release());
  c->hmac_.reset(make_manager(*choice().hmac).release());
  if (!c->gcm_ || !c->hmac_) return Error{"intel-ipsec-mb: out of memory"};
  c->context_ = std::make_unique<gcm_context_data>();
  c->text_ = std::make_unique<std::uint8_t[]>(kMaxText);
  return c;
}

void MbCrypto::run_gcm(const MbPacket& p, bool opens, std::uint8_t* to, std::uint8_t* icv) noexcept {
  std::uint8_t iv[12], aad[12];
  store_be32(iv, p.sa->salt);
  std::memcpy(iv + 4, p.esp + ESP_HEAD_BYTES, ESP_IV_BYTES);
  const bool esn = p.sa->flags & ESP_ESN;
  std::memcpy(aad, p.esp, 8);
  if (esn) {
    store_be32(aad + 4, p.seq_hi);
    std::memcpy(aad + 8, p.esp + 4, 4);
  }
  gcm_call(gcm_.get(), p.sa->rounds == 14, opens, &p.keys->gcm, context_.get(), to,
           p.esp + ESP_HEAD_BYTES + ESP_IV_BYTES, p.text_bytes, iv, aad, esn ? 12 : 8, icv);
}

void MbCrypto::seal(MbPacket* packet, unsigned count) noexcept {
  for (unsigned i = 0; i < count; ++i) {
    MbPacket& p = packet[i];
    if (p.sa->suite == ESP_GCM)
      run_gcm(p, false, p.esp + ESP_HEAD_BYTES + ESP_IV_BYTES, icv_of(p));
    else if (p.sa->flags & ESP_ESN)
      store_be32(icv_of(p), p.seq_hi);  // where the ICV comes to stand, so that it is hashed behind the text
  }
  run_jobs(hmac_.get(), packet, count, true);
  for (unsigned i = 0; i < count; ++i)
    if (packet[i].sa->suite == ESP_CTR_SHA1) std::memcpy(icv_of(packet[i]), packet[i].icv, ESP_SHA1_ICV_BYTES);
}

void MbCrypto::check(MbPacket* packet, unsigned count) noexcept {
  std::uint8_t saved[kBatchSize][4];
  auto is_esn = [&](unsigned i) { return packet[i].sa->suite == ESP_CTR_SHA1 && (packet[i].sa->flags & ESP_ESN); };
  for (unsigned i = 0; i < count; ++i) {
    if (!is_esn(i)) continue;
    std::memcpy(saved[i], icv_of(packet[i]), 4);
    store_be32(icv_of(packet[i]), packet[i].seq_hi);
  }
  run_jobs(hmac_.get(), packet, count, false);
  for (unsigned i = 0; i < count; ++i)
    if (is_esn(i)) std::memcpy(icv_of(packet[i]), saved[i], 4);
}

std::uint8_t* MbCrypto::open(MbPacket& p) noexcept {
  if (p.sa->suite == ESP_GCM) run_gcm(p, true, text_.get(), p.icv);
  std::uint8_t wrong = 0;
  for (std::uint32_t i = 0; i < p.sa->icv_bytes; ++i) wrong |= static_cast<std::uint8_t>(p.icv[i] ^ icv_of(p)[i]);
  if (wrong) return nullptr;
  if (p.sa->suite == ESP_CTR_SHA1) {
    IMB_JOB& job = *IMB_GET_NEXT_JOB(hmac_.get());
    fill_job(job, p, true, false);
    job.dst = text_.get();
    IMB_SUBMIT_JOB_NOCHECK(hmac_.get());
    while (IMB_FLUSH_JOB(hmac_.get())) {
    }
  }
  return text_.get();
}

}  // namespace fulcrum::esp
