#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A Maildir that other programs use at the same time, with odd things in it, on disks that
are read-only or full."""

import contextlib
import os
import random
import shutil
import socket
import subprocess

from harness import (MODULE_PATH, POPARTD, Maildir, Pop, Refused, Scene, Skip, equal, letter,
                     main, need_root, serving, test, wire)


def mortal(scene):
    """Root is stopped by no permission: the workers' user, who is, and who owns the mail."""
    if os.geteuid() != 0:
        return None
    for path in [POPARTD] + MODULE_PATH.split(":"):
        while path != "/":
            if not os.stat(path).st_mode & 0o005:
                raise Skip("nobody cannot reach " + path)
            path = os.path.dirname(path)
    for directory, _, names in os.walk(scene.path + "/mail"):
        for name in ["."] + names:
            shutil.chown(os.path.join(directory, name), "nobody")
    return "nobody"


def protect(mode, *paths):
    for path in paths:
        os.chmod(path, mode)


@test("what is delivered during a session is in the next")
def delivery():
    with serving() as (scene, server):
        scene.bob.fill(2)
        with Pop(server, "bob") as client:
            scene.bob.add(letter(3), "new")
            scene.bob.add(letter(4), "cur")
            equal(client.stat()[0], 2, "STAT")
            client.cmd("DELE 1")
            client.quit()
        equal(len(scene.bob.messages()), 3, "the number of messages")
        with Pop(server, "bob") as client:
            equal([octets for octets in client.all().values()],
                  [wire(letter(number)) for number in (2, 3, 4)], "messages")
            client.quit()


@test("messages that move from new/ to cur/ and change flags are found and deleted")
def moves():
    with serving() as (scene, server):
        paths = [scene.bob.add(letter(number), ("new", "cur")[number % 2])
                 for number in range(1, 41)]
        with Pop(server, "bob") as client:
            chance = random.Random(1)
            for number, path in enumerate(paths, 1):
                base = os.path.basename(path).partition(":")[0]
                os.rename(path, os.path.join(scene.bob.path, "cur", base + ":2," +
                                             "".join(sorted(chance.sample("DFPRST", 2)))))
                equal(client.retr(number), wire(letter(number)), "message %d" % number)
            for path in scene.bob.messages():
                os.rename(path, path.partition(":")[0] + ":2,FS")
            for number in range(1, 41, 2):
                equal(client.top(number, 1), b"\r\n".join(wire(letter(number)).split(
                    b"\r\n")[:7]) + b"\r\n", "TOP")
                client.cmd("DELE %d" % number)
            for path in scene.bob.messages():
                os.rename(path, path.partition(":")[0] + ":2,")
            client.quit()
        equal(len(scene.bob.messages()), 20, "the number of messages")
        with Pop(server, "bob") as client:
            equal(list(client.all().values()),
                  [wire(letter(number)) for number in range(2, 41, 2)], "what is left")
            client.quit()


@test("a message that another program removes is an -ERR, and the session goes on")
def removal():
    with serving() as (scene, server):
        paths = scene.bob.fill(5)
        with Pop(server, "bob") as client:
            client.cmd("DELE 3")
            os.unlink(paths[1])
            os.unlink(paths[2])
            client.refused("RETR 2")
            client.refused("TOP 2 0")
            equal(client.retr(4), wire(letter(4)), "message 4")
            equal(client.stat()[0], 4, "STAT")
            client.cmd("DELE 2")
            client.cmd("DELE 5")
            client.quit()  # what is gone already counts as removed
        equal(scene.bob.messages(), [paths[0], paths[3]], "what is left")
        with Pop(server, "bob") as client:
            equal(len(client.all()), 2, "the number of messages")
            client.quit()


@test("a message that is changed in its place is never sent at a wrong size")
def rewritten():
    with serving() as (scene, server):
        path = scene.bob.add(letter(1))
        with Pop(server, "bob") as client:
            client.all()
            client.quit()
        with open(path, "wb") as file:
            file.write(letter(1, 5000))
        with Pop(server, "bob") as client:
            try:
                equal(client.all(), {1: wire(letter(1, 5000))}, "messages")
            except Refused as refusal:
                assert refusal.args[0].startswith(b"-ERR [SYS/TEMP]"), refusal
            client.quit()
        with Pop(server, "bob") as client:
            equal(client.all(), {1: wire(letter(1, 5000))}, "messages")
            client.quit()


@test("a message that is written into while it is sent harms its reader only")
def written_into():
    with serving(expect=["size_mismatch"]) as (scene, server):
        path = scene.bob.add(letter(1, 20 << 20))
        with Pop(server, "bob") as client:
            client.sizes()
            client.quit()
        workers = server.workers()
        with Pop(server, "bob", receive_buffer=8192) as client:
            client.put("RETR 1")
            client.answer()
            with open(path, "r+b") as file:  # as long as before, and twice as long to send
                file.write(b"\n" * os.path.getsize(path))
            with contextlib.suppress(EOFError):
                client.multi()
        equal(server.workers(), workers, "the workers")


