#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What those who are busy leave to the others: sessions that are stuck in a slow store, many
downloads, a storm of logins whose passwords cost much to check.

fair.py [--write] [--print] [WORD...]: stuck, downloads, storm. A run of everything writes its
table into docs/PERFORMANCE.md, unless --print is there; another one only with --write.
Environment: as for bench.py."""

import os
import subprocess
import sys
import tempfile
import time

import bench
import drops
import room
import servers
import tables
from servers import Dovecot, Popart
from tables import Series, progress

HEAD = ["what", "alone", "beside", "goal", "spread"]
LOGINS = {"workload": "login", "prefix": "login", "users": 20, "connections": 20, "threads": 1,
          "every": 100}  # 200 a second
STUCK, CLIENTS, STORM = 4, 100, 50
HEAD_START = 0.7  # seconds that those have who are to be busy


class Forgetful(Popart):
    """Each password is hashed, as Dovecot does it, also one that was right a moment ago."""
    auth_more = "auth_cache_ttl = 0;"


class SlowStore(Popart):
    """Some users' mail is in a store each of whose operations takes 20 ms."""
    module = "memstore"

    @property
    def storage(self):
        return ('( {{ module = "maildir"; path = "{top}/mail/%%n"; }},\n'
                '  {{ module = "{tests}/modules/.libs/%s.so"; name = "far"; delay = "20ms"; }} )'
                % self.module)


class BlockingStore(SlowStore):
    module = "blockstore"


def yescrypt():
    """With the parameters that Debian's accounts have."""
    return subprocess.run(["perl", "-e", "print crypt(shift, q($y$j9T$abcdefghijklmnop$))",
                           servers.PASSWORD], check=True, stdout=subprocess.PIPE,
                          encoding="ascii").stdout


def fill(_, mail):
    for number in range(LOGINS["users"]):
        drops.maildir(os.path.join(mail, "login%d" % number), 5, bench.LETTER)
    for number in range(STORM):
        drops.maildir(os.path.join(mail, "storm%d" % number), 5, bench.LETTER)
    drops.linked_maildirs(mail, "large", CLIENTS, 2, 5 * bench.MEBI)


class Run(bench.Run):
    def servers(self, kinds, users, fill_in, **more):
        raise NotImplementedError("see standing")

    def standing(self, top, kinds):
        names = self.names({"login": LOGINS["users"], "large": CLIENTS})
        others = ["slow%d:{PLAIN}%s::::::storage=far" % (number, servers.PASSWORD)
                  for number in range(STUCK)]
        secret = yescrypt()
        others += ["storm%d:{CRYPT}%s::::::" % (number, secret) for number in range(STORM)]
        return servers.standing(top, kinds, servers.passwords(top, names, others), fill)


def rest(server):
    """Waits until nothing of what came before is left to do."""
    for _ in range(60):
        before = servers.cpu_seconds(server.session)
        time.sleep(0.25)
        if servers.cpu_seconds(server.session) - before < 0.02:
            return
    raise RuntimeError("%s does not come to rest" % server.name)


def finish(load):
    """Ends those who were busy; they must have been so to the end."""
    if load.process.poll() is not None:
        load.wait()
        raise RuntimeError("those who were to be busy have ended too early")
    return load.wait()


def logins(server, busy=None):
    """Milliseconds, p99."""
    load = busy() if busy else None
    try:
        if load:
            time.sleep(HEAD_START)
        counted = servers.load(server.plain, seconds=bench.SECONDS, **LOGINS)
    except BaseException:
        if load:
            load.kill()
        raise
    if load:
        finish(load)
    return counted["session_ms"]["p99"]


def rate(server, busy=None):
    """MB/s of downloads that have begun before the others come."""
    downloads_load = servers.Load(
        server.plain, workload="fetch", prefix="large", users=4, connections=4,
        repeat=1000000, seconds=2 * HEAD_START + bench.SECONDS, warm=2 * HEAD_START)
    time.sleep(HEAD_START)
    load = busy() if busy else None
    counted = downloads_load.wait()
    if load:
        finish(load)
    return counted["octets"] / counted["seconds"] / 1e6


def busy_for():
    return 2 * HEAD_START + bench.SECONDS + 1


