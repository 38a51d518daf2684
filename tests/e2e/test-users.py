#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""popartctl user: accounts in a file and in a database, changed while the server runs."""

import contextlib
import json
import os
import pty
import re
import shutil
import sqlite3
import stat
import subprocess
import termios
import time

from harness import (MODULE_PATH, POPARTD, TIMEOUT, Pop, Refused, Scene, Server, equal,
                     eventually, main, need, need_root, quoted, test)

CTL = os.path.abspath(os.environ.get("POPARTCTL", os.path.join(
    os.path.dirname(POPARTD), "popartctl")))
NO, USAGE, FAILED = 1, 2, 7
FIRST, SECOND = "correct horse", "battery staple"


class Accounts(Server):
    """auth asks the file first, then the database."""

    blocks = ('{ module = "passwd_file"; name = "file"; path = %(file)s; }',
              '{ module = "sqlite"; name = "db"; users = %(database)s; track_logins = true; }')

    def configuration(self, directory):
        text = super().configuration(directory)
        start = text.index("auth = (")
        end = text.index(");", start)
        names = {"file": quoted(os.path.join(directory, "users")),
                 "database": quoted(os.path.join(directory, "db", "users.db"))}
        return (text[:start] + "auth = ( " + ", ".join(self.blocks) % names + text[end:])


class Desk:
    """A server, and whoever sits before popartctl."""

    def __init__(self, scene, server):
        self.scene, self.server = scene, server
        self.file = os.path.join(scene.path, "users")
        self.database = os.path.join(scene.path, "db", "users.db")

    def command(self, *words):
        return [CTL, "-c", os.path.join(self.scene.path, "popart.conf"),
                "--module-path", MODULE_PATH, "user", *words]

    def try_user(self, *words, text="", **more):
        done = subprocess.run(self.command(*words), input=text, text=True, check=False,
                              capture_output=True, timeout=TIMEOUT, **more)
        for secret in (FIRST, SECOND):
            assert secret not in done.stdout + done.stderr, "a password was printed"
        return done

    def user(self, *words, text=""):
        done = self.try_user(*words, text=text)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def refuses(self, status, why, *words, text=""):
        done = self.try_user(*words, text=text)
        equal(done.returncode, status, "%s: %s" % (words, done.stderr))
        assert re.search(why, done.stderr), (words, done.stderr)
        equal(done.stderr.count("\n"), 1, "lines of the refusal")

    def show(self, name):
        return json.loads(self.user("show", "--json", name))

    def may(self, name, password):
        """Eight logins, so that each worker is asked, and what it remembers."""
        answers = set()
        for _ in range(8):
            with Pop(self.server) as client:
                try:
                    client.login(name, password)
                    client.quit()
                    answers.add(True)
                except Refused as refusal:
                    assert refusal.args[0].startswith(b"-ERR [AUTH]"), refusal
                    answers.add(False)
        equal(len(answers), 1, "different answers for " + name)
        return answers.pop()


@contextlib.contextmanager
def desk(*lines, mode=0o600):
    with Scene("anna", "bert") as scene:
        scene.directory("db")
        scene.file("users", "".join(line + "\n" for line in lines), mode=mode)
        with Accounts(scene.path) as server:
            yield Desk(scene, server)
            for secret in (FIRST, SECOND):
                assert secret not in server.log(), "a password is in the log"


