#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""popartctl user: accounts that a running server knows at once, in files and databases."""

import contextlib
import json
import os
import pty
import pwd
import select
import signal
import sqlite3
import stat
import subprocess
import termios
import threading
import time
import unicodedata

from harness import (MODULE_PATH, POPARTD, TIMEOUT, Pop, Refused, Scene, Server, equal,
                     eventually, main, need, need_root, sanitized, quoted, test)

POPARTCTL = os.path.join(os.path.dirname(POPARTD), "popartctl")
NO, USAGE, FAILED = 1, 2, 7
FILE = '{ module = "passwd_file"; name = "file"; path = %s; }'
DATABASE = '{ module = "sqlite"; name = "base"; users = %s; }'
FIXED = '{ module = "static"; name = "fixed"; user = "sam"; password = "s"; }'


class Blocks(Server):
    """auth is the blocks; the storage is in mail/."""

    blocks = ()
    mail = None

    def configuration(self, directory):
        text = super().configuration(directory).replace(directory + "/mail/%n", self.mail or directory + "/mail/%n")
        start = text.index("auth = (")
        end = text.index(");", start)
        return text[:start] + "auth = ( " + ", ".join(self.blocks) + text[end:]


def place(scene, block):
    return os.path.join(scene.path, "users" if "passwd_file" in block else "users.db")


def start(scene, *blocks, mail=None, **more):
    scene.file("users", "", 0o640)
    full = [block % quoted(place(scene, block)) if "%s" in block else block
            for block in blocks]
    return type("Configured", (Blocks,), {"blocks": full, "mail": mail})(scene.path, **more)


def arguments(scene, *words):
    return [POPARTCTL, "-c", os.path.join(scene.path, "popart.conf"), "user", *words]


def ctl(scene, *words, password=None, status=0):
    """Standard output, or, if it is to fail, standard error."""
    entry = None if password is None else password.encode() + b"\n"
    done = subprocess.run(arguments(scene, *words), input=entry or b"", check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT)
    equal(done.returncode, status, "exit status of %s: %r" % (words, done.stderr))
    if password and len(password) > 2:
        assert password.encode() not in done.stdout + done.stderr, "the password is told"
    return (done.stderr if status else done.stdout).decode()


def may(server, user, password):
    with Pop(server) as client:
        try:
            client.login(user, password)
        except Refused as refusal:
            assert refusal.args[0].startswith(b"-ERR [AUTH]"), refusal
            return False
        client.quit()
        return True


def each_kind(function):
    """For both modules that have accounts."""
    def run():
        for block in (FILE, DATABASE):
            with Scene() as scene, start(scene, block, workers=3) as server:
                function(scene, server, block)
    return run


@test("every change counts for the next login in each worker, whatever is cached")
@each_kind
def life(scene, server, _):
    assert not may(server, "eve", "one")
    ctl(scene, "add", "eve", password="one")
    for _ in range(8):
        assert may(server, "eve", "one")
    ctl(scene, "passwd", "eve", password="two")
    for _ in range(8):
        assert not may(server, "eve", "one"), "the old password"
        assert may(server, "eve", "two"), "the new password"
    ctl(scene, "disable", "eve")
    for _ in range(8):
        assert not may(server, "eve", "two"), "disabled"
    ctl(scene, "disable", "eve")
    ctl(scene, "enable", "eve")
    for _ in range(8):
        assert may(server, "eve", "two"), "enabled"
    ctl(scene, "passwd", "--scheme", "argon2id", "eve", password="three")
    assert may(server, "eve", "three")
    assert "argon2id" in ctl(scene, "show", "eve")
    ctl(scene, "del", "eve")
    for _ in range(8):
        assert not may(server, "eve", "three"), "removed"
    for secret in ("one", "two", "three"):
        assert '"%s"' % secret not in server.log(), "a password is in the log"
    for word in ("$y$", "$argon2id$", "10000,"):
        assert word not in server.log(), "a hash is in the log"


@test("a new password for a disabled user leaves the user disabled")
@each_kind
def disabled(scene, server, _):
    ctl(scene, "add", "--disabled", "eve", password="one")
    assert not may(server, "eve", "one")
    said = ctl(scene, "passwd", "eve", password="two")
    assert "still disabled" in said, said
    assert not may(server, "eve", "two")
    ctl(scene, "enable", "eve")
    assert may(server, "eve", "two")
    assert not may(server, "eve", "one")


