#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What one client, one address and all clients together may have of the server, and how
long: beyond that it costs nobody else anything."""

import collections
import contextlib
import os
import re
import resource
import select
import signal
import socket
import ssl
import statistics
import time

from harness import (TIMEOUT, Pop, Scene, certificate, equal, main, paused, sanitized, serving,
                     status_of, test)

FULL = b"-ERR [SYS/TEMP] too many connections, try again later\r\n"
FROM_HERE = b"-ERR [SYS/TEMP] too many connections from your address, try again later\r\n"


def connect(port, source="127.0.0.1"):
    return socket.create_connection(("127.0.0.1", port), TIMEOUT, (source, 0))


def everything(client):
    """What comes until the connection ends, however it does."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(4096):
            data += part
    return data


class Guests:
    """Connections that stay: admitted ones and the answers of those that were not."""

    def __init__(self, server):
        self.server = server
        self.sockets = []

    def come(self, count=1, source="127.0.0.1"):
        """How many of so many were greeted; the others were told why not."""
        greeted = 0
        for _ in range(count):
            client = connect(self.server.port, source)
            first = client.recv(3)
            if first == b"+OK":
                greeted += 1
                self.sockets.append(client)
                continue
            with client:
                self.answer = first + everything(client)
        return greeted

    def come_to(self, worker, count, source="127.0.0.1"):
        """The same while all other workers stand still."""
        with paused(pid for pid in self.server.workers() if pid != worker):
            return self.come(count, source)

    def go(self, count=None):
        for client in self.sockets[:count]:
            client.close()
        del self.sockets[:count]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.go()


def killed(server, worker):
    """kill -9, and wait until another has taken its place."""
    before = len(server.events("worker_start"))
    os.kill(worker, signal.SIGKILL)
    server.wait_event("worker_start", before + 1)


# ---------------------------------------------------------------- how many


@test("max_connections is for all workers together, whichever has them")
def max_connections():
    with serving(workers=3, extra="max_connections = 10;") as (_, server), \
            Guests(server) as guests:
        one, two, three = server.workers()
        equal(guests.come_to(one, 12), 10, "how many one worker takes")
        equal(guests.answer, FULL, "the refusal")
        equal(guests.come_to(two, 1), 0, "how many another one takes then")
        guests.go(6)
        server.wait_event("session_end", 6)
        equal(guests.come_to(two, 2) + guests.come_to(three, 9), 6, "how many have room")
        line = server.events("connect_refused")[0]
        assert "rip=127.0.0.1 " in line and 'refused=1 why="max_connections reached"' in line, line


@test("workers take connections in turns")
def turns():
    """Where all come at once, who is awake anyway may be faster than whose turn it is."""
    with serving(workers=3, extra='login_timeout = "1h";') as (_, server):
        clients = []
        for _ in range(150):
            clients.append(Pop(server))
            time.sleep(0.005)
        counts = collections.Counter(server.worker_of(client) for client in clients)
        assert len(counts) == 3 and min(counts.values()) >= 20, counts
        for client in clients:
            client.close()


@test("a worker that is killed gives its connections back")
def killed_full():
    with serving(extra="max_connections = 10; max_connections_per_address = 7;",
                 expect=["worker_died"]) as (_, server), Guests(server) as guests:
        one, two = server.workers()
        equal(guests.come_to(one, 4, "127.0.0.2"), 4, "greeted")
        equal(guests.come_to(two, 5, "127.0.0.2"), 3, "greeted")
        equal(guests.answer, FROM_HERE, "the refusal")
        equal(guests.come(5, "127.0.0.3"), 3, "greeted")
        equal(guests.answer, FULL, "the refusal")
        killed(server, one)
        equal(guests.come(7, "127.0.0.2"), 4, "greeted in place of those")


@test("max_connections_per_address: of one address in all workers, and of no other")
def per_address():
    with serving(extra="max_connections_per_address = 3;") as (_, server), \
            Guests(server) as guests:
        one, two = server.workers()
        equal(guests.come_to(one, 2, "127.0.0.2"), 2, "greeted")
        equal(guests.come_to(two, 4, "127.0.0.2"), 1, "greeted")
        equal(guests.answer, FROM_HERE, "the refusal")
        equal(guests.come_to(one, 4, "127.0.0.2"), 0, "greeted")
        equal(guests.come(4, "127.0.0.3"), 3, "greeted of another address")
        equal(guests.come(10), 10, "greeted of the machine itself")
        guests.go(2)
        server.wait_event("session_end", 2)
        equal(guests.come(5, "127.0.0.2"), 2, "greeted")
        lines = [line for line in server.events("connect_refused") if "rip=127.0.0.2" in line]
        assert 1 <= len(lines) <= 2, lines  # one a minute in each worker
        assert 'why="max_connections_per_address reached"' in lines[0], lines