@test("a FIFO, a directory, a socket, a dangling link in cur/ and new/ harm nobody")
def odd_files():
    with serving() as (scene, server):
        for count, sub in enumerate(("cur", "new")):
            start = os.path.join(scene.bob.path, sub, "16%08d." % count)
            os.mkfifo(start + "fifo")
            os.mkdir(start + "directory")
            os.symlink("/nowhere/at/all", start + "link")
            os.symlink(start + "loop", start + "loop")
            with socket.socket(socket.AF_UNIX) as end:
                end.bind(start + "socket")
            with open(os.path.join(scene.bob.path, sub, ".hidden"), "wb") as file:
                file.write(letter(99))
        last = scene.bob.fill(4)[-1]
        before = scene.bob.messages()
        with Pop(server, "bob") as client:
            sizes = client.sizes()
            mail = []
            for number in sizes:
                client.put("RETR %d" % number)
                if client.line().startswith(b"+OK"):
                    mail.append(client.multi())
            equal(mail, [wire(letter(number)) for number in range(1, 5)], "what can be read")
            client.cmd("DELE %d" % max(sizes))
            client.quit()
        before.remove(last)
        equal(scene.bob.messages(), before, "what is left")


@test("one base name in cur/ and new/: two messages, two unique-ids, both can be had")
def twins():
    with serving() as (scene, server):
        scene.bob.add(letter(1), "cur", "1700000001.M1P1.test")
        scene.bob.add(letter(2), "new", "1700000001.M1P1.test")
        for _ in range(2):
            with Pop(server, "bob") as client:
                uids = client.uids()
                equal(len(set(uids.values())), 2, "the number of unique-ids")
                equal(sorted(client.all().values()), [wire(letter(1)), wire(letter(2))],
                      "messages")
                client.quit()
        with Pop(server, "bob") as client:
            gone = client.uids()[1]
            client.cmd("DELE 1")
            client.quit()
        with Pop(server, "bob") as client:
            assert gone not in client.uids().values()
            equal(client.stat()[0], 1, "STAT")
            client.quit()
        equal(len(scene.bob.messages()), 1, "the number of messages")


@test("a file that cannot be read harms nobody but itself")
def unreadable():
    with Scene() as scene:
        protect(0, scene.bob.fill(3)[1])
        with scene.server(user=mortal(scene)) as server, Pop(server, "bob") as client:
            sizes = client.sizes()
            equal(client.retr(1), wire(letter(1)), "the first")
            if len(sizes) == 3:
                client.refused("RETR 2")
            equal(client.retr(len(sizes)), wire(letter(3)), "the last")
            client.cmd("DELE 1")
            client.quit()
        equal(len(scene.bob.messages()), 2, "the number of messages")


@test("in a directory that cannot be written people read, and QUIT says what failed")
def read_only():
    with Scene() as scene:
        scene.bob.fill(3)
        user = mortal(scene)
        protect(0o555, scene.bob.path, scene.bob.path + "/cur", scene.bob.path + "/new")
        with scene.server(user=user, expect=["commit_failed", "module_failed"]) as server:
            for _ in range(2):
                with Pop(server, "bob") as client:
                    equal(list(client.all().values()),
                          [wire(letter(number)) for number in (1, 2, 3)], "messages")
                    client.quit()
            with Pop(server, "bob") as client:
                client.cmd("DELE 2")
                client.refused("QUIT")
                client.at_end()
        equal(len(scene.bob.messages()), 3, "the number of messages")
        protect(0o755, scene.bob.path, scene.bob.path + "/cur", scene.bob.path + "/new")


@test("when only some can be removed, they are, and QUIT is answered -ERR")
def partly():
    with Scene() as scene:
        for number in range(6):
            scene.bob.add(letter(number), ("cur", "new")[number % 2])
        user = mortal(scene)
        protect(0o555, scene.bob.path + "/new")
        with scene.server(user=user, expect=["commit_failed", "module_failed"]) as server:
            with Pop(server, "bob") as client:
                for number in range(1, 7):
                    client.cmd("DELE %d" % number)
                client.refused("QUIT")
                client.at_end()
        equal(len(scene.bob.messages()), 3, "the number of messages")
        protect(0o755, scene.bob.path + "/new")


@contextlib.contextmanager
def small_disk(path, octets):
    need_root()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d" % octets, "popart", path],
                          stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise Skip("cannot mount a file system here")
    try:
        yield
    finally:
        subprocess.run(["umount", path], check=True)


@test("on a full disk people read and delete")
def full_disk():
    with Scene() as scene, small_disk(scene.bob.path, 1 << 20):
        mail = Maildir(scene.bob.path)
        for number in range(1, 31):
            mail.add(letter(number, 20000))
        with contextlib.suppress(OSError), open(mail.path + "/tmp/filler", "wb", 0) as file:
            while True:
                file.write(b"x" * 4096)
        for number in range(31, 60):  # no room for a directory entry's page either
            with contextlib.suppress(OSError):
                mail.add(letter(number, 20000))
        # What could not be written whole is no message of ours.
        with scene.server() as server:
            with Pop(server, "bob") as client:
                got = client.all()
                for number in range(1, 31):
                    equal(got[number], wire(letter(number, 20000)), "message %d" % number)
                for number in range(1, 21):
                    client.cmd("DELE %d" % number)
                client.quit()
            equal(len([path for path in mail.messages() if os.path.getsize(path)]), 10,
                  "the number of messages")
            with Pop(server, "bob") as client:
                equal(client.retr(1), wire(letter(21, 20000)), "what was message 21")
                client.quit()


main()
