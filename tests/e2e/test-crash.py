#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Processes that die under load, and processes that are asked to stop: no message that
nobody deleted is lost, what was promised stays done, and every lock is free."""

import contextlib
import os
import random
import re
import signal
import socket
import time

from harness import (Load, Pop, Refused, Scene, equal, eventually, letter, main, processes,
                     serving, test, wire)

USERS = ["user%d" % number for number in range(5)]


@test("kill -9 of a worker: it is replaced, the other worker's sessions go on")
def one_worker():
    names = ["user%d" % number for number in range(24)]
    with serving(*names, expect=["worker_died"]) as (scene, server):
        for name in names:
            scene.mail[name].fill(2)
        clients = [(client, name, server.worker_of(client))
                   for client, name in zip(server.crowd(len(names)), names)]
        for client, name, _ in clients:
            client.login(name)
            client.cmd("DELE 1")
        before = server.workers()
        victim = clients[0][2]
        os.kill(victim, signal.SIGKILL)
        for client, name, pid in clients:
            if pid == victim:
                with contextlib.suppress(ConnectionResetError):
                    equal(client.file.read(), b"", "what a session of the dead worker gets")
            else:
                equal(client.stat()[0], 1, "STAT in the other worker")
        server.wait_event("worker_died")
        eventually("two workers serve", lambda: len(set(server.workers()) - {victim}) == 2)
        assert len(set(server.workers()) & set(before)) == 1
        server.wait_event("worker_start", 3)
        for client, name, pid in clients:
            if pid == victim:
                client.close()
                with Pop(server, name) as again:
                    equal(again.stat()[0], 2, "STAT after a session without QUIT")
                    again.quit()
            else:
                client.quit()
            equal(len(scene.mail[name].messages()), 2 if pid == victim else 1, name)
        assert "signal" in server.events("worker_died")[0] or \
            "KILL" in server.events("worker_died")[0]


@test("kill -9 of workers, again and again, under load")
def workers_under_load():
    with serving(*USERS, expect=["worker_died"]) as (scene, server):
        load = Load(scene)
        with load.running(server):
            for round_ in range(4):
                load.wait_sessions(6)
                workers = eventually("both workers live",
                                     lambda: len(server.workers()) == 2 and server.workers())
                os.kill(random.choice(workers), signal.SIGKILL)
                server.wait_event("worker_died", round_ + 1)
            load.wait_sessions(6)
        load.check(server)


@test("kill -9 of the master under load: no process and no lock is left")
def master_under_load():
    with Scene(*USERS) as scene:
        load = Load(scene)
        for _ in range(2):
            server = scene.server()
            try:
                with load.running(server):
                    load.wait_sessions(10)
                    os.kill(server.pid, signal.SIGKILL)
                    server.process.wait()
                    server.no_process_left()
                server.check_log()
            except BaseException:
                server.show_log()
                raise
            finally:
                server.kill()
        with scene.server() as server:
            load.check(server)


@test("SIGTERM under load: what was promised is done, nothing else")
def stop_under_load():
    with Scene(*USERS) as scene:
        load = Load(scene)
        for _ in range(2):
            with scene.server(extra='drain_timeout = "20s";') as server, load.running(server):
                load.wait_sessions(10)
                server.stop()
        with scene.server() as server:
            load.check(server)


@test("SIGTERM lets a download and its QUIT finish, and takes nobody else in")
def drain():
    with serving() as (scene, server):
        large = letter(1, 20 << 20)
        scene.bob.add(large)
        client = Pop(server, "bob", receive_buffer=65536)
        client.cmd("DELE 1")
        client.cmd("RSET")
        client.put("RETR 1")
        client.answer()
        part = client.file.read(1000)
        server.send_signal(signal.SIGTERM)
        server.wait_event("drain")

        def refused():
            try:
                Pop(server).close()
                return False
            except (OSError, EOFError, Refused):
                return True
        eventually("new connections are refused", refused)
        equal(part + client.multi(), wire(large), "the message")
        client.cmd("DELE 1")
        client.quit()
        equal(server.wait(), 0, "the exit status")
        equal(scene.bob.messages(), [], "what is left")


@test("a second SIGTERM ends at once, and nothing is deleted")
def stop_twice():
    with serving(extra='drain_timeout = "10m";') as (scene, server):
        scene.bob.add(letter(1, 20 << 20))
        scene.bob.add(letter(2))
        client = Pop(server, "bob", receive_buffer=65536)
        client.cmd("DELE 2")
        client.put("RETR 1")
        client.answer()
        server.send_signal(signal.SIGTERM)
        server.wait_event("drain")
        time.sleep(0.1)  # signals of one kind that come together are one signal
        assert server.process.poll() is None
        server.send_signal(signal.SIGTERM)
        equal(server.wait(), 0, "the exit status")
        with contextlib.suppress(ConnectionResetError):
            assert not client.file.read().endswith(b"\r\n.\r\n"), "it looks complete"
        equal(len(scene.bob.messages()), 2, "the number of messages")


@test("drain_timeout ends what does not end by itself")
def drain_timeout():
    with serving(extra='drain_timeout = "300ms";') as (scene, server):
        scene.bob.fill(1)
        client = Pop(server, "bob")
        client.cmd("DELE 1")
        server.send_signal(signal.SIGTERM)
        equal(server.wait(), 0, "the exit status")
        equal(client.file.read(), b"", "what the client gets")
        equal(len(scene.bob.messages()), 1, "the number of messages")


@test("SIGINT stops it too")
def interrupt():
    with serving() as (_, server):
        server.stop(signal.SIGINT)


@test("after the end the port is free, and the run directory holds nothing but locks")
def nothing_left():
    with Scene() as scene:
        with scene.server() as server:
            scene.bob.fill(3)
            with Pop(server, "bob") as client:
                client.cmd("DELE 2")
                client.quit()
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", server.port))
        left = [os.path.join(directory, name) for directory, _, names in os.walk(scene.path)
                for name in names]
        for path in left:
            name = os.path.relpath(path, scene.path)
            assert re.match(r"run/locks/|mail/bob/(cur|new)/|mail/bob/\.?popart|"
                            r"state/|log\.|popart\.conf$", name), "left behind: " + name
        equal(processes(6, server.pid), [], "processes")


main()
