// SPDX-License-Identifier: MIT
// kernel.cc - what the kernels read and write, and their code.
#include "plugins/esp/kernel.h"

#include "plugins/esp/esp_table.h"

FU_DECLARE_KERNEL(esp, esp_encap)
FU_DECLARE_KERNEL(esp, esp_decap)

namespace fulcrum::esp {

constinit const KernelDecl kEncapKernel = {
    .name = "esp_encap",
    .read = {.range = PacketRange::kDatagram},
    .write = {.present = true, .growth_bytes = ESP_GROWTH_BYTES},
    .write_if = Condition::kIfZero,
    .in_bytes = sizeof(EncapIn),
    .cpu = FU_CPU_CODE(esp_encap),
    .opencl = esp_encap_opencl,
    .cuda = esp_encap_cuda,
};

constinit const KernelDecl kDecapKernel = {
    .name = "esp_decap",
    .read = {.range = PacketRange::kDatagram},
    .write = {.present = true},
    .write_if = Condition::kIfZero,
    .in_bytes = sizeof(DecapIn),
    .out_bytes = sizeof(DecapOut),
    .cpu = FU_CPU_CODE(esp_decap),
    .opencl = esp_decap_opencl,
    .cuda = esp_decap_cuda,
};

}  // namespace fulcrum::esp
