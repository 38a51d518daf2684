#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Several auth modules, asked in their order: yes, no, "not mine" and "cannot tell"."""

import hashlib
import json
import os
import re
import socket
import subprocess
import time

from harness import (PASSWORD, POPARTD, SANITIZER, TIMEOUT, Pop, Refused, Scene, Server, equal,
                     eventually, letter, main, need, quoted, test)

BUILD = os.environ.get("TEST_BUILDDIR", os.path.dirname(POPARTD))
PLANTED = os.path.join(BUILD, "tests", "abi", ".libs", "planted.so")
DELIVER = os.path.join(os.path.dirname(POPARTD), "popart-deliver")
CTL = os.path.join(os.path.dirname(POPARTD), "popartctl")
OK, DENIED, TEMP, NEXT, UNAVAIL = 0, 1, 4, 9, -4
NOUSER, TEMPFAIL = 67, 75


class Chain(Server):
    """auth is what `blocks` says."""

    blocks = ""

    def configuration(self, directory):
        text = super().configuration(directory)
        start = text.index("auth = (")
        return text[:start] + "auth = ( %s " % self.blocks + text[text.index(");", start):]


def planted(scene, name, answer, more=""):
    """A module that answers what it is told; who asks it is written down."""
    return '{ module = %s; name = "%s"; journal = %s; answer = %d; %s }' % (
        quoted(PLANTED), name, quoted(os.path.join(scene.path, name)), answer, more)


BOB = '{ module = "static"; user = "bob"; password = %s; }' % quoted(PASSWORD)


def start(scene, *blocks, **more):
    more.setdefault("expect", {"module_failed"})
    kind = more.pop("planted", "good")
    return type("Configured", (Chain,), {"blocks": ", ".join(blocks)})(
        scene.path, environment=dict(os.environ, PLANTED=kind), workers=1, **more)


def asked(scene, name):
    """How often."""
    path = os.path.join(scene.path, name)
    if not os.path.exists(path):
        return 0
    with open(path, encoding="ascii") as file:
        return len(re.findall("^check_", file.read(), re.MULTILINE))


def answer(server, *commands):
    """What the last of them is answered, a refusal or "+OK"."""
    with Pop(server) as client:
        for command in commands[:-1]:
            client.cmd(command)
        try:
            client.cmd(commands[-1](client) if callable(commands[-1]) else commands[-1])
        except Refused as refusal:
            return refusal.args[0]
        client.quit()
        return b"+OK"


def by_password(server, user="bob", password=PASSWORD):
    return answer(server, "USER " + user, "PASS " + password)


def by_apop(server):
    def command(client):
        stamp = re.search(rb"<[^<>@ ]+@[^<>@ ]+>$", client.greeting).group(0)
        return "APOP bob " + hashlib.md5(stamp + PASSWORD.encode()).hexdigest()
    return answer(server, command)


# What the first module says, what the client then reads, and whether the second is asked.
OUTCOMES = (
    (NEXT, "", b"+OK", 1),
    (DENIED, "", b"-ERR [AUTH]", 0),
    (UNAVAIL, "", b"-ERR [SYS/TEMP]", 0),
    (UNAVAIL, 'say = "the server is away";', b"-ERR [SYS/TEMP]", 0),
    (TEMP, 'say = "later";', b"-ERR [SYS/TEMP] for the client", 0),
    (-99, "", b"-ERR [SYS/TEMP]", 0),
)


@test("PASS: NEXT goes on; DENIED, a text and \"cannot tell\" end it, each in its way")
def passwords():
    for first, more, expected, count in OUTCOMES:
        with Scene() as scene, start(scene, planted(scene, "first", first, more),
                                     planted(scene, "second", NEXT), BOB) as server:
            said = by_password(server)
            assert said.startswith(expected), (first, said)
            equal((asked(scene, "first"), asked(scene, "second")), (1, count),
                  "who was asked with %d" % first)
            equal(bool(server.events("module_failed")), first < 0, "an error in the log")
            if first < 0:
                assert b"[AUTH]" not in said, said
                assert "instance=first" in server.events("module_failed")[0], server.log()
                equal(server.events("auth_failed"), [], "lines about a wrong password")


@test("PASS: the second says no, or cannot tell; nobody knows the user")
def second():
    for answers, expected in (((NEXT, DENIED, OK), b"-ERR [AUTH]"),
                              ((NEXT, UNAVAIL, OK), b"-ERR [SYS/TEMP]"),
                              ((NEXT, NEXT, NEXT), b"-ERR [AUTH]"),
                              ((NEXT, NEXT, OK), b"+OK")):
        with Scene() as scene, start(scene, *(
                planted(scene, name, one) for name, one in zip("abc", answers))) as server:
            said = by_password(server)
            assert said.startswith(expected), (answers, said)
            wanted = next((number for number, one in enumerate(answers) if one != NEXT), 2)
            equal([asked(scene, name) for name in "abc"],
                  [int(number <= wanted) for number in range(3)], "who was asked")


@test("APOP goes along the chain as PASS does")
def challenge():
    for first, more, expected, _ in OUTCOMES:
        with Scene() as scene, start(scene, planted(scene, "first", first, more), BOB,
                                     extra="apop = true;") as server:
            said = by_apop(server)
            assert said.startswith(expected), (first, said)
    with Scene() as scene, start(scene, planted(scene, "first", NEXT),
                                 planted(scene, "second", NEXT), extra="apop = true;") as server:
        assert by_apop(server).startswith(b"-ERR [AUTH]")


