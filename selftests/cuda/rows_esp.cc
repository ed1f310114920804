// SPDX-License-Identifier: MIT
// rows_esp.cc - the esp plugin's kernels, one opening what the other sealed, for checks on a device.
#include <utility>

#include "gpu_rows.h"
#include "plugins/esp/kernel.h"
#include "plugins/esp/sa.h"

namespace fulcrum::gpu {
namespace {

std::vector<std::uint8_t> random_bytes(std::mt19937& random, std::size_t count) {
  std::vector<std::uint8_t> bytes(count);
  for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(random());
  return bytes;
}

// Both suites with both key lengths over both families, with and without ESN.
std::shared_ptr<esp::SaTable> make_sas(std::mt19937& random) {
  std::vector<esp::SaTable::Entry> entries;
  for (unsigned n = 0; n < 16; ++n) {
    esp::SaSpec spec;
    spec.spi = 1000 + n;
    spec.outer_v6 = n & 1;
    for (std::size_t i = 0; i < (spec.outer_v6 ? 16u : 4u); ++i)
      spec.src[i] = static_cast<std::uint8_t>(random()), spec.dst[i] = static_cast<std::uint8_t>(random());
    spec.suite = n & 2 ? esp::ESP_GCM : esp::ESP_CTR_SHA1;
    spec.key = random_bytes(random, n & 4 ? 32 : 16);
    spec.salt = static_cast<std::uint32_t>(random());
    spec.auth = random_bytes(random, 20);
    spec.esn = n & 8;
    entries.push_back({spec, nullptr, nullptr});
  }
  return std::make_shared<esp::SaTable>(std::move(entries));
}

// Sequence numbers and IVs as they come; some packets are refused, some have another SA on the way back.
void fill_columns(DeviceTask& task, const esp::SaTable& sas, std::mt19937& random) {
  for (std::uint32_t k = 0; k < task.count; ++k) {
    const auto slot = static_cast<std::uint32_t>(random() % sas.count());
    std::uint32_t* in = in_columns(task, 0, k);
    for (unsigned w = 1; w < 5; ++w) in[w] = static_cast<std::uint32_t>(random());
    in[0] = random() % 50 ? slot : std::uint32_t{esp::ESP_REFUSED} | std::uint32_t{esp::ESP_REPLAY};
    if (task.stages < 2) continue;
    std::uint32_t* back = in_columns(task, 1, k);
    back[0] = slot;
    back[1] = random() % 50 ? in[1] : in[1] + 1;  // not the number that was sealed: authentic only without ESN
    back[2] = sas.sa(slot)->outer_bytes;
  }
}

const RowMaker kRows([](std::vector<Row>& rows, std::mt19937& random) {
  const auto sas = make_sas(random);
  const KernelTable table{sas, sas->flat(), sas->flat_bytes(), 1, 4};
  auto columns = [sas](DeviceTask& task, TaskFill&, std::mt19937& r) { fill_columns(task, *sas, r); };
  rows.push_back({"esp_encap", {{&esp::kEncapKernel}}, {table}, nullptr, columns, nullptr});
  rows.push_back({"esp_encap, esp_decap",
                  {{&esp::kEncapKernel}, {&esp::kDecapKernel, Condition::kIfZero}},
                  {table, table},
                  nullptr,
                  columns,
                  nullptr});
});

}  // namespace
}  // namespace fulcrum::gpu