@test("names and passwords as they may be, in each normal form")
@each_kind
def names(scene, server, block):
    odd = ["eve@example.org", "e#ve", "e ve", "zo\u00eb"]
    if block == DATABASE:
        odd += ["e:ve", "#eve", "!eve"]
    for name in odd:
        word = "p\u00e4ss " + name
        ctl(scene, "add", unicodedata.normalize("NFD", name),
            password=unicodedata.normalize("NFD", word))
        assert may(server, name, word), name
        assert may(server, unicodedata.normalize("NFD", name),
                   unicodedata.normalize("NFD", word)), name
    for name in odd:
        ctl(scene, "del", name)
        assert not may(server, name, "p\u00e4ss " + name), name
    if block == FILE:
        for name in ("e:ve", "#eve"):
            assert 'has no ":"' in ctl(scene, "add", name, password="x", status=FAILED)
        equal(open(place(scene, block), "rb").read(), b"", "the file")
    for name in ("", "e\nve", b"\xff"):
        ctl(scene, "add", name, password="x", status=USAGE)


@test("attributes are set, replaced and taken away, and templates see them")
@each_kind
def attributes(scene, _, block):
    home = scene.directory("homes/eve")
    os.makedirs(os.path.join(scene.path, "homes", "new"))
    ctl(scene, "add", "--attr", "home=" + home, "--attr", "shade=red", "eve", password="x")
    equal(shown(scene, "eve")["attributes"], {"home": home, "shade": "red"}, "attributes")
    ctl(scene, "set", "--attr", "shade=", "--attr", "tone=a=b", "eve")
    equal(shown(scene, "eve")["attributes"], {"home": home, "tone": "a=b"}, "attributes")
    ctl(scene, "passwd", "eve", password="y")
    equal(shown(scene, "eve")["attributes"], {"home": home, "tone": "a=b"}, "attributes")
    for bad in ("tone", "=x"):
        ctl(scene, "set", "--attr", bad, "eve", status=USAGE)
    ctl(scene, "set", "eve", status=USAGE)
    if block == FILE:
        for bad in ("home=/a:b", "scram=x", "tone=a b", "a b=c"):
            ctl(scene, "set", "--attr", bad, "eve", status=FAILED)


def shown(scene, user):
    return json.loads(ctl(scene, "show", "--json", user))


@test("the home of a new user is where the mail is")
def template():
    with Scene() as scene:
        for block in (FILE, DATABASE):
            with start(scene, block, mail="%{home}/Maildir") as server:
                scene.mail["bob"].fill(2)
                home = scene.directory("home")
                if not os.path.exists(home + "/Maildir"):
                    os.symlink(os.path.join(scene.path, "mail", "bob"), home + "/Maildir")
                ctl(scene, "add", "--attr", "home=" + home, "eve", password="x")
                with Pop(server, "eve", "x") as client:
                    assert client.stat()[0] >= 2
                    client.quit()


@test("JSON, and the exit statuses")
@each_kind
def answers(scene, server, block):
    instance = "file" if block == FILE else "base"
    equal(json.loads(ctl(scene, "add", "--json", "eve", password="x")),
          {"user": "eve", "done": "added", "instance": instance}, "add")
    answer = shown(scene, "eve")
    equal(answer, {"user": "eve", "instance": instance, "enabled": True, "attributes": {},
                   "schemes": ["yescrypt", "SCRAM-SHA-256"], "last_login_s": None}, "show")
    del answer["attributes"]
    equal(json.loads(ctl(scene, "list", "--json")), [answer], "list")
    ctl(scene, "disable", "eve")
    equal(shown(scene, "eve")["enabled"], False, "enabled")
    equal(shown(scene, "eve")["schemes"], answer["schemes"], "schemes")
    assert "already" in ctl(scene, "add", "eve", password="x", status=NO)
    for words in (("show",), ("del",), ("disable",), ("passwd",), ("set", "--attr", "a=b")):
        assert "no such user" in ctl(scene, *words, "nobody", password="x", status=NO)
    assert "yescrypt and argon2id" in ctl(scene, "passwd", "--scheme", "MD5", "eve",
                                          password="x", status=FAILED)
    for bad in ("", "a\x01b", "x" * 1100):
        ctl(scene, "passwd", "eve", password=bad, status=USAGE)
    ctl(scene, "passwd", "eve", status=USAGE)
    ctl(scene, "passwd", "eve", password="x" * 512, status=FAILED)
    ctl(scene, "show", "--instance", "none", "eve", status=USAGE)
    assert server.log()