def life(place, scheme):
    with desk() as d:
        where = ("--instance", place)
        assert not d.may("anna", FIRST)
        d.user("add", *where, "--scheme", scheme, "anna", text=FIRST + "\n")
        assert d.may("anna", FIRST) and not d.may("anna", SECOND)
        d.refuses(NO, "knows such a user already", "add", *where, "anna", text=SECOND + "\n")
        d.user("passwd", "anna", text=SECOND)  # the line end may be missing
        assert d.may("anna", SECOND) and not d.may("anna", FIRST)
        d.user("disable", "anna")
        assert not d.may("anna", SECOND)
        equal(d.show("anna")["enabled"], False, "enabled")
        assert "still disabled" in d.user("passwd", "anna", text=FIRST + "\r\n")
        assert not d.may("anna", FIRST)
        d.user("enable", "anna")
        assert d.may("anna", FIRST)
        shown = d.show("anna")
        equal((shown["enabled"], shown["instance"], shown["schemes"]),
              (True, place, ["yescrypt", "SCRAM-SHA-256"]), "what is shown")
        d.user("set", "--attr", "home=/srv/anna", "--attr", "tone=high", "anna")
        d.user("set", "--attr", "tone=", "--attr", "home=/srv/b", "anna")
        equal(d.show("anna")["attributes"], {"home": "/srv/b"}, "attributes")
        assert d.may("anna", FIRST)
        d.user("del", "anna")
        assert not d.may("anna", FIRST)
        d.refuses(NO, "no such user", "show", "anna")
        d.user("add", *where, "anna", text=SECOND + "\n")
        equal(d.show("anna")["attributes"], {}, "attributes of the one before")
        assert d.may("anna", SECOND)


@test("an account's life in a file, with logins all the while and no reload")
def life_in_file():
    life("file", "yescrypt")


@test("an account's life in a database, likewise")
def life_in_database():
    life("db", "argon2id")


@test("list and show tell what is there, and no secret")
def listed():
    with desk("bert:{PLAIN}" + FIRST, "mia:!") as d:
        d.user("add", "--instance", "db", "--scheme", "argon2id", "anna", text=SECOND + "\n")
        rows = {row["user"]: row for row in json.loads(d.user("list", "--json"))}
        equal(sorted(rows), ["anna", "bert", "mia"], "users")
        equal([rows[n]["instance"] for n in sorted(rows)], ["db", "file", "file"], "instances")
        equal(rows["anna"]["schemes"], ["argon2id", "SCRAM-SHA-256"], "schemes")
        equal((rows["mia"]["enabled"], rows["mia"]["schemes"]), (False, []), "mia")
        equal(rows["anna"]["last_login_s"], None, "a login that never was")
        assert d.may("anna", SECOND)
        eventually("a last login", lambda: abs(
            (d.show("anna")["last_login_s"] or 0) - time.time()) < 3600)
        table = d.user("list").splitlines()
        assert table[0].split()[:3] == ["USER", "AUTH", "ENABLED"] and len(table) == 4, table
        only = json.loads(d.user("list", "--json", "--instance", "db"))
        equal([row["user"] for row in only], ["anna"], "users of the database")
        kept = open(d.file, encoding="utf-8").read()
        for secret in re.findall(r"\$y\$\S+", kept):
            assert secret not in "".join(table), "a hash is shown"


@test("names and passwords as people type them")
def spelled():
    with desk() as d:
        composed, apart = "zo\u00eb", "zoe\u0308"
        for place in ("file", "db"):
            d.user("add", "--instance", place, apart, text="pa\u00dfw\u00f6rt \n")
            assert d.may(composed, "pa\u00dfwo\u0308rt "), place
            d.user("del", composed)
            d.user("add", "--instance", place, "anna@example.net", text=FIRST + "\n")
            d.user("del", "anna@example.net")
        for name in ("a:b", "#a"):
            d.refuses(FAILED, "has no", "add", "--instance", "file", name, text=FIRST + "\n")
            d.user("add", "--instance", "db", name, text=FIRST + "\n")
        d.refuses(USAGE, "not a name", "add", "a\nb", text=FIRST + "\n")
        d.refuses(USAGE, "not a name", "add", "", text=FIRST + "\n")
        for text, why in (("", "has ended"), ("\n", "empty"), ("x" * 2000 + "\n", "1024"),
                          ("a\x07b\n", "control")):
            d.refuses(USAGE, why, "add", "anna", text=text)
        d.refuses(FAILED, "511", "add", "anna", text="x" * 600 + "\n")
        d.refuses(FAILED, "yescrypt and argon2id", "add", "--scheme", "md5", "anna", text="x\n")
        for attr in ("a b=c", "x=two words", "scram=x", "uid=1:2", "nologin=y"):
            d.refuses(FAILED, r"attribute|nologin", "add", "--instance", "file", "--attr", attr,
                      "anna", text=FIRST + "\n")
        d.refuses(USAGE, "not like", "add", "--attr", "novalue", "anna", text=FIRST + "\n")
        d.refuses(USAGE, "--attr", "set", "anna")
        d.refuses(USAGE, "no auth block", "add", "--instance", "nix", "anna", text="x\n")
        equal(open(d.file, encoding="utf-8").read(), "", "the file")


