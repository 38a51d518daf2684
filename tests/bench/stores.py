#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""popartd over Maildirs against popartd over SQLite databases, on this machine, in one run
and in turns.

stores.py [--markdown] [WORD...]: only workloads whose name contains one of the words.
Environment: as for bench.py."""

import os
import subprocess
import sys
import tempfile

import bench
import servers

PUT = os.path.join(os.environ.get("TEST_BUILDDIR", "."), "tests", "e2e", "put-sqlite")

# prefix of the users: how many, messages of each, octets of a message
MAILDROPS = {"check": (20, 100, 2048), "many": (2, 10000, 2048), "fetch": (4, 500, 8192),
             "large": (2, 3, 20000000)}

# name, what it is, prefix of the users, what the load client does, more options of it
WORKLOADS = [
    ("check", "check, 100 messages", "check", "check", {}),
    ("many", "check, 10,000 messages", "many", "check", {}),
    ("fetch", "fetch, 8 KiB", "fetch", "fetch", {}),
    ("fetch-pipelined", "fetch, 8 KiB, pipelined", "fetch", "fetch", {"pipeline": True}),
    ("large", "fetch, 20 MB", "large", "fetch", {}),
]


class Maildirs(servers.Popart):
    name = "maildir"

    @staticmethod
    def fill(mail, user, messages, octets):
        servers.fill(mail, user, messages, octets)


class Databases(servers.Popart):
    name = "sqlite"
    storage = '{{ module = "sqlite"; path = "{top}/mail/%n.db"; }}'

    @staticmethod
    def fill(mail, user, messages, octets):
        os.makedirs(mail, exist_ok=True)
        with tempfile.TemporaryFile() as file:
            file.write(servers.letter(1, octets))
            file.seek(0)
            subprocess.run([PUT, os.path.join(mail, "%n.db"), user, "m", str(messages)],
                           stdin=file, stdout=subprocess.DEVNULL, check=True)


def prepare(top, kind, certificate, users):
    directory = os.path.join(top, kind.name)
    mail = os.path.join(directory, "mail")
    for prefix, (count, messages, octets) in MAILDROPS.items():
        for number in range(count):
            kind.fill(mail, "%s%d" % (prefix, number), messages, octets)
    servers.give_away(mail)
    return kind(directory, certificate, users)


def take_turn(server, workload, seconds):
    _, _, prefix, kind, options = workload
    before = servers.cpu_seconds(server.session)
    count = MAILDROPS[prefix][0]
    counted = servers.load(server.plain, workload=kind, prefix=prefix, users=count,
                           connections=count, threads=2, tls="none", seconds=seconds, **options)
    return counted, servers.cpu_seconds(server.session) - before


def measure(pair, workload):
    turns = [bench.Turns() for _ in pair]
    for server in pair:
        take_turn(server, workload, 1)
    for number in range(bench.ROUNDS):
        for server, turn in zip(pair, turns):
            counted, cpu = take_turn(server, workload, bench.SECONDS)
            turn.add(counted, cpu, workload[3] == "fetch")
            bench.progress("%s: round %d of %d: %s %.0f" % (
                workload[0], number + 1, bench.ROUNDS, server.name, turn.rates[-1]))
    return turns


def run(wanted):
    with tempfile.TemporaryDirectory(prefix="popart-bench.") as top:
        os.chmod(top, 0o755)
        certificate = servers.certificate(top)
        users = servers.passwords(top, ["%s%d" % (prefix, number)
                                        for prefix, (count, _, _) in MAILDROPS.items()
                                        for number in range(count)])
        pair, rows = [], []
        try:
            for kind in (Maildirs, Databases):
                bench.progress("filling " + kind.name)
                pair.append(prepare(top, kind, certificate, users))
            for workload in wanted:
                maildirs, databases = measure(pair, workload)
                rows.append(bench.row(workload[:2] + (workload[3], "none", {}), databases,
                                      maildirs)[:-1])
            while pair:
                pair[-1].stop()
                pair.pop()
        finally:
            for server in pair:
                server.kill()
        return rows


def main():
    words = [word for word in sys.argv[1:] if word != "--markdown"]
    wanted = [workload for workload in WORKLOADS
              if not words or any(word in workload[0] for word in words)]
    if not wanted:
        sys.exit("stores.py: no such workload; there are: " +
                 " ".join(workload[0] for workload in WORKLOADS))
    if os.geteuid() != 0:
        sys.exit("stores.py: run it as root: the server changes to an account without rights")
    load = os.getloadavg()[0]
    try:
        rows = run(wanted)
    except (RuntimeError, AssertionError, subprocess.CalledProcessError) as error:
        sys.exit("stores.py: %s" % error)
    bench.progress("")
    head = ["workload", "sqlite", "maildir", "ratio", "CPU sqlite", "CPU maildir", "ratio",
            "spread"]
    for cells in [head] + ([["---"] * len(head)] if "--markdown" in sys.argv else []) + rows:
        print("| " + " | ".join(cells) + " |" if "--markdown" in sys.argv
              else "".join(cell.ljust(26 if i == 0 else 16) for i, cell in enumerate(cells)))
    print("\n%d processors, load average %.1f before; %d rounds of %g s" % (
        os.cpu_count() or 1, load, bench.ROUNDS, bench.SECONDS))


main()
