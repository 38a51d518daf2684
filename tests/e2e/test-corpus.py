#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every message of the corpus over a bare socket: octets, sizes, TOP, UIDL."""

import os
import random

from harness import Pop, Scene, corpus, equal, letter, main, serving, test, wire


def crlf_lines(octets):
    """Only CRLF ends a line in wire form: a bare CR is an octet like any other."""
    return [line + b"\r\n" for line in octets.split(b"\r\n")[:-1]]


def top(octets, lines):
    kept = crlf_lines(octets)
    if b"\r\n" in kept:
        kept = kept[:kept.index(b"\r\n") + 1 + lines]
    return b"".join(kept)


def fill(scene, sub=None):
    mail = list(corpus().values())
    for number, data in enumerate(mail):
        scene.bob.add(data, sub or ("cur", "new")[number % 2])
    return [wire(data) for data in mail]


@test("every message comes back at its listed size, from cur/ and new/, in stable order")
def same_octets():
    with serving() as (scene, server):
        mail = fill(scene)
        with Pop(server, "bob") as client:
            equal(client.stat(), (len(mail), sum(map(len, mail))), "STAT")
            sizes = client.sizes()
            equal([sizes[number] for number in sorted(sizes)], list(map(len, mail)), "LIST")
            for number, octets in enumerate(mail, 1):
                equal(client.retr(number), octets, "message %d" % number)
            client.quit()


@test("the second visit, from the cache, says the same, and so does one after a restart")
def again():
    with Scene() as scene:
        mail = fill(scene)
        seen = []
        for _ in range(2):
            with scene.server() as server:
                for _ in range(2):
                    with Pop(server, "bob") as client:
                        seen.append((client.stat(), client.sizes(), client.uids()))
                        for number in random.Random(1).sample(range(1, len(mail) + 1), 40):
                            equal(client.retr(number), mail[number - 1], "message")
                        client.quit()
        for visit in seen[1:]:
            equal(visit, seen[0], "a later visit")
        uids = list(seen[0][2].values())
        equal(len(set(uids)), len(mail), "the number of unique-ids")
        for uid in uids:
            assert 1 <= len(uid) <= 70 and all(0x21 <= octet <= 0x7e for octet in uid), uid


@test("a message keeps its unique-id when it moves, gets flags, or others come and go")
def unique_ids():
    with Scene() as scene, scene.server() as server:
        first = scene.bob.add(letter(1), "new")
        scene.bob.add(letter(2), "cur")
        with Pop(server, "bob") as client:
            before = client.uids()
            client.quit()
        os.rename(first, first.replace("/new/", "/cur/") + ":2,RS")
        scene.bob.add(letter(3), "new")
        with Pop(server, "bob") as client:
            after = client.uids()
            equal({number: after[number] for number in before}, before, "the unique-ids")
            client.cmd("DELE 2")
            client.quit()
        with Pop(server, "bob") as client:
            equal(list(client.uids().values()), [after[1], after[3]], "what is left")
            client.quit()


@test("TOP n 0 and TOP n 5 of every message count from the blank line")
def tops():
    with serving() as (scene, server):
        mail = fill(scene, "cur")
        with Pop(server, "bob") as client:
            for number, octets in enumerate(mail, 1):
                for lines in (0, 5, 1000000):
                    equal(client.top(number, lines), top(octets, lines),
                          "TOP %d %d" % (number, lines))
            client.quit()


@test("every RETR in one packet")
def pipelined():
    with serving() as (scene, server):
        mail = fill(scene, "new")
        with Pop(server, "bob") as client:
            client.send(b"".join(b"RETR %d\r\n" % number
                                 for number in range(1, len(mail) + 1)) + b"QUIT\r\n")
            for number, octets in enumerate(mail, 1):
                client.answer()
                equal(client.multi(), octets, "message %d" % number)
            client.answer()
            client.at_end()


@test("sizes in names that are right, wrong or nonsense")
def hints():
    with serving() as (scene, server):
        octets = letter(1, 3000)
        right = wire(octets)
        for number, hint in enumerate((",S=%d,W=%d" % (len(octets), len(right)),
                                       ",S=%d" % len(octets), ",S=1,W=2", ",W=99999999999999",
                                       ",W=0", ",W=", ",W=-5", ",W=abc", ",S=,W=")):
            scene.bob.add(octets, "cur", "170000000%d.M1P1.test%s" % (number, hint))
        with Pop(server, "bob") as client:
            for number in client.sizes():
                equal(client.retr(number), right, "message %d" % number)
            client.quit()
        # What was wrong has been found out by sending it.
        with Pop(server, "bob") as client:
            equal(set(client.sizes().values()), {len(right)}, "the sizes afterwards")
            client.quit()
        server.expect.add("size_mismatch")


@test("file names of any octets and length: the mail is there, the unique-ids are legal")
def names():
    with serving() as (scene, server):
        stems = (b"x" * 240, b"x" * 239 + b"y", b"a b c", b"\xc3\xa4", b"\xff\xfe\x01",
                 b"tab\there", b"line\nbreak", b"UPPER", b"upper", b"1", b"~tilde", b"a,S=12",
                 b"b,S=x,W=y", b"c:1,x", b"d:2,", b"e:2,XYZ,S=5", b"%41", b"+", b"-1", b"\"q\\")
        for number, stem in enumerate(stems):
            path = os.path.join(scene.bob.path.encode(), (b"cur", b"new")[number % 2], stem)
            with open(path, "wb") as file:
                file.write(letter(number))
        seen = []
        for _ in range(2):
            with Pop(server, "bob") as client:
                uids = list(client.uids().values())
                equal(len(set(uids)), len(stems), "the number of unique-ids")
                for uid in uids:
                    assert 1 <= len(uid) <= 70, uid
                    assert all(0x21 <= octet <= 0x7e for octet in uid), uid
                seen.append((uids, list(client.all().values())))
                client.quit()
        equal(seen[1], seen[0], "the second visit")
        equal(sorted(seen[0][1]), sorted(wire(letter(number)) for number in range(len(stems))),
              "the messages")
        with Pop(server, "bob") as client:
            for number in range(1, len(stems) + 1):
                client.cmd("DELE %d" % number)
            client.quit()
        equal(scene.bob.messages(), [], "what is left")


@test("a large message and an empty one")
def extremes():
    with serving() as (scene, server):
        large = letter(1, 30 << 20)
        scene.bob.add(large)
        scene.bob.add(b"")
        scene.bob.add(b".")
        scene.bob.add(b"\n.\n..\n...\r\n.\r\r\n.")
        scene.bob.add(b"a" * (3 << 20))
        with Pop(server, "bob") as client:
            got = client.all()
            equal(len(got[1]), len(wire(large)), "the length of the large one")
            assert got[1] == wire(large)
            equal(got[2], b"", "the empty one")
            equal(got[3], b".\r\n", "a lone dot")
            equal(got[4], b"\r\n.\r\n..\r\n...\r\n.\r\r\n.\r\n", "dots")
            equal(got[5], b"a" * (3 << 20) + b"\r\n", "one endless line")
            client.quit()


main()
