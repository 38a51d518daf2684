#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""popartd against Debian's dovecot-pop3d, on this machine, in one run and in turns.

bench.py [--markdown] [WORD...]: only workloads whose name contains one of the words.
Environment: POPARTD, MODULE_PATH and TEST_BUILDDIR as `make bench` sets them; BENCH_ROUNDS
and BENCH_SECONDS, how often each server's turn comes and how long it is."""

import os
import statistics
import subprocess
import sys
import tempfile

import servers

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))

# prefix of the users: how many, messages of each, octets of a message
MAILDROPS = {"login": (50, 5, 2048), "check": (50, 100, 2048), "fetch": (4, 1000, 8192)}

# name, what it is, workload, TLS, more options of the load client
WORKLOADS = [
    ("login", "login, plain", "login", "none", {}),
    ("login-tls", "login, TLS 1.3, full handshake", "login", "full", {}),
    ("login-resumed", "login, TLS 1.3, resumed", "login", "resumed", {}),
    ("check", "check, plain", "check", "none", {}),
    ("check-tls", "check, TLS 1.3, full handshake", "check", "full", {}),
    ("check-resumed", "check, TLS 1.3, resumed", "check", "resumed", {}),
    ("fetch", "fetch, plain", "fetch", "none", {}),
    ("fetch-pipelined", "fetch, plain, pipelined", "fetch", "none", {"pipeline": True}),
    ("fetch-tls", "fetch, TLS 1.3", "fetch", "full", {}),
    ("fetch-tls-pipelined", "fetch, TLS 1.3, pipelined", "fetch", "full", {"pipeline": True}),
]


class Turns:
    """What one server has done in one workload, a value a turn."""

    def __init__(self):
        self.rates = []
        self.costs = []
        self.offered = 0
        self.resumed = 0

    def add(self, counted, cpu, in_octets):
        done = counted["octets"] / 1e6 if in_octets else counted["sessions"]
        if done == 0:
            raise RuntimeError("nothing was done in %s s" % SECONDS)
        self.rates.append(done / counted["seconds"])
        self.costs.append(cpu / done * 1000)  # ms a session, s a GB
        self.offered += counted["offered"]
        self.resumed += counted["resumed"]

    def rate(self):
        return statistics.median(self.rates)

    def cost(self):
        return statistics.median(self.costs)

    def spread(self):
        """How far the turns lie apart, as a part of their median."""
        return (max(self.rates) - min(self.rates)) / self.rate()

    def resumed_part(self):
        """Of the handshakes that offered a ticket."""
        return self.resumed / self.offered if self.offered else 0.0


def take_turn(server, workload, seconds):
    _, _, prefix, tls, options = workload
    port = server.plain if tls == "none" else server.tls
    before = servers.cpu_seconds(server.session)
    count = MAILDROPS[prefix][0]
    counted = servers.load(port, workload=prefix, prefix=prefix, users=count,
                           connections=count, threads=2, tls=tls, seconds=seconds, **options)
    return counted, servers.cpu_seconds(server.session) - before


def measure(pair, workload, progress):
    turns = [Turns() for _ in pair]
    for server in pair:  # caches, indexes, processes: all that a first visit makes
        take_turn(server, workload, min(SECONDS, 1))
    for number in range(ROUNDS):
        for server, turn in zip(pair, turns):
            counted, cpu = take_turn(server, workload, SECONDS)
            turn.add(counted, cpu, workload[2] == "fetch")
            progress("%s: round %d of %d: %s %.0f" % (
                workload[0], number + 1, ROUNDS, server.name, turn.rates[-1]))
    return turns


def figure(value):
    return "%.0f" % value if value >= 100 else "%.3g" % value


