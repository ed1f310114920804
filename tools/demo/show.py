# SPDX-License-Identifier: MIT
"""show.py - what the demo prints: steps, commands, tables, and the checks at the end."""
import sys

TTY = sys.stdout.isatty()


def bold(text):
    return f"\033[1m{text}\033[0m" if TTY else text


def step(title):
    step.number += 1
    print(f"\n{bold(f'{step.number}. {title}')}", flush=True)


step.number = 0


def say(text=""):
    for line in str(text).splitlines() or [""]:
        print(f"   {line}", flush=True)


def command(text):
    say(f"$ {text}")


def count(n):
    return f"{n:,}"


def table(head, rows, indent="   "):
    """Columns as wide as needed; numbers to the right."""
    cells = [[c if isinstance(c, str) else "-" if c is None else f"{c:,}" for c in row] for row in [head, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    left = [all(isinstance(row[i], str) for row in rows) for i in range(len(head))]
    for row in cells:
        line = "  ".join(c.ljust(w) if l else c.rjust(w) for c, w, l in zip(row, widths, left))
        print(indent + line.rstrip(), flush=True)


class Checks:
    """Everything that must hold. The exit status of the demo comes from here."""

    def __init__(self):
        self.results = []

    def that(self, holds, what, detail=""):
        self.results.append((bool(holds), what, str(detail)))
        say(f"{'ok  ' if holds else 'FAIL'} {what}{': ' + str(detail) if detail != '' else ''}")
        return holds

    def all_hold(self):
        return all(ok for ok, _, _ in self.results)

    def summary(self):
        bad = [r for r in self.results if not r[0]]
        say(f"{len(self.results) - len(bad)} of {len(self.results)} checks hold")
        for _, what, detail in bad:
            say(f"FAIL {what}{': ' + detail if detail else ''}")

    def as_json(self):
        return [{"holds": ok, "what": what, "detail": detail} for ok, what, detail in self.results]