def turns(server, what, task, busy):
    """(alone, beside): Series, in turns; the first does not count."""
    series = Series(), Series()
    for number in range(-1, bench.ROUNDS):
        for one, others in zip(series, (None, busy)):
            progress("%s: round %d of %d, %s %s" % (
                what, number + 1, bench.ROUNDS, server.name, "beside" if others else "alone"))
            rest(server)
            value = task(server, others)
            if number >= 0:
                one.add(value)
    return series


def cells(what, server, pair, unit, goal):
    alone, crowded = pair
    return [what if server.name == "popart" else what.partition(";")[2].strip() + ": " +
            server.name, tables.figure(alone.median()) + unit,
            tables.figure(crowded.median()) + unit, goal,
            "%.0f %% / %.0f %%" % (100 * alone.spread(), 100 * crowded.spread())]


def verdict(text, met):
    return "%s: %s" % (text, tables.MET if met else tables.MISSED)


def stuck(run, server, name):
    def busy():
        return servers.Load(server.plain, workload="check", prefix="slow", users=STUCK,
                            connections=STUCK, seconds=busy_for())

    pair = turns(server, "stuck", logins, busy)
    p99 = pair[1].median()
    run.add(cells("login, p99; 4 sessions always stuck 20 ms in %s" % name, server, pair,
                  " ms", verdict("<= 10 ms", p99 <= 10)))


def downloads(run, server, other=None):
    """other: who is asked for logins, while the server is busy."""
    def busy():
        return servers.Load(server.plain, workload="fetch", prefix="large", users=CLIENTS,
                            connections=CLIENTS, repeat=1000000, seconds=busy_for())

    asked = other or server
    pair = turns(asked, "downloads", logins, busy)
    part = pair[1].median() / pair[0].median()
    run.add(cells("login, p99; %d clients download 5 MiB messages" % CLIENTS, asked,
                  pair, " ms", verdict("<= 3x: %.2gx" % part, part <= 3)
                  if asked.name == "popart" else "%.2gx" % part))


def echo(run, server):
    """What the machine, the client and the downloads leave to a process that only echoes."""
    other = servers.Echo()
    try:
        downloads(run, server, other)
    finally:
        other.stop()


def storm(run, server):
    def busy():
        return servers.Load(server.plain, workload="login", prefix="storm", users=STORM,
                            connections=STORM, seconds=busy_for())

    pair = turns(server, "storm", rate, busy)
    part = 100 * pair[1].median() / pair[0].median()
    run.add(cells("4 downloads; %d clients log in at yescrypt's cost" % STORM, server,
                  pair, " MB/s", verdict(">= 80 %%: %.0f %%" % part, part >= 80)
                  if server.name == "popart" else "%.0f %%" % part))


def measure(run, top, wanted):
    if "stuck" in wanted:
        for kind, name in ((SlowStore, "a store"),
                           (BlockingStore, "a store that says it may wait")):
            with run.standing(top, [kind]) as (server,):
                servers.examine(server, "login0", 5, bench.LETTER)
                stuck(run, server, name)
    if wanted & {"downloads", "storm"}:
        with run.standing(top, bench.kinds_of(Forgetful, Dovecot)) as running:
            for server in running:
                servers.examine(server, "login0", 5, bench.LETTER)
                servers.examine(server, "storm0", 5, bench.LETTER)
                for name, task in (("downloads", downloads), ("storm", storm)):
                    if name in wanted:
                        task(run, server)
                if "downloads" in wanted and server.name == "popart":
                    echo(run, server)


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    flags = set(sys.argv[1:]) - set(words)
    wanted = {name for name in ("stuck", "downloads", "storm")
              if not words or any(word in name for word in words)}
    if flags - {"--write", "--print"} or not wanted:
        sys.exit(__doc__)
    load = os.getloadavg()[0]
    room.enter()
    tempfile.tempdir = os.environ.get("BENCH_DIR", tempfile.gettempdir())
    about = bench.machine(load)
    failed = None
    with tempfile.TemporaryDirectory(prefix="popart-bench.") as top:
        os.chmod(top, 0o755)
        run = Run(top, [])
        try:
            measure(run, top, wanted)
        except (RuntimeError, AssertionError, OSError, EOFError) as error:
            failed = error
    rows = list(run.rows.values())
    print("\n" + tables.plain(rows, HEAD) + "\n\n" + about)
    if failed:
        sys.exit("bench: %s" % failed)
    if "--write" in flags or not (words or "--print" in flags):
        tables.write(bench.document(), "fairness", rows, [row[0] for row in rows], about, HEAD)


if __name__ == "__main__":
    main()
