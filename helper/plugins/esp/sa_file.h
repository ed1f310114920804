// SPDX-License-Identifier: MIT
// sa_file.h - a file of security associations -> SA and selector tables.
//
// One SA a line, `#` starts a comment, words in any order behind `sa`:
//
//   sa spi 0x100 src 192.0.2.1 dst 192.0.2.2 alg aes-gcm-128 key HEX [esn] [replay 64] [sel 10.0.0.0/8]…
//
//   spi     256 to 4294967295, decimal or 0x…
//   src dst ends of the tunnel, both IPv4 or both IPv6
//   alg     aes-gcm-128, aes-gcm-256                              RFC 4106, ICV of 16 bytes
//           aes-ctr-128-hmac-sha1, aes-ctr-256-hmac-sha1          RFC 3686, RFC 2404
//   key     the AES key, then 4 bytes of salt (GCM) or nonce (CTR): 20 or 36 bytes in hex
//   auth    HMAC's key, 20 bytes in hex: with aes-ctr only
//   esn     64-bit sequence numbers
//   replay  size of the receiver's window in packets, 32 to 65536; 64 unless given
//   sel     destinations of inner packets that ESPEncap sends by this SA; the longest prefix wins
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/esp/sa_states.h"

namespace fulcrum::esp {

struct SaFile {
  SaDatabase database;
  std::vector<ArgError> errors;  // not empty: the database is
};

// Errors stand at `pos` of the pipeline and name file, line and column themselves.
// SAs that `states` knows go on counting.
std::shared_ptr<SaFile> parse_sas(std::string_view text, const std::string& name, SourcePos pos, SaStates& states);
std::shared_ptr<SaFile> load_sa_file(const std::string& path, SourcePos pos, SaStates& states);

}  // namespace fulcrum::esp
