#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""One session a maildrop: the second is told at once, and an end of any kind frees it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

from harness import (PASSWORD, TIMEOUT, Pop, Refused, Scene, Server, equal, eventually,
                     keepalive_runs, letter, main, sanitized, serving, test)

# A client of its own process: logs in, begins to read a long message, waits to be killed.
HOLDER = """
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
f = s.makefile("rb")
f.readline()
for line in ("USER bob", "PASS " + sys.argv[2]):
    s.sendall(line.encode() + b"\\r\\n")
    assert f.readline().startswith(b"+OK")
s.sendall(sys.argv[3].encode() + b"\\r\\n")
print(f.read(1000)[:3].decode() if len(sys.argv) > 4 else f.readline().decode(), flush=True)
sys.stdin.read()
"""


def can_login(server, user="bob"):
    """Whether the maildrop is free; a refusal must say why."""
    with Pop(server) as client:
        try:
            client.login(user)
        except Refused as refusal:
            assert refusal.args[0].startswith(b"-ERR [IN-USE]"), refusal
            return False
        client.quit()
        return True


@test("a second login is refused at once, in every worker, and a third; others are not")
def second():
    with serving("bob", "eve") as (scene, server):
        scene.bob.fill(2)
        holder, *others = server.crowd(16)
        with holder:
            holder.login("bob")
            for client in others:
                client.cmd("USER bob")
                client.refused("PASS " + PASSWORD, b"[IN-USE]")
                client.quit()
            assert can_login(server, "eve")
            with Pop(server, "eve") as other:
                assert not can_login(server, "eve")
                other.quit()
            equal(holder.stat()[0], 2, "STAT of the holder")
            holder.quit()
        assert can_login(server), "the lock is held after the answer to QUIT"


@test("a refused client may go on and log in as somebody else")
def goes_on():
    with serving("bob", "eve") as (_, server):
        with Pop(server, "bob") as holder, Pop(server) as client:
            client.cmd("USER bob")
            client.refused("PASS " + PASSWORD, b"[IN-USE]")
            client.login("eve")
            client.quit()
            holder.quit()


@test("a refused login has the holder's peer asked whether it lives, also from another worker")
def probes():
    for elsewhere in (False, True):
        with serving("bob") as (_, server):
            holder, *crowd = server.crowd(8)
            home = server.worker_of(holder)
            holder.login("bob")
            assert not keepalive_runs(server, holder), "asked before anybody waits"
            other = next((client for client in crowd
                          if (server.worker_of(client) != home) == elsewhere), None) or Pop(server)
            other.cmd("USER bob")
            other.refused("PASS " + PASSWORD, b"[IN-USE]")
            eventually("the peer is asked", lambda: keepalive_runs(server, holder))
            for client in [holder, other] + crowd:
                client.close()


@test("two names of one maildrop share its lock")
def two_names():
    users = {name: PASSWORD for name in ("bob", "bob@one.example", "bob@two.example")}
    with serving("bob", users=users) as (_, server):
        with Pop(server, "bob@one.example") as holder:
            for name in ("bob@two.example", "bob", "bob@one.example"):
                assert not can_login(server, name), name
            holder.quit()
        assert can_login(server, "bob@two.example")


@test("two paths to one Maildir share its lock")
def two_paths():
    with Scene("bob", "eve") as scene:
        os.rename(scene.mail["eve"].path, scene.mail["eve"].path + ".was")
        os.symlink(scene.bob.path, scene.mail["eve"].path)
        with scene.server() as server, Pop(server, "bob") as holder:
            assert not can_login(server, "eve")
            holder.quit()


class TwoInstances(Server):
    """bob's mail by one instance, eve's by another, and both are the same Maildir."""

    def configuration(self, directory):
        text = super().configuration(directory)
        for name in ("bob", "eve"):
            text = text.replace('user = "%s";' % name,
                                'user = "%s"; attributes = [ "storage=%s" ];' % (name, name))
        instance = '{ module = "maildir"; name = "%%s"; path = "%s/mail/bob"; }' % directory
        return re.sub(r"(?m)^storage = .*$", lambda _: "storage = ( %s, %s );" % (
            instance % "bob", instance % "eve"), text)


@test("two instances of a module over one Maildir share its lock")
def two_instances():
    with Scene("bob") as scene:
        scene.bob.fill(2)
        with TwoInstances(scene.path, {"bob": PASSWORD, "eve": PASSWORD}) as server:
            for first, second in (("bob", "eve"), ("eve", "bob")):
                with Pop(server, first) as holder:
                    assert not can_login(server, second)
                    equal(holder.stat()[0], 2, "STAT")
                    holder.quit()
                assert can_login(server, second)


def fields(line):
    return dict(re.findall(r'(\w+)=("[^"]*"|\S+)', line))


