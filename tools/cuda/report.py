#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# report.py - what ptxas said of each kernel -> registers, spills, memory, occupancy; fails on spills.
#
#   tools/cuda/report.py FATBIN.log...      written by helper/plugins/kernels.mk
#
# Occupancy is theoretical: warps that fit on a multiprocessor with blocks of 128
# threads, by the limits that the CUDA C++ Programming Guide publishes for each
# compute capability. Stack is local memory of arrays, not spills.
# Exit status: 0 no spills, 1 a kernel spills or a log cannot be read, 2 usage.
import re
import sys

BLOCK_WARPS = 4
REGISTERS = 65536  # of a multiprocessor, in four parts; a warp takes whole units of 256
# capability: blocks, warps, KiB of shared memory, of a multiprocessor
LIMITS = {
    "75": (16, 32, 64),
    "80": (32, 64, 164),
    "86": (16, 48, 100),
    "89": (24, 48, 100),
    "90": (32, 64, 228),
    "100": (32, 64, 228),
    "120": (24, 48, 100),
}


def occupancy(arch, registers, shared_bytes):
    """Warps that fit, and how many there could be."""
    if arch not in LIMITS:
        return None
    most_blocks, most_warps, shared_kib = LIMITS[arch]
    unit = -(-max(registers, 1) * 32 // 256) * 256
    by_registers = 4 * (REGISTERS // 4 // unit) // BLOCK_WARPS
    # The system keeps 1 KiB a block from compute capability 8.0 on.
    a_block = shared_bytes + (1024 if int(arch) >= 80 else 0)
    by_shared = shared_kib * 1024 // a_block if a_block else most_blocks
    blocks = min(most_blocks, most_warps // BLOCK_WARPS, by_registers, by_shared)
    return blocks * BLOCK_WARPS, most_warps


def read_log(path):
    """Rows (kernel, arch, registers, spill bytes, stack, shared) and compile time in ms."""
    rows, ms, row = [], 0, None
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            if m := re.search(r"Compiling entry function '(\w+)' for 'sm_(\d+)\w*'", line):
                row = {"kernel": m[1], "arch": m[2], "registers": None, "spills": 0, "stack": 0, "shared": 0}
                rows.append(row)
            elif m := re.match(r"compile_ms (\d+)", line):
                ms = int(m[1])
            elif row and (m := re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line)):
                row["stack"] = max(row["stack"], int(m[1]))
                row["spills"] += int(m[2]) + int(m[3])
            elif row and (m := re.search(r"Used (\d+) registers", line)):
                row["registers"] = int(m[1])
                if m := re.search(r"(\d+)(?:\+\d+)? bytes smem", line):
                    row["shared"] = int(m[1])
    return rows, ms


def main(paths):
    if not paths:
        print("usage: report.py FATBIN.log...", file=sys.stderr)
        return 2
    bad, total_ms = [], 0
    print(f"{'kernel':24}{'arch':>8}{'registers':>11}{'spill B':>9}{'stack B':>9}{'shared B':>10}  occupancy at 128 threads")
    for path in paths:
        try:
            rows, ms = read_log(path)
        except OSError as e:
            bad.append(f"{path}: {e.strerror}: build with nvcc first")
            continue
        total_ms += ms
        if not rows:
            bad.append(f"{path}: no kernel in it: is -Xptxas -v among NVCCFLAGS?")
        for r in sorted(rows, key=lambda r: (r["kernel"], int(r["arch"]))):
            if r["registers"] is None:
                bad.append(f"{path}: {r['kernel']} sm_{r['arch']}: ptxas did not say how many registers")
                continue
            fit = occupancy(r["arch"], r["registers"], r["shared"])
            text = f"{fit[0]}/{fit[1]} warps, {100 * fit[0] // fit[1]} %" if fit else "limits not known"
            print(f"{r['kernel']:24}{'sm_' + r['arch']:>8}{r['registers']:>11}{r['spills']:>9}{r['stack']:>9}{r['shared']:>10}  {text}")
            if r["spills"]:
                bad.append(f"{r['kernel']} sm_{r['arch']}: {r['spills']} bytes of spills: use fewer live values, or split the kernel")
    print(f"nvcc took {total_ms / 1000:.1f} s for {len(paths)} kernels")
    for text in bad:
        print(f"cuda-report: {text}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
