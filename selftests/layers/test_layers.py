#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_layers.py - dependencies point one way, read from the #include lines.

  uapi <- include <- base <- batch <- { port, device } <- pipeline <- worker <- control <- main
                        ^- balance, table           plugins see include/ only

Unit tests and their headers are free: they may reach for what they need.
"""
import os
import re
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)

BELOW_BASE = {"uapi", "include"}
LOW = BELOW_BASE | {"base", "batch"}
STAGES = LOW | {"port", "device", "pipeline", "table", "balance"}
# Folder of helper/ -> the parts it may see beside itself.
MAY_SEE = {
    "base": BELOW_BASE,
    "batch": BELOW_BASE | {"base"},
    "table": BELOW_BASE | {"base"},
    "balance": BELOW_BASE | {"base"},
    "port": LOW | {"bpf"},                   # the header of its own return program
    "device": LOW,
    "pipeline": LOW | {"port", "device"},
    "replay": STAGES,                       # the pipeline on capture files
    "bench": STAGES,                        # the same, to measure
    "worker": STAGES,                       # helper/*.cc but for main
    "control": STAGES | {"worker", "replay"},
    "main": STAGES | {"worker", "replay", "control"},
}
# The files of helper/ that wire the parts together; nothing else may see them.
MAIN = re.compile(r"^helper/(main|(daemon|runtime|supervisor)(_\w+)?|balance_port|stats_json)\.(h|cc)$")
# Headers of a back end -> the only files that see them.
FENCED = [
    (re.compile(r"^(cuda|nvrtc|cuda_runtime)(\.h|_|/)"), re.compile(r"^helper/device/cuda")),
    (re.compile(r"^CL/"), re.compile(r"^helper/device/opencl")),
]


def part_of(path):
    """The part a file belongs to: uapi, include, a folder of helper/, plugins/NAME."""
    words = path.split("/")
    if words[:2] == ["include", "uapi"]:
        return "uapi"
    if words[0] == "include":
        return "include"
    if words[0] != "helper":
        return words[0]
    if words[1] == "plugins":
        return "/".join(words[1:3])
    if len(words) > 2:
        return words[1]
    return "main" if MAIN.match(path) else "worker"


def find_include(root, path, name):
    """The file of this project that an include names, or None for the system's."""
    for folder in (os.path.dirname(path), "helper", "include", "include/uapi"):
        candidate = os.path.normpath(os.path.join(folder, name))
        if os.path.isfile(os.path.join(root, candidate)):
            return candidate
    return None


def allowed(part, target):
    if part == target:
        return True
    if part.startswith("plugins/"):
        return target in BELOW_BASE
    if part in ("uapi", "include"):
        return target == "uapi"
    if part == "bpf":
        return target == "uapi"
    return target in MAY_SEE.get(part, set())


def source_files(root):
    for top in ("include", "helper", "bpf"):
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith((".h", ".cc", ".c")) and not name.endswith(("_test.cc", "_testing.h")):
                    yield os.path.relpath(os.path.join(folder, name), root)


def violations(root):
    """Sentences, one a forbidden arrow; and how many includes were looked at."""
    found, looked_at = [], 0
    for path in source_files(root):
        part = part_of(path)
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
            includes = INCLUDE.findall(f.read())
        for _, name in includes:
            looked_at += 1
            for header, owner in FENCED:
                if header.match(name) and not owner.match(path):
                    found.append(f"{path}: {name} belongs to one back end only")
            target = find_include(root, path, name)
            if target is None:
                continue
            if part not in MAY_SEE and part not in ("uapi", "include", "bpf") and not part.startswith("plugins/"):
                found.append(f"{path}: folder {part} has no place in MAY_SEE of this test: give it one")
            elif not allowed(part, part_of(target)):
                found.append(f"{path}: {part} must not see {part_of(target)} ({name})")
    return found, looked_at


def made_up_tree(files):
    """What the check finds in a tree of these files: {path: included name}."""
    with tempfile.TemporaryDirectory() as root:
        for path, include in files.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                f.write(f'#include "{include}"\n' if include else "// nothing\n")
        return [v.split(":")[0] for v in violations(root)[0]]


BASE_TREE = dict.fromkeys(("helper/runtime.h", "helper/control/c.h", "helper/device/d.h", "helper/port/p.h",
                           "helper/pipeline/g.h", "include/fulcrum/e.h", "helper/base/b.h", "helper/plugins/a/y.h",
                           "helper/plugins/b/y.h"), "")
SELF_CHECKS = [  # one file, what it includes, whether that is a violation
    ("helper/port/x.cc", "device/d.h", True),
    ("helper/device/x.cc", "port/p.h", True),
    ("helper/base/x.cc", "pipeline/g.h", True),
    ("helper/balance/x.cc", "port/p.h", True),
    ("helper/plugins/a/x.cc", "pipeline/g.h", True),
    ("helper/plugins/a/x.cc", "base/b.h", True),
    ("helper/plugins/a/x.cc", "../../base/b.h", True),
    ("helper/plugins/a/x.cc", "plugins/b/y.h", True),
    ("helper/plugins/a/x.core.h", "plugins/b/y.h", True),
    ("helper/device/x.cc", "CL/cl.h", True),
    ("helper/worker.cc", "runtime.h", True),
    ("helper/worker.cc", "control/c.h", True),
    ("helper/main.cc", "control/c.h", False),
    ("helper/plugins/a/x.cc", "fulcrum/e.h", False),
    ("helper/plugins/a/x.cc", "plugins/a/y.h", False),
    ("helper/pipeline/x.cc", "device/d.h", False),
    ("helper/device/opencl.cc", "CL/cl.h", False),
    ("helper/port/x_test.cc", "device/d.h", False),
]


def main():
    cases = []
    for path, include, bad in SELF_CHECKS:
        found = made_up_tree({**BASE_TREE, path: include})
        cases.append((found == ([path] if bad else []), f"{path} with {include} is {'refused' if bad else 'allowed'}"))
    found, looked_at = violations(ROOT)
    for sentence in found:
        print("#", sentence)
    cases.append((not found and looked_at > 0, f"arrows hold over {looked_at} includes"))
    for number, (good, name) in enumerate(cases, 1):
        print("ok" if good else "not ok", number, name)
    print(f"1..{len(cases)}")
    return 0 if all(good for good, _ in cases) else 1


if __name__ == "__main__":
    sys.exit(main())