@test("a refusal tells for how long, the log tells whom, in the same worker and in another")
def told():
    for elsewhere in (False, True):
        with serving("bob") as (_, server):
            holder, *crowd = server.crowd(8)
            home = server.worker_of(holder)
            client = next(client for client in crowd
                          if (server.worker_of(client) != home) == elsewhere)

            def refusal():
                client.cmd("USER bob")
                text = client.refused("PASS " + PASSWORD, b"[IN-USE]").decode()
                assert "127." not in text, text
                found = re.search(r" for (\d+) s; idle for (\d+) s$", text)
                if not found:  # nothing is told while the holder's part is being written
                    return refusal()
                return [int(number) for number in found.groups()]

            def idle_after_a_part():
                holder.send("N")  # no sign of life
                return refusal()[1] >= 1

            def busy_after_a_command():
                holder.cmd("NOOP")
                return refusal()[1] == 0

            before = time.monotonic()
            holder.login("bob")
            eventually("the holder is idle", idle_after_a_part)
            held, idle = refusal()
            server.wait_event("login_failed", 2)
            assert 1 <= idle <= held <= time.monotonic() - before, (held, idle)
            line = next(fields(line) for line in reversed(server.events("login_failed"))
                        if "holder=" in line)
            login = fields(server.events("login")[0])
            equal(line["status"], "in-use", "the status")
            equal(line["holder"], login["session"], "the holder")
            equal(line["holder_rip"], "127.0.0.1", "where it comes from")
            equal(line["holder_process"], login["process"], "where it is")
            assert (int(line["held_s"]), int(line["idle_s"])) <= (held, idle), line
            holder.refused("")  # the end of that command
            eventually("the holder is busy", busy_after_a_command)
            for client in [holder] + crowd:
                client.close()


@test("200 clients want one maildrop: one at a time has it, and all get through")
def crowd():
    load = os.path.join(os.environ.get("TEST_BUILDDIR", "."), "tests", "bench", "load")
    clients, rounds = (50, 2) if sanitized() else (200, 3)
    with serving("bob0", log_level="info") as (scene, server):
        scene.mail["bob0"].fill(2)
        done = subprocess.run(
            [load, "--port", str(server.port), "--workload", "contend", "--prefix", "bob",
             "--password", PASSWORD, "--connections", str(clients), "--rounds", str(rounds),
             "--threads", "2", "--seconds", str(TIMEOUT)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", check=False)
        equal(done.stderr, "", "what the clients complain of")
        result = json.loads(done.stdout)
        print("# %.0f sessions/s, %.0f refusals/s" % (result["sessions"] / result["seconds"],
                                                      result["in_use"] / result["seconds"]))
        equal(result["sessions"], clients * rounds, "sessions")
        assert result["in_use"] > 0, "nobody has contended"
        assert can_login(server, "bob0")


def killed(command, *partly):
    """Kills a client in a process of its own, when it has had its answer to command."""
    with serving() as (scene, server):
        scene.bob.add(letter(1, 40 << 20))
        scene.bob.add(letter(2))
        holder = [sys.executable, "-c", HOLDER, str(server.port), PASSWORD, command, *partly]
        with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
            assert client.stdout.readline().startswith(b"+OK")
            assert not can_login(server)
            client.send_signal(signal.SIGKILL)
        eventually("the maildrop is free", lambda: can_login(server))
        equal(len(scene.bob.messages()), 2, "the number of messages")


@test("kill -9 of a client that waits frees its maildrop")
def killed_idle():
    killed("DELE 2")


@test("kill -9 of a client in the middle of a RETR frees its maildrop")
def killed_reading():
    killed("RETR 1", "partly")


@test("a client that closes in the middle of a RETR, with FIN or RST, frees its maildrop")
def closed_reading():
    with serving() as (scene, server):
        scene.bob.add(letter(1, 40 << 20))
        for end in (Pop.reset, Pop.close) * 3:
            client = Pop(server, "bob", receive_buffer=8192)
            client.put("RETR 1")
            client.answer()
            client.file.read(1000)
            end(client)
            eventually("the maildrop is free", lambda: can_login(server))


@test("many logins at once: one wins")
def race():
    with serving() as (_, server):
        won = []
        start = threading.Barrier(16)

        def contender():
            with Pop(server) as client:
                client.cmd("USER bob")
                start.wait()
                try:
                    client.cmd("PASS " + PASSWORD)
                    won.append(True)
                except Refused as refusal:
                    assert refusal.args[0].startswith(b"-ERR [IN-USE]"), refusal
                    won.append(False)
                start.wait()  # nobody goes before everybody has an answer

        for _ in range(10):
            won.clear()
            threads = [threading.Thread(target=contender) for _ in range(16)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            equal((won.count(True), len(won)), (1, 16), "winners and contenders")
            eventually("the maildrop is free", lambda: can_login(server))


main()
