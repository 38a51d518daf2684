#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""popartd over Maildirs, over mailboxes of one file each and over SQLite databases, on this
machine, in one run and in turns.

stores.py [--markdown] [WORD...]: only workloads whose name contains one of the words.
Environment: as for bench.py."""

import os
import statistics
import subprocess
import sys
import tempfile
import time

import bench
import servers
import tables
from harness import Pop

# prefix of the users: how many, messages of each, octets of a message
MAILDROPS = {"check": (20, 100, 2048), "many": (2, 10000, 2048), "fetch": (4, 500, 8192),
             "large": (2, 3, 20000000), "new": (bench.ROUNDS, 2000, 2048)}

# name, what it is, prefix of the users, what the load client does, more options of it
WORKLOADS = [
    ("check", "check, 100 messages", "check", "check", {}),
    ("many", "check, 10,000 messages", "many", "check", {}),
    ("fetch", "fetch, 8 KiB", "fetch", "fetch", {}),
    ("fetch-pipelined", "fetch, 8 KiB, pipelined", "fetch", "fetch", {"pipeline": True}),
    ("large", "fetch, 20 MB", "large", "fetch", {}),
]
# The same for single sessions, one after the other, of a user whom nobody has served before.
VISITS = [
    ("visit-first", "first visit, 2,000 messages"),
    ("visit-again", "the next visit"),
    ("visit-quit", "QUIT, 1,000 of 2,000 deleted"),
]


class Maildirs(servers.Popart):
    name = "maildir"


class Databases(servers.PopartSqlite):
    name = "sqlite"


class Mailboxes(servers.PopartMbox):
    name = "mbox"


KINDS = (Maildirs, Mailboxes, Databases)


def take_turn(server, workload, seconds):
    _, _, prefix, kind, options = workload
    before = servers.cpu_seconds(server.session)
    count = MAILDROPS[prefix][0]
    counted = servers.load(server.plain, workload=kind, prefix=prefix, users=count,
                           connections=count, threads=2, tls="none", seconds=seconds, **options)
    return counted, servers.cpu_seconds(server.session) - before


def measure(stores, workload):
    """The cells of its row."""
    turns = [bench.Turns() for _ in stores]
    for server in stores:
        take_turn(server, workload, 1)
    for number in range(bench.ROUNDS):
        for server, turn in zip(stores, turns):
            counted, cpu = take_turn(server, workload, bench.SECONDS)
            turn.add(counted, cpu, workload[3] == "fetch")
            tables.progress("%s: round %d of %d: %s %.0f" % (
                workload[0], number + 1, bench.ROUNDS, server.name, turn.rates.values[-1]))
    rate, cost = (" MB/s", " s/GB") if workload[3] == "fetch" else ("/s", " ms")
    first = turns[0].rates.median()
    return ([workload[1]] + [tables.figure(turn.rates.median()) + rate for turn in turns] +
            ["%.2f" % (turn.rates.median() / first) for turn in turns[1:]] +
            [tables.figure(turn.costs.median()) + cost for turn in turns] +
            [" / ".join("%.0f %%" % (100 * turn.rates.spread()) for turn in turns)])


def milliseconds(task):
    before = time.monotonic()
    task()
    return 1000 * (time.monotonic() - before)


def visit(server, user):
    with Pop(server.plain, user, servers.PASSWORD) as client:
        client.stat()
        client.uids()
        client.sizes()
        client.cmd("QUIT")


def farewell(server, user):
    """How long QUIT takes that removes every second message."""
    with Pop(server.plain, user, servers.PASSWORD) as client:
        numbers = range(1, client.stat()[0] + 1, 2)
        client.send("".join("DELE %d\r\n" % number for number in numbers))
        for _ in numbers:
            client.answer()
        return milliseconds(lambda: client.cmd("QUIT"))


def measure_visits(stores):
    """All their rows."""
    taken = [[[] for _ in stores] for _ in VISITS]
    for number in range(bench.ROUNDS):
        user = "new%d" % number
        for i, server in enumerate(stores):
            taken[0][i].append(milliseconds(lambda s=server, u=user: visit(s, u)))
            taken[1][i].append(milliseconds(lambda s=server, u=user: visit(s, u)))
            taken[2][i].append(farewell(server, user))
    rows = {}
    for (name, title), times in zip(VISITS, taken):
        middle = [statistics.median(each) for each in times]
        rows[name] = ([title] + [tables.figure(each) + " ms" for each in middle] +
                      ["%.2f" % (middle[0] / each) for each in middle[1:]] +
                      [""] * len(stores) +
                      [" / ".join("%.0f %%" % (100 * (max(each) - min(each)) / half)
                                  for each, half in zip(times, middle))])
    return rows


def run(wanted, visits):
    prefixes = sorted({workload[2] for workload in wanted} | ({"new"} if visits else set()))

    def fill(kind, mail):
        tables.progress("filling " + kind.name)
        for prefix in prefixes:
            count, messages, octets = MAILDROPS[prefix]
            for number in range(count):
                kind.fill(os.path.join(mail, "%s%d" % (prefix, number)), messages, octets)

    with tempfile.TemporaryDirectory(prefix="popart-bench.") as top:
        os.chmod(top, 0o755)
        users = servers.passwords(top, ["%s%d" % (prefix, number) for prefix in prefixes
                                        for number in range(MAILDROPS[prefix][0])])
        with servers.standing(top, KINDS, users, fill) as stores:
            for server in stores:
                for prefix in prefixes:
                    if prefix != "new":
                        servers.examine(server, prefix + "0", *MAILDROPS[prefix][1:],
                                        numbered=not isinstance(server, Databases))
            rows = [measure(stores, workload) for workload in wanted]
            if visits:
                found = measure_visits(stores)
                rows += [found[name] for name in visits]
            return rows


def chosen(table):
    words = [word for word in sys.argv[1:] if word != "--markdown"]
    return [entry for entry in table if not words or any(word in entry[0] for word in words)]


def main():
    wanted, visits = chosen(WORKLOADS), [name for name, _ in chosen(VISITS)]
    if not wanted and not visits:
        sys.exit("stores.py: no such workload; there are: " +
                 " ".join(entry[0] for entry in WORKLOADS + VISITS))
    if os.geteuid() != 0:
        sys.exit("stores.py: run it as root: the server changes to an account without rights")
    load = os.getloadavg()[0]
    try:
        rows = run(wanted, visits)
    except (RuntimeError, AssertionError, subprocess.CalledProcessError) as error:
        sys.exit("stores.py: %s" % error)
    tables.progress("")
    names = [kind.name for kind in KINDS]
    head = (["workload"] + names + [name + ":" + names[0] for name in names[1:]] +
            ["CPU " + name for name in names] + ["spread"])
    for cells in [head] + ([["---"] * len(head)] if "--markdown" in sys.argv else []) + rows:
        print("| " + " | ".join(cells) + " |" if "--markdown" in sys.argv
              else "".join(cell.ljust(30 if i == 0 else 14) for i, cell in enumerate(cells)))
    print("\n%d processors, load average %.1f before; %d rounds of %g s" % (
        os.cpu_count() or 1, load, bench.ROUNDS, bench.SECONDS))


main()