@test("100 connections of an address if nothing else is said, any number with 0")
def per_address_default():
    for extra, most in (("", 100), ("max_connections_per_address = 0;", 110)):
        with serving(extra=extra) as (_, server), Guests(server) as guests:
            equal(guests.come(110, "127.0.0.2"), most, "greeted")
            equal(guests.come(110), 110, "greeted of the machine itself")


# ---------------------------------------------------------------- TLS


def trusting(scene):
    return ssl.create_default_context(cafile=scene.path + "/localhost.pem")


def hello(scene):
    """What a TLS client says first."""
    out = ssl.MemoryBIO()
    tls = trusting(scene).wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


def tls_port(server):
    """The last one; server.port is then the first."""
    ports = [int(re.search(r":(\d+)\b", line.split("address=")[1]).group(1))
             for line in server.events("listen")]
    server.port = ports[0]
    return ports[-1]


@contextlib.contextmanager
def serving_both(extra="", **more):
    """Two ports, the second for TLS."""
    with Scene() as scene:
        path = certificate(scene)
        with scene.server(listener='}, { address = "127.0.0.1:0"; tls = true;', extra=extra +
                          'tls = { certificate = "%s"; };' % path, **more) as server:
            yield scene, server, tls_port(server)


@test("on the TLS port who is too many is not answered in clear")
def refused_tls():
    with serving_both("max_connections = 4;") as (scene, server, port), \
            Guests(server) as guests:
        equal(guests.come(4), 4, "greeted")
        first = hello(scene)
        for _ in range(3):
            with connect(port) as client:
                with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                    client.sendall(first)
                equal(everything(client), b"", "the answer")
        server.wait_event("connect_refused")
        guests.go()
        server.wait_event("session_end", 4)
        with Pop(port, "bob", tls=trusting(scene)) as client:
            client.quit()


# ---------------------------------------------------------------- how long


def dribble(clients):
    """Sends each client's octets, one at a time and over and over, until all are closed.
    clients: {socket: what it says}."""
    left = dict(clients)
    step = 0
    end = time.monotonic() + TIMEOUT
    while left:
        assert time.monotonic() < end, "%d clients are not closed" % len(left)
        for client, text in list(left.items()):
            try:
                client.send(text[step % len(text):][:1])
                if select.select([client], [], [], 0)[0] and not client.recv(4096):
                    del left[client]
            except (ConnectionResetError, BrokenPipeError):
                del left[client]
        step += 1
        time.sleep(0.05)


@test("a handshake that goes on for ever ends in time, an octet now and then or none")
def handshake_timeout():
    with serving_both('handshake_timeout = "1s"; login_timeout = "1h";') as (
            scene, server, port):
        silent, slow = connect(port), connect(port)
        with silent, slow:
            slow.send(b"\x16\x03")
            # A record of 16 KiB, of which the client never sends the end.
            dribble({slow: b"\x01\x3f\x00\x00" + bytes(10000)})
            equal(everything(silent), b"", "what the silent one got")
        for line in server.wait_event("session_end", 2):
            assert "reason=handshake-timeout" in line, line
        with Pop(port, "bob", tls=trusting(scene)) as client:
            client.quit()


@test("login_timeout: whatever a client says meanwhile wins it no time")
def login_timeout():
    with serving(extra='login_timeout = "2s"; max_bad_commands = 1000000;') as (_, server):
        # Parts of a line; commands that are right; commands that are wrong; wrong passwords.
        texts = [b"X", b"CAPA\r\n", b"NOOP\r\n", b"USER bob\r\nPASS no\r\n"]
        clients = {connect(server.port): text for text in texts}
        dribble(clients)
        for client in clients:
            client.close()
        for line in server.wait_event("session_end", len(texts)):
            assert "reason=login-timeout" in line, line


@test("idle_timeout: a part of a command is none")
def idle_timeout():
    with serving(extra='idle_timeout = "2s"; login_timeout = "1h";') as (_, server):
        with Pop(server, "bob") as pop:
            dribble({pop.socket: b"N"})
        line = server.wait_event("session_end")[0]
        assert "reason=idle-timeout" in line, line


