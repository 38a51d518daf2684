#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Mailboxes of one file, shared with programs that deliver into them and read them."""

import contextlib
import fcntl
import mailbox
import os
import poplib
import pty
import random
import re
import signal
import subprocess
import threading
import time

from harness import (PASSWORD, Pop, Refused, Scene, Server, corpus, equal, eventually, letter,
                     main, need, test, wire)

FROM = b"From a@example.net Thu Jan  1 00:00:00 2026\n"
HIDDEN = re.compile(rb"(status|x-status|x-keywords|x-uid|x-imap|x-imapbase|content-length):",
                    re.I)


def stored(data):
    """A message as a careful program appends it (mboxrd)."""
    data = re.sub(rb"^(>*From )", rb">\1", data, flags=re.M)
    if data.endswith(b"\r"):
        data += b"\r\n"
    elif data and not data.endswith(b"\n"):
        data += b"\n"
    return FROM + data + b"\n"


def shown(data):
    """What is sent of it: without what other programs keep in headers."""
    head = re.match(rb"(?s)(.*?\n)?(?=\r?\n)", data)
    end = head.end() if head else len(data)
    lines = re.findall(rb"[^\n]*\n|[^\n]+", data[:end])
    keep, hidden = [], False
    for line in lines:
        if line[:1] not in b" \t":
            hidden = HIDDEN.match(line) is not None
        if not hidden:
            keep.append(line)
    return wire(b"".join(keep) + data[end:])


class MboxServer(Server):
    """The mailbox of "x" is spool/x."""

    def __init__(self, scene, options="", **more):
        self.options_text = options
        self.directory = scene.path
        scene.directory("spool")
        scene.directory("indexes")
        super().__init__(scene.path, **more)

    def configuration(self, directory):
        text = super().configuration(directory)
        return re.sub(r"storage = \{.*?\};",
                      'storage = { module = "mbox"; path = "%s/spool/%%n"; '
                      'state_dir = "%s/indexes"; %s };' %
                      (directory, directory, self.options_text), text)


@contextlib.contextmanager
def spool(options="", **more):
    """A server, and the path of bob's mailbox."""
    with Scene() as scene, MboxServer(scene, options, **more) as server:
        yield server, os.path.join(scene.path, "spool", "bob")