@test("of several blocks the one is changed that knows the user, or that is named")
def several():
    with Scene() as scene, start(scene, FIXED, FILE, DATABASE) as server:
        assert "already" in ctl(scene, "add", "sam", password="x", status=NO)
        assert "no accounts that can be written" in ctl(scene, "add", "--instance", "fixed", "eve",
                                          password="x", status=FAILED)
        ctl(scene, "add", "--instance", "base", "eve", password="x")
        equal(shown(scene, "eve")["instance"], "base", "instance")
        assert "already" in ctl(scene, "add", "eve", password="x", status=NO)
        ctl(scene, "passwd", "eve", password="y")
        assert may(server, "eve", "y")
        ctl(scene, "add", "ann", password="x")
        equal(shown(scene, "ann")["instance"], "file", "instance")
        ctl(scene, "del", "--instance", "base", "ann", status=NO)
        assert may(server, "ann", "x")


# ---------------------------------------------------------------- a terminal


def typed(scene, *entries, signal_at=None):
    """(exit status, what was seen, whether the echo is on at the end)"""
    master, slave = pty.openpty()
    with subprocess.Popen(arguments(scene, "passwd", "eve"), stdin=slave, stdout=slave,
                          stderr=slave, start_new_session=True,
                          preexec_fn=lambda: control(slave)) as program:
        seen = b""
        for number, entry in enumerate(entries):
            prompt = b"Again: " if number else b"Password: "
            seen += until(master, prompt)
            assert not termios.tcgetattr(slave)[3] & termios.ECHO, "the echo is on"
            os.write(master, b"\x03" if signal_at == number else entry + b"\n")
        status = program.wait(TIMEOUT)
        echo = bool(termios.tcgetattr(slave)[3] & termios.ECHO)
        while select.select([master], [], [], 0)[0]:
            seen += os.read(master, 4096)
    os.close(slave)
    os.close(master)
    return status, seen, echo


def control(slave):
    import fcntl  # pylint: disable=import-outside-toplevel
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


def until(master, text):
    seen = b""
    while text not in seen:
        assert select.select([master], [], [], TIMEOUT)[0], "no prompt: %r" % seen
        seen += os.read(master, 4096)
    return seen


@test("on a terminal a password is asked for twice, without echo")
def terminal():
    with Scene() as scene, start(scene, FILE) as server:
        ctl(scene, "add", "eve", password="old")
        status, seen, echo = typed(scene, b"brandnew", b"brandnew")
        equal((status, echo), (0, True), "status and echo")
        assert b"brandnew" not in seen, seen
        assert may(server, "eve", "brandnew")
        status, seen, echo = typed(scene, b"first1", b"second2")
        equal((status, echo), (USAGE, True), "status and echo")
        assert b"not the same" in seen and b"first1" not in seen, seen
        for at in (0, 1):
            status, seen, echo = typed(scene, b"third3", b"third3", signal_at=at) \
                if at else typed(scene, b"third3", signal_at=at)
            assert status != 0 and echo, (status, echo)
        assert may(server, "eve", "brandnew")


# ---------------------------------------------------------------- the file


@test("owner, mode, symbolic link and the other lines of a file stay")
def stays():
    need_root()
    with Scene() as scene, start(scene, FILE) as server:
        rest = b"# first\r\n\nann:{PLAIN}a:::: :\r\nbroken\n"
        real = scene.file("real", rest.decode() + "eve:{PLAIN}e", 0o640)
        with open(real, "wb") as file:
            file.write(rest + b"eve:{PLAIN}e")
        os.chown(real, 0, 12)
        os.unlink(place(scene, FILE))
        os.symlink("real", place(scene, FILE))
        for words in (("passwd", "eve"), ("disable", "eve"), ("enable", "eve")):
            ctl(scene, *words, password="x")
            with open(real, "rb") as file:
                text = file.read()
            assert text.startswith(rest) and not text.endswith(b"\n"), text
            assert os.path.islink(place(scene, FILE))
            info = os.stat(real)
            equal((info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode)), (0, 12, 0o640),
                  "owner, group and mode")
        assert may(server, "eve", "x")
        equal([name for name in os.listdir(scene.path) if "popart-new" in name], [], "rests")


