#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A service manager starts popartd: what it is told and when, the sockets that it passes,
and workers that exist but do not live."""

import contextlib
import os
import re
import signal
import socket
import sys
import time

from harness import (POPARTD, TIMEOUT, Pop, Scene, Skip, equal, eventually, main, need, paused,
                     test)

VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID",
             "LISTEN_FDNAMES")
# Becomes the program behind "--", with the descriptors before it as 3, 4 ...
LAUNCH = """
import os, sys
end = sys.argv.index("--")
high = [os.dup(int(fd)) for fd in sys.argv[1:end]]
high = [fd if fd > 60 else os.dup2(fd, 60 + n) for n, fd in enumerate(high)]
for number, fd in enumerate(high):
    os.dup2(fd, 3 + number)
os.closerange(3 + len(high), 100)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)),
                  LISTEN_FDNAMES=":".join("test-%d.socket" % n for n in range(len(high))))
os.execv(sys.argv[end + 1], sys.argv[end + 1:])
"""


class Manager:
    """Hears what a service says of itself."""

    def __init__(self, scene, **variables):
        path = os.path.join(scene.path, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.setblocking(False)
        self.heard = []
        self.environment = dict(os.environ, NOTIFY_SOCKET=path, **variables)

    def listen(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.heard.append(self.socket.recv(65536).decode())
        return self.heard

    def wait_for(self, pattern, count=1):
        """The datagrams that match, as soon as there are so many."""
        def found():
            lines = [text for text in self.listen() if re.search(pattern, text, re.M)]
            return lines if len(lines) >= count else None
        return eventually("the manager hears " + pattern, found)


def listening(address="127.0.0.1"):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    passed = socket.socket(family)
    passed.bind((address, 0))
    passed.listen(10)
    passed.settimeout(TIMEOUT)
    return passed, passed.getsockname()[1]


def passing(*sockets):
    """What makes a Program inherit them."""
    numbers = [s.fileno() for s in sockets]
    return {"launch": [sys.executable, "-c", LAUNCH, *map(str, numbers), "--"],
            "descriptors": numbers}


def on(*addresses):
    """The server's configuration listens there instead."""
    return " ".join("}, { address = %s;" % ('"%s"' % address) for address in addresses)


@test("ready when every worker is; workers are counted; stopping, with the time that it takes")
def life():
    with Scene() as scene:
        manager = Manager(scene)
        with scene.server(environment=manager.environment, expect={"worker_died"},
                          extra="drain_timeout = 7;") as server:
            equal(manager.wait_for("^READY=1$"),
                  ["READY=1\nSTATUS=Serving on 127.0.0.1:%d with 2 workers" % server.port])
            equal([text.split("=")[0] for text in manager.listen()],
                  ["EXTEND_TIMEOUT_USEC", "READY"], "what was said by then")
            for client in server.crowd(2):
                client.close()
            for pid in server.workers() + [server.pid]:
                with open("/proc/%d/environ" % pid, "rb") as file:
                    inherited = file.read()
                for variable in VARIABLES:
                    assert pid == server.pid or variable.encode() not in inherited, variable
            os.kill(server.workers()[0], signal.SIGKILL)
            manager.wait_for("^STATUS=.* with 1 of 2 workers$")
            manager.wait_for("^STATUS=.* with 2 workers$", 2)
            with Pop(server, "bob") as client:
                server.send_signal(signal.SIGTERM)
                # 7 s for sessions, 10 s for what does not end then, 5 s for good measure.
                manager.wait_for(r"^STOPPING=1\nEXTEND_TIMEOUT_USEC=22000000\nSTATUS=Stopping")
                client.cmd("NOOP")
                client.quit()
        equal(len([text for text in manager.listen() if "READY=1" in text]), 1, "how often ready")


