#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Locks of a store that are renewed while a maildrop is open, whatever its session does. The
module dies of two threads in one maildrop, and of a commit after a renewal has failed."""

import os
import re
import signal
import ssl
import subprocess
import time

from harness import (MODULE_PATH, PASSWORD, POPARTD, TIMEOUT, Pop, Scene, Server, certificate,
                     equal, eventually, main, quoted, test)

BUILT = os.path.join(os.environ.get("TEST_BUILDDIR", "."), "tests", "modules", ".libs")
KINDS = ("leasestore", "leasepool")  # whose calls are at once, and whose wait in the pool


class Leases(Server):
    storage = ""

    def configuration(self, directory):
        text = super().configuration(directory)
        start = text.index("storage = {")
        return text[:start] + self.storage + text[text.index("};", start) + 2:]

    def renewals(self, user):
        return len(re.findall(r'event=module .*text="renewed \d+" user="%s"' % user, self.log()))

    def wait_renewals(self, user, more):
        goal = self.renewals(user) + more
        eventually("%d renewals for %s" % (more, user), lambda: self.renewals(user) >= goal)


def start(scene, kind, options="", users=("bob",), **more):
    block = 'storage = { module = %s; %s };' % (
        quoted(os.path.join(BUILT, kind + ".so")), options)
    return type("Configured", (Leases,), {"storage": block})(
        scene.path, users=dict.fromkeys(users, PASSWORD), workers=1, **more)


def ends(server, count=1):
    return server.wait_event("session_end", count)[-1]


@test("an idle session is renewed again and again, and works on between")
def idle():
    for kind in KINDS:
        with Scene() as scene, start(scene, kind) as server:
            with Pop(server, "bob") as client:
                for number in (1, 2, 3):
                    server.wait_renewals("bob", 4 - number)
                    assert client.retr(number)
                client.cmd("DELE 2")
                client.quit()
            assert "reason=quit" in ends(server)
            with Pop(server, "bob") as client:
                equal(client.stat()[0], 2, "messages after QUIT")
                client.quit()
            ends(server, 2)
            before = server.renewals("bob")
            time.sleep(0.7)
            equal(server.renewals("bob"), before, "renewals without a session")


@test("a command that comes while a renewal is under way waits for it")
def meanwhile():
    for kind in KINDS:
        with Scene() as scene, start(scene, kind, 'renew_delay = "150ms";') as server:
            with Pop(server, "bob") as client:
                while server.renewals("bob") < 3:
                    client.retr(1)
                    time.sleep(0.01)
                client.quit()


@test("a renewal that fails ends the session without update, and sets its lock free")
def lost():
    for kind in KINDS:
        with Scene() as scene, start(scene, kind, "renew_fails = 3;") as server:
            with Pop(server, "bob") as client:
                client.cmd("DELE 1")
                client.at_end()  # nothing is said
            line = ends(server)
            assert "reason=lock-lost" in line and "deleted=0" in line, line
            line = server.events("lease_lost")[0]
            assert " error event=lease_lost" in line and "another machine has the lock" in line, \
                line
            assert 'user="bob"' in line and "session=" in line, line
            with Pop(server, "bob") as client:
                equal(client.stat()[0], 3, "messages")
                client.quit()


@test("no commit without a lock: what comes with the client's QUIT is found out before it")
def no_commit():
    for kind in KINDS:
        with Scene() as scene, start(
                scene, kind, 'renew_fails = 1; list_delay = "600ms"; renew_delay = "300ms";') \
                as server:
            for round_ in range(2):
                with Pop(server) as client:
                    client.send("USER bob\r\nPASS %s\r\nDELE 1\r\nQUIT\r\n" % PASSWORD)
                    said = client.file.read()
                # The listing outlasts the lease: by then a renewal is due.
                assert said.count(b"+OK") < 4, said
                line = ends(server, round_ + 1)
                assert "reason=lock-lost" in line, line
                equal(len(server.events("lease_lost")), round_ + 1, "lines")


@test("right before a commit the lock is renewed once more, or there is none")
def before_commit():
    for kind in KINDS:
        for fails in (0, 1):
            with Scene() as scene, start(scene, kind, "renew_fails = %d;" % fails) as server:
                with Pop(server) as client:
                    client.send("USER bob\r\nPASS %s\r\nDELE 1\r\nQUIT\r\n" % PASSWORD)
                    said = client.file.read()
                equal(said.count(b"+OK"), 3 if fails else 4, "answers")
                line = ends(server)
                assert "reason=%s" % ("lock-lost" if fails else "quit") in line, line
                assert server.renewals("bob") or fails
                with Pop(server, "bob") as client:
                    equal(client.stat()[0], 3 if fails else 2, "messages")
                    client.quit()


@test("a client that does not read its message does not lose the lock, one that is slow neither")
def downloads():
    for kind in KINDS:
        for options in ('size = "40M"; messages = 1;',
                        'size = "2M"; messages = 1; read = true; chunk = "50K"; '
                        'read_delay = "40ms";'):
            with Scene() as scene, start(scene, kind, options) as server:
                with Pop(server, "bob", receive_buffer=4096) as client:
                    size = client.sizes()[1]
                    client.put("RETR 1")
                    server.wait_renewals("bob", 3)
                    client.answer()
                    equal(len(client.multi()), size, "octets")
                    client.cmd("DELE 1")
                    client.quit()
                assert "reason=quit" in ends(server)


@test("lost in the middle of a message: the connection ends without the final dot")
def lost_on_the_way():
    for kind in KINDS:
        with Scene() as scene, start(
                scene, kind, 'size = "40M"; messages = 1; renew_fails = 2;') as server:
            with Pop(server, "bob", receive_buffer=4096) as client:
                client.put("RETR 1")
                server.wait_event("lease_lost")
                data = client.file.read()
                assert not data.endswith(b"\r\n.\r\n") and len(data) < 40 << 20, len(data)
            line = ends(server)
            assert "reason=lock-lost" in line, line


@test("many sessions, idle and busy, under TLS too; none meets another in its maildrop")
def crowd():
    users = ["user%d" % number for number in range(24)]
    for kind in KINDS:
        with Scene() as scene, start(
                scene, kind, "messages = 50;", users=users, threads=3,
                listener="tls = true;" if kind == "leasepool" else "",
                extra="tls = { certificate = %s; };" % quoted(certificate(scene))
                if kind == "leasepool" else "") as server:
            tls = None
            if kind == "leasepool":
                tls = ssl.create_default_context(
                    cafile=os.path.join(scene.path, "localhost.pem"))
            clients = [Pop(server, user, tls=tls) for user in users]
            for _ in range(6):
                for client in clients[::2]:
                    client.send("".join("RETR %d\r\n" % number for number in range(1, 51)))
                for client in clients[::2]:
                    for _ in range(50):
                        client.answer()
                        client.multi()
                time.sleep(0.2)
            for user, client in zip(users, clients):
                eventually("renewals for " + user, lambda u=user: server.renewals(u) >= 2)
                client.quit()
            equal(server.events("lease_lost"), [], "lost leases")


@test("popartctl copy renews, too, and gives up when it cannot")
def copies():
    ctl = os.path.join(os.path.dirname(POPARTD), "popartctl")
    for fails, status in ((0, 0), (2, 6)):
        with Scene() as scene:
            lease = ('{ module = %s; name = "lease"; messages = 12; read = true; '
                     'read_delay = "30ms"; renew_fails = %d; }' % (
                         quoted(os.path.join(BUILT, "leasestore.so")), fails))
            path = scene.file("ctl.conf", "\n".join([
                'user = "root";' if os.geteuid() == 0 else "", 'run_dir = "%s/run";' % scene.path,
                'module_path = "%s";' % MODULE_PATH, 'listen = { address = "127.0.0.1:0"; };',
                'auth = { module = "static"; user = "bob"; password = "x"; };',
                'storage = ( { module = "maildir"; path = "%s/mail/%%n"; }, %s );' % (
                    scene.path, lease)]))
            scene.directory("run")
            done = subprocess.run(
                [ctl, "-c", path, "copy", "--from", "lease", "--to", "maildir", "bob"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT, check=False,
                text=True)
            equal(done.returncode, status, "exit status (%s)" % done.stdout)
            if fails:
                assert "lease: another machine has the lock" in done.stdout, done.stdout
                assert len(scene.bob.messages()) < 12
            else:
                equal(len(scene.bob.messages()), 12, "messages")


@test("a renewal is no sign of life: who is silent for too long is sent away")
def silence():
    for kind in KINDS:
        with Scene() as scene, start(scene, kind, extra='idle_timeout = "2s";') as server:
            with Pop(server, "bob") as client:
                server.wait_renewals("bob", 3)
                client.at_end()
            assert "reason=idle-timeout" in ends(server)


@test("a client that goes, and a stop, while a renewal takes its time: everything is closed")
def ends_meanwhile():
    for kind in KINDS:
        with Scene() as scene, start(scene, kind, 'renew_delay = "400ms";',
                                     users=("bob", "eve", "ann")) as server:
            with Pop(server, "bob") as client:
                server.wait_renewals("bob", 1)
                client.reset()
            ends(server)
            with Pop(server, "eve") as client:
                server.wait_renewals("eve", 1)
                client.half_close()
                client.at_end()
            ends(server, 2)
            with Pop(server, "ann"):
                server.wait_renewals("ann", 1)
                server.send_signal(signal.SIGTERM)
                server.wait_event("drain")
                server.send_signal(signal.SIGTERM)
                equal(server.wait(), 0, "exit status")
            assert "reason=shutdown" in server.events("session_end")[-1], server.log()


main()
