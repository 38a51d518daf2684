#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""One session a maildrop: the second is told at once, and an end of any kind frees it."""

import os
import signal
import subprocess
import sys
import threading

from harness import (PASSWORD, Pop, Refused, Scene, equal, eventually, keepalive_runs, letter,
                     main, serving, test)

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