@test("what cannot be written says why")
def unwritable():
    with Scene("anna") as scene:
        scene.directory("db")
        with sqlite3.connect(os.path.join(scene.path, "db", "users.db")) as db:
            db.execute("CREATE TABLE mailbox (username TEXT, password TEXT)")
        db.close()
        kind = type("Here", (Accounts,), {"blocks": (
            '{ module = "static"; name = "one"; user = "demo"; password = "demo"; }',
            '{ module = "sqlite"; name = "theirs"; users = %(database)s; query = '
            '"SELECT password FROM mailbox WHERE username = :user"; }')})
        with kind(scene.path) as server:
            d = Desk(scene, server)
            d.refuses(FAILED, "with a query", "add", "anna", text=FIRST + "\n")
            d.refuses(FAILED, "no accounts that can be written", "add", "--instance", "one",
                      "anna", text=FIRST + "\n")
            d.refuses(NO, "\"one\" knows such a user", "add", "demo", text=FIRST + "\n")


@test("comments, order, owner, mode and a link stay")
def stays():
    lines = ["# ours", "", "bert:{PLAIN}b:1:2:Bert B:/home/bert:/bin/sh:k=v", "broken",
             "bert:{PLAIN}second", "mia:*", "{CRYPT}: odd"]
    with desk(*lines, mode=0o640) as d:
        os.rename(d.file, d.file + ".real")
        os.symlink("users.real", d.file)
        before = os.stat(d.file)
        d.user("set", "--attr", "k=w", "bert")
        d.user("add", "--instance", "file", "anna", text=FIRST + "\n")
        got = open(d.file, encoding="utf-8").read().split("\n")
        equal(got[:2] + got[3:7], lines[:2] + lines[3:], "the other lines")
        equal(got[2], "bert:{PLAIN}b:1:2:Bert B:/home/bert:/bin/sh:k=w", "bert's line")
        assert got[7].startswith("anna:{CRYPT}$y$"), got
        assert os.path.islink(d.file)
        after = os.stat(d.file)
        equal((after.st_uid, after.st_gid, after.st_mode), (before.st_uid, before.st_gid,
                                                           before.st_mode), "owner and mode")
        d.refuses(FAILED, "no password", "enable", "mia")
        d.refuses(FAILED, "broken, has that name", "add", "broken", text=FIRST + "\n")
        d.user("del", "bert")
        assert "bert" not in open(d.file, encoding="utf-8").read(), "a second one is in force"
        equal(sorted(name for name in os.listdir(d.scene.path) if "popart-new" in name), [],
              "what is left")


