#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The command line, the configuration and its mistakes, whom the workers become, and a
directory served without any configuration."""

import os
import re
import shutil
import signal
import socket
import subprocess

from harness import (MODULE_PATH, PASSWORD, POPARTD, TIMEOUT, Pop, Program, Refused,
                     Scene, Server, Skip, corpus, equal, letter, listing, main,
                     need_root, serving, status_of, test, wire)


def call(*arguments, status=0):
    """Runs popartd to its end; what it says on standard output and standard error."""
    done = subprocess.run([POPARTD, *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT)
    out, err = done.stdout.decode(), done.stderr.decode()
    equal(done.returncode, status, "the exit status of %r (%s%s)" % (arguments, out, err))
    return out, err


def good(scene):
    """A configuration, as text, that is right."""
    server = Server.__new__(Server)
    server.users = {"bob": PASSWORD}
    server.options = ("", "", 2, 4, None, "debug")
    return server.configuration(scene.path)


@test("-V, --help, --modules")
def informs():
    out, err = call("-V")
    assert re.match(r"popartd \d+\.\d+", out) and not err
    equal(call("--version")[0], out, "--version")
    out, err = call("--help")
    assert "--maildir" in out and not err
    out, _ = call("--modules", "--module-path", MODULE_PATH)
    assert re.search(r"^maildir\b.*storage", out, re.M), out
    assert re.search(r"^static\b.*auth", out, re.M), out


@test("a wrong command line is told in one line, exit status 2")
def command_line():
    for arguments in (["--bogus"], ["-c"], ["word"], ["--delete"], ["--listen", "127.0.0.1:0"],
                      ["--user", "a:b"], ["--maildir"], ["--maildir", "/nowhere/at/all"],
                      ["--maildir", "/dev/null"], ["--maildir", "/", "-c", "x"],
                      ["--maildir", "/", "--user", "nocolon"],
                      ["--maildir", "/", "--user", ":x"],
                      ["--maildir", "/", "--listen", "nonsense"],
                      ["--maildir", "/", "--listen", "127.0.0.1:99999"],
                      ["--maildir", "/", "--listen", "0.0.0.0:0"],
                      ["--maildir", "/", "--listen", "[::]:0"], ["-t", "-x"]):
        out, err = call(*arguments, status=2)
        assert not out and re.match(r"popartd: .+\n\Z", err), (arguments, err)
    out, err = call("-c", "/nowhere/at/all", status=1)
    assert "/nowhere/at/all" in err and not out


@test("-t and -n: a good configuration; what -n prints is one, without its secrets")
def check_and_dump():
    with Scene() as scene:
        text = good(scene)
        path = scene.file("good.conf", text)
        call("-t", "-c", path)
        out, _ = call("-n", "-c", path)
        assert PASSWORD not in out and "(hidden)" in out
        for piece in ('hostname = "pop.example.net"', "workers = 2", 'idle_timeout = "10m"',
                      'address = "127.0.0.1:0"', 'module = "maildir"', "%n"):
            assert piece in out, (piece, out)
        again = scene.file("again.conf", out)
        call("-t", "-c", again)
        equal(call("-n", "-c", again)[0], out, "-n of what -n printed")
        equal(sorted(os.listdir(os.path.join(scene.path, "run"))), [], "what -t has made")


MISTAKES = (
    # what is put in the place of what, and what must be said
    ('hostname =', 'hostnam =', r'test\.conf:1: unknown key "hostnam".*hostname'),
    ('workers = 2', 'workers = 100000', r"test\.conf:\d+: workers: 100000"),
    ('workers = 2', 'workers = "two"', r"test\.conf:\d+: workers"),
    ('threads = 4', 'threads = 0', r"test\.conf:\d+: threads"),
    ('"127.0.0.1:0"', '"127.0.0.1"', r"test\.conf:\d+: .*address"),
    ('"127.0.0.1:0"', '"localhost:0"', r"test\.conf:\d+: .*address"),
    ('address =', 'adress =', r'test\.conf:\d+: unknown key "adress".*address'),
    ('listen = (', 'listem = (', r'test\.conf:\d+: unknown key "listem".*listen'),
    ('module = "maildir"', 'module = "mialdir"', r"test\.conf:\d+: .*mialdir"),
    ('module = "maildir"', 'module = "static"', r"test\.conf:\d+: .*static"),
    ('module = "static"', 'module = "maildir"', r"test\.conf:\d+: .*maildir"),
    ('module = "maildir"; path', 'module = "maildir"; pth', r'test\.conf:\d+: .*pth.*path'),
    ('/mail/%n"', '/mail/%q"', r"test\.conf:\d+: .*%q"),
    ('password = "open sesame"', 'passwort = "x"', r'test\.conf:\d+: .*passwort.*password'),
    ('password = "open sesame"', 'password = ""', r"test\.conf:\d+: .*password"),
    ('level = "debug"', 'level = "loud"', r"test\.conf:\d+: .*level.*loud"),
    ('hostname = "pop', 'hostname = pop', r"test\.conf:1: "),
    ('hostname = "pop', '@include "/nowhere"\nhostname = "pop', r"test\.conf:1: .*"),
    ('run_dir =', 'idle_timeout = "soon"; run_dir =', r"test\.conf:\d+: idle_timeout.*soon"),
    ('run_dir =', 'login_delay = -3; run_dir =', r"test\.conf:\d+: login_delay"),
)


@test("mistakes are told with file, line and what to do; -t and the server both refuse")
def mistakes():
    with Scene() as scene:
        text = good(scene)
        for old, new, said in MISTAKES:
            assert old in text, old
            path = scene.file("test.conf", text.replace(old, new, 1))
            for arguments in (["-t"], []):
                _, err = call(*arguments, "-c", path, status=1)
                assert re.search(said, err), "%s: %s" % (new, err)
        several = text.replace("hostname", "hostnam").replace("workers = 2", "workers = -1")
        path = scene.file("test.conf", several)
        _, err = call("-t", "-c", path, status=1)
        assert "hostnam" in err and "-1" in err, "only some mistakes are told: " + err
        call("-t", "-c", scene.file("test.conf", ""), status=1)
        call("-t", "-c", scene.file("test.conf", "\0\xff"), status=1)


@test("an account that does not exist")
def no_account():
    need_root()
    with Scene() as scene:
        text = good(scene).replace('user = "root"', 'user = "no-such-account"', 1)
        _, err = call("-c", scene.file("test.conf", text), status=1)
        assert "no-such-account" in err, err


@test("what a start would stumble over, -t tells, and makes nothing")
def stumbling_blocks():
    with Scene() as scene:
        text = good(scene)
        run_dir = re.search(r'run_dir = "(.*)"', text).group(1)
        nowhere = os.path.join(scene.path, "no", "such")
        for old, new, said in (
                ('run_dir = "%s"' % run_dir, 'run_dir = "%s"' % nowhere,
                 r"test\.conf:\d+: cannot make run_dir"),
                ('log = {', 'log = { target = "%s";' % nowhere,
                 r"test\.conf:\d+: cannot open the log"),
                ('"127.0.0.1:0"', '"192.0.2.1:0"', r"test\.conf:\d+: cannot listen on")):
            path = scene.file("test.conf", text.replace(old, new, 1))
            for arguments in (["-t"], []):
                _, err = call(*arguments, "-c", path, status=1)
                assert re.search(said, err), "%s: %s" % (new, err)
        equal(os.path.exists(os.path.dirname(nowhere)), False, "what -t has made")


@test("a port that is taken")
def port_in_use():
    with Scene() as scene, socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        text = good(scene).replace("127.0.0.1:0", "127.0.0.1:%d" % port)
        _, err = call("-c", scene.file("test.conf", text), status=1)
        assert "127.0.0.1:%d" % port in err, err


@test("modules that are none, or that others could write")
def bad_modules():
    with Scene() as scene:
        directory = scene.directory("modules")
        module = os.path.join(directory, "maildir.so")
        text = good(scene).replace('module = "maildir"', 'module = "%s"' % module)
        path = scene.file("test.conf", text)
        real = [os.path.join(one, "maildir.so") for one in MODULE_PATH.split(":")
                if os.path.exists(os.path.join(one, "maildir.so"))][0]

        def refused(what):
            for arguments in (["-t"], []):
                _, err = call(*arguments, "-c", path, status=1)
                assert "modules/maildir.so\": " in err, "%s: %s" % (what, err)

        refused("there is none")
        scene.file("modules/maildir.so", "This is no shared object.", 0o644)
        refused("text")
        shutil.copy("/lib/x86_64-linux-gnu/libz.so.1" if os.path.exists(
            "/lib/x86_64-linux-gnu/libz.so.1") else "/bin/sh", module)
        refused("another shared object")
        shutil.copy(real, module)
        os.chmod(module, 0o755)
        call("-t", "-c", path)
        os.chmod(module, 0o757)
        refused("writable by others")
        os.chmod(module, 0o755)
        os.chmod(directory, 0o777)
        refused("in a directory that others can write")


def reachable_by_all(path):
    while path != "/":
        if not os.stat(path).st_mode & 0o005:
            raise Skip("others cannot reach " + path)
        path = os.path.dirname(path)


@test("started by root, the workers become the configured user and nothing else")
def drop():
    need_root()
    for path in [POPARTD] + MODULE_PATH.split(":"):
        reachable_by_all(path)
    with serving(user="nobody", groups=[0, 4, 65534]) as (scene, server):
        scene.bob.fill(3)
        for directory, _, names in os.walk(scene.bob.path):
            for name in [""] + names:
                shutil.chown(os.path.join(directory, name), "nobody")
        workers = server.workers()
        equal(len(workers), 2, "the number of workers")
        for pid in workers:
            equal(set(status_of(pid, "Uid")), {"65534"}, "Uid")
            equal(set(status_of(pid, "Gid")), {"65534"}, "Gid")
            assert not set(status_of(pid, "Groups")) - {"65534"}, status_of(pid, "Groups")
            for kind in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
                equal(int(status_of(pid, kind)[0], 16), 0, kind)
            equal(status_of(pid, "NoNewPrivs"), ["1"], "NoNewPrivs")
        equal(status_of(server.pid, "Uid")[1], "0", "the master's Uid")
        with Pop(server, "bob") as client:
            equal(len(client.all()), 3, "the number of messages")
            client.cmd("DELE 2")
            client.quit()
        equal(len(scene.bob.messages()), 2, "what is left")


@test("root without user: an error that says what to do")
def root_without_user():
    need_root()
    import pwd
    try:
        pwd.getpwnam("popart")
        raise Skip("there is an account popart")
    except KeyError:
        pass
    with Scene() as scene:
        text = good(scene).replace('user = "root";\n', "", 1)
        _, err = call("-c", scene.file("test.conf", text), status=1)
        assert "user" in err, err


@test("what deserves a second look is a warning at start")
def warnings():
    with serving(extra='idle_timeout = "1m";') as (_, server):
        assert any("idle_timeout" in line for line in server.events("config")), server.log()


class Quick(Program):
    """popartd --maildir."""

    def __init__(self, scene, directory, *more):
        super().__init__(["--module-path", MODULE_PATH, "--maildir", directory,
                          "--listen", "127.0.0.1:0", *more], scene.path,
                         environment=dict(os.environ, XDG_RUNTIME_DIR=scene.directory("xdg"),
                                          XDG_STATE_HOME=scene.directory("xdg")))
        self.must_start()


def read_and_delete(server, mail, user="anybody", password="anything at all"):
    with Pop(server, user, password) as client:
        got = client.all()
        equal(sorted(got.values()), sorted(map(wire, mail)), "the messages")
        for number in got:
            client.cmd("DELE %d" % number)
        client.quit()


@test("--maildir with a Maildir: nothing in it changes, DELE and QUIT say +OK")
def quick_maildir():
    with Scene() as scene:
        mail = list(corpus().values())
        for number, data in enumerate(mail):
            scene.bob.add(data, ("cur", "new")[number % 2])
        before = listing(scene.bob.path)
        with Quick(scene, scene.bob.path) as server:
            for _ in range(2):
                read_and_delete(server, mail)
            equal(listing(scene.bob.path), before, "the directory while the server runs")
        equal(listing(scene.bob.path), before, "the directory afterwards")


@test("--maildir with a plain directory: the same")
def quick_plain():
    with Scene() as scene:
        directory = scene.directory("plain")
        mail = [letter(number) for number in range(20)]
        for number, data in enumerate(mail):
            with open(os.path.join(directory, "%d.eml" % number), "wb") as file:
                file.write(data)
        before = listing(directory)
        with Quick(scene, directory) as server:
            for _ in range(2):
                read_and_delete(server, mail)
        equal(listing(directory), before, "the directory")


@test("--maildir --delete removes what clients delete, and nothing else")
def quick_delete():
    with Scene() as scene:
        mail = [letter(number) for number in range(1, 7)]
        plain = scene.directory("plain")
        for number, data in enumerate(mail):
            scene.bob.add(data)
            with open(os.path.join(plain, "%d.eml" % number), "wb") as file:
                file.write(data)
        for directory, count in ((scene.bob.path, scene.bob.messages),
                                 (plain, lambda: [name for name in os.listdir(plain)
                                                  if name.endswith(".eml")])):
            with Quick(scene, directory, "--delete") as server:
                with Pop(server, "any", "body") as client:
                    client.cmd("DELE 2")
                    client.quit()
                equal(len(count()), 5, "the number of messages")
                read_and_delete(server, mail[:1] + mail[2:])
                equal(len(count()), 0, "the number of messages")


@test("--maildir --user lets in nobody else, and hides the password")
def quick_user():
    with Scene() as scene:
        scene.bob.add(letter(1))
        with Quick(scene, scene.bob.path, "--user", "eve:s3cret:with colon") as server:
            read_and_delete(server, [letter(1)], "eve", "s3cret:with colon")
            for user, password in (("eve", "s3cret"), ("bob", "s3cret:with colon")):
                try:
                    Pop(server, user, password)
                    raise AssertionError("let in: " + user)
                except Refused as refusal:
                    assert refusal.args[0].startswith(b"-ERR [AUTH]"), refusal
            for pid in [server.pid] + server.workers():
                with open("/proc/%d/cmdline" % pid, "rb") as file:
                    assert b"s3cret" not in file.read(), "the password is on the command line"
            assert "s3cret" not in server.log()


@test("--maildir: Ctrl-C ends it with exit status 0")
def quick_interrupt():
    with Scene() as scene:
        scene.bob.add(letter(1))
        with Quick(scene, scene.bob.path) as server:
            read_and_delete(server, [letter(1)])
            # As a terminal does: to the whole foreground group.
            os.killpg(server.pid, signal.SIGINT)
            equal(server.wait(), 0, "the exit status")


@test("--maildir with no message, and a directory that is taken away")
def quick_empty():
    with Scene() as scene:
        directory = scene.directory("empty")
        with Quick(scene, directory) as server:
            server.expect.update(("module_failed", "internal"))
            with Pop(server, "a", "b") as client:
                equal(client.stat(), (0, 0), "STAT")
                client.quit()
            os.rmdir(directory)
            with Pop(server) as client:
                client.cmd("USER a")
                try:
                    client.cmd("PASS b")
                except Refused as refusal:
                    assert b"[AUTH]" not in refusal.args[0], refusal


main()