@test("a server that cannot start is never ready, and says why")
def no_start():
    with Scene() as scene:
        manager = Manager(scene)
        other, port = listening()
        with contextlib.suppress(AssertionError):
            with scene.server(environment=manager.environment,
                              listener=on("127.0.0.1:%d" % port)) as server:
                raise RuntimeError("it has started, pid %d" % server.pid)
        said = manager.wait_for("^STATUS=")
        assert "Cannot start: " in said[0] and "Address already in use" in said[0], said
        assert not any("READY" in text for text in manager.listen())
        other.close()


@test("the watchdog is fed while the master turns, and not while it stands")
def watchdog():
    with Scene() as scene:
        manager = Manager(scene, WATCHDOG_USEC="200000")
        with scene.server(environment=manager.environment) as server:
            manager.wait_for("^WATCHDOG=1$", 5)
            with paused([server.pid]):
                manager.listen()
                before = len(manager.heard)
                with contextlib.suppress(TimeoutError):
                    manager.socket.settimeout(1)
                    manager.heard.append(manager.socket.recv(100).decode())
                manager.socket.setblocking(False)
                equal(len(manager.heard), before, "what a master that stands has said")
            manager.wait_for("^WATCHDOG=1$", before + 3)


@test("a reload is told when it begins and when it is over, whether it was any good or not")
def reloading():
    with Scene() as scene:
        manager = Manager(scene)
        with scene.server(environment=manager.environment, expect={"reload_failed"}) as server:
            manager.wait_for("^READY=1$")
            before = server.workers()
            with open(server.conf, encoding="utf-8") as file:
                good = file.read()
            scene.file("popart.conf", good.replace("workers = 2", "workers = 3"))
            server.send_signal(signal.SIGHUP)
            manager.wait_for(r"^READY=1\nSTATUS=Serving on .* with 3 workers$")
            order = [text.split("\n")[0] for text in manager.heard if text[0] == "R"]
            equal(order, ["READY=1", "RELOADING=1", "READY=1"], "what was said")
            stamp = int(re.search(r"^MONOTONIC_USEC=(\d+)$", "\n".join(manager.heard),
                                  re.M).group(1))
            assert 0 < stamp <= time.monotonic_ns() // 1000, stamp
            eventually("the old workers end", lambda: not set(before) & set(server.workers()))
            # One that the master refuses, and one that no worker can start with.
            for count, old, new in ((3, "log = {", "lissten = 1; log = {"),
                                    (4, 'module = "maildir"', 'module = "nothing"')):
                said = len(manager.listen())
                scene.file("popart.conf", good.replace(old, new, 1))
                server.send_signal(signal.SIGHUP)
                manager.wait_for("^READY=1$", count)
                last = manager.heard[said:]
                equal([text.split("\n")[0] for text in last], ["RELOADING=1", "READY=1"],
                      "what was said of " + new)
                assert last[-1].endswith(" with 3 workers"), last


@test("a worker that gives no sign of life is killed and replaced, and no other")
def silence():
    with Scene() as scene:
        manager = Manager(scene)
        with scene.server(environment=manager.environment, expect={"worker_died"},
                          extra='worker_timeout = "6s";') as server:
            silent, healthy = server.workers()
            os.kill(silent, signal.SIGSTOP)
            died = server.wait_event("worker_died")
            assert "pid=%d " % silent in died[0], died
            assert 'reason="gave no sign of life and was killed"' in died[0], died
            server.wait_event("worker_start", 3)
            manager.wait_for("^STATUS=.* with 2 workers$", 2)
            assert healthy in server.workers() and silent not in server.workers()
            equal(len(server.events("worker_died")), 1, "how many died")
            with Pop(server, "bob") as client:
                client.quit()


