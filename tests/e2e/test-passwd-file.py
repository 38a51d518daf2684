#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Users and passwords from a file: every kind of hash, changes, and storms of wrong ones."""

import hashlib
import os
import pwd
import re
import resource
import select
import subprocess
import time

from harness import (HERE, PASSWORD, POPARTD, TIMEOUT, Pop, Refused, Scene, Server, equal,
                     eventually, main, need_root, quoted, test)

KNOWN = "correct horse"
HASHES = os.path.join(HERE, os.pardir, "unit", "passwd_file", "hashes.txt")


def known_hashes():
    """[(who made it, the secret)], all of them for KNOWN."""
    with open(HASHES, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
    return [(made_by, secret) for _, made_by, secret in rows]


def known_hash(made_by):
    return dict(known_hashes())[made_by]


class Users(Server):
    """auth is the passwd_file users in the directory; options go into its block."""

    options_of_file = ""
    path = "mail/%n"
    before = ""

    def configuration(self, directory):
        text = super().configuration(directory).replace("mail/%n", self.path)
        start = text.index("auth = (")
        end = text.index(");", start)
        return text[:start] + ('auth = ( %s { module = "passwd_file"; path = %s; %s }' % (
            self.before, quoted(os.path.join(directory, "users")),
            self.options_of_file)) + text[end:]


def write(scene, *lines, end="\n"):
    """Replaces the file as a program should: by another."""
    path = scene.file("users.new", "".join(line + end for line in lines))
    os.rename(path, os.path.join(scene.path, "users"))


def start(scene, *lines, **more):
    kind = type("Configured", (Users,), {
        name: more.pop(name) for name in ("options_of_file", "path", "before")
        if name in more})
    write(scene, *lines)
    time.sleep(0.2)  # a file that is younger is read twice
    return kind(scene.path, **more)


def may(server, user, password):
    with Pop(server) as client:
        try:
            client.login(user, password)
        except Refused as refusal:
            assert refusal.args[0].startswith(b"-ERR [AUTH]"), refusal
            return False
        client.quit()
        return True


@test("a login with each scheme, and none with a wrong password")
def schemes():
    hashes = known_hashes()
    names = ["user%d" % number for number in range(len(hashes))]
    with Scene(*names) as scene:
        lines = ["%s:%s" % (name, secret) for name, (_, secret) in zip(names, hashes)]
        with start(scene, *lines) as server:
            for name, (made_by, _) in zip(names, hashes):
                assert may(server, name, KNOWN), made_by
                assert not may(server, name, "X" + KNOWN), made_by
            assert KNOWN not in server.log(), "a password is in the log"
            for _, secret in hashes:
                assert secret.rpartition("$")[2] not in server.log(), "a hash is in the log"


@test("home, uid and the words behind are attributes")
def attributes():
    with Scene("one", "two") as scene:
        scene.mail["one"].fill(1)
        scene.mail["two"].fill(2)
        with start(scene, "bob:{PLAIN}b::::%s/mail/one:/bin/sh:dir=two" % scene.path,
                   "eve:{PLAIN}e:::::dir=none:dir=two", path="mail/%{dir}") as server:
            for name in ("bob", "eve"):
                with Pop(server, name, name[0]) as client:
                    equal(client.stat()[0], 2, "messages of " + name)
                    client.quit()


@test("unknown users, wrong passwords and locked users get the same answer")
def same_answer():
    with Scene("bob", "eve") as scene, start(
            scene, "bob:" + known_hash("mkpasswd yescrypt"), "eve:!" + known_hash("openssl"),
            before='{ module = "static"; user = "sam"; password = "s"; },') as server:
        said = set()
        for name in ("bob", "eve", "nobody", "sam"):
            with Pop(server) as client:
                client.cmd("USER " + name)
                said.add(client.refused("PASS wrong", b"[AUTH]"))
        equal(len(said), 1, "the number of different refusals")
        assert may(server, "bob", KNOWN)
        assert may(server, "sam", "s")


@test("the file is read again when it changes; broken lines are told, and harm nobody")
def changes():
    with Scene("bob", "eve", "ann") as scene, start(
            scene, "bob:{PLAIN}one", "eve:" + known_hash("mkpasswd yescrypt")) as server:
        for _ in range(3):
            assert may(server, "bob", "one") and may(server, "eve", KNOWN)
        assert not may(server, "ann", "a")
        write(scene, "# new", "bob:{PLAIN}two", "broken", "ann:{PLAIN}a", "bob:{PLAIN}three",
              "x:{NOSUCH}y", end="\r\n")
        # Each worker looks for itself, at once, also at what it remembers.
        for client in server.crowd(4):
            client.cmd("USER eve")
            client.refused("PASS " + KNOWN, b"[AUTH]")
        for user, password, answer in (("ann", "a", True), ("eve", KNOWN, False),
                                       ("bob", "one", False), ("bob", "two", True)):
            eventually("%s %s" % (user, password), lambda u=user, p=password, a=answer: all(
                may(server, u, p) == a for _ in range(8)))
        for number, why in ((3, "no .*:"), (5, "same user"), (6, "scheme")):
            assert re.search(r"/users:%d: .*%s" % (number, why), server.log()), number
        os.unlink(os.path.join(scene.path, "users"))
        eventually("an error", lambda: may(server, "ann", "a") and
                   "cannot be opened: No such file" in server.log())
        for _ in range(8):
            assert may(server, "bob", "two")
        write(scene, "bob:{PLAIN}four")
        eventually("four", lambda: all(may(server, "bob", "four") for _ in range(8)))


@test("APOP with a password in plain text")
def apop():
    with Scene("bob", "eve") as scene, start(
            scene, "bob:{PLAIN.b64}%s" % "c2VzYW1l", "eve:" + known_hash("openssl"),
            extra="apop = true;") as server:
        for name, good in (("bob", True), ("eve", False), ("nobody", False)):
            with Pop(server) as client:
                stamp = re.search(rb"<[^<>]+>$", client.greeting).group(0)
                command = "APOP %s %s" % (name, hashlib.md5(stamp + b"sesame").hexdigest())
                if good:
                    client.cmd(command)
                else:
                    client.refused(command, b"[AUTH]")


@test("no file, or one that is no file: no start, and a line that says why")
def no_start():
    with Scene() as scene:
        write(scene, "bob:{PLAIN}b")
        with start(scene, "bob:{PLAIN}b") as server:
            conf = server.conf
        for make in (lambda path: None, os.mkdir):
            path = os.path.join(scene.path, "users")
            if os.path.exists(path):
                os.unlink(path)
            make(path)
            done = subprocess.run([POPARTD, "-c", conf], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=TIMEOUT, check=False)
            assert done.returncode != 0, "it started"
            assert b"/users" in done.stdout, done.stdout


def told(conf):
    """What -t says, and whether it is content."""
    done = subprocess.run([POPARTD, "-t", "-c", conf], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          timeout=TIMEOUT, check=False)
    return done.returncode == 0, [
        line.partition('auth "passwd_file": ')[2] for line in done.stderr.splitlines()
        if "passwd_file" in line]


@test("-t reads the file, too, and names its broken lines")
def checked():
    with Scene() as scene:
        with start(scene, "bob:{PLAIN}b") as server:
            conf = server.conf
        users = os.path.join(scene.path, "users")
        os.chmod(users, 0o600)
        equal(told(conf), (True, []), "what is said of a good file")
        write(scene, "bob:{PLAIN}b", "# eve", "broken", "bob:{PLAIN}c", "ann:{NOSUCH}x",
              "sam:" + known_hash("mkpasswd md5crypt"))
        good, lines = told(conf)
        assert good, lines
        equal(lines, [
            users + ":3: there is no \":\" behind the user's name; the line is left out",
            users + ":4: an earlier line has the same user; that one counts; the line is left out",
            users + ":5: a scheme that is not known; the line is left out",
            users + ": legacy hashes, which are fast to guess, with 1 of 2 users, the first of "
            "them in line 6"], "what is said of broken lines")
        os.chmod(users, 0o644)
        assert users + ": mode 644 lets others at it; chmod 640" in told(conf)[1]
        os.unlink(users)
        equal(told(conf), (False, [users + " cannot be opened: No such file or directory"]),
              "what is said of no file")
        done = subprocess.run([POPARTD, "-n", "-c", conf], stdout=subprocess.DEVNULL,
                              timeout=TIMEOUT, check=False)
        equal(done.returncode, 0, "the status of -n, which looks at the configuration alone")


@test("-t as root says that the workers cannot read the file")
def checked_as_worker():
    need_root()
    with Scene() as scene:
        with start(scene, "bob:{PLAIN}b") as server:
            conf = server.conf
        with open(conf, "r+", encoding="utf-8") as file:
            text = file.read().replace('user = "root";', 'user = "nobody";')
            file.seek(0)
            file.write(text)
            file.truncate()
        users = os.path.join(scene.path, "users")
        equal(told(conf), (False, [
            users + ' cannot be opened: Permission denied for user "nobody", as whom the '
            "workers run"]), "what is said")
        os.chown(users, pwd.getpwnam("nobody").pw_uid, 0)
        equal(told(conf)[1], [], "what is said of a file that is nobody's own")


@test("nothing of a password stays in memory")
def forgotten():
    made_by = ["mkpasswd yescrypt", "mkpasswd md5crypt", "mkpasswd bcrypt", "doveadm SHA512",
               "doveadm SSHA", "doveadm ARGON2ID", "doveadm SCRAM-SHA-256"]
    names = ["user%d" % number for number in range(len(made_by))]
    with Scene(*names) as scene:
        lines = ["%s:%s" % (name, known_hash(made)) for name, made in zip(names, made_by)]
        with start(scene, *lines) as server:
            for name, made in zip(names, made_by):
                for _ in range(3):
                    assert may(server, name, KNOWN), made
                for word in (KNOWN, "not the password of " + name):
                    assert word == KNOWN or not may(server, name, word)
                    server.wait_event("session_end")
                    assert not server.remembers(word.encode()[1:]), (made, word)


def answered(clients):
    poll = select.poll()
    for client in clients:
        poll.register(client.socket, select.POLLIN)
    return len(poll.poll(0))


@test("1,000 wrong logins do not hold up a download or a login that is remembered")
def storm():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    secret = known_hash("mkpasswd yescrypt")
    with Scene("bob", "eve", "ann") as scene:
        scene.bob.fill(20, octets=100000)
        scene.mail["eve"].fill(20, octets=100000)
        with start(scene, "bob:" + secret, "eve:" + secret, "ann:" + secret,
                   workers=1, log_level="info", extra='login_timeout = "1h";') as server:
            assert may(server, "eve", KNOWN)
            reader = Pop(server, "bob", KNOWN)
            clients = [Pop(server) for _ in range(1000)]
            for number, client in enumerate(clients):
                client.socket.settimeout(120)  # the pool comes last on a busy machine
                client.send("USER %s\r\n" % ("ann" if number % 2 else "nobody"))
                client.answer()
            for client in clients:
                client.send("PASS wrong\r\n")
            equal(len(reader.all()), 20, "messages of the download")
            reader.quit()
            assert answered(clients) < 1000, "the download came last"
            for _ in range(5):
                with Pop(server, "eve", KNOWN) as client:
                    equal(len(client.all()), 20, "messages of a remembered login")
                    client.quit()
            before = answered(clients)
            assert before < 1000, "the remembered login came last"
            print("# %d of 1000 answered when both were done" % before)
            for client in clients:
                line = client.line()
                assert line.startswith(b"-ERR [AUTH]"), line
                client.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


main()