def run(scene, program, *words, data=b""):
    done = subprocess.run([program, *words], input=data, timeout=TIMEOUT, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=dict(os.environ, PLANTED="good"))
    said = done.stdout.decode("utf-8", "replace")
    assert not SANITIZER.search(said), said
    return done.returncode, said


@test("delivery and popartctl why go along it, too: \"cannot tell\" sends no mail back")
def lookups():
    for first, more, status, reason in (
            (NEXT, "", 0, "can log in"), (DENIED, "", NOUSER, "no auth module knows"),
            (UNAVAIL, "", TEMPFAIL, "auth fails: .*unavailable"),
            (TEMP, 'say = "later";', TEMPFAIL, "it cannot be told now: .*later")):
        with Scene() as scene, start(scene, planted(scene, "first", first, more), BOB) as server:
            got, said = run(scene, DELIVER, "-c", server.conf, "-u", "bob", data=letter(1))
            equal(got, status, "exit status of a delivery with %d: %s" % (first, said))
            equal(len(scene.bob.messages()), int(status == 0), "messages")
            got, said = run(scene, CTL, "-c", server.conf, "why", "--json", "bob")
            told = json.loads(said)
            assert re.search(reason, told["answer"]), told["answer"]
            equal(told["can_log_in"] or "no server" in told["answer"], first == NEXT,
                  "whether bob may log in: " + told["answer"])
    with Scene() as scene, start(scene, planted(scene, "a", NEXT),
                                 planted(scene, "b", NEXT)) as server:
        equal(run(scene, DELIVER, "-c", server.conf, "-u", "bob", data=letter(1))[0], NOUSER,
              "exit status for a user whom nobody knows")


@test("an answer from memory counts if it is yes; anything else asks the chain anew")
def quick():
    for memory, slow, expected in ((OK, DENIED, b"+OK"), (DENIED, OK, b"+OK"),
                                   (UNAVAIL, OK, b"+OK"), (NEXT, DENIED, b"-ERR [AUTH]"),
                                   (NEXT, NEXT, b"+OK"), (DENIED, UNAVAIL, b"-ERR [SYS/TEMP]"),
                                   (UNAVAIL, DENIED, b"-ERR [AUTH]")):
        with Scene() as scene:
            # The last one does not wait, so that it is asked at once when the first says NEXT.
            blocks = [planted(scene, "first", slow, "quick = %d;" % memory)]
            if memory == slow == NEXT:
                blocks.append(BOB)
            with start(scene, *blocks, planted="quick") as server:
                said = by_password(server)
                assert said.startswith(expected), (memory, slow, said)


class Admin:
    """The admin socket, asked by hand."""

    def __init__(self, scene):
        self.path = os.path.join(scene.path, "run", "admin.socket")

    def get(self, path):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(TIMEOUT)
            client.connect(self.path)
            client.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" %
                           path.encode())
            with client.makefile("rb") as file:
                return json.loads(file.read().partition(b"\r\n\r\n")[2])

    def hashes(self):
        """{instance: how many hashes it has worked out}."""
        return {module["name"]: statistic["value"]
                for module in self.get("/v1/modules")["modules"]
                for statistic in module["statistics"] if statistic["name"] == "hash-checks"}


def two_files(scene, ttl):
    """bob in the file one, eve in the file two; their password is "right"."""
    need("openssl")
    secret = subprocess.run(["openssl", "passwd", "-6", "-salt", "salt", "right"], check=True,
                            stdout=subprocess.PIPE, text=True).stdout.strip()
    for name, user in (("one", "bob"), ("two", "eve")):
        scene.file(name, "%s:%s\n" % (user, secret))
    time.sleep(0.2)  # a file that is younger is read twice
    return start(scene, *(
        '{ module = "passwd_file"; name = "%s"; path = "%s/%s"; auth_cache_ttl = %s; }' %
        (name, scene.path, name, ttl) for name in ("one", "two")), extra="admin = { };",
        expect=())


@test("who is remembered by the second module needs no hash in the first")
def remembered():
    with Scene("bob", "eve") as scene, two_files(scene, "300") as server:
        admin = Admin(scene)
        eventually("the admin process", lambda: os.path.exists(admin.path))
        before = admin.hashes()
        for _ in range(5):
            equal(by_password(server, "eve", "right"), b"+OK", "eve")
        assert by_password(server, "eve", "wrong").startswith(b"-ERR [AUTH]")
        eventually("hashes of the first login and the wrong one", lambda: admin.hashes() == {
            name: count + 2 for name, count in before.items()})


@test("the second module's users and strangers cost the same work")
def same_work():
    with Scene("bob", "eve") as scene:
        with two_files(scene, "0") as server:
            admin = Admin(scene)
            eventually("the admin process", lambda: os.path.exists(admin.path))
            before = admin.hashes()
            for number, user in enumerate(("eve", "nobody", "mallory"), 1):
                assert by_password(server, user, "wrong").startswith(b"-ERR [AUTH]")
                eventually("a hash in each for " + user, lambda n=number: admin.hashes() == {
                    name: count + n for name, count in before.items()})
            equal(by_password(server, "eve", "right"), b"+OK", "eve")


main()
