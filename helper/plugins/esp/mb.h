// SPDX-License-Identifier: MIT
// mb.h - packets sealed and opened by intel-ipsec-mb: the cpu form's cryptography.
//
// The library has a manager for each instruction set, and its widest is not
// always the fastest: at the first use they are measured, for each suite.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "fulcrum/result.h"
#include "plugins/esp/sa.h"

struct IMB_MGR;
struct gcm_context_data;

namespace fulcrum::esp {

// Keys as the chosen managers want them; null where the CPU has no manager at all.
std::shared_ptr<const MbKeys> make_mb_keys(const SaSpec& spec);
// "AES-GCM by avx512, AES-CTR with HMAC-SHA1 by sse"
std::string mb_choice();

struct MbPacket {
  const esp_sa* sa;
  const MbKeys* keys;
  std::uint8_t* esp;  // ESP header, IV, text, ICV
  std::uint32_t text_bytes;
  std::uint32_t seq_hi;
  std::uint32_t slot;                // this, packet and number are the caller's
  std::uint32_t packet;              // in the batch
  std::uint64_t number;              // sequence number
  alignas(16) std::uint8_t icv[16];  // computed
  alignas(16) std::uint8_t iv[16];   // the library reads it until the job is done
};

// Threads: the worker's. Context: data path, make() excepted.
class MbCrypto {
 public:
  // Errors: the CPU lacks what the library needs.
  static Result<std::unique_ptr<MbCrypto>> make();
  ~MbCrypto();
  MbCrypto(const MbCrypto&) = delete;

  // Encrypts in place and writes ICVs.
  void seal(MbPacket* packet, unsigned count) noexcept;
  // To be called once for all packets that open() is to be called for.
  void check(MbPacket* packet, unsigned count) noexcept;
  // The decrypted text, in memory of this object and valid until the next call; null: the ICV is wrong.
  // The packet stays as it is.
  std::uint8_t* open(MbPacket& packet) noexcept;

 private:
  MbCrypto() = default;
  void run_gcm(const MbPacket& p, bool opens, std::uint8_t* to, std::uint8_t* icv) noexcept;

  struct FreeManager {
    void operator()(IMB_MGR* m) const;
  };
  std::unique_ptr<IMB_MGR, FreeManager> gcm_, hmac_;
  std::unique_ptr<gcm_context_data> context_;
  std::unique_ptr<std::uint8_t[]> text_;
};

}  // namespace fulcrum::esp
