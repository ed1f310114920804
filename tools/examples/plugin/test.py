#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test.py FULCRUM - text and random payloads through Sample, on the cpu and on devices."""
import json, os, random, struct, subprocess, sys, tempfile

seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
print("# seed", seed)
rng = random.Random(seed)


def frame(payload):
    udp = struct.pack("!HHHH", 1000, 2000, 8 + len(payload), 0) + payload
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x0a\0\0\1", b"\x0a\0\0\2")
    return b"\2" * 12 + b"\x08\0" + ip + udp


payloads = [(kind, rng.randbytes(n) if kind else (b"the quick brown fox " * n)[:n])
            for n in range(256, 1400, 16) for kind in (0, 1)]
with tempfile.TemporaryDirectory() as work:
    with open(f"{work}/in.pcap", "wb") as f:
        f.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for i, (_, p) in enumerate(payloads):
            f.write(struct.pack("=IIII", i, 0, len(frame(p)), len(frame(p))) + frame(p))
    with open(f"{work}/test.click", "w") as f:
        f.write("require(sample);\nFromPort(a) -> s :: Sample(BELOW 2000) -> ToPort(b);\ns[1] -> Discard;\n")
    failed = 0
    for number, tier in enumerate(("cpu", "device:manycore", "device:opencl", "device:cuda"), 1):
        run = subprocess.run([sys.argv[1], "run", "--pipeline", f"{work}/test.click", "--in", f"{work}/in.pcap",
                              "--tier", tier, "--verdicts", f"{work}/out"], capture_output=True, text=True,
                             env={"FULCRUM_PLUGIN_DIR": os.path.abspath("build"), **os.environ})
        if run.returncode and tier in ("device:opencl", "device:cuda"):
            print(f"ok {number} {tier} # SKIP {run.stderr.strip()[:100]}")
            continue
        got = [json.loads(line)["verdict"] == "drop" for line in open(f"{work}/out")] if not run.returncode else []
        good = got == [kind == 1 for kind, _ in payloads]
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} {tier}: {sum(got)} of {len(payloads)} packets are random", run.stderr)
    print("1..4")
sys.exit(failed != 0)