@test("twenty at the same time are all there")
@each_kind
def crowd(scene, server, block):
    with open(place(scene, block) if block == FILE else os.devnull, "a",
              encoding="utf-8") as file:
        file.write("ann:{PLAIN}a\n")
    programs = [subprocess.Popen(arguments(scene, "add", "user%d" % number),
                                 stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL) for number in range(20)]
    for program in programs:
        _, told = program.communicate(b"x\n", timeout=TIMEOUT * 4)
        equal((program.returncode, told), (0, b""), "exit status")
    known = {row["user"] for row in json.loads(ctl(scene, "list", "--json"))}
    equal(known - {"ann"}, {"user%d" % number for number in range(20)}, "users")
    assert may(server, "user7", "x")
    if block == DATABASE:
        with contextlib.closing(sqlite3.connect(place(scene, block))) as db:
            equal(db.execute("PRAGMA integrity_check").fetchall(), [("ok",)], "database")


# The search for leaks cannot run beside strace.
TRACED = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")


def traced(scene, rule, *words):
    """The command with strace's rule for its faults, begun."""
    need("strace")
    return subprocess.Popen(["strace", "-f", "-o", os.path.join(scene.path, "trace"), "-e",
                             "inject=" + rule, *arguments(scene, *words)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, env=TRACED)


def content(path):
    with open(path, "rb") as file:
        return file.read()


@test("what an editor writes while the file is being written is not lost, nor is ours")
def editor():
    with Scene() as scene, start(scene, FILE):
        path = place(scene, FILE)
        beside = os.path.join(scene.path, ".users.popart-new")
        for number, replaces in enumerate((True, False)):
            ctl(scene, "add", "eve%d" % number, password="x")
            with traced(scene, "fsync:delay_enter=1000000:when=1", "set", "--attr", "a=b",
                        "eve%d" % number) as program:
                eventually("it writes", lambda: os.path.exists(beside))
                line = b"editor%d:{PLAIN}x\n" % number
                if replaces:
                    other = scene.file("other", (content(path) + line).decode(), 0o640)
                    os.rename(other, path)
                else:
                    with open(path, "ab") as file:
                        file.write(line)
                assert os.path.exists(beside), "it was too fast to be disturbed"
                _, told = program.communicate(timeout=TIMEOUT)
                equal((program.returncode, told), (0, b""), "status")
            assert line in content(path), "the editor's line is lost"
            equal(shown(scene, "eve%d" % number)["attributes"], {"a": "b"}, "attributes")


@test("a full disk, and what else can fail, leaves the file alone and is told")
def failures():
    with Scene() as scene, start(scene, FILE):
        path = place(scene, FILE)
        ctl(scene, "add", "eve", password="x")
        old = content(path)
        faults = (("write:error=ENOSPC:when=1", b"No space left"),
                  ("fsync:error=EIO:when=1", b"Input/output error"),
                  ("rename:error=EROFS:when=1", b"Read-only file system"),
                  ("fchmod:error=EROFS:when=1", b"Read-only file system"))
        # A sanitizer may write something itself, before anything else does.
        for rule, why in faults if not sanitized() else faults[1:]:
            with traced(scene, rule, "set", "--attr", "a=b", "eve") as program:
                _, told = program.communicate(timeout=TIMEOUT)
            assert program.returncode == FAILED and why in told, (rule, told)
            equal(content(path), old, "the file after " + rule)
            equal([name for name in os.listdir(scene.path) if "popart-new" in name], [],
                  "what is left after " + rule)


def moments(scene, marker, *words):
    """[(system call, which of its kind)] of a command, from the first with marker in it."""
    trace = os.path.join(scene.path, "trace")
    subprocess.run(["strace", "-o", trace, *arguments(scene, *words)], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=TRACED)
    counts, found, begun = {}, [], False
    with open(trace, encoding="utf-8", errors="replace") as file:
        for line in file:
            name = line.partition("(")[0]
            if not name.isidentifier() or name in ("execve", "exit_group"):
                continue
            counts[name] = counts.get(name, 0) + 1
            begun = begun or marker in line
            if begun:
                found.append((name, counts[name]))
    assert found, "nothing to stop at"
    return found


@test("killed at every system call, all is as before or as wanted, and the next one works")
@each_kind
def killed(scene, server, block):
    need("strace")
    path = place(scene, block)
    rest = b"# mine\r\nann:{PLAIN}a\r\nbroken\n"
    if block == FILE:
        with open(path, "wb") as file:
            file.write(rest)
    ctl(scene, "add", "eve", password="e")
    ctl(scene, "set", "--attr", "n=0", "eve")
    where = moments(scene, "users", "set", "--attr", "n=0", "eve")
    if sanitized():
        where = where[::5]
    deaths, seen = 0, set()
    for number, (call, which) in enumerate(where, 1):
        before = shown(scene, "eve")["attributes"]["n"]
        with traced(scene, "%s:signal=KILL:when=%d" % (call, which), "set", "--attr",
                    "n=%d" % number, "eve") as program:
            program.communicate(timeout=TIMEOUT)
        deaths += program.returncode == -signal.SIGKILL
        after = shown(scene, "eve")["attributes"]["n"]
        assert after in (before, str(number)), (call, which, before, after)
        seen.add(after == before)
        if block == FILE:
            text = content(path)
            assert text.startswith(rest + b"eve:"), text
            equal(text.count(b"\n"), rest.count(b"\n") + 1, "lines")
        else:
            with contextlib.closing(sqlite3.connect(path)) as db:
                equal(db.execute("PRAGMA integrity_check").fetchall(), [("ok",)], call)
        ctl(scene, "set", "--attr", "n=0", "eve")
    print("# %d moments, killed at %d" % (len(where), deaths))
    assert deaths > len(where) * 3 / 4, "it was killed too seldom"
    equal(seen, {True, False}, "before and after the change")
    assert may(server, "eve", "e")


@test("root changes a file of root's that the server's account may only read")
def of_root():
    need_root()
    with Scene() as scene:
        path = scene.file("users", "", 0o640)
        ids = pwd.getpwnam("nobody")
        for owner in (0, ids.pw_uid):
            os.chown(path, owner, ids.pw_gid)
            conf = scene.file("popart.conf", 'user = "nobody"; module_path = "%s"; '
                              'run_dir = "%s/run"; state_dir = "%s/state"; auth = (%s); '
                              'storage = { module = "maildir"; path = "%s/%%n"; }; '
                              'listen = ( { address = "127.0.0.1:0"; } );' % (
                                  MODULE_PATH, scene.path, scene.path, FILE % quoted(path),
                                  scene.path))
            os.chmod(conf, 0o644)
            ctl(scene, "add", "eve%d" % owner, password="x")
            info = os.stat(path)
            equal((info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode)),
                  (owner, ids.pw_gid, 0o640), "owner, group and mode")
            assert b"eve%d:" % owner in content(path)