@test("a passed socket serves, outlives the server, and keeps clients for the next one")
def activation():
    with Scene() as scene:
        passed, port = listening()
        early = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        with scene.server(listener=on("127.0.0.1:%d" % port), **passing(passed)) as server:
            lines = server.events("listen")
            equal(["passed=true" in line for line in lines], [False, True], "what was passed")
            equal(early.recv(3), b"+OK", "a client that came before the server")
            early.close()
            for pid in server.workers():
                with open("/proc/%d/environ" % pid, "rb") as file:
                    assert b"LISTEN_" not in file.read()
        # The server has drained and left. Whoever comes now waits, and is not refused.
        waiting = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        with scene.server(listener=on("127.0.0.1:%d" % port), **passing(passed)):
            equal(waiting.recv(3), b"+OK", "a client that came between two servers")
        waiting.close()
        passed.close()


@test("several passed sockets, IPv6 too; one that is not configured is told")
def activation_of_many():
    with Scene() as scene:
        one, first = listening()
        try:
            two, second = listening("::1")
        except OSError as error:
            raise Skip("no IPv6 here") from error
        both = on("[::1]:%d" % second, "127.0.0.1:%d" % first)
        with scene.server(listener=both, **passing(one, two)) as server:
            equal(["passed=true" in line for line in server.events("listen")],
                  [False, True, True], "what was passed")
            with Pop(first, "bob") as client:
                client.quit()
        try:
            with scene.server(listener=on("[::1]:%d" % second), **passing(one, two)):
                raise RuntimeError("it has started")
        except AssertionError:
            pass
        logs = [name for name in os.listdir(scene.path) if name.startswith("log.")]
        said = "".join(open(os.path.join(scene.path, name), encoding="utf-8").read()
                       for name in logs)
        assert re.search(r'the socket "test-0\.socket" that was passed listens on 127\.0\.0\.1:%d,'
                         % first, said), said
        one.close()
        two.close()


@test("a reload keeps a passed socket, and is refused where it would not be served")
def activation_and_reload():
    with Scene() as scene:
        passed, port = listening()
        with scene.server(listener=on("127.0.0.1:%d" % port), expect={"reload_failed"},
                          **passing(passed)) as server:
            with open(server.conf, encoding="utf-8") as file:
                good = file.read()
            server.send_signal(signal.SIGHUP)
            server.wait_event("reload")
            equal((len(server.events("listen")), server.events("unlisten")), (2, []),
                  "what was opened and closed")
            scene.file("popart.conf", good.replace("127.0.0.1:%d" % port, "127.0.0.1:0"))
            server.send_signal(signal.SIGHUP)
            failed = server.wait_event("reload_failed")
            assert "test-0.socket" in failed[0], failed
            with Pop(port, "bob") as client:
                client.quit()
        waiting = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        waiting.close()
        passed.close()


@test("systemd-socket-activate starts it with the first client")
def real_activation():
    need("systemd-socket-activate")
    with Scene() as scene:
        probe, port = listening()
        probe.close()
        address = "127.0.0.1:%d" % port
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("LISTEN_")}
        server = scene.server
        # It prints what it does on standard error, which is the log here.
        with contextlib.ExitStack() as stack:
            client = stack.enter_context(Knock(port))
            running = stack.enter_context(server(
                listener=on(address), environment=environment,
                launch=["systemd-socket-activate", "-l", address]))
            equal(client.greeting(), b"+OK", "the greeting")
            equal(["passed=true" in line for line in running.events("listen")],
                  [False, True], "what was passed")


class Knock:
    """A client that comes as soon as somebody listens, from a process of its own, as the
    server is started by it."""

    def __init__(self, port):
        self.port = port

    def __enter__(self):
        self.read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            with contextlib.suppress(BaseException):
                def come():
                    with contextlib.suppress(ConnectionRefusedError):
                        return socket.create_connection(("127.0.0.1", self.port), TIMEOUT)
                    return None
                os.write(write, eventually("somebody listens", come).recv(3))
                status = 0
            os._exit(status)
        os.close(write)
        return self

    def greeting(self):
        return os.read(self.read, 3)

    def __exit__(self, *_):
        os.close(self.read)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


assert os.path.exists(POPARTD), POPARTD
main()
