#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a login, a download and an idle session cost, held against budget.txt: a later change
cannot quietly make them dearer. `make budget-record` writes the file anew."""

import os
import re
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "e2e"))
# pylint: disable=wrong-import-position
import count  # noqa: E402
from harness import Skip, main, sanitized, test  # noqa: E402

BUDGET = os.path.join(HERE, "budget.txt")
# How much more is none: compilers of one distribution differ a little.
SLACK = {"instructions": 1.05, "calls": 1.0, "octets": 1.02}
BUILD = "developer" if "POPART_DEVELOPER" in os.environ.get("TEST_CPPFLAGS", "") else "plain"
FLAGS = os.environ.get("TEST_CFLAGS", "-g -O2")
CC = os.environ.get("TEST_CC", "gcc").split()


def compiler():
    """Such as "gcc 12"."""
    text = subprocess.run([*CC, "--version"], stdout=subprocess.PIPE, encoding="utf-8",
                          check=True).stdout
    version = re.search(r"\b(\d+)\.\d+", text.splitlines()[0])
    return "%s %s" % ("clang" if "clang" in text else "gcc", version.group(1) if version else "?")


def recorded_compiler():
    with open(BUDGET, encoding="ascii") as file:
        return re.search(r"(?m)^# With (.+)\.$", file.read()).group(1)


def recorded():
    """{(build, name): number}"""
    found = {}
    with open(BUDGET, encoding="ascii") as file:
        for line in file:
            words = line.split()
            if words and words[0] != "#":
                found[words[0], words[1]] = float(words[2])
    return found


def instructions():
    """Of our own code; libraries differ from machine to machine."""
    with count.maildrops() as scene:
        profiles, octets = count.profiles(scene)
    cost = {name: statistics.median(sum(own.values()) for what, own in profiles if what == name)
            for name, _ in profiles}
    bodies = cost["fetch"] - cost["visit"]
    return {"login.instructions": cost["login"],
            "check.instructions": cost["check"],
            "delete.instructions": cost["delete"] - cost["visit"],
            "retr.instructions": bodies / count.RETRIEVED,
            "fetched-mib.instructions": bodies * count.MIB / octets}


def calls():
    """By median, so that one that a signal has cut short does not count."""
    with count.maildrops() as scene:
        found = count.system_calls(scene)
        found += [("login-tls", calls) for calls in count.secure_calls(scene)]
    cost = {name: statistics.median(sum(calls.values()) for what, calls in found if what == name)
            for name, _ in found}
    for name in ("login", "login-tls", "fetch", "delete"):
        calls = next(calls for what, calls in reversed(found) if what == name)
        print("# %s: %s" % (name, ", ".join("%s %d" % pair for pair in calls.most_common())))
    return {"login.calls": cost["login"],
            "login-tls.calls": cost["login-tls"],
            "check.calls": cost["check"],
            "retr.calls": (cost["fetch"] - cost["visit"]) / count.RETRIEVED,
            "delete.calls": cost["delete"] - cost["visit"]}


def octets():
    return {"idle-5-messages.octets": count.idle_octets(5),
            "idle-100-messages.octets": count.idle_octets(100)}


def hold(figures):
    """Fails if one is dearer than recorded; tells of what has become much cheaper."""
    budget, over = recorded(), []
    for name, figure in sorted(figures.items()):
        limit = budget[BUILD, name]
        print("# %s: %.2f, recorded %.2f" % (name, figure, limit))
        if figure > limit * SLACK[name.rpartition(".")[2]]:
            over.append("%s: %.2f instead of %.2f" % (name, figure, limit))
    assert not over, "; ".join(over) + " (on purpose? `make budget-record`)"


def must_count():
    if sanitized():
        raise Skip("a sanitizer's own work would be counted")
    if "-O2" not in FLAGS.split():
        raise Skip("the budget is for -O2, this is " + FLAGS)


@test("a login, a visit, a download and deletions execute no more instructions than recorded")
def _():
    must_count()
    if compiler() != recorded_compiler():
        raise Skip("the budget is for %s, this is %s" % (recorded_compiler(), compiler()))
    hold(instructions())


@test("they make no more system calls than recorded")
def _():
    must_count()
    hold(calls())


@test("a session that waits takes no more memory than recorded")
def _():
    must_count()
    hold(octets())


def record():
    must_count()
    figures = {(BUILD, name): figure for kind in (instructions, calls, octets)
               for name, figure in kind().items()}
    if os.path.exists(BUDGET):
        figures = {**recorded(), **figures}
    with open(BUDGET, "w", encoding="ascii") as file:
        file.write("# SPDX-License-Identifier: MIT\n"
                   "# What test-budget.py allows, by kind of build; `make budget-record` writes it.\n"
                   "# With %s.\n" % compiler())
        for (build, name), figure in sorted(figures.items()):
            file.write("%-9s %-25s %10.2f\n" % (build, name, figure))


if sys.argv[1:] == ["--record"]:
    record()
else:
    main()
