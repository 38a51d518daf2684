#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A store that waits on a network holds up its own users, nobody else's sessions."""

import os
import select
import signal

from harness import PASSWORD, Pop, Refused, Scene, Server, equal, main, quoted, test

BLOCKSTORE = os.path.join(os.environ.get("TEST_BUILDDIR", "."),
                          "tests", "modules", ".libs", "blockstore.so")


class TwoStores(Server):
    """bob has a Maildir; everybody else's mail is behind a slow network."""

    slow = ""

    def configuration(self, directory):
        text = super().configuration(directory)
        storage = text[text.index("storage = "):].partition(";\n")[0]
        maildir = storage.partition("= ")[2]
        text = text.replace(storage, "storage = ( %s, { module = %s; name = \"far\"; %s } )" % (
            maildir, quoted(BLOCKSTORE), self.slow))
        end = text.index(");", text.index("auth = ("))
        return (text[:end] + ', { module = "static"; name = "all"; any = true; '
                'attributes = ["storage=far"]; }' + text[end:])


def start(scene, slow, **more):
    class Configured(TwoStores):
        pass
    Configured.slow = slow
    return Configured(scene.path, users={"bob": PASSWORD}, **more)


def hang(server, count):
    """So many sessions whose login waits for the store."""
    clients = []
    for number in range(count):
        client = Pop(server)
        client.cmd("USER far%d" % number)
        client.put("PASS x")
        clients.append(client)
    return clients


def waiting(clients):
    return not select.select([client.socket for client in clients], [], [], 0)[0]


@test("a store in the pool serves whole sessions: every kind of call and source")
def serves():
    for source in ("mem", "read", "fd"):
        with Scene("bob") as scene, start(
                # One worker: each would have a store in memory of its own.
                scene, 'messages = 20; size = "200K"; source = "%s"; chunk = "10K";' % source,
                workers=1) as server:
            with Pop(server, "far", "x") as client:
                count, octets = client.stat()
                equal(count, 20, "messages")
                equal(sum(len(client.retr(n)) for n in range(1, 21)), octets, "octets")
                client.cmd("DELE 3")
                client.quit()
            with Pop(server, "far", "x") as client:
                equal(client.stat()[0], 19, "messages after QUIT")
                client.send("".join("RETR %d\r\n" % number for number in range(1, 20)))
                for _ in range(19):
                    client.answer()
                    client.multi()
                client.quit()


@test("sessions that hang in one store do not hold up those of another")
def hangs():
    with Scene("bob") as scene:
        scene.bob.fill(30, octets=20000)
        with start(scene, 'delay = "3s";', threads=2) as server:
            clients = hang(server, 40)
            for _ in range(5):
                with Pop(server, "bob") as client:
                    equal(client.stat()[0], 30, "messages")
                    for number in range(1, 31):
                        client.retr(number)
                    client.quit()
            assert waiting(clients), "the store that hangs has answered: nothing is shown"
            for client in clients:
                client.close()
            server.send_signal(signal.SIGTERM)
            server.send_signal(signal.SIGTERM)


@test("a client that leaves while its call waits frees its maildrop when the call is over")
def leaves():
    with Scene("bob") as scene, start(scene, 'delay = "300ms";') as server:
        for client in hang(server, 6):
            client.close()
        for number in range(6):
            while True:
                with Pop(server) as client:
                    try:
                        client.login("far%d" % number, "x")
                    except Refused as refusal:
                        assert refusal.args[0].startswith(b"-ERR [IN-USE]"), refusal
                        continue
                    client.quit()
                    break


@test("input that waited behind a call is wiped")
def wiped():
    with Scene("bob") as scene, start(scene, 'delay = "100ms";') as server:
        with Pop(server) as client:
            client.send("USER far\r\nPASS x\r\nPASS this one came too late\r\nQUIT\r\n")
            client.answer()
            client.answer()
            assert client.line().startswith(b"-ERR")
            client.answer()
            client.at_end()
        server.wait_event("session_end")
        assert not server.remembers(b"one came too late"), "it is still there"


@test("a stop does not wait for calls that are only queued, and leaves nothing open")
def stops():
    with Scene("bob") as scene, start(scene, 'delay = "1s";') as server:
        clients = hang(server, 60)
        server.send_signal(signal.SIGTERM)
        server.send_signal(signal.SIGTERM)
        equal(server.wait(), 0, "exit status")
        for client in clients:
            client.close()


main()
