#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""popartd beside Debian's dovecot-pop3d and popa3d, on this machine, in one run and in turns.

bench.py [--write] [--print] [WORD...]: only rows whose name contains one of the words. A run
of everything writes its table into docs/PERFORMANCE.md, unless --print is there; another one
only with --write.
Environment: POPARTD, MODULE_PATH, TEST_BUILDDIR and TEST_SRCDIR as `make bench` sets them;
BENCH_ROUNDS and BENCH_SECONDS: how often each server's turn comes and how long it is;
BENCH_IDLE: connections that are idle at once; BENCH_BIG: messages of a large maildrop;
BENCH_DIR: where maildrops are made, /tmp if it is not set."""

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import drops
import room
import servers
import tables
from servers import (Dovecot, DovecotMbox, Echo, Files, Popa3d, Popart, PopartMbox,
                     PopartSqlite)
from tables import Series, progress

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
IDLE = int(os.environ.get("BENCH_IDLE", "10000"))
BIG = int(os.environ.get("BENCH_BIG", "100000"))
MEBI = 1024 * 1024
LETTER = 2048
SMALL = 8192
LIMIT = 300  # seconds that a single session may take
DOVECOT_IDLE = 1000  # each is a process of Dovecot's, which soon fills a machine
MBOX_OCTETS = 199000000  # popa3d reads no larger one

# prefix of the users: how many, messages of each, octets of a message
MAILDROPS = {"login": (50, 5, LETTER), "check": (50, 100, LETTER), "fetch": (4, 1000, 8192),
             "large": (4, 20, 5 * MEBI)}


class Workload:
    """A row for which the load client goes on for some seconds."""

    def __init__(self, key, title, prefix, tls="none", goal=None, cost_goal=None, echo=False,
                 **options):
        self.key, self.title, self.prefix, self.tls = key, title, prefix, tls
        self.goal, self.cost_goal, self.options = goal, cost_goal, options
        self.echo = echo  # beside a process that has all messages in memory
        self.kind = "fetch" if prefix == "large" else prefix
        self.in_octets = self.kind == "fetch"


SESSIONS = [
    Workload("login", "login, plain", "login", goal=8, cost_goal=14),
    Workload("login-tls", "login, TLS 1.3, full handshake", "login", "full", goal=2.3),
    Workload("login-resumed", "login, TLS 1.3, resumed", "login", "resumed", goal=4.4),
    Workload("check", "check, plain", "check", goal=9),
    Workload("check-tls", "check, TLS 1.3, full handshake", "check", "full"),
    Workload("check-resumed", "check, TLS 1.3, resumed", "check", "resumed"),
    Workload("fetch", "fetch 8 KiB, plain", "fetch", goal=3, cost_goal=4, echo=True),
    Workload("fetch-pipelined", "fetch 8 KiB, plain, pipelined", "fetch", goal=4.5,
             cost_goal=5, echo=True, pipeline=True),
    Workload("fetch-tls", "fetch 8 KiB, TLS 1.3", "fetch", "full", goal=5.6, cost_goal=8,
             echo=True),
    Workload("fetch-tls-pipelined", "fetch 8 KiB, TLS 1.3, pipelined", "fetch", "full",
             echo=True, pipeline=True),
    Workload("large", "fetch 5 MiB, plain", "large", goal=3.8, cost_goal=5, echo=True),
    Workload("large-tls", "fetch 5 MiB, TLS 1.3", "large", "full", goal=6.5, cost_goal=9,
             echo=True),
]
# popa3d takes 50 sessions in ten seconds: long ones, then.
MBOX = [
    Workload("mbox-fetch", "mbox: fetch 8 KiB, plain", "fetch", repeat=20),
    Workload("mbox-fetch-pipelined", "mbox: fetch 8 KiB, plain, pipelined", "fetch",
             repeat=20, pipeline=True),
]
SQLITE = [
    Workload("sqlite-check", "SQLite: check, plain", "check", goal=5),
    Workload("sqlite-fetch", "SQLite: fetch 8 KiB, plain", "fetch", goal=2),
]
MBOX_BIG = min(BIG, MBOX_OCTETS // (LETTER + len(drops.FROM) + 1))
MBOX_NAME = "mbox of %.0f MB" % (MBOX_BIG * (LETTER + len(drops.FROM)) / 1e6)
MAILDIR_NAME = "Maildir of {:,}".format(BIG)
# key, title, goal against Dovecot, goal against popa3d
VISITS = [
    ("visit-first", MAILDIR_NAME + ": first visit", 4, None),
    ("visit-repeat", MAILDIR_NAME + ": repeat", 25, None),
    ("visit-delivery", MAILDIR_NAME + ": repeat after one delivery", 4, None),
]
MBOX_VISITS = [
    ("mbox-visit-first", MBOX_NAME + ": first visit", None, 1),
    ("mbox-visit-repeat", MBOX_NAME + ": repeat", 25, None),
]
SQLITE_VISITS = [("sqlite-visit", "SQLite, {:,}: repeat".format(BIG), 10, None)]
QUIT = [("quit", "Maildir: QUIT, 1,000 of 10,000 deleted", 8, None)]
MBOX_QUIT = [("mbox-quit", "mbox: QUIT, 1,000 of 10,000 deleted", None, 1)]
HANDSHAKE = [("handshake", "TLS login - plain login, beside a bare handshake: CPU", None, None)]
RELOAD = [("reload", "resumed, with a reload in the middle", None, None)]
# key, title, prefix, messages, TLS, KiB
MEMORY = [
    ("memory", "memory of an idle session, 5 messages", "five", 5, "none", 1.5),
    ("memory-100", "memory of an idle session, 100 messages", "hundred", 100, "none", 7),
    ("memory-tls", "memory of an idle session, 5 messages, TLS", "five", 5, "full", 14),
]


class Run:
    """What is wanted, and what has come of it."""

    def __init__(self, top, words):
        self.top, self.words = top, words
        self.rows = {}
        self.failures = 0
        self.done = 0
        self.begun = time.monotonic()

    def wants(self, key):
        return not self.words or any(word in key for word in self.words)

    def chosen(self, table):
        return [entry for entry in table if self.wants(key_of(entry))]

    def add(self, cells):
        self.rows[cells[0]] = cells
        self.done += 1
        progress("")
        print("%s  %s: %s" % (self.elapsed(), cells[0], "  ".join(
            cell for cell in cells[1:] if cell)), flush=True)

    def elapsed(self):
        return "%d:%02d" % divmod(time.monotonic() - self.begun, 60)

    @contextlib.contextmanager
    def guarded(self, entries):
        """What fails here costs these rows, not the others."""
        try:
            yield
        except (RuntimeError, AssertionError, OSError, EOFError,
                subprocess.CalledProcessError) as error:
            for entry in entries:
                if title_of(entry) not in self.rows:
                    self.failures += 1
                    self.add(tables.failed(title_of(entry), error))

    def step(self, key, number, rounds, what):
        progress("%s %s: row %d of %d, round %d of %d: %s" % (
            self.elapsed(), key, self.done + 1, sum(len(self.chosen(table)) for _, table in GROUPS),
            number + 1, rounds, what))

    def names(self, prefixes):
        return ["%s%d" % (prefix, number) for prefix, count in prefixes.items()
                for number in range(count)]

    @contextlib.contextmanager
    def servers(self, kinds, users, fill, **more):
        """In a directory of their own, which goes with them."""
        with tempfile.TemporaryDirectory(dir=self.top) as top:
            os.chmod(top, 0o755)
            progress("%s making maildrops and starting %s" % (self.elapsed(), ", ".join(
                kind.__name__ for kind in kinds)))
            with servers.standing(top, kinds, servers.passwords(top, users), fill,
                                  **more) as running:
                servers.settle()
                yield running


def key_of(entry):
    return entry.key if isinstance(entry, Workload) else entry[0]


def title_of(entry):
    return entry.title if isinstance(entry, Workload) else entry[1]


def kinds_of(*kinds):
    """Those that are here."""
    return [kind for kind in kinds
            if not (issubclass(kind, Dovecot) and not room.has_dovecot()) and
            not (kind is Popa3d and not room.has_popa3d()) and
            not (kind is PopartSqlite and "sqlite" not in servers.MODULE_PATH)]


def by_name(running, values):
    """(ours, theirs, [(name, another's)...]) of what belongs to each of the servers."""
    found = {server.name: value for server, value in zip(running, values)}
    others = [(name, found[name]) for name in (Popa3d.name, Echo.name, Files.name)
              if name in found]
    return found["popart"], found.get("Dovecot"), others


# The load client for some seconds.

class Turns:
    """What one server has done in one workload, a value a turn."""

    def __init__(self):
        self.rates, self.costs = Series(), Series()
        self.offered = self.resumed = 0

    def add(self, counted, cpu, in_octets):
        done = counted["octets"] / 1e6 if in_octets else counted["sessions"]
        if done == 0:
            raise RuntimeError("nothing was done in %.1f s" % counted["seconds"])
        self.rates.add(done / counted["seconds"])
        # What was under way when the time was over is brought to its end, and costs, too.
        whole = counted["all_octets"] / 1e6 if in_octets else counted["all_sessions"]
        self.costs.add(cpu / whole * 1000)  # ms a session, s a GB
        self.offered += counted["offered"]
        self.resumed += counted["resumed"]

    def resumed_part(self):
        """Of the handshakes that offered a ticket."""
        return 100 * self.resumed / self.offered if self.offered else 0


def take_turn(server, workload, seconds, quick=False):
    count = MAILDROPS[workload.prefix][0]
    before = servers.cpu_seconds(server.session)
    counted = servers.load(
        server.plain if workload.tls == "none" else server.tls, workload=workload.kind,
        prefix=workload.prefix, users=count, connections=count, threads=2, tls=workload.tls,
        seconds=seconds, quick=quick, **workload.options)
    return counted, servers.cpu_seconds(server.session) - before


def certificate_of(server):
    """The one that all have who run beside it."""
    return os.path.join(os.path.dirname(os.path.dirname(server.mail)), "certificate.pem")


@contextlib.contextmanager
def with_echo(running, workload):
    """And what does next to nothing, where a workload wants it: from memory, and, if messages
    are small, from the files that popartd has."""
    secure = None if workload.tls == "none" else certificate_of(running[0])
    users, messages, octets = MAILDROPS[workload.prefix]
    with contextlib.ExitStack() as stack:
        beside = list(running)
        if workload.echo:
            beside.append(Echo(messages, octets, secure))
            stack.callback(beside[-1].stop)
        if workload.echo and octets <= SMALL:
            beside.append(Files(messages, [
                os.path.join(running[0].mail, "%s%d" % (workload.prefix, number), "cur")
                for number in range(users)], secure))
            stack.callback(beside[-1].stop)
        yield beside


def measure_load(run, running, workload, quick=False):
    turns = [Turns() for _ in running]
    for server in running:  # caches, indexes, processes: all that a first visit makes
        take_turn(server, workload, min(SECONDS, 1), quick)
    for number in range(ROUNDS):
        for server, turn in zip(running, turns):
            run.step(workload.key, number, ROUNDS, server.name)
            counted, cpu = take_turn(server, workload, SECONDS, quick)
            turn.add(counted, cpu, workload.in_octets)
    ours, theirs, others = by_name(running, turns)
    cells = tables.row(
        workload.title, " MB/s" if workload.in_octets else "/s", ours.rates,
        theirs and theirs.rates, [(name, turn.rates) for name, turn in others],
        goal=workload.goal, cost=theirs and (" s/GB" if workload.in_octets else " ms",
                                             ours.costs, theirs.costs),
        cost_goal=workload.cost_goal)
    if workload.echo:
        cells[3] = "; ".join("%s %s MB/s, %s s/GB" % (
            name, tables.figure(turn.rates.median()), tables.figure(turn.costs.median()))
                             for name, turn in others)
    if workload.tls == "resumed":
        cells[1] += ", %.0f %% resumed" % ours.resumed_part()
        cells[2] += ", %.0f %% resumed" % theirs.resumed_part() if theirs else ""
    run.add(cells)


def fill_for(workloads):
    prefixes = {workload.prefix for workload in workloads}

    def fill(kind, mail):
        for prefix, (count, messages, octets) in MAILDROPS.items():
            for number in range(count if prefix in prefixes else 0):
                kind.fill(os.path.join(mail, "%s%d" % (prefix, number)), messages, octets)
    return fill, {prefix: MAILDROPS[prefix][0] for prefix in sorted(prefixes)}


def measure_loads(run, kinds, wanted, quick=False):
    fill, prefixes = fill_for(wanted)
    with run.guarded(wanted), run.servers(kinds_of(*kinds), run.names(prefixes),
                                          fill) as running:
        for server in running:
            for prefix in prefixes:
                servers.examine(server, prefix + "0", *MAILDROPS[prefix][1:],
                                numbered=not isinstance(server, PopartSqlite))
        for workload in wanted:
            with run.guarded([workload]), with_echo(running, workload) as beside:
                measure_load(run, beside, workload, quick)


def sessions(run, wanted):
    measure_loads(run, (Popart, Dovecot), wanted)


def mbox_sessions(run, wanted):
    measure_loads(run, (PopartMbox, DovecotMbox, Popa3d), wanted, quick=True)


def sqlite_sessions(run, wanted):
    measure_loads(run, (PopartSqlite, Dovecot), wanted)


def handshake(run, wanted):
    """CPU of a TLS login less that of a plain one, and that of a handshake alone."""
    plain, secure = SESSIONS[0], SESSIONS[1]
    fill, prefixes = fill_for([plain])
    with run.guarded(wanted), run.servers([Popart], run.names(prefixes), fill) as running:
        ours, bares = Series(), Series()
        bare = servers.Bare(certificate_of(running[0]))
        try:
            for number in range(-1, ROUNDS):  # the first does not count
                costs = []
                for workload in (plain, secure):
                    run.step(wanted[0][0], number, ROUNDS, workload.title)
                    counted, cpu = take_turn(running[0], workload, SECONDS)
                    costs.append(cpu / counted["all_sessions"] * 1000)
                run.step(wanted[0][0], number, ROUNDS, bare.name)
                before = servers.cpu_seconds(bare.session)
                counted = servers.load(bare.tls, workload="shake", connections=50, threads=2,
                                       tls="full", seconds=SECONDS)
                cost = (servers.cpu_seconds(bare.session) - before) / counted["all_sessions"] * 1000
                if number >= 0:
                    ours.add(costs[1] - costs[0])
                    bares.add(cost)
        finally:
            bare.stop()
        part = ours.median() / bares.median()
        run.add(tables.limited(
            title_of(wanted[0]), tables.figure(ours.median()) + " ms", part, 1.1, "x",
            another="bare %s ms" % tables.figure(bares.median()),
            spread="%.0f %% / %.0f %%" % (100 * ours.spread(), 100 * bares.spread())))
        run.rows[title_of(wanted[0])][4] = "%.2fx" % part


def reload(run, wanted):
    """Every ticket resumes, whichever worker gave it, of whichever generation."""
    fill, prefixes = fill_for(SESSIONS[:1])
    with run.guarded(wanted), run.servers([Popart], run.names(prefixes), fill) as running:
        server = running[0]
        workload = SESSIONS[2]
        take_turn(server, workload, min(SECONDS, 1))
        count = MAILDROPS["login"][0]
        load = servers.Load(server.tls, workload="login", prefix="login", users=count,
                            connections=count, threads=2, tls="resumed",
                            seconds=max(4, SECONDS))
        time.sleep(1.5)
        server.program.reload()
        counted = load.wait()
        part = 100 * counted["resumed"] / counted["offered"]
        run.add([title_of(wanted[0]), "%.4g %% of %d" % (part, counted["offered"]), "-", "",
                 "", "100 %%: %s" % (tables.MET if part == 100 else tables.MISSED)] +
                [""] * 5)


# Single sessions of large maildrops.

def one(server, workload, prefix, **options):
    """What the load client has to say of one session."""
    counted = servers.load(server.plain, workload=workload, prefix=prefix, rounds=1,
                           seconds=LIMIT, quick=True, **options)
    if counted["sessions"] != 1:
        raise RuntimeError("%s: no session of %s0 in %d s" % (server.name, prefix, LIMIT))
    return counted


def visit(server, prefix):
    return one(server, "visit", prefix)["session_ms"]["max"]


def again(server, prefix):
    return statistics.median(visit(server, prefix) for _ in range(3))


def add_visits(run, running, wanted, taken):
    """taken: {key: [Series of each server]}."""
    for key, title, goal, against in wanted:
        ours, theirs, others = by_name(running, taken[key])
        run.add(tables.row(title, " ms", ours, theirs, others, lower=True, goal=goal,
                           against=against))


def measure_visits(run, kinds, wanted, names, fill, renew, deliveries):
    """Rounds of a first visit, repeats, and one after a delivery; the first does not count.
    renew(server, number) puts the maildrop there that nobody has seen."""
    keys = [entry[0] for entry in (VISITS if deliveries else MBOX_VISITS)]
    with run.guarded(wanted), run.servers(kinds_of(*kinds), names + ["small0"],
                                          fill) as running:
        taken = {key: [Series() for _ in running] for key in keys}
        for number in range(-1, ROUNDS):
            for i, server in enumerate(running):
                run.step(wanted[0][0], number, ROUNDS, server.name)
                if number < 0:
                    servers.examine(server, "small0", 50, LETTER)
                prefix = renew(server, number + 1)
                servers.settle()
                values = [visit(server, prefix), again(server, prefix)]
                if deliveries:
                    drops.deliver(os.path.join(server.mail, prefix + "0"), LETTER,
                                  number=900000 + number)
                    values.append(visit(server, prefix))
                for key, value in zip(keys, values if number >= 0 else []):
                    taken[key][i].add(value)
        add_visits(run, running, wanted, taken)


def visits(run, wanted):
    def fill(kind, mail):
        kind.fill(os.path.join(mail, "small0"), 50, LETTER)
        kind.fill(os.path.join(mail, "big"), BIG, LETTER, hints=False)

    def renew(server, number):
        path = os.path.join(server.mail, "big%dv0" % number)
        os.rename(os.path.join(server.mail, "big%dv0" % (number - 1) if number else "big"),
                  path)
        drops.forget(path)
        return "big%dv" % number

    measure_visits(run, (Popart, Dovecot), wanted,
                   ["big%dv0" % number for number in range(ROUNDS + 1)], fill, renew, True)


def replace_mbox(server, original, old, new):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(server.mail, old))
    path = os.path.join(server.mail, new)
    shutil.copyfile(original, path)
    os.chmod(path, 0o600)
    drops.own(path)
    # What has changed a moment ago is looked at with more care, or after a second.
    an_hour_ago = time.time() - 3600
    os.utime(path, (an_hour_ago, an_hour_ago))


def mbox_visits(run, wanted):
    with tempfile.NamedTemporaryFile(dir=run.top) as original:
        drops.mbox(original.name, MBOX_BIG, LETTER)

        def fill(kind, mail):
            kind.fill(os.path.join(mail, "small0"), 50, LETTER)

        def renew(server, number):
            replace_mbox(server, original.name, "big%dv0" % (number - 1), "big%dv0" % number)
            return "big%dv" % number

        measure_visits(run, (PopartMbox, DovecotMbox, Popa3d), wanted,
                       ["big%dv0" % number for number in range(ROUNDS + 1)], fill, renew,
                       False)


def sqlite_visits(run, wanted):
    def fill(kind, mail):
        kind.fill(os.path.join(mail, "big0"), BIG, LETTER,
                  **({"hints": False} if kind is Dovecot else {}))

    with run.guarded(wanted), run.servers(kinds_of(PopartSqlite, Dovecot), ["big0"],
                                          fill) as running:
        taken = {wanted[0][0]: [Series() for _ in running]}
        for number in range(-1, ROUNDS):
            for i, server in enumerate(running):
                run.step(wanted[0][0], number, ROUNDS, server.name)
                value = again(server, "big")
                if number >= 0:
                    taken[wanted[0][0]][i].add(value)
        add_visits(run, running, wanted, taken)


# QUIT with deletions.

MANY, DELETED = 10000, 1000


def measure_quits(run, kinds, wanted, names, fill, renew):
    with run.guarded(wanted), run.servers(kinds_of(*kinds), names, fill) as running:
        taken = {wanted[0][0]: [Series() for _ in running]}
        for number in range(-1, ROUNDS):
            for i, server in enumerate(running):
                run.step(wanted[0][0], number, ROUNDS, server.name)
                prefix = renew(server, number + 1)
                visit(server, prefix)
                servers.settle()
                value = one(server, "expire", prefix, deletions=DELETED)["quit_ms"]["max"]
                if number >= 0:
                    taken[wanted[0][0]][i].add(value)
        add_visits(run, running, wanted, taken)


def quits(run, wanted):
    def fill(kind, mail):
        kind.fill(os.path.join(mail, "quit0"), MANY, LETTER)

    def renew(server, number):
        if number > 0:  # what was deleted comes again
            path = os.path.join(server.mail, "quit0")
            left = len(os.listdir(os.path.join(path, "cur")))
            if left != MANY - DELETED:
                raise RuntimeError("%s has left %d of %d messages" % (server.name, left, MANY))
            drops.maildir(path, DELETED, LETTER, first=MANY + number * DELETED)
        return "quit"

    measure_quits(run, (Popart, Dovecot), wanted, ["quit0"], fill, renew)


def mbox_quits(run, wanted):
    with tempfile.NamedTemporaryFile(dir=run.top) as original:
        drops.mbox(original.name, MANY, LETTER)

        def renew(server, number):
            replace_mbox(server, original.name, "quit%dv0" % (number - 1),
                         "quit%dv0" % number)
            return "quit%dv" % number

        measure_quits(run, (PopartMbox, DovecotMbox, Popa3d), wanted,
                      ["quit%dv0" % number for number in range(ROUNDS + 1)],
                      lambda kind, mail: None, renew)


# Memory of those who do nothing.

def idle_count(kind):
    """popart's workers need two descriptors for each, at worst all in one of them."""
    limit = os.sysconf("SC_OPEN_MAX")
    return min(IDLE, (limit - 500) // 2, DOVECOT_IDLE if kind is Dovecot else IDLE)


def held_memory(server, prefix, tls, count):
    """KiB of each of so many sessions."""
    port = server.plain if tls == "none" else server.tls
    servers.load(port, workload="login", prefix=prefix, users=4, connections=4, threads=2,
                 tls=tls, seconds=0.5)
    time.sleep(0.5)
    before = servers.proportional(server.session)
    load = servers.Load(port, workload="idle", prefix=prefix, users=count, connections=count,
                        threads=2, tls=tls, seconds=LIMIT)
    try:
        load.wait_held()
        time.sleep(1)
        after = servers.proportional(server.session)
    except BaseException:
        load.kill()
        raise
    load.wait()
    return (after - before) / count


def memory(run, wanted):
    for entry in wanted:
        key, title, prefix, messages, tls, limit = entry

        def fill(kind, mail, prefix=prefix, messages=messages):
            drops.linked_maildirs(mail, prefix, idle_count(kind), messages, LETTER)

        with run.guarded([entry]), run.servers(
                kinds_of(Popart, Dovecot), run.names({prefix: idle_count(Popart)}),
                fill) as running:
            found = {}
            for server in running:
                run.step(key, 0, 1, server.name)
                servers.examine(server, prefix + "0", messages, LETTER)
                found[server.name] = held_memory(server, prefix, tls,
                                                 idle_count(type(server)))
            ours, theirs = found["popart"], found.get("Dovecot")
            cells = tables.limited(
                title, "%s KiB (of %d)" % (tables.figure(ours), idle_count(Popart)), ours,
                limit, " KiB", "%s KiB (of %d)" % (tables.figure(theirs), idle_count(Dovecot))
                if theirs else "-")
            cells[4] = tables.times(tables.ratio(ours, theirs, True)) if theirs else "-"
            run.add(cells)


GROUPS = [(sessions, SESSIONS), (handshake, HANDSHAKE), (reload, RELOAD), (visits, VISITS),
          (mbox_visits, MBOX_VISITS), (quits, QUIT), (mbox_quits, MBOX_QUIT),
          (memory, MEMORY), (mbox_sessions, MBOX), (sqlite_sessions, SQLITE),
          (sqlite_visits, SQLITE_VISITS)]


def version(*command):
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              encoding="utf-8", check=True).stdout.strip()
    return "none"


def file_system(directory):
    best = ("", "?")
    with open("/proc/mounts", encoding="utf-8") as file:
        for line in file:
            _, point, kind = line.split()[:3]
            if (directory + "/").startswith(point.rstrip("/") + "/") and \
                    len(point) >= len(best[0]):
                best = (point, kind)
    return best[1]


def developers_build():
    with contextlib.suppress(OSError), \
            open(os.path.join(os.path.dirname(servers.TESTS), "config.log"),
                 encoding="utf-8", errors="replace") as file:
        return any("--enable-developer" in line for line in file if line.startswith("  $ "))
    return False


def machine(load):
    peers = ["Dovecot " + version("/usr/sbin/dovecot", "--version").partition(" ")[0]]
    if room.has_popa3d():
        peers.append("popa3d " + version(room.popa3d(), "-V").rpartition(" ")[2])
    return ("%s, %d processors, %s, Linux %s, load average %.1f before; %s; "
            "popart %s; %d rounds of %g s, %d idle connections, large maildrops of %d." % (
                time.strftime("%Y-%m-%d"), os.cpu_count() or 1,
                file_system(os.path.realpath(tempfile.gettempdir())), os.uname().release, load,
                ", ".join(peers),
                "with --enable-developer" if developers_build() else "as configure makes it",
                ROUNDS, SECONDS, idle_count(Popart), BIG))


def document():
    return os.path.join(os.environ.get("TEST_SRCDIR", os.path.join(servers.HERE, "..", "..")),
                        "docs", "PERFORMANCE.md")


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    flags = set(sys.argv[1:]) - set(words)
    everything = [entry for _, table in GROUPS for entry in table]
    if flags - {"--write", "--print"}:
        sys.exit(__doc__)
    if not any(not words or word in key_of(entry) for word in words or [""]
               for entry in everything):
        sys.exit("bench.py: no such row; there are: " + " ".join(map(key_of, everything)))
    if "passwd_file" not in servers.MODULE_PATH:
        sys.exit("bench.py: MODULE_PATH has no passwd_file")
    load = os.getloadavg()[0]
    room.enter()
    tempfile.tempdir = os.environ.get("BENCH_DIR", tempfile.gettempdir())
    about = machine(load)
    with tempfile.TemporaryDirectory(prefix="popart-bench.") as top:
        os.chmod(top, 0o755)
        run = Run(top, words)
        for group, table in GROUPS:
            if run.chosen(table):
                group(run, run.chosen(table))
    rows = list(run.rows.values())
    print("\n" + tables.plain(rows) + "\n\n" + about)
    if "--write" in flags or not (words or "--print" in flags):
        tables.write(document(), "side by side", rows, list(map(title_of, everything)), about)
    sys.exit(1 if run.failures else 0)


if __name__ == "__main__":
    main()