def put(path, *messages):
    with open(path, "ab") as file:
        for message in messages:
            file.write(stored(message))


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def procmail(path, message):
    done = subprocess.run(["procmail", "-f", "a@example.net", "DEFAULT=" + path, "LOCKSLEEP=1",
                           "LOCKTIMEOUT=2", "SUSPEND=1", "/dev/null"], input=message, check=False,
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done


@test("the corpus as one mailbox: every message at its size, twice")
def whole_corpus():
    mail = list(corpus().values())
    with spool() as (server, path):
        put(path, *mail)
        before = contents(path)
        uids = None
        for _ in range(2):
            with Pop(server, "bob") as client:
                equal(client.stat()[0], len(mail), "messages")
                for number, octets in client.all().items():
                    equal(octets, shown(mail[number - 1]), "message %d" % number)
                again = client.uids()
                equal(len(set(again.values())), len(mail), "unique-ids")
                equal(again, uids or again, "unique-ids")
                uids = again
                client.quit()
        equal(contents(path), before, "the mailbox")


@test("what is removed is gone, and the rest stays as it was, in the same file")
def removed():
    mail = [letter(number, 300 + 900 * (number % 5)) for number in range(40)]
    chance = random.Random(4)
    with spool() as (server, path):
        put(path, *mail)
        inode = os.stat(path).st_ino
        left = dict(enumerate(mail))
        while left:
            with Pop(server, "bob") as client:
                numbers = sorted(left)
                gone = chance.sample(numbers, min(len(numbers), 7))
                for number in gone:
                    client.cmd("DELE %d" % (numbers.index(number) + 1))
                    del left[number]
                client.quit()
            equal(contents(path), b"".join(stored(left[n]) for n in sorted(left)), "the mailbox")
        equal(os.stat(path).st_ino, inode, "the file")
        with Pop(server, "bob") as client:
            equal(client.stat(), (0, 0), "what is left")


@test("clients: poplib, curl, mpop, fetchmail")
def clients():
    need("curl", "mpop", "fetchmail")
    mail = [letter(number) for number in range(12)]
    with spool() as (server, path):
        put(path, *mail)
        pop = poplib.POP3("127.0.0.1", server.port)
        pop.user("bob")
        pop.pass_(PASSWORD)
        equal(b"\r\n".join(pop.retr(3)[1]) + b"\r\n", wire(mail[2]), "a message")
        for number in range(1, 5):
            pop.dele(number)
        pop.quit()
        got = subprocess.run(["curl", "-s", "-u", "bob:" + PASSWORD,
                              "pop3://127.0.0.1:%d/8" % server.port], check=True,
                             capture_output=True).stdout
        equal(got, wire(mail[11]), "by curl")
        out = path + ".mpop"
        subprocess.run(["mpop", "--host=127.0.0.1", "--port=%d" % server.port, "--user=bob",
                        "--passwordeval=echo " + PASSWORD, "--tls=off", "--auth=user", "--keep=off",
                        "--delivery=mbox," + out, "--uidls-file=" + path + ".uidls",
                        "--received-header=off"], check=True, capture_output=True)
        equal(len(mailbox.mbox(out)), 8, "by mpop")
        equal(contents(path), b"", "the mailbox after mpop")
        put(path, *mail)
        rc = path + ".fetchmailrc"
        with open(rc, "w", encoding="utf-8") as file:
            file.write('poll 127.0.0.1 service %d protocol pop3 user "bob" password "%s" '
                       'sslproto "" mda "cat >> %s.fetched" fetchall\n' %
                       (server.port, PASSWORD, path))
        os.chmod(rc, 0o600)
        subprocess.run(["fetchmail", "-f", rc, "--pidfile", path + ".pid", "-s", "--nosyslog"],
                       check=True, env=dict(os.environ, FETCHMAILHOME=os.path.dirname(path)))
        equal(contents(path + ".fetched").count(b"nobody will read."),
              b"".join(mail).count(b"nobody will read."), "lines by fetchmail")
        equal(contents(path), b"", "the mailbox after fetchmail")


class Postman(threading.Thread):
    """Delivers numbered messages by procmail until it is told to stop."""

    def __init__(self, path, first):
        super().__init__()
        self.path, self.number = path, first
        self.over = threading.Event()
        self.sent = []
        self.problem = None

    def run(self):
        try:
            while not self.over.is_set():
                procmail(self.path, letter(self.number, 2000))
                self.sent.append(self.number)
                self.number += 1
        except (AssertionError, OSError) as error:
            self.problem = error


def number_of(octets):
    return int(re.search(rb"Message-ID: <(\d+)@", octets).group(1))


@test("procmail delivers while messages are fetched and removed: every one arrives once")
def deliveries():
    need("procmail")
    seconds = float(os.environ.get("STRESS_SECONDS", "4"))
    with spool() as (server, path):
        put(path, letter(0))
        postmen = [Postman(path, 1000000 * (i + 1)) for i in range(2)]
        for postman in postmen:
            postman.start()
        got = {0: None}
        end = time.monotonic() + seconds
        rounds = 0
        while rounds < 3 or time.monotonic() < end or any(p.is_alive() for p in postmen):
            if time.monotonic() >= end:
                for postman in postmen:
                    postman.over.set()
                    postman.join()
            with Pop(server, "bob") as client:
                uids = client.uids()
                for number, octets in client.all().items():
                    if number % 5 == 3:
                        continue  # stays for the next round
                    name = number_of(octets)
                    known = got.setdefault(name, uids[number])
                    assert known in (None, uids[number]), "another unique-id"
                    got[name] = uids[number]
                    client.cmd("DELE %d" % number)
                client.quit()
            rounds += 1
        equal([p.problem for p in postmen], [None, None], "what procmail says")
        while contents(path):
            with Pop(server, "bob") as client:
                for number, octets in client.all().items():
                    name = number_of(octets)
                    assert name not in got, "message %d came back" % name
                    got[name] = True
                    client.cmd("DELE %d" % number)
                client.quit()
        expected = {0} | {n for p in postmen for n in p.sent}
        equal(sorted(got), sorted(expected), "messages")
        assert len(expected) > 10, len(expected)


@test("workers die while messages are removed and delivered: nothing is lost")
def dying_workers():
    need("procmail")
    # Without dotlocks: one that a dead worker has left would keep procmail waiting.
    with spool('lock = "fcntl";', expect=("worker_died",), workers=2) as (server, path):
        count = 150
        put(path, *[letter(number, 6000) for number in range(count)])
        chance = random.Random(9)
        asked, answered, sent = set(), set(), set(range(count))
        for turn in range(6):
            victims = server.workers()
            try:
                with Pop(server, "bob") as client:
                    names = {}
                    for number in client.uids():
                        if chance.random() < 0.15:
                            names[number] = number_of(client.retr(number))
                            client.cmd("DELE %d" % number)
                    asked |= set(names.values())
                    client.put("QUIT")
                    time.sleep(chance.random() * 0.006)
                    if turn % 3 != 2:
                        for pid in victims:
                            os.kill(pid, signal.SIGKILL)
                    client.answer()
                    answered |= set(names.values())
            except (EOFError, OSError, Refused):
                pass
            procmail(path, letter(5000 + turn))
            sent.add(5000 + turn)
            dead = set(victims) if turn % 3 != 2 else set()
            eventually("two workers", lambda: len(server.workers()) == 2 and
                       not set(server.workers()) & dead)

        def login():
            with contextlib.suppress(Refused, EOFError, OSError):
                client = Pop(server, "bob")
                return client

        with eventually("a login", login) as client:
            left = [number_of(octets) for octets in client.all().values()]
            client.quit()
        equal(len(left), len(set(left)), "messages without the copies")
        assert not set(left) & answered, "there again: %r" % (set(left) & answered)
        assert sent - set(left) <= asked, "lost: %r" % (sent - set(left) - asked)
        equal(len(mailbox.mbox(path)), len(left), "messages as Python sees them")


@test("a mail reader sets flags and removes: unique-ids stay, and the session goes on")
def mutt():
    need("mutt")
    mail = [letter(number) for number in range(6)]
    with spool() as (server, path):
        put(path, *mail)
        with Pop(server, "bob") as client:
            uids = client.uids()
            keys = "<first-entry><next-entry><next-entry><flag-message><next-entry><delete-message>"
            control, terminal = pty.openpty()
            reader = subprocess.Popen(
                ["mutt", "-n", "-F", "/dev/null", "-f", path, "-e",
                 "set folder='%s' delete=yes quit=yes move=no wait_key=no" % os.path.dirname(path), "-e",
                 'push "%s<sync-mailbox><exit>"' % keys],
                env=dict(os.environ, TERM="xterm", HOME=os.path.dirname(path)),
                stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True)
            os.close(terminal)
            watchdog = threading.Timer(60, reader.kill)
            watchdog.start()
            screen = b""
            with contextlib.suppress(OSError):  # the end of a terminal
                while True:
                    screen += os.read(control, 65536)
            os.close(control)
            watchdog.cancel()
            equal(reader.wait(60), 0, "what mutt returns")
            if b"X-Status:" not in contents(path) and b"Status:" not in contents(path):
                raise AssertionError("mutt did nothing: %r" % screen[-300:])
            # It adds a line "Lines" to what it touches, which is then another text.
            sent = 0
            for number in uids:
                try:
                    equal(client.retr(number), wire(mail[number - 1]), "a message")
                    sent += 1
                except Refused as refusal:
                    assert b"changed" in refusal.args[0] or b"gone" in refusal.args[0], refusal
            equal(sent, 2, "messages that it did not touch")
            client.cmd("DELE 1")
            client.quit()
        with Pop(server, "bob") as client:
            left = {number_of(octets): client.uids()[number]
                    for number, octets in client.all().items()}
            equal(sorted(left), [1, 2, 3, 5], "what is left")
            for name, uid in left.items():
                equal(uid, uids[name + 1], "the unique-id of message %d" % name)


@test("a mailbox that somebody else has locked is IN-USE, and then it is not")
def locked():
    with spool('lock_wait = "100ms";', expect=("commit_failed",)) as (server, path):
        put(path, letter(1))
        with open(path, "r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            with Pop(server) as client:
                client.cmd("USER bob")
                client.refused("PASS " + PASSWORD, b"[IN-USE]")
        with Pop(server, "bob") as client:
            equal(client.stat()[0], 1, "messages")
            with open(path + ".lock", "w", encoding="utf-8") as file:
                file.write("0")
            client.cmd("DELE 1")
            assert b"locked by another program" in client.refused("QUIT")
        equal(contents(path), stored(letter(1)), "the mailbox")
        os.unlink(path + ".lock")
        with Pop(server, "bob") as client:
            client.cmd("DELE 1")
            client.quit()
        equal(contents(path), b"", "the mailbox")


@test("a second login reads the index; without it nothing changes")
def index():
    with spool() as (server, path):
        put(path, *[letter(number) for number in range(50)])
        seen = []
        for turn in range(3):
            if turn == 2:
                for name in os.listdir(os.path.join(server.directory, "indexes")):
                    os.unlink(os.path.join(server.directory, "indexes", name))
            with Pop(server, "bob") as client:
                seen.append((client.uids(), client.sizes()))
                client.quit()
        equal(seen[1], seen[0], "the second login")
        equal(seen[2], seen[0], "a login without the index")


@test("a large message needs no memory of its size")
def large():
    with spool(workers=1) as (server, path):
        put(path, letter(1), letter(2, 60 << 20), letter(3))
        with Pop(server, "bob", receive_buffer=65536) as client:
            before = server.rss()
            equal(len(client.retr(2)), client.sizes()[2], "octets")
            assert server.rss() - before < 8 << 20, (before, server.rss())
            client.quit()


main()
