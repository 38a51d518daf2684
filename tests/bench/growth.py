#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How popartd grows with connections, messages, octets and threads, beside Dovecot, as plots
and as a check that nothing grows faster than linearly.

growth.py [--full] [--write] [--print] [WORD...]: connections, messages, octets, threads.
Without --full the ends of the scales are left out, and it takes some minutes. A full run of
everything writes its table and its plots into docs, unless --print is there; another one only
with --write. Environment: as for bench.py."""

import math
import os
import sys
import tempfile

import bench
import drops
import plot
import room
import servers
import tables
from servers import Dovecot, Popart
from tables import progress

SECONDS = float(os.environ.get("BENCH_SECONDS", "2"))
HEAD = ["what grows", "with", "from", "to", "popart", "exponent", "at most linear"]
STEEP = 1.15  # what noise may make of an exponent of 1


def exponent(points):
    """The steepest way from one point to a later one, as the power of x that y grows with.
    Points that are nearer than half of the scale are not compared: noise is steep."""
    if len(points) < 2:
        return 0.0
    apart = math.sqrt(points[-1][0] / points[0][0])
    found = [math.log(later[1] / earlier[1]) / math.log(later[0] / earlier[0])
             for i, earlier in enumerate(points) for later in points[i + 1:]
             if later[0] >= 0.999 * apart * earlier[0]]
    return max(found)


def judged(what, scale, points, x_format, y_format):
    """The row of what was measured of popart."""
    steepest = exponent(points)
    return [what, scale, x_format(points[0][0]), x_format(points[-1][0]),
            "%s - %s" % (y_format(points[0][1]), y_format(points[-1][1])),
            "%.2f" % max(steepest, 0.0),
            tables.MET if steepest <= STEEP else tables.MISSED]


class Growth:
    """Lines of a plot, by the server and what it is."""

    def __init__(self, run):
        self.run = run
        self.lines = {}

    def add(self, server, what, x, y):
        if y > 0:
            self.lines.setdefault((server.name, what), []).append((x, y))

    def rows(self, scale, x_format, y_format, kinds=None):
        for (name, what), points in self.lines.items():
            if name == "popart" and (kinds is None or what in kinds):
                self.run.add(judged(what, scale, points, x_format, y_format))

    def chart(self, title, x_label, kinds, **more):
        """dashed: all but the first of kinds."""
        lines = [("%s, %s" % (name, what) if len(kinds) > 1 else name, points,
                  what != kinds[0])
                 for (name, what), points in self.lines.items() if what in kinds]
        lines = [(name.replace("popart,", "popart").replace("Dovecot,", "Dovecot"), points,
                  dashed) for name, points, dashed in lines]
        self.run.plots[title] = plot.chart(title, x_label, lines, **more)


def powers(first, last, factor=10):
    values = [first]
    while values[-1] * factor <= last:
        values.append(values[-1] * factor)
    return values


def connections(run):
    """So many at once, who log in as fast as they can, and who are idle."""
    most = min(run.most["connections"], bench.idle_count(Popart))
    scale = powers(1, most) + ([most] if most > powers(1, most)[-1] else [])

    def limit(kind):
        return most if kind is Popart else min(most, bench.DOVECOT_IDLE)

    def fill(kind, mail):
        drops.linked_maildirs(mail, "five", limit(kind), 5, bench.LETTER)

    growth = Growth(run)
    with run.servers(bench.kinds_of(Popart, Dovecot), run.names({"five": most}),
                     fill) as running:
        for server in running:
            servers.examine(server, "five0", 5, bench.LETTER)
            base = None
            for number in [n for n in scale if n <= limit(type(server))]:
                progress("connections: %s, %d" % (server.name, number))
                options = {"prefix": "five", "users": number, "connections": number,
                           "threads": min(2, number)}
                base = base or servers.proportional(server.session)
                growth.add(server, "memory of idle sessions", number,
                           1024 * run.held(server, base, options))
                before = servers.cpu_seconds(server.session)
                counted = servers.load(server.plain, workload="login", seconds=SECONDS,
                                       **options)
                growth.add(server, "CPU of a login", number,
                           (servers.cpu_seconds(server.session) - before) * 1000 /
                           max(counted["all_sessions"], 1))
    growth.rows("connections", plot.count, plot.decimal, ["memory of idle sessions"])
    growth.rows("connections", plot.count, plot.milliseconds, ["CPU of a login"])
    growth.chart("Memory of idle sessions", "connections", ["memory of idle sessions"],
                 y_format=plot.decimal)
    growth.chart("CPU of a login", "connections at once", ["CPU of a login"])


def messages(run):
    """First and further visits of Maildirs whose names have no sizes."""
    scale = powers(10, run.most["messages"])

    def fill(kind, mail):
        for number in scale:
            drops.linked_maildir(os.path.join(mail, "of%d-0" % number), number, bench.LETTER,
                                 hints=False)

    growth = Growth(run)
    with run.servers(bench.kinds_of(Popart, Dovecot), ["of%d-0" % n for n in scale],
                     fill) as running:
        for number in scale:
            for server in running:
                progress("messages: %s, %d" % (server.name, number))
                prefix, path = "of%d-" % number, os.path.join(server.mail, "of%d-0" % number)
                first = []
                for _ in range(3 if number <= 100000 else 2):
                    drops.forget(path)
                    servers.settle()
                    first.append(bench.visit(server, prefix))
                # What disturbs only adds to it.
                growth.add(server, "first visit", number, min(first))
                growth.add(server, "next visit", number,
                           min(bench.visit(server, prefix) for _ in range(5)))
    growth.rows("messages", plot.count, plot.milliseconds)
    growth.chart("STAT, UIDL, QUIT of a Maildir", "messages", ["first visit", "next visit"])


def octets(run):
    """One message, again and again."""
    scale = powers(1024, run.most["octets"], 8)
    if run.most["octets"] > scale[-1]:
        scale.append(run.most["octets"])

    def fill(kind, mail):
        for size in scale:
            kind.fill(os.path.join(mail, "of%d-0" % size), 1, size)

    growth = Growth(run)
    with run.servers(bench.kinds_of(Popart, Dovecot), ["of%d-0" % n for n in scale],
                     fill) as running:
        for size in scale:
            for server in running:
                progress("octets: %s, %d" % (server.name, size))
                for what, port, tls in (("plain", server.plain, "none"),
                                        ("TLS", server.tls, "full")):
                    options = {"workload": "fetch", "prefix": "of%d-" % size, "tls": tls,
                               "repeat": 1000000}
                    counted = servers.load(port, seconds=SECONDS, **options)
                    growth.add(server, "RETR, " + what, size,
                               counted["seconds"] * 1000 * size / counted["octets"])
            # All that it has needed for any of them so far.
            growth.add(running[0], "memory of all processes", size,
                       1024 * servers.proportional(running[0].session))
    growth.rows("octets of the message", plot.octets, plot.milliseconds,
                ["RETR, plain", "RETR, TLS"])
    growth.rows("octets of the message", plot.octets, plot.decimal,
                ["memory of all processes"])
    growth.chart("RETR", "octets of the message", ["RETR, plain", "RETR, TLS"],
                 x_format=plot.octets, x_base=2)


def threads(run):
    """One worker with so many."""
    scale = powers(1, run.most["threads"], 2)
    workload = next(each for each in bench.SESSIONS if each.key == "check")
    fill, prefixes = bench.fill_for([workload])
    growth = Growth(run)
    for number in scale:
        with run.servers([Popart], run.names(prefixes), fill,
                         more="workers = 1;\nthreads = %d;\n" % number) as running:
            progress("threads: %d" % number)
            bench.take_turn(running[0], workload, 0.5)
            counted, cpu = bench.take_turn(running[0], workload, SECONDS)
            growth.add(running[0], "CPU of a check", number,
                       cpu * 1000 / counted["all_sessions"])
            growth.add(running[0], "time of a check", number,
                       counted["seconds"] * 1000 / counted["sessions"])
    growth.rows("threads of one worker", plot.count, plot.milliseconds)
    growth.chart("Checks with threads, one worker", "threads",
                 ["CPU of a check", "time of a check"], x_base=2)


SCALES = {"connections": connections, "messages": messages, "octets": octets,
          "threads": threads}
SOME = {"connections": 1000, "messages": 100000, "octets": 4 << 20, "threads": 8}
ALL = {"connections": 10000, "messages": 1000000, "octets": 100 << 20, "threads": 8}
ORDER = ["memory of idle sessions", "CPU of a login", "first visit", "next visit",
         "RETR, plain", "RETR, TLS", "memory of all processes", "CPU of a check",
         "time of a check"]
FILES = {"Memory of idle sessions": "growth-memory.svg", "CPU of a login": "growth-login.svg",
         "STAT, UIDL, QUIT of a Maildir": "growth-messages.svg", "RETR": "growth-octets.svg",
         "Checks with threads, one worker": "growth-threads.svg"}


class Run(bench.Run):
    def __init__(self, top, most):
        super().__init__(top, [])
        self.most, self.plots = most, {}

    @staticmethod
    def held(server, base, options):
        """KiB that idle sessions have added."""
        load = servers.Load(server.plain, workload="idle", seconds=bench.LIMIT, **options)
        try:
            load.wait_held()
            after = servers.proportional(server.session)
        except BaseException:
            load.kill()
            raise
        load.wait()
        return after - base


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    flags = set(sys.argv[1:]) - set(words)
    wanted = [name for name in SCALES if not words or any(word in name for word in words)]
    if flags - {"--full", "--write", "--print"} or not wanted:
        sys.exit(__doc__)
    load = os.getloadavg()[0]
    room.enter()
    tempfile.tempdir = os.environ.get("BENCH_DIR", tempfile.gettempdir())
    about = bench.machine(load)
    failures = 0
    with tempfile.TemporaryDirectory(prefix="popart-bench.") as top:
        os.chmod(top, 0o755)
        run = Run(top, ALL if "--full" in flags else SOME)
        for name in wanted:
            try:
                SCALES[name](run)
            except (RuntimeError, AssertionError, OSError, EOFError) as error:
                failures += 1
                print("bench: %s: %s" % (name, error), file=sys.stderr, flush=True)
    rows = list(run.rows.values())
    print("\n" + tables.plain(rows, HEAD) + "\n\n" + about)
    if "--write" in flags or ("--full" in flags and not (words or "--print" in flags)):
        tables.write(bench.document(), "growth", rows, ORDER, about, HEAD)
        for title, image in run.plots.items():
            path = os.path.join(os.path.dirname(bench.document()), FILES[title])
            with open(path, "w", encoding="utf-8") as file:
                file.write(image)
    sys.exit(1 if failures or any(tables.MISSED in row for row in rows) else 0)


if __name__ == "__main__":
    main()
