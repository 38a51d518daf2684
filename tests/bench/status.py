#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What those who ask for the status cost those who log in: CPU of the workers a login, with so
many requests a second and without, in turns.

status.py [REQUESTS-A-SECOND]. Environment as of bench.py."""

import os
import socket
import statistics
import sys
import tempfile
import threading
import time

import servers

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "6"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
USERS, MESSAGES, OCTETS = 50, 5, 2048
REQUEST = b"GET /v1/status HTTP/1.1\r\nHost: popartd\r\n\r\n"


class Administered(servers.Popart):
    storage = servers.Popart.storage + ';\nadmin = {{ socket = "{top}/run/admin.socket"; }}'


class Asker(threading.Thread):
    """Asks at an even pace, on one connection."""

    def __init__(self, path, pace):
        super().__init__()
        self.path, self.pace = path, pace
        self.stopped = threading.Event()
        self.answers = 0

    def run(self):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.path)
            file = client.makefile("rb", 1 << 20)
            begin = time.monotonic()
            while not self.stopped.is_set():
                due = int((time.monotonic() - begin) * self.pace) - self.answers
                if due <= 0:
                    time.sleep(0.002)
                    continue
                due = min(due, 50)
                client.sendall(REQUEST * due)
                for _ in range(due):
                    self.one_answer(file)
                self.answers += due

    @staticmethod
    def one_answer(file):
        assert file.readline().startswith(b"HTTP/1.1 200 ")
        length = 0
        while (line := file.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        assert len(file.read(length)) == length


def cpu_of(pids):
    ticks = 0
    for pid in pids:
        with open("/proc/%d/stat" % pid, encoding="utf-8") as file:
            ticks += sum(int(field) for field in file.read().rpartition(")")[2].split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


def turn(server, path, pace):
    """Microseconds of the workers a login, logins a second, answers a second."""
    asker = Asker(path, pace) if pace else None
    if asker:
        asker.start()
    workers = server.program.workers()
    before = cpu_of(workers)
    counted = servers.load(server.plain, workload="login", seconds=SECONDS, prefix="login",
                           users=USERS)
    cost = (cpu_of(workers) - before) / counted["all_sessions"] * 1e6
    if asker:
        asker.stopped.set()
        asker.join()
    return cost, counted["sessions"] / counted["seconds"], \
        asker.answers / SECONDS if asker else 0


def main():
    pace = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory(prefix="popart-bench.") as top:
        os.chmod(top, 0o755)
        users = ["login%d" % number for number in range(USERS)]
        for user in users:
            servers.fill(os.path.join(top, "mail"), user, MESSAGES, OCTETS)
        servers.give_away(os.path.join(top, "mail"))
        server = Administered(top, servers.certificate(top), servers.passwords(top, users))
        try:
            server.program.wait_event("admin_start")
            path = os.path.join(top, "run", "admin.socket")
            turn(server, path, 0)
            turns = {0: [], 1: [], 2: []}
            for number in range(ROUNDS):
                # Twice without, for the noise.
                for which in [(0, 1, 2), (2, 1, 0)][number % 2]:
                    turns[which].append(turn(server, path, pace if which == 1 else 0))
            for which, name in ((0, "without"), (2, "without"), (1, "with")):
                print("%-8s %6.1f us a login of the workers' CPU, %6.0f logins/s, "
                      "%5.0f answers/s" % ((name,) + tuple(
                          statistics.median(column) for column in zip(*turns[which]))))
        finally:
            server.stop()


main()
