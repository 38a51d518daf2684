#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What each system call costs a login, a RETR and a DELE, and what is left: how often it is
made by strace, the processor's time by perf's samples, both of all workers under load.

calls.py [--write] [--print]: a table, written into docs/PERFORMANCE.md unless --print is
there. It needs perf and strace. Environment: as for bench.py."""

import collections
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import bench
import drops
import room
import servers
import tables
from servers import Popart
from tables import progress

HERTZ = 3999
EXPIRING, EXPIRED = 40, 1000  # sessions, and what each of them deletes
TOGETHER, KERNEL, OURS, OTHERS = ("together", "to the kernel and back, other threads, interrupts",
                                  "popartd and modules", "libraries")
SYSTEM_CALL = re.compile(r"__x64_sys_(\w+)")


class Task:
    def __init__(self, title, done, prefix, users, messages, octets, **options):
        self.title, self.prefix, self.users = title, prefix, users
        self.done = done  # how many of what the load client has counted
        self.messages, self.octets, self.options = messages, octets, options

    def load(self, server):
        return servers.load(server.plain, prefix=self.prefix, users=self.users, threads=2,
                            **self.options)

    def fill(self, mail, more=""):
        for number in range(self.users):
            drops.maildir(os.path.join(mail, "%s%s%d" % (self.prefix, more, number)),
                          self.messages, self.octets)


TASKS = [
    Task("a login", lambda counted: counted["all_sessions"], "login", 50, 5, bench.LETTER,
         workload="login", connections=50, seconds=bench.SECONDS),
    Task("a RETR of 8 KiB", lambda counted: counted["all_octets"] / 8430, "fetch", 4, 1000, 8192,
         workload="fetch", connections=4, seconds=bench.SECONDS),
    Task("a DELE of 2 KiB, and its part of QUIT", lambda counted: EXPIRING * EXPIRED, "expire",
         EXPIRING, EXPIRED, bench.LETTER, workload="expire", connections=EXPIRING, rounds=1,
         seconds=bench.LIMIT, deletions=EXPIRED),
]


class Watcher:
    """Watches the workers until it is told to end."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.7)
        if self.process.poll() is not None:
            raise RuntimeError("%s does not run here" % command[0])

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


def counts(server, task, top):
    """{name: how often, for one}."""
    path = os.path.join(top, "counts")
    pids = [word for pid in server.program.workers() for word in ("-p", str(pid))]
    watcher = Watcher("strace", "-f", "-q", "-c", "-U", "calls,name", "-o", path, *pids)
    counted = task.load(server)
    watcher.end()
    with open(path, encoding="ascii") as file:
        rows = [line.split() for line in file]
    return {row[1]: int(row[0]) / task.done(counted) for row in rows
            if len(row) == 2 and row[0].isdigit() and row[1] != "total"}


def place_of(frames):
    """Where a sample belongs; frames: (symbol, object), the innermost first."""
    for symbol, _ in frames:
        call = SYSTEM_CALL.match(symbol)
        if call:
            return call.group(1)
    origin = frames[0][1] if frames else ""
    if "kernel" in origin:
        return KERNEL
    return OURS if "popart" in origin or "/modules/" in origin else OTHERS


def samples(path, pids):
    """{place: how many}."""
    script = subprocess.run(["perf", "script", "-i", path, "--pid", pids, "-F", "ip,sym,dso"],
                            check=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8")
    found = collections.Counter()
    for block in script.stdout.split("\n\n"):
        frames = [re.match(r"\s*[0-9a-f]+ (.*) \((.*)\)$", line)
                  for line in block.splitlines()]
        frames = [frame.groups() for frame in frames if frame]
        if frames:
            found[place_of(frames)] += 1
    return found


def costs(server, task, top):
    """{place: microseconds, for one}. All processes are sampled, since threads that are sampled
    pay for it whenever the processor turns from one to another."""
    path = os.path.join(top, "samples")
    watcher = Watcher("perf", "record", "-e", "cpu-clock", "-F", str(HERTZ), "-g", "-a",
                      "-o", path)
    before = servers.cpu_seconds(server.session)
    counted = task.load(server)
    spent = servers.cpu_seconds(server.session) - before
    watcher.end()
    found = samples(path, ",".join(map(str, server.program.workers())))
    total = sum(found.values())
    if total < 500:
        raise RuntimeError("perf has only %d samples of %s" % (total, task.title))
    return {place: part / total * spent / task.done(counted) * 1e6
            for place, part in found.items()}


def measure(server, task, top):
    progress("%s: counting" % task.title)
    often = counts(server, task, top)
    if task.prefix == "expire":  # what was deleted is needed again
        task.fill(server.mail)
        drops.give_away(server.mail)
    progress("%s: sampling" % task.title)
    return often, costs(server, task, top)


def shown(value):
    return "" if value is None else "%.2f" % value


def rows_of(found):
    """found: (often, cost) of each task. Calls first, the dearest first."""
    def worth(name):
        return -sum(cost.get(name, 0) for _, cost in found)

    rest = [KERNEL, OURS, OTHERS]
    names = {name for often, cost in found for name in (*often, *cost)} - set(rest)
    names = [name for name in sorted(names, key=worth) if worth(name) < -0.05]
    rows = [[name] + [shown(part.get(name)) for pair in found for part in pair]
            for name in names + rest]
    return rows + [[TOGETHER] + [shown(sum(part.values())) for pair in found for part in pair]]


def main():
    flags = set(sys.argv[1:])
    if flags - {"--write", "--print"}:
        sys.exit(__doc__)
    for program in ("perf", "strace"):
        if not shutil.which(program):
            sys.exit("calls.py: %s is missing" % program)
    load = os.getloadavg()[0]
    room.enter()
    tempfile.tempdir = os.environ.get("BENCH_DIR", tempfile.gettempdir())
    head = ["call"] + [words for task in TASKS for words in (task.title + ": calls", "us")]

    def fill(_, mail):
        for task in TASKS:
            task.fill(mail)

    with tempfile.TemporaryDirectory(prefix="popart-bench.") as top:
        os.chmod(top, 0o755)
        run = bench.Run(top, [])
        names = run.names({task.prefix: task.users for task in TASKS})
        with run.servers([Popart], names, fill) as (server,):
            rows = rows_of([measure(server, task, top) for task in TASKS])
    about = bench.machine(load)
    print("\n" + tables.plain(rows, head) + "\n\n" + about)
    if "--print" not in flags:
        tables.write(bench.document(), "calls", rows, [row[0] for row in rows], about, head)


if __name__ == "__main__":
    main()