def row(workload, ours, theirs):
    _, title, prefix, tls, _ = workload
    in_octets = prefix == "fetch"
    rate, cost = (" MB/s", " s/GB") if in_octets else ("/s", " ms")
    cells = [title, figure(ours.rate()) + rate, figure(theirs.rate()) + rate,
             "%.2f" % (ours.rate() / theirs.rate()),
             figure(ours.cost()) + cost, figure(theirs.cost()) + cost,
             "1/%.1f" % (theirs.cost() / ours.cost()) if ours.cost() else "-",
             "%.0f %% / %.0f %%" % (100 * ours.spread(), 100 * theirs.spread())]
    if tls == "resumed":
        cells.append("%.0f %% / %.0f %%" % (100 * ours.resumed_part(),
                                            100 * theirs.resumed_part()))
    else:
        cells.append("")
    return cells


HEAD = ["workload", "popart", "Dovecot", "ratio", "CPU popart", "CPU Dovecot", "ratio",
        "spread", "resumed"]


def markdown(rows):
    return "\n".join("| " + " | ".join(cells) + " |"
                     for cells in [HEAD, ["---"] * len(HEAD)] + rows)


def plain(rows):
    widths = [max(len(cells[i]) for cells in [HEAD] + rows) for i in range(len(HEAD))]
    return "\n".join("  ".join(cell.rjust(width) if i else cell.ljust(width)
                               for i, (cell, width) in enumerate(zip(cells, widths))).rstrip()
                     for cells in [HEAD] + rows)


def machine():
    version = subprocess.run(["/usr/sbin/dovecot", "--version"], stdout=subprocess.PIPE,
                             encoding="utf-8", check=True).stdout.strip()
    return "%d processors, Linux %s, load average %.1f before, Dovecot %s; %d rounds of %g s" % (
        os.cpu_count() or 1, os.uname().release, os.getloadavg()[0], version, ROUNDS, SECONDS)


def progress(text):
    if sys.stderr.isatty():
        print("\r\033[K" + text, end="", file=sys.stderr, flush=True)
    else:
        print(text, file=sys.stderr, flush=True)


def prepare(top, kind, certificate, users):
    """Maildirs of its own for a server, and the server."""
    directory = os.path.join(top, kind.name.lower())
    mail = os.path.join(directory, "mail")
    for prefix, (count, messages, octets) in MAILDROPS.items():
        for number in range(count):
            servers.fill(mail, "%s%d" % (prefix, number), messages, octets)
    servers.give_away(mail)
    return kind(directory, certificate, users)


def run(wanted):
    with tempfile.TemporaryDirectory(prefix="popart-bench.") as top:
        os.chmod(top, 0o755)
        certificate = servers.certificate(top)
        users = servers.passwords(top, ["%s%d" % (prefix, number)
                                        for prefix, (count, _, _) in MAILDROPS.items()
                                        for number in range(count)])
        pair, rows = [], []
        try:
            for kind in (servers.Popart, servers.Dovecot):
                progress("making Maildirs and starting " + kind.name)
                pair.append(prepare(top, kind, certificate, users))
            for workload in wanted:
                rows.append(row(workload, *measure(pair, workload, progress)))
            while pair:
                pair[-1].stop()
                pair.pop()
        finally:
            for server in pair:
                server.kill()
        return rows


def obstacle():
    if os.geteuid() != 0:
        return "run it as root: Dovecot changes to the accounts of its processes"
    if not (os.access("/usr/sbin/dovecot", os.X_OK) and
            os.path.exists("/usr/lib/dovecot/pop3")):
        return "Dovecot is missing: apt-get install --no-install-recommends dovecot-pop3d"
    if "passwd_file" not in servers.MODULE_PATH:
        return "MODULE_PATH has no passwd_file"
    return None


def main():
    words = [word for word in sys.argv[1:] if word != "--markdown"]
    wanted = [workload for workload in WORKLOADS
              if not words or any(word in workload[0] for word in words)]
    if not wanted:
        sys.exit("bench.py: no such workload; there are: " +
                 " ".join(workload[0] for workload in WORKLOADS))
    why = obstacle()
    if why:
        sys.exit("bench.py: " + why)
    about = machine()
    try:
        rows = run(wanted)
    except (RuntimeError, AssertionError) as error:
        sys.exit("bench.py: %s" % error)
    progress("")
    print((markdown if "--markdown" in sys.argv else plain)(rows))
    print("\n" + about)


if __name__ == "__main__":
    main()