@test("a file that root alone may write, in a directory of root's; the server's user reads it")
def of_root():
    need_root()
    with Scene("anna") as scene:
        os.chmod(scene.path, 0o755)
        scene.directory("db")
        for name in ("db", "mail/anna"):
            shutil.chown(os.path.join(scene.path, name), 65534, 65534)
        for top, names, _ in os.walk(os.path.join(scene.path, "mail")):
            shutil.chown(top, 65534, 65534)
        scene.file("users", "", mode=0o640)
        os.chown(os.path.join(scene.path, "users"), 0, 65534)
        with Accounts(scene.path, user="nobody") as server:
            d = Desk(scene, server)
            d.user("add", "anna", text=FIRST + "\n")
            d.user("add", "--instance", "db", "bert", text=FIRST + "\n")
            got = os.stat(d.file)
            equal((got.st_uid, got.st_gid, stat.S_IMODE(got.st_mode)), (0, 65534, 0o640),
                  "owner and mode")
            equal({os.stat(os.path.join(scene.path, "db", name)).st_uid
                   for name in os.listdir(os.path.join(scene.path, "db"))}, {65534},
                  "owners in db")
            assert d.may("anna", FIRST)


@test("twenty at once: nobody is lost")
def at_once():
    for place in ("file", "db"):
        with desk("first:{PLAIN}x") as d:
            running = [subprocess.Popen(
                d.command("add", "--instance", place, "user%d" % n), stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL, text=True) for n in range(20)]
            for program in running:
                program.stdin.write(FIRST + "\n")
                program.stdin.close()
            equal({program.wait(timeout=TIMEOUT) for program in running}, {0}, "exits")
            names = {row["user"] for row in json.loads(d.user("list", "--json"))}
            equal(names, {"user%d" % n for n in range(20)} | {"first"}, "users")


@test("killed at every system call of a change: the file is the old one or the new one")
def killed():
    need("strace")
    with desk("first:{PLAIN}x", "# last") as d:
        old = open(d.file, encoding="utf-8").read()
        seen = set()
        for call in ("openat", "flock", "pread64", "unlink", "fchmod", "write", "fsync",
                     "rename"):
            for when in range(1, 200 if call in ("openat",) else 12):
                trace = subprocess.run(
                    ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
                     "inject=%s:signal=KILL:when=%d" % (call, when)] +
                    d.command("set", "--attr", "k=v", "first"), check=False,
                    capture_output=True, timeout=TIMEOUT)
                now = open(d.file, encoding="utf-8").read()
                assert now in (old, old.replace("x\n", "x::::::k=v\n", 1)), now
                seen.add(now == old)
                if now != old:
                    d.user("set", "--attr", "k=", "first")
                    equal(open(d.file, encoding="utf-8").read(), old, "the file again")
                if trace.returncode == 0:
                    break
        equal(seen, {True, False}, "what was seen")
        equal([name for name in os.listdir(d.scene.path) if "popart-new" in name], [], "left")


def typed(d, *answers):
    """On a terminal of its own: what is on the screen, and the exit status."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(CTL, d.command("add", "anna"))
    screen = b""
    for prompt, answer in zip((b"Password: ", b"Again: "), answers):
        while not screen.endswith(prompt):
            screen += os.read(fd, 1000)
        equal(termios.tcgetattr(fd)[3] & termios.ECHO, 0, "echo")
        os.write(fd, answer)
    while True:
        try:
            more = os.read(fd, 1000)
        except OSError:
            break
        if not more:
            break
        screen += more
    echo = True
    with contextlib.suppress(termios.error):
        echo = termios.tcgetattr(fd)[3] & termios.ECHO
    assert echo, "the terminal was left without echo"
    os.close(fd)
    return screen, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@test("asked twice on a terminal, without echo; Ctrl-C and a difference change nothing")
def terminal():
    with desk() as d:
        first, second = FIRST.encode() + b"\n", SECOND.encode() + b"\n"
        screen, status = typed(d, first, second)
        equal(status, USAGE, "status of two that differ")
        assert b"not the same" in screen, screen
        screen, status = typed(d, first, b"\x03")
        equal(status, USAGE, "status after Ctrl-C")
        equal(open(d.file, encoding="utf-8").read(), "", "the file")
        screen, status = typed(d, first, first)
        equal(status, 0, "status")
        assert FIRST.encode() not in screen, "it is on the screen"
        assert d.may("anna", FIRST)


main()
