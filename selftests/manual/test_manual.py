#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_manual.py - every element class has a manual that says what the class does, and a page man can show.

  fulcrum element list/help --json ── the class's own outputs, counters, handlers ── against the words of its manual
  tools/man/elements.sh ── build/man ── man --warnings
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FULCRUM = os.path.join(ROOT, os.environ.get("B", "build"), "bin/fulcrum")
NEEDED = ("SYNOPSIS", "INPUTS", "OUTPUTS", "ARGUMENTS", "COUNTERS")
KNOWN = NEEDED + ("HANDLERS", "NOTES", "SEE")


def fulcrum(*words):
    return subprocess.run((FULCRUM, *words), capture_output=True, text=True, timeout=60)


def sections(manual):
    """Title -> its text; the first line goes by ''."""
    found, title = {}, ""
    for line in manual.splitlines():
        head = re.match(r"([A-Z]+) +", line)
        if head:
            title = head.group(1)
            line = line[head.end():]
        found[title] = found.get(title, "") + line.strip() + "\n"
    return found


def faults_of(element):
    """What is wrong with the manual of one class."""
    part = sections(element["manual"])
    faults = [f"no {title}" for title in NEEDED if not part.get(title, "").strip()]
    faults += [f"unknown section {title}" for title in part if title and title not in KNOWN]
    if not part.get("", "").startswith(element["name"] + ": "):
        faults.append(f"does not begin with '{element['name']}: '")
    if faults:
        return faults
    if element["name"] not in part["SYNOPSIS"]:
        faults.append("SYNOPSIS names another class")
    if not element["open_outputs"]:
        faults += output_faults(part["OUTPUTS"], element["outputs"])
    if (element["inputs"] == 0) != part["INPUTS"].startswith("none"):
        faults.append(f"INPUTS: the class has {element['inputs']}")
    for kind, title in (("counters", "COUNTERS"), ("handlers", "HANDLERS")):
        names = element[kind] if kind == "counters" else [h["name"] for h in element[kind]]
        text = part.get(title, "none")
        if "each reason" in text:
            text += part["OUTPUTS"]
        faults += [f"{title}: {n} is missing" for n in names if not re.search(rf"\b{re.escape(n)}\b", text)]
        if not names and kind == "handlers" and not text.startswith("none"):
            faults.append(f"{title}: the class has none")
    return faults


def output_faults(text, outputs):
    faults = []
    if not outputs and not text.startswith("none"):
        faults.append("OUTPUTS: the class has none")
    for i, output in enumerate(outputs):
        if not re.search(rf"^{i} {re.escape(output['name'])}\b", text, re.M):
            faults.append(f"OUTPUTS: no line '{i} {output['name']}'")
        reason = output["reason"] if output["unconnected"] == "drop" else ""
        if reason and reason not in text and not (output["name"] == "bad" and "its reason" in text):
            faults.append(f"OUTPUTS: unconnected {output['name']} counts as {reason}, which is missing")
    listed = re.findall(r"^(\d+) \w", text, re.M)
    if len(listed) > len(outputs):
        faults.append(f"OUTPUTS: {len(listed)} are described, the class has {len(outputs)}")
    return faults


def manual_is_right(name):
    got = fulcrum("element", "help", name, "--json")
    if got.returncode:
        return [f"element help --json: exit status {got.returncode}: {got.stderr.strip()}"]
    return faults_of(json.loads(got.stdout))


def page_is_sound(page):
    if not os.path.exists(page):
        return ["there is none"]
    shown = subprocess.run(("man", "--warnings", "-E", "UTF-8", "-l", page), capture_output=True, text=True,
                           timeout=60, env={**os.environ, "LC_ALL": "C.UTF-8", "MANPAGER": "cat", "MANWIDTH": "100"})
    faults = shown.stderr.strip().splitlines()
    if "SEE ALSO" not in shown.stdout:
        faults.append("SEE ALSO is not shown")
    return faults


def refuses_unknown():
    got = fulcrum("element", "help", "Cuonter")
    right = got.returncode == 1 and "did you mean Counter?" in got.stderr and not got.stdout
    return [] if right else [f"exit status {got.returncode}, said: {got.stderr.strip()}"]


def judges_bad_ones():
    """A manual without a fault becomes one with each of these changes."""
    good = {"name": "X", "inputs": 1, "open_outputs": False, "counters": ["packets"], "handlers": [],
            "outputs": [{"name": "all", "unconnected": "drop", "reason": "why"}],
            "manual": "X: does\n\nSYNOPSIS  X\nINPUTS    0\nOUTPUTS   0 all: dropped as \"why\"\n"
                      "ARGUMENTS none\nCOUNTERS  packets\n"}
    if faults_of(good):
        return faults_of(good)
    changes = (("X: does", "Y: does"), ("INPUTS    0", "INPUTS    none"), ("0 all", "0 other"), ("why", "what"),
               ("COUNTERS  packets", "COUNTERS  bytes"), ("ARGUMENTS none\n", ""), ("COUNTERS", "COUNTS"),
               ("ARGUMENTS", "          1 more\nARGUMENTS"))
    return [f"not seen: {a!r} -> {b!r}" for a, b in changes
            if not faults_of({**good, "manual": good["manual"].replace(a, b)})]


def main():
    if not os.path.exists(FULCRUM):
        print(f"1..0 # SKIP {FULCRUM} is not built: run make")
        return 4
    listed = fulcrum("element", "list", "--json")
    elements = json.loads(listed.stdout)
    cases = [("this test sees wrong manuals", judges_bad_ones),
             ("every plugin loads", lambda: listed.stderr.splitlines()),
             ("an unknown class is refused with near names", refuses_unknown)]
    cases += [(f"manual of {e['name']}", lambda n=e["name"]: manual_is_right(n)) for e in elements]
    with tempfile.TemporaryDirectory() as work:
        if shutil.which("man"):
            pages = os.path.join(work, "man")
            made = subprocess.run((os.path.join(ROOT, "tools/man/elements.sh"), FULCRUM, pages), capture_output=True,
                                  text=True, timeout=120)
            cases.append(("man pages are made", lambda: made.stderr.splitlines() + [made.returncode] * (made.returncode != 0)))
            names = [e["name"] for e in elements] + ["elements"]
            paths = [(f"fulcrum-{n}", os.path.join(pages, f"fulcrum-{n}.7")) for n in names]
            paths += [(n, os.path.join(ROOT, "tools/man", n)) for n in ("fulcrum.1", "fulcrumd.8")]
            cases += [(f"page of {n}", lambda p=p: page_is_sound(p)) for n, p in paths]
        failed = 0
        for number, (name, case) in enumerate(cases, 1):
            faults = case()
            failed += bool(faults)
            for fault in faults:
                print("#", fault)
            print("not ok" if faults else "ok", number, name)
        if not shutil.which("man"):
            cases.append(None)
            print(f"ok {len(cases)} man pages # SKIP man is not installed: run tools/deps.sh as root")
    print(f"1..{len(cases)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
