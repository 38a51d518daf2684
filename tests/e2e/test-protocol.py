#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The protocol over the wire: input in any pieces, bad input, ends of connections, slow
readers, timeouts."""


import os
import random
import resource
import socket
import time

from harness import (PASSWORD, TIMEOUT, Pop, Refused, equal, eventually, letter, main, sanitized,
                     serving, test, wire)


def messages_are(scene, count):
    equal(len(scene.bob.messages()), count, "the number of messages in the Maildir")


@test("500 pipelined commands in one packet")
def pipelined():
    with serving() as (scene, server):
        scene.bob.fill(3)
        commands = [b"NOOP", b"STAT", b"LIST 2", b"NOPE", b"UIDL 3"]
        with Pop(server) as client:
            client.send(b"USER bob\r\nPASS " + PASSWORD.encode() + b"\r\n" +
                        b"\r\n".join(commands * 100) + b"\r\nQUIT\r\n")
            client.answer()
            client.answer()
            first = [client.line() for _ in commands]
            equal([line[:3] for line in first], [b"+OK", b"+OK", b"+OK", b"-ER", b"+OK"],
                  "answers")
            for number in range(99):
                equal([client.line() for _ in commands], first, "round %d" % number)
            client.answer()
            client.at_end()


@test("byte by byte")
def bytes_alone():
    with serving() as (scene, server):
        scene.bob.fill(2)
        with Pop(server) as client:
            script = "uSeR bob\r\nPASS %s\r\nSTAT\r\nRETR 1\r\nQUIT\r\n" % PASSWORD
            for octet in script:
                client.send(octet)
            client.answer()
            client.answer()
            equal(client.answer().split()[0], b"2", "STAT")
            client.answer()
            equal(client.multi(), wire(letter(1)), "message 1")
            client.answer()
            client.at_end()


def flood(client, octets):
    """Sends so many octets without a newline, as far as the server takes them."""
    part = b"x" * 65536
    try:
        for _ in range(octets // len(part)):
            client.send(part)
    except OSError:
        return False
    return True


@test("10 MB without a newline, in both states, cost no memory and get one -ERR")
def endless_line():
    with serving() as (scene, server):
        scene.bob.fill(1)
        for user in (None, "bob"):
            with Pop(server, user) as client:
                flood(client, 1 << 20)  # what memory there is in any case is in use now
                client.send(b"\r\n")
                assert client.line().startswith(b"-ERR")
                before = server.rss()
                assert flood(client, 10 << 20), "the connection was cut"
                client.send(b"\r\nNOOP\r\n" if user else b"\r\nCAPA\r\n")
                assert client.line().startswith(b"-ERR")
                assert client.line().startswith(b"+OK")
                if not sanitized():
                    more = server.rss() - before
                    assert more < 1024, "the workers took %d KiB more" % more


@test("20 bad commands in a row end the session, 19 do not")
def bad_commands():
    with serving() as (scene, server):
        scene.bob.fill(1)
        with Pop(server, "bob") as client:
            client.cmd("DELE 1")
            for _ in range(3):
                for _ in range(19):
                    client.refused("XYZZY")
                client.cmd("NOOP")
            client.send(b"XYZZY\r\n" * 100)  # what is not looked at does not hurt the answers
            for _ in range(20):
                assert client.line().startswith(b"-ERR")
            rest = client.file.read()
            assert rest == b"" or rest.startswith(b"-ERR"), rest
        messages_are(scene, 1)
        server.wait_event("session_end")


@test("what a client says is never echoed raw, and no answer is longer than 512 octets")
def no_echo():
    with serving() as (scene, server):
        with Pop(server) as client:
            for command in (b"\x1b[31mRED", b"A" * 253, b"USER", b"RETR 1", b"\xff\xfe\x00x",
                            b"USER " + b"\xc3\xa4" * 120, b"", b"[AUTH] x", b"\0", b":"):
                client.put(command)
                line = client.line()
                assert len(line) <= 510 and all(0x20 <= octet < 0x7f for octet in line), line
        assert "\x1b" not in server.log()


@test("numbers that are none")
def numbers():
    with serving() as (scene, server):
        scene.bob.fill(2)
        with Pop(server, "bob") as client:
            for count, number in enumerate(("0", "-1", "3", "1x", "x", "+1", "4294967297",
                                            "18446744073709551617", "1 2")):
                client.refused("DELE " + number)
                if count % 10 == 9:
                    client.cmd("NOOP")
            client.refused("TOP 1")
            client.refused("TOP 1 -1")
            client.cmd("DELE 1")
            for command in ("RETR 1", "TOP 1 0", "DELE 1", "LIST 1", "UIDL 1"):
                client.refused(command)
            equal(list(client.sizes()), [2], "LIST after DELE")
            equal(list(client.uids()), [2], "UIDL after DELE")
            equal(client.stat()[0], 1, "STAT after DELE")
            equal(client.cmd("LIST 2").split()[0], b"2", "the number does not change")
            client.cmd("RSET")
            equal(client.stat()[0], 2, "STAT after RSET")
            client.quit()
        messages_are(scene, 2)


@test("FIN right behind QUIT commits")
def fin_after_quit():
    with serving() as (scene, server):
        scene.bob.fill(4)
        with Pop(server, "bob") as client:
            client.send(b"DELE 1\r\nDELE 3\r\nQUIT\r\n")
            client.half_close()
            for _ in range(3):
                client.answer()
            client.at_end()
        messages_are(scene, 2)
        with Pop(server, "bob") as client:  # closes at once, as Outlook does
            client.cmd("DELE 1")
            client.put("QUIT")
        eventually("the deletion", lambda: len(scene.bob.messages()) == 1)


@test("RST, FIN and a lost QUIT line commit nothing")
def no_update():
    with serving() as (scene, server):
        scene.bob.fill(3)
        def lost(client):
            client.reset()
        def closed(client):
            client.close()
        def half(client):
            client.send(b"QUIT")
            client.half_close()
            client.file.read()
        def cut(client):
            client.send(b"RETR 1\r\nQUI")
            client.close()
        for number, end in enumerate((lost, closed, half, cut), 1):
            client = Pop(server)
            eventually("the maildrop is free", lambda: free_login(client))
            client.cmd("DELE 1")
            client.cmd("DELE 2")
            end(client)
            client.close()
            server.wait_event("session_end", number)
            messages_are(scene, 3)


def free_login(client):
    try:
        client.login("bob")
        return True
    except Exception as error:
        assert b"[IN-USE]" in error.args[0], error
        return False


@test("after a failed send nothing that was received is executed, QUIT neither")
def failed_send():
    for end in (Pop.reset, Pop.close):
        with serving() as (scene, server):
            scene.bob.add(letter(1, 30 << 20))
            scene.bob.add(letter(2))
            client = Pop(server, "bob", receive_buffer=8192)
            client.send(b"DELE 2\r\nRETR 1\r\nQUIT\r\n")
            client.answer()
            client.answer()
            client.file.read(1000)
            end(client)
            server.wait_event("session_end")
            messages_are(scene, 2)
            with Pop(server, "bob") as again:
                equal(again.stat()[0], 2, "STAT")
                again.quit()


@test("half-close after pipelined commands gets all answers")
def half_close():
    with serving() as (scene, server):
        scene.bob.fill(40, octets=60000)
        with Pop(server) as client:
            client.send(b"USER bob\r\nPASS %s\r\n" % PASSWORD.encode() +
                        b"".join(b"RETR %d\r\n" % number for number in range(1, 41)) +
                        b"STAT\r\n")
            client.half_close()
            client.answer()
            client.answer()
            for number in range(1, 41):
                client.answer()
                equal(client.multi(), wire(letter(number, 60000)), "message %d" % number)
            equal(client.answer().split()[0], b"40", "STAT")
            client.at_end()


@test("commands that come while others are answered, and a FIN in any of them, are answered")
def while_answered():
    chance = random.Random(2)
    with serving() as (_, server):
        for _ in range(40):
            clients = [Pop(server, "bob" if turn == 0 else None) for turn in range(5)]
            sent = [0] * len(clients)
            for _ in range(30):
                turn = chance.randrange(len(clients))
                count = chance.choice((1, 1, 2, 300))
                clients[turn].send(b"NOOP\r\n" * count if turn == 0 else b"CAPA\r\n" * count)
                sent[turn] += count
            for turn, client in enumerate(clients):
                client.half_close()
                for _ in range(sent[turn]):
                    client.answer()
                    if turn:
                        while client.line() != b".":
                            pass
                client.at_end()
                client.close()


@test("slow readers of 50 MB hold up nobody, and the server's memory stays flat")
def slow_readers():
    names = ["slow%d" % number for number in range(12)] + ["bob"]
    with serving(*names) as (scene, server):
        large = letter(1, 50 << 20)
        first = scene.mail[names[0]].add(large)
        for name in names[1:-1]:
            os.link(first, os.path.join(scene.mail[name].path, "cur", os.path.basename(first)))
        scene.bob.fill(50)
        with Pop(server, names[0]) as client:
            client.retr(1)
            client.quit()
        before = server.rss()
        slow = [Pop(server, name, receive_buffer=4096) for name in names[:-1]]
        for client in slow:
            client.put("RETR 1")
        for client in slow:
            client.answer()
            client.file.read(10000)
        for _ in range(5):
            with Pop(server, "bob") as client:
                equal(len(client.all()), 50, "the number of messages")
                client.quit()
        if not sanitized():
            more = server.rss() - before
            assert more < 24 << 10, "the workers took %d KiB more" % more
        octets = wire(large)
        for client in slow:  # who goes on reading gets what comes next
            equal(client.file.read(100000), octets[10000:110000], "the next octets")
        slow[0].close()
        for client in slow[1:]:
            client.close()
        server.wait_event("session_end", len(names) + 5)


@test("an idle session is closed in silence, and nothing is deleted")
def idle():
    with serving(extra='idle_timeout = "1s"; login_timeout = "60s";') as (scene, server):
        scene.bob.fill(2)
        with Pop(server, "bob") as client:
            client.cmd("DELE 1")
            client.at_end()
        messages_are(scene, 2)
        server.wait_event("session_end")
        with Pop(server, "bob") as client:  # nothing holds the maildrop
            client.quit()


@test("who is slow to read what has been sent already is not idle")
def slow_to_read():
    with serving(extra='idle_timeout = "1s";') as (scene, server):
        scene.bob.add(letter(1, 2 << 20))  # the kernel holds all of it
        octets = wire(letter(1, 2 << 20))
        with Pop(server, "bob", receive_buffer=65536) as client:
            client.put("RETR 1")
            client.answer()
            got = b""
            while len(got) < len(octets):
                got += client.file.read(min(1 << 16, len(octets) - len(got)))
                time.sleep(0.1)
            assert got == octets
            equal(client.file.read(3), b".\r\n", "the end of the message")
            client.quit()


@test("a download that takes longer than idle_timeout goes on; one that nobody reads ends")
def slow_and_stuck():
    with serving("bob", "eve", extra='idle_timeout = "2s";') as (scene, server):
        octets = wire(letter(1, 40 << 20))
        for maildir in scene.mail.values():
            maildir.add(letter(1, 40 << 20))
        stuck = Pop(server, "eve", receive_buffer=8192)
        slow = Pop(server, "bob", receive_buffer=65536)
        for client in (stuck, slow):
            client.put("RETR 1")
            client.answer()
        got = b""
        while len(got) < len(octets):
            got += slow.file.read(min(1 << 20, len(octets) - len(got)))
            time.sleep(0.1)
        assert got == octets
        equal(slow.file.read(3), b".\r\n", "the end of the message")
        slow.quit()
        server.wait_event("session_end", 2)
        with Pop(server, "eve") as client:  # free, although the other still does not read
            client.quit()
        assert not stuck.file.read().endswith(b"\r\n.\r\n"), "it looks complete"
        stuck.close()
        equal(len(scene.mail["eve"].messages()), 1, "the number of messages")


@test("whoever does not log in is closed in silence")
def login_timeout():
    with serving(extra='login_timeout = "1s";') as (scene, server):
        scene.bob.fill(1)
        with Pop(server) as client:
            client.at_end()
        with Pop(server) as client:
            client.cmd("USER bob")
            client.at_end()
        with Pop(server, "bob") as client:
            client.cmd("DELE 1")
            client.quit()
        messages_are(scene, 0)


@test("many connections at once, opened and closed without a word")
def connections():
    with serving() as (scene, server):
        scene.bob.fill(1)
        idle = [Pop(server) for _ in range(200)]
        with Pop(server, "bob") as client:
            equal(client.stat()[0], 1, "STAT")
            client.quit()
        for number, client in enumerate(idle):
            client.reset() if number % 2 else client.close()
        server.wait_event("session_end", 201)


def overcrowded(server, count):
    """Opens so many connections; returns those that are greeted with +OK."""
    greeted = []
    for _ in range(count):
        try:
            greeted.append(Pop(server))
        except Refused as refusal:
            assert refusal.args[0].startswith(b"-ERR [SYS/TEMP]"), refusal
        except (EOFError, ConnectionResetError):
            pass
    return greeted


def recovers(server, clients):
    for client in clients:
        client.close()

    def login():
        try:
            with Pop(server, "bob") as client:
                client.quit()
            return True
        except (Refused, EOFError, ConnectionResetError):
            return False
    eventually("a login works again", login)


def limit_descriptors(pid, limit):
    """Sets the soft limit; returns what it was."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))
    return soft