# ---------------------------------------------------------------- slow loris


def median_login(port, count, **more):
    times = []
    for _ in range(count):
        start = time.monotonic()
        with Pop(port, "bob", **more) as client:
            client.quit()
        times.append(time.monotonic() - start)
    return statistics.median(times)


class Crowd:
    """Very many sockets that say an octet now and then, or are stuck in a handshake."""

    def __init__(self, port, count, first, network):
        self.sockets = []
        self.next = 0
        for number in range(count):
            client = socket.socket()
            self.sockets.append(client)
            client.bind(("127.0.%d.%d" % (network + number // 200, 1 + number % 200), 0))
            client.connect(("127.0.0.1", port))
            client.setblocking(False)
            client.send(first)

    def stir(self, count):
        for _ in range(count):
            self.sockets[self.next % len(self.sockets)].send(b"X")
            self.next += 1

    def close(self):
        for client in self.sockets:
            client.close()


def room_for(sockets):
    """How many there may be: the server needs as many descriptors as we, and some more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, sockets + 2000),
                                                    max(hard, sockets + 2000)))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(sockets, hard - 2000)


def settled(server):
    """KiB of memory, when nothing moves it any more."""
    return sum(int(status_of(pid, "RssAnon")[0]) for pid in server.workers())


def compare_logins(crowds, with_crowd, without):
    """Neither kind of login may take long beside a crowd: (port, TLS port, TLS) of a server
    that has it and of one that has not."""
    best = [float("inf")] * 2
    for _ in range(6):
        # Turn by turn, so that what else the machine does counts for both.
        times = {}
        for _ in range(10):
            for crowd in crowds:
                crowd.stir(100)
            for name, (port, secure, tls) in (("with", with_crowd), ("without", without)):
                times.setdefault((name, 0), []).append(median_login(port, 15))
                times.setdefault((name, 1), []).append(median_login(secure, 5, tls=tls))
        for kind in range(2):
            ratio = (statistics.median(times["with", kind]) /
                     statistics.median(times["without", kind]))
            best[kind] = min(best[kind], ratio)
        print("# login with / without, the best so far: %.2f plain, %.2f TLS" % tuple(best))
        if max(best) < 2:
            return
    raise AssertionError("%.2f plain, %.2f TLS" % tuple(best))


@test("10,000 slow clients, thousands of them in the handshake: a login takes no longer")
def slow_loris():
    wanted = 2000 if sanitized() else 10000
    plain = room_for(wanted) * 7 // 10
    stuck = plain * 3 // 7
    if plain + stuck < wanted:
        print("# only %d sockets: RLIMIT_NOFILE" % (plain + stuck))
    with serving_both('login_timeout = "1h"; handshake_timeout = "1h"; max_connections = 20000;',
                      log_level="info") as (scene, server, port):
        first = hello(scene)
        median_login(server.port, 50)
        alone = settled(server)
        crowds = []
        memory = []
        try:
            for where, count, text, network in ((server.port, plain, b"U", 1),
                                                (port, stuck, first[:100], 100)):
                crowds.append(Crowd(where, count, text, network))
                # Whoever comes behind all of them is greeted, so they have been accepted.
                median_login(server.port, 10)
                memory.append((settled(server) - alone) / count)
                alone = settled(server)
            print("# %d slow clients of %.1f KiB, %d in the handshake of %.1f KiB" %
                  (plain, memory[0], stuck, memory[1]))
            with serving_both(log_level="info") as (other_scene, other, other_port):
                compare_logins(crowds, (server.port, port, trusting(scene)),
                               (other.port, other_port, trusting(other_scene)))
            if not sanitized():
                assert memory[0] < 8 and memory[1] < 64, memory
        finally:
            for crowd in crowds:
                crowd.close()
        server.wait_event("session_end", plain + stuck)
        with Pop(server, "bob") as client:
            client.quit()


@test("many slow clients of one address lose against its limit; others log in")
def slow_loris_limited():
    with serving(extra='login_timeout = "1h"; max_connections_per_address = 50;') as (
            _, server), Guests(server) as guests:
        equal(guests.come(500, "127.0.0.2"), 50, "greeted")
        for source in ("127.0.0.3", "127.0.0.1"):
            equal(guests.come(1, source), 1, "greeted")
        with Pop(server, "bob") as client:
            client.quit()


main()