@test("a password is in no command line, and a wait for it can be ended")
def waiting():
    with Scene() as scene, start(scene, FILE):
        with subprocess.Popen(arguments(scene, "add", "eve"), stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL) as program:
            program.stdin.write(b"hidden1")
            program.stdin.flush()
            time.sleep(0.2)
            with open("/proc/%d/cmdline" % program.pid, "rb") as file:
                assert b"hidden1" not in file.read()
            program.send_signal(signal.SIGTERM)
            assert program.wait(TIMEOUT) != 0
        ctl(scene, "show", "eve", status=NO)


@test("mail for a disabled user is still delivered")
@each_kind
def deliveries(scene, server, _):
    scene.mail["bob"].fill(0)
    ctl(scene, "add", "--disabled", "bob", password="x")
    subprocess.run([os.path.join(os.path.dirname(POPARTD), "popart-deliver"), "-c",
                    os.path.join(scene.path, "popart.conf"), "-u", "bob"],
                   input=b"Subject: a\n\nb\n", check=True, timeout=TIMEOUT)
    ctl(scene, "enable", "bob")
    with Pop(server, "bob", "x") as client:
        equal(client.stat()[0], 1, "messages")
        client.quit()


@test("a database of others is not written")
def of_others():
    with Scene() as scene:
        path = os.path.join(scene.path, "theirs.db")
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE mailbox (username, password)")
            db.execute("INSERT INTO mailbox VALUES ('eve', '{PLAIN}e')")
            db.commit()
        block = ('{ module = "sqlite"; users = %s; query = "SELECT password FROM mailbox '
                 'WHERE username = :user"; }' % quoted(path).replace("%", "%%"))
        with start(scene, block) as server:
            old = content(path)
            for words in (("add", "ann"), ("passwd", "eve"), ("disable", "eve"),
                          ("del", "eve"), ("show", "eve")):
                assert "only read" in ctl(scene, *words, password="x", status=FAILED), words
            equal(content(path), old, "the database")
            assert may(server, "eve", "e")


main()