@test("max_connections: one more is told to come later, and does when there is room")
def max_connections():
    with serving(extra="max_connections = 10;") as (_, server):
        greeted = overcrowded(server, 60)
        assert len(greeted) <= 20, "%d connections were taken" % len(greeted)
        assert server.events("connect_refused")
        recovers(server, greeted)


@test("a worker that has no descriptors left goes on serving whom it has")
def no_descriptors():
    with serving() as (scene, server):
        scene.bob.fill(3)
        with Pop(server, "bob") as client:
            for pid in server.workers():
                used = max(map(int, os.listdir("/proc/%d/fd" % pid)))
                limit_descriptors(pid, used + 20)
            greeted = overcrowded(server, 2000)  # two threads in one moment are rare
            assert len(greeted) < 200
            equal(client.stat()[0], 3, "STAT")
            client.quit()
            recovers(server, greeted)


@test("a connection that could not be accepted is, as soon as that is possible again")
def accepted_later():
    with serving() as (_, server):
        before = [limit_descriptors(pid, 3) for pid in server.workers()]
        with socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as waiting:
            time.sleep(0.2)  # long enough to be tried in vain
            for pid, limit in zip(server.workers(), before):
                limit_descriptors(pid, limit)
            assert waiting.recv(512).startswith(b"+OK")


main()
