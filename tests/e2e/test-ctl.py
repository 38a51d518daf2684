#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""popartctl asks a server: what it shows, what it makes of bad answers, and its exit status.
The server is one made for these tests, which can have every trouble there is."""

import contextlib
import datetime
import fcntl
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import termios
import threading

import yaml

import fake_admin
from harness import (HERE, POPARTD, SANITIZER, TIMEOUT, Pop, Scene, Skip, equal, eventually, main, need,
                     need_root, sanitized, status_of, test)

CTL = os.path.abspath(os.environ.get("POPARTCTL", os.path.join(
    os.path.dirname(POPARTD), "popartctl")))
OK, NO, USAGE, CONFIG, ABSENT, DENIED, LATER, FAILED = range(8)


def ctl(*words, program=CTL, **more):
    """(exit status, standard output, standard error)."""
    done = subprocess.run([program, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=TIMEOUT, check=False, **more)
    out, err = done.stdout.decode(), done.stderr.decode()
    assert not SANITIZER.search(err), err
    assert done.returncode >= 0, "died of signal %d" % -done.returncode
    return done.returncode, out, err


@contextlib.contextmanager
def faking():
    with Scene() as scene, fake_admin.Fake(scene.path).running() as fake:
        yield fake


def ask(fake, *words, expect=OK, **more):
    status, out, err = ctl("-s", fake.path, *words, **more)
    assert status == expect, "%s ends with %d, not %d: %s%s" % (words, status, expect, out, err)
    return out if expect in (OK, NO) and out else err


# ---------------------------------------------------------------- what is shown


@test("a server that is well")
def a_server_that_is_well():
    with faking() as fake:
        out = ask(fake, "status")
        equal(out.splitlines()[0],
              "All is well: popart 0.1.0 on pop.example.net, 3 sessions, up 3d 04h")
        for wanted in (r"generation 2 +serving, 2 of 2 workers, 2 sessions, for 1h 00m",
                       r"generation 1 +draining", r"listens +0\.0\.0\.0:995, TLS",
                       r"logins +12 000 +2\.5/s +2\.0/s +0/s", r"octets sent +7\.0G +977K/s"):
            assert re.search(wanted, out), wanted + " is not in\n" + out


TROUBLES = {
    "a worker is missing": (
        lambda a: a["/v1/status"]["generations"][0].update(workers_up=1),
        "1 of 2 workers of generation 2 are up"),
    "nobody serves": (
        lambda a: a["/v1/status"]["generations"].pop(0), "no generation serves"),
    "it stops": (
        lambda a: a["/v1/status"].update(stopping=True), "the server is stopping"),
    "it is full": (
        lambda a: a["/v1/status"].update(sessions=901), "901 of 1000 connections are taken"),
    "connections are refused": (
        lambda a: (a["/v1/status"]["rates"][1].update(refused_per_s=0.5),
                   a["/v1/status"]["totals"].update(refused_full=1, refused_fds=7)),
        "150 connections were refused lately, mostly because there are no descriptors left"),
    "maildrops are in use": (
        lambda a: a["/v1/status"]["rates"][1].update(in_use_per_s=0.3),
        "90 logins were refused lately because the maildrop was in use"),
    "modules fail": (
        lambda a: a["/v1/status"]["rates"][1].update(module_failures_per_s=0.01),
        "3 module operations failed lately"),
    "sizes are wrong": (
        lambda a: a["/v1/status"]["totals"].update(size_mismatches=2),
        "2 messages were sent with another size"),
    "a module is slow": (
        lambda a: a["/v1/modules"].update(modules=[fake_admin.module("arch", 500, 6)]),
        'storage "arch" is slow: more than one call of open'),
    "a certificate expires": (
        lambda a: a["/v1/tls"]["certificates"].append(fake_admin.certificate(3 * 86400 + 60)),
        "the certificate /etc/popart/cert.pem expires in 3d 00h"),
    "a certificate has expired": (
        lambda a: a["/v1/tls"]["certificates"].append(fake_admin.certificate(-7200)),
        "has expired, for 2h 00m"),
}


@test("what is not well comes first")
def what_is_not_well_comes_first():
    for trouble, (cause, sentence) in TROUBLES.items():
        with faking() as fake:
            cause(fake.answers)
            out = ask(fake, "status", expect=NO)
            lines = out.splitlines()
            assert lines[0].startswith("1 thing is not well: "), trouble + ": " + out
            assert lines[1].startswith("  ! ") and sentence in lines[1], trouble + ": " + out


@test("crashes are told while they are fresh")
def crashes_are_told_while_they_are_fresh():
    now = datetime.datetime.now(datetime.timezone.utc)

    def at(minutes):
        return (now - datetime.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    with faking() as fake:
        fake.answers["/v1/modules"]["crashes"] = [fake_admin.crash(at(61))]
        ask(fake, "status")
        fake.answers["/v1/modules"]["crashes"] = [
            fake_admin.crash(at(5)), fake_admin.crash(at(6), reason="exit status 1")]
        assert "2 workers died within the last hour, the last of signal 11 in mail.open" in \
            ask(fake, "status", expect=NO)
        assert re.search(r"signal 11 +mail\.open +anna", ask(fake, "modules"))


@test("a status without the rest")
def a_status_without_the_rest():
    with faking() as fake:
        del fake.answers["/v1/modules"], fake.answers["/v1/tls"]
        assert ask(fake, "status").startswith("All is well")
        fake.answers["/v1/status"] = {}
        assert "no generation serves" in ask(fake, "status", expect=NO)


@test("tables")
def tables():
    with faking() as fake:
        rows = {"workers": r"(?m)^ *2 +2 +0 +down +1 +5 +0 +0$",
                "locks": r"(?m)^anna +1m 14s +5s +192\.0\.2\.7 +0{15}1 +1 +0{14}ab$",
                "tls": r"(?m)^90d 00h +pop\.example\.net 192\.0\.2\.1 +ECDSA 256 +no ",
                "quarantine": r"(?m)^eve +50s +[-0-9: ]+Z +mail\.list +3 +1$",
                "modules": r"(?m)^mail +open +500 +0 +0 +500us +1\.0ms +1\.0ms$",
                "sessions": r"(?m)^0{15}1 +anna +192\.0\.2\.7 +transaction +1m 15s +5s +121K"}
        for command, row in rows.items():
            out = ask(fake, command)
            assert re.search(row, out), command + ":\n" + out
            assert "\033" not in out
        assert "renew" not in ask(fake, "modules")
        assert re.search(r'(?m)^path +"/m/%n"$', ask(fake, "modules", "--options"))
        assert re.search(r"(?m)^cache_hits +7 +Lists", ask(fake, "modules", "--statistics"))
        fake.answers["/v1/locks"]["locks"] = []
        equal(ask(fake, "locks"), "No session has a maildrop open.\n")


@test("json is the server's")
def json_is_the_servers():
    with faking() as fake:
        for command in ("status", "workers", "modules", "locks", "tls"):
            equal(json.loads(ask(fake, command, "--json")), fake.answers["/v1/" + command])
        equal(json.loads(ask(fake, "--json", "sessions")),
              {"sessions": fake.sessions, "skipped": 0, "next": None})
        fake.answers["/v1/locks"] = b'{"locks": []}'  # without an end of line
        equal(ask(fake, "--json", "locks"), '{"locks": []}\n')


@test("sessions are chosen")
def sessions_are_chosen():
    with faking() as fake:
        fake.sessions.append(fake_admin.session(4, "b b&c=\u00e4"))
        for words, numbers in ((("--user", "anna"), [1, 3]), (("--address", "::1"), [3]),
                               (("--user", "b b&c=\u00e4"), [4]), (("--limit", "2"), [1, 2]),
                               (("--state", "transaction", "--user", "bob"), [2])):
            out = ask(fake, "sessions", *words)
            equal([int(line.split()[0], 16) for line in out.splitlines()[1:]], numbers, out)
        assert "no such session" in ask(fake, "sessions", "--user", "nobody")
        assert "no number" in ask(fake, "sessions", "--limit", "0", expect=USAGE)
        equal(len(json.loads(ask(fake, "sessions", "--json", "--limit", "1"))["sessions"]), 1)


@test("twenty thousand sessions are not kept")
def twenty_thousand_sessions_are_not_kept():
    with faking() as fake:
        fake.sessions = [fake_admin.session(n, "user%d" % n) for n in range(1, 20001)]

        def peak():
            most = lines = 0
            with subprocess.Popen([CTL, "-s", fake.path, "sessions"],
                                  stdout=subprocess.PIPE) as running:
                for _ in running.stdout:
                    lines += 1
                    if lines % 100 == 1:
                        with contextlib.suppress(AssertionError):  # it has ended
                            most = int(status_of(running.pid, "VmHWM")[0])
            equal((lines, running.returncode), (len(fake.sessions) + 1, 0))
            return most
        many = peak()
        equal(len(fake.requests), 40, "pages")
        fake.sessions = fake.sessions[:1000]
        few = peak()
        assert sanitized() or 0 < many < few + 2048, "%d KiB for 20000, %d KiB for 1000" % (many, few)


@test("nothing in an answer is obeyed")
def nothing_in_an_answer_is_obeyed():
    with faking() as fake:
        fake.sessions = [fake_admin.session(1, "\033[31mred\u202e\n", cipher=7, tls=[])]
        out = ask(fake, "sessions")
        assert "\033" not in out and "\u202e" not in out and len(out.splitlines()) == 2, out
        fake.special["GET", "/v1/locks"] = lambda h: h.fail(500, "bad \033[2J\nsecond")
        equal(ask(fake, "locks", expect=FAILED),
              "popartctl: bad \\x1b[2J\npopartctl: second\n")


# ---------------------------------------------------------------- what it is told to do


@test("sessions are closed")
def sessions_are_closed():
    with faking() as fake:
        fake.sessions.append(fake_admin.session(4, "00000000000000ff"))
        ask(fake, "kick", "%016x" % 2)
        equal([one["id"][-1] for one in fake.sessions], list("134"))
        assert "2 sessions closed" in ask(fake, "kick", "anna")
        assert "no session" in ask(fake, "kick", "anna", expect=NO)
        assert "no session" in ask(fake, "kick", "00000000000000ff", expect=NO)
        equal(json.loads(ask(fake, "kick", "--json", "--user", "00000000000000ff")),
              {"kicked": ["%016x" % 4]})
        equal(fake.sessions, [])


@test("who ends while he is kicked is no error")
def who_ends_while_he_is_kicked_is_no_error():
    with faking() as fake:
        fake.special["DELETE", "/v1/sessions/%016x" % 1] = lambda h: h.fail(404, "gone")
        ask(fake, "kick", "anna")
        ask(fake, "kick", "%016x" % 1, expect=NO)


@test("a reload is waited for")
def a_reload_is_waited_for():
    with faking() as fake:
        fake.special["POST", "/v1/reload"] = lambda h: h.tell(200, {"generation": 3})
        equal(ask(fake, "reload"), "generation 3 serves\n")
        fake.special["POST", "/v1/reload"] = lambda h: h.fail(
            500, "popart.conf:3: unknown key \"lissten\"\npopart.conf:9: wrong type")
        equal(ask(fake, "reload", expect=CONFIG),
              'popartctl: popart.conf:3: unknown key "lissten"\n'
              "popartctl: popart.conf:9: wrong type\n")
        fake.special["POST", "/v1/reload"] = lambda h: h.tell(202, {"waiting": "generation 1"})
        assert "waits for generation 1" in ask(fake, "reload", expect=LATER)
        fake.special["POST", "/v1/reload"] = lambda h: h.fail(409, "one is under way")
        ask(fake, "reload", expect=LATER)


@test("the level of the log")
def the_level_of_the_log():
    with faking() as fake:
        fake.special["PUT", "/v1/log-level"] = lambda h: h.tell(200, {"level": "debug"})
        assert "level debug" in ask(fake, "log", "debug")
        equal(json.loads(fake.requests[-1][2]), {"level": "debug"})
        fake.special["PUT", "/v1/log-level"] = lambda h: h.fail(400, "no such level")
        assert "no such level" in ask(fake, "log", 'x"', expect=USAGE)
        assert "not \"" in ask(fake, "log", "x" * 300, expect=USAGE)


# ---------------------------------------------------------------- what goes wrong


@test("the server's sentence and the status")
def the_servers_sentence_and_the_status():
    with faking() as fake:
        for code, expect in ((400, USAGE), (403, DENIED), (404, NO), (409, LATER),
                             (500, FAILED), (503, LATER), (418, FAILED)):
            fake.special["GET", "/v1/locks"] = lambda h, code=code: h.fail(code, "so it is")
            for words in (("locks",), ("--json", "locks")):
                equal(ctl("-s", fake.path, *words), (expect, "", "popartctl: so it is\n"))
        fake.special["GET", "/v1/locks"] = lambda h: h.tell(502, b"<html>")
        assert "HTTP status 502" in ask(fake, "locks", expect=FAILED)


@test("nobody answers")
def nobody_answers():
    with Scene() as scene:
        path = os.path.join(scene.path, "none")
        for words in (("status",), ("top", "--once"), ("kick", "x"), ("stop",), ("reload",)):
            status, out, err = ctl("-s", path, *words)
            equal((status, out), (ABSENT, ""), words)
            assert "no server answers at " + path in err, err
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(path)
        equal(ctl("-s", path, "status")[0], ABSENT)
        status, _, err = ctl("-s", "/" + "x" * 200, "status")
        equal(status, FAILED)
        assert "too long" in err


@contextlib.contextmanager
def blunt(answer):
    """Says always the same octets, then closes."""
    with Scene() as scene, socket.socket(socket.AF_UNIX) as listener:
        path = os.path.join(scene.path, "blunt")
        listener.bind(path)
        listener.listen()

        def serve():
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer, contextlib.suppress(OSError):
                    peer.recv(65536)
                    for piece in answer:
                        peer.sendall(piece)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield path
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@test("a server with a full queue is not absent")
def full_queue():
    with Scene() as scene, socket.socket(socket.AF_UNIX) as busy, \
            socket.socket(socket.AF_UNIX) as waiting:
        path = os.path.join(scene.path, "busy")
        busy.bind(path)
        busy.listen(0)
        waiting.connect(path)
        status, _, err = ctl("-s", path, "locks")
        equal(status, LATER)
        assert "try again" in err, err


@test("what answers is no popartd")
def what_answers_is_no_popartd():
    head = b"HTTP/1.1 200 OK\r\n"
    cases = [([], LATER), ([b"220 mail ESMTP\r\n"], FAILED), ([b"\0" * 4096], FAILED),
             ([head + b"Content-Length: 5\r\n\r\nhello"], FAILED),
             ([head + b"Content-Length: 2\r\n\r\n[]"], FAILED),
             ([head + b"Content-Length: 500\r\n\r\n{\"a\":"], LATER),
             ([head + b"Location: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"], FAILED),
             ([b"HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:1/\r\n"
               b"Content-Length: 0\r\n\r\n"], FAILED)]
    for answer, expect in cases:
        with blunt(answer) as path:
            status, out, err = ctl("-s", path, "locks")
            equal((status, out), (expect, ""), "%r: %s" % (answer[:1], err))
            equal(len(err.splitlines()), 1)


@test("an answer without end is not held")
def an_answer_without_end_is_not_held():
    with blunt([b"HTTP/1.1 200 OK\r\n\r\n{"] + [b" " * (1 << 20)] * 64) as path:
        status, _, err = ctl("-s", path, "locks")
        equal(status, FAILED)
        assert "octets" in err, err
    with blunt([b"HTTP/1.1 500 No\r\n\r\n"] + [b" " * (1 << 16)] * 64) as path:
        equal(ctl("-s", path, "--json", "locks")[0], FAILED)


@test("the environment changes nothing")
def the_environment_changes_nothing():
    with faking() as fake:
        environment = dict(os.environ, http_proxy="http://127.0.0.1:1", ALL_PROXY="socks5://::1",
                           HTTP_PROXY="http://127.0.0.1:1", HOME="/nonexistent")
        ask(fake, "locks", env=environment)


@test("a full disk is told")
def a_full_disk_is_told():
    with faking() as fake, open("/dev/full", "wb") as full:
        for words in (("status",), ("sessions",), ("--json", "locks"), ("modules",)):
            done = subprocess.run([CTL, "-s", fake.path, *words], stdout=full,
                                  stderr=subprocess.PIPE, timeout=TIMEOUT, check=False)
            equal(done.returncode, FAILED, words)
            assert b"No space left" in done.stderr, done.stderr


# ---------------------------------------------------------------- terminals


class Terminal:
    """A command on a terminal of its own. screen: all that it has been sent."""

    def __init__(self, *words, rows=40, columns=120, program=CTL, cwd=None, **environment):
        master, slave = os.openpty()
        self.master, self.screen = master, b""
        self.size(rows, columns)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            [program, *words], cwd=cwd, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={**{key: value for key, value in os.environ.items() if key != "NO_COLOR"},
                 "TERM": "xterm", **environment})
        self.slave = slave

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.slave)
        os.close(self.master)

    def size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        while select.select([self.master], [], [], 0)[0]:
            self.screen += os.read(self.master, 65536)
        return self.screen

    def wait_for(self, pattern, since=0):
        eventually(pattern, lambda: re.search(pattern.encode(), self.read()[since:]))

    def end(self):
        """The exit status; the terminal has to be as it was."""
        def over():
            self.read()
            return self.process.poll() is not None
        eventually("it ends", over)
        self.read()
        equal(termios.tcgetattr(self.slave), self.before, "the terminal's settings")
        return self.process.returncode


ALTERNATE, BACK = b"\033[?1049h", b"\033[?1049l"


@test("colours are for a terminal that wants them")
def colours():
    with faking() as fake:
        for environment, wanted in (({}, True), ({"NO_COLOR": "1"}, False),
                                    ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)):
            for words in (("status",), ("workers",), ("top", "--once")):
                with Terminal("-s", fake.path, *words, **environment) as terminal:
                    equal(terminal.end(), OK)
                    equal(b"\033[" in terminal.screen, wanted, (environment, words))


@test("top shows what happens, and leaves the terminal as it was")
def top_lives():
    with faking() as fake:
        for how in ("q", "ctrl-c", "term", "hangup"):
            with Terminal("-s", fake.path, "top", "--interval", "200ms") as terminal:
                terminal.wait_for("All is well")
                terminal.wait_for("anna .* 2 .*0/s")
                fake.sessions[1]["octets_out"] += 1 << 40
                terminal.wait_for("bob .* 1 .*[GT]/s")
                if how == "q":
                    os.write(terminal.master, b"xq")
                elif how == "ctrl-c":
                    os.write(terminal.master, b"\003")
                else:
                    terminal.process.send_signal(
                        signal.SIGTERM if how == "term" else signal.SIGHUP)
                equal(terminal.end(), OK, how)
                assert terminal.screen.startswith(ALTERNATE), terminal.screen[:40]
                assert terminal.screen.endswith(BACK), terminal.screen[-40:]


@test("top follows the size of the terminal")
def top_resizes():
    with faking() as fake:
        fake.sessions = [fake_admin.session(n, "user%d" % n) for n in range(1, 100)]
        with Terminal("-s", fake.path, "top", "--interval", "200ms", rows=24) as terminal:
            terminal.wait_for("q ends")
            first = terminal.read().partition(b"\033[J")[0]
            assert first.count(b"\r\n") < 24, "more lines than rows"
            seen = len(terminal.read())
            terminal.size(60, 120)
            eventually("more users", lambda: max(
                picture.count(b"user") for picture in
                terminal.read()[seen:].split(b"\033[J")) > 15)
            terminal.size(5, 20)
            seen = len(terminal.read())
            eventually("fewer lines", lambda: any(
                picture.count(b"\r\n") == 4 for picture in
                terminal.read()[seen:].split(b"\033[J")[1:-1]))
            os.write(terminal.master, b"q")
            equal(terminal.end(), OK)


@test("top goes on when the server comes back")
def top_waits():
    with faking() as fake:
        answers = fake.special
        with Terminal("-s", fake.path, "top", "--interval", "200ms") as terminal:
            terminal.wait_for("All is well")
            seen = len(terminal.read())
            answers["GET", "/v1/status"] = lambda h: h.fail(503, "it \033[2J starts")
            terminal.wait_for(r"it \\x1b\[2J starts", seen)
            seen = len(terminal.read())
            del answers["GET", "/v1/status"]
            terminal.wait_for("All is well", seen)
            os.write(terminal.master, b"q")
            equal(terminal.end(), OK)


@test("top without a terminal")
def top_once():
    with faking() as fake:
        out = ask(fake, "top", "--once")
        assert "\033" not in out
        for wanted in (r"(?m)^ *3 +0/s +2\.5/s .* 977K/s$", r"(?m)^mail +open +500us +500 +250ms",
                       r"(?m)^anna +2 +241K$", r"(?m)^bob +1 +121K$"):
            assert re.search(wanted, out), wanted + " is not in\n" + out
        assert "needs a terminal" in ask(fake, "top", expect=USAGE)
        assert "--json" in ask(fake, "top", "--json", expect=USAGE)
        assert "is no time" in ask(fake, "top", "--once", "--interval", "1ms", expect=USAGE)


# ---------------------------------------------------------------- the real server


@test("what is made up here is what docs/openapi.yaml has")
def contract():
    with open(os.path.join(HERE, os.pardir, os.pardir, "docs", "openapi.yaml"),
              encoding="utf-8") as file:
        schemas = yaml.safe_load(file)["components"]["schemas"]

    def check(value, name, where):
        schema = schemas[name]
        equal(set(value), set(schema["properties"]), "the fields of " + where)
        for field, inner in schema["properties"].items():
            many = inner.get("type") == "array"
            reference = (inner["items"] if many else inner).get("$ref", "").rpartition("/")[2]
            for one in (value[field] if many else [value[field]]) if reference else ():
                check(one, reference, where + "." + field)
    for name in ("status", "workers", "modules", "locks", "tls"):
        check(fake_admin.ANSWERS["/v1/" + name], name.capitalize(), name)
    check(fake_admin.session(1), "Session", "session")
    check(fake_admin.crash("2026-11-26T00:37:33Z"), "Crash", "crash")
    check(fake_admin.ANSWERS["/v1/quarantine"], "Quarantines", "quarantine")


@contextlib.contextmanager
def administered(*names, admin="", **more):
    with Scene(*names or ("bob",)) as scene:
        more["extra"] = "admin = { %s };\n%s" % (admin, more.get("extra", ""))
        with scene.server(**more) as server:
            server.wait_event("admin_start")
            yield scene, server


def at(server, *words, expect=OK, **more):
    status, out, err = ctl("-c", server.conf, *words, **more)
    assert status == expect, "%s ends with %d, not %d: %s%s" % (words, status, expect, out, err)
    return out + err


@test("a real server is looked at from all sides")
def real():
    with administered() as (scene, server):
        scene.bob.fill(3)
        with Pop(server, "bob") as bob:
            bob.retr(1)
            number = re.search(r"event=login .*session=([0-9a-f]{16})",
                               server.wait_event("login")[0]).group(1)
            first = at(server, "status").splitlines()[0]
            assert first.startswith("All is well: popart "), first
            for command, row in (
                    ("sessions", r"(?m)^%s +bob +127\.0\.0\.1 +transaction " % number),
                    ("locks", r"(?m)^bob .* %s " % number),
                    ("workers", r"(?m)^ *2 +1 +\d+ +serving "),
                    ("modules", r"(?m)^maildir +open +1 +0 "),
                    ("tls", "No certificate"), ("top", r"(?m)^bob +1 +\d")):
                words = (command, "--once") if command == "top" else (command,)
                out = at(server, *words)
                assert re.search(row, out), command + ":\n" + out
            for command in ("status", "workers", "sessions", "modules", "locks", "tls"):
                json.loads(at(server, command, "--json"))
            equal(at(server, "kick", "bob"), number + ": closed\n")
            bob.at_end()
        with Pop(server, "bob") as bob:
            equal(bob.stat()[0], 3)


@test("a certificate that is soon over is told of a real server")
def real_certificate():
    need("openssl")
    with Scene() as scene:
        path = os.path.join(scene.path, "soon.pem")
        subprocess.run(["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-keyout", path, "-out", path + ".crt",
                        "-days", "3", "-subj", "/CN=localhost"], check=True,
                       stderr=subprocess.DEVNULL)
        with open(path, "a", encoding="ascii") as file, \
                open(path + ".crt", encoding="ascii") as more:
            file.write(more.read())
        extra = 'admin = { };\ntls = { certificate = "%s"; };' % path
        with scene.server(listener="tls = true;", extra=extra) as server:
            server.wait_event("admin_start")
            out = at(server, "status", expect=NO)
            assert "! the certificate %s expires in 2d 23h" % path in out, out


@test("operations on a real server")
def real_operations():
    with administered() as (_, server):
        at(server, "log", "warn")
        equal(json.loads(at(server, "status", "--json"))["log_level"], "warn")
        assert "error, warn" in at(server, "log", "loud", expect=USAGE)
        equal(at(server, "reload"), "generation 2 serves\n")
        server.change(("workers =", "wrkers ="))
        status, out, err = ctl("-s", server.directory + "/run/admin.socket", "reload")
        equal((status, out), (CONFIG, ""))
        assert all(line.startswith("popartctl: ") for line in err.splitlines()), err
        assert "wrkers" in err, err
        server.change()
        equal(at(server, "stop"), "the server has ended\n")
        equal(server.wait(), 0)
        assert "no server answers" in at(server, "status", expect=ABSENT)


@test("stop --now waits for no session")
def stop_now():
    need_root()
    with administered(extra='drain_timeout = "1h";') as (_, server), Pop(server, "bob"):
        at(server, "stop", "--now")
        equal(server.wait(), 0)


@test("stop --now by a member of the group, and stop --no-wait, which does not wait")
def stop_by_member():
    need_root()
    with administered(admin='group = "60999";', extra='drain_timeout = "1h";') as (_, server):
        with Pop(server, "bob"):
            status, out, err = ctl("-s", server.directory + "/run/admin.socket", "stop",
                                   "--now", **somebody(server, [60999]))
            equal((status, out), (0, "the server has ended\n"), err)
            equal(server.wait(), 0)
    with administered() as (_, server), Pop(server, "bob") as bob:
        assert "drains" in at(server, "stop", "--no-wait")
        bob.quit()
        equal(server.wait(), 0)


# ---------------------------------------------------------------- who may


def somebody(server, groups=()):
    """For ctl: an account that is in no group, or in those that are given, and may not be
    able to reach the program where it was built."""
    program = os.path.join(server.directory, "popartctl")
    if not os.path.exists(program):
        shutil.copy(CTL, program)
    return {"user": 60123, "group": 60123, "extra_groups": list(groups), "program": program}


@test("who may look, and who may change something")
def permissions():
    need_root()
    with administered(admin='group = "60999";') as (_, server):
        socket_path = server.directory + "/run/admin.socket"
        os.chmod(server.conf, 0o640)
        member, stranger = somebody(server, [60999]), somebody(server)
        at(server, "status")
        ask_as = ("-s", socket_path, "status", "--json")
        equal(ctl(*ask_as, **member)[0], OK)
        equal(ctl("-s", socket_path, "log", "info", **member)[0], OK)
        for words in (("status",), ("kick", "bob"), ("reload",), ("stop",), ("top", "--once")):
            status, out, err = ctl("-s", socket_path, *words, **stranger)
            equal((status, out), (DENIED, ""), words)
            assert "not permitted" in err, err
        # A configuration that is named has to be read.
        status, _, err = ctl("-c", server.conf, "status", **member)
        equal(status, CONFIG)
        assert "Permission denied" in err, err
        at(server, "status")


@test("who may look need not be who may change something")
def looking():
    need_root()
    with administered(admin='group = "60999"; mode = "0666";') as (_, server):
        socket_path = server.directory + "/run/admin.socket"
        equal(ctl("-s", socket_path, "sessions", **somebody(server))[0], OK)
        for words in (("kick", "0" * 16), ("reload",), ("stop",), ("log", "warn")):
            status, out, err = ctl("-s", socket_path, *words, **somebody(server))
            equal((status, out), (DENIED, ""), words)
            assert len(err.splitlines()) == 1 and "root" in err, err


@test("the socket is found without the configuration")
def default_socket():
    need_root()
    need("unshare", "mount", "setpriv")
    script = """mount -t tmpfs none /run && mkdir /run/popart &&
        ln -s "$1" /run/popart/admin.socket &&
        exec setpriv --reuid 60123 --regid 60123 --groups 60999 "$2" status"""
    with administered(admin='group = "60999";') as (_, server):
        if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/run"],
                          stderr=subprocess.DEVNULL, check=False).returncode:
            raise Skip("no mount namespaces here")
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh", server.directory + "/run/admin.socket",
             somebody(server)["program"]], stdout=subprocess.PIPE, timeout=TIMEOUT, check=True)
        assert done.stdout.startswith(b"All is well"), done.stdout


@test("why tells each reason")
def why():
    with administered("bob", "eve", extra="max_connections_per_address = 1;") as (_, server):
        out = at(server, "why", "bob")
        for wanted in (r"(?m)^auth +static0, module static$", r"(?m)^storage +maildir, module",
                       r"(?m)^storage path +%s/mail/bob$" % re.escape(server.directory),
                       r"(?m)^lock +free$", r"(?m)^server +generation 1 serves, 0 of ",
                       r"(?m)^bob can log in, with the right password$"):
            assert re.search(wanted, out), wanted + " is not in\n" + out
        assert "nobody cannot log in: no auth" in at(server, "why", "nobody", expect=NO)
        at(server, "why", "bob", "--from", "127.0.0.1")
        assert "no listener takes a password from 192.0.2.1" in at(
            server, "why", "bob", "--from", "192.0.2.1", expect=NO)
        for wrong in ("192.0.2", "*", "::g", "localhost", ""):
            at(server, "why", "bob", "--from", wrong, expect=USAGE)
        at(server, "why", "b\001", expect=USAGE)
        with Pop(server, "bob"):
            number = json.loads(at(server, "sessions", "--json"))["sessions"][0]["id"]
            out = at(server, "why", "bob", expect=NO)
            assert "the maildrop is in use by session %s, idle for " % number in out, out
            assert re.search(r"(?m)^lock +held by session %s from 127\.0\.0\.1" % number, out)
            answer = json.loads(at(server, "why", "--json", "bob", expect=NO))
            equal((answer["user"], answer["can_log_in"], answer["holder"]["session"]),
                  ("bob", False, number))
            at(server, "why", "eve")
            # What the server does not tell, the lock file does.
            out = at(server, "-s", "/none", "why", "bob", expect=NO)
            assert re.search(r"(?m)^lock +held by popartd, process \d+$", out), out
        at(server, "stop")
        server.wait()
        assert "no server answers" in at(server, "why", "bob", expect=NO)


@test("why knows accounts, and users whose mail has no place")
def why_account():
    with Scene("anna") as scene:
        users = scene.file("users", "")
        extra = 'admin = { };'
        with scene.server(extra=extra) as server:
            static = re.search(r"auth = \(.*?\);", server.configuration(scene.path),
                               re.S).group(0)
            auth = 'auth = ( { name = "file"; module = "passwd_file"; path = "%s"; } );' % users
            server.change((static, auth))

            def change(*words, password=b""):
                subprocess.run([CTL, "-c", server.conf, "user", *words], input=password,
                               check=True, timeout=TIMEOUT, stdout=subprocess.DEVNULL)
            change("add", "anna", password=b"open sesame\n")
            change("add", ".hidden", password=b"open sesame\n")
            out = at(server, "why", "anna")
            for wanted in (r"(?m)^auth +file, module passwd_file$", r"(?m)^enabled +yes$",
                           r"(?m)^password kept as +.*(yescrypt|argon2id)"):
                assert re.search(wanted, out), wanted + " is not in\n" + out
            assert "has no place for this user: path: the value of %n begins with a dot" in at(
                server, "why", ".hidden", expect=NO)
            change("disable", "anna")
            out = at(server, "why", "anna", expect=NO)
            assert "the account is disabled; popartctl user enable" in out, out
            assert re.search(r"(?m)^enabled +no$", out), out


@test("why asks no server that has no socket")
def why_alone():
    with Scene() as scene, scene.server() as server:
        assert "bob can log in" in at(server, "why", "bob")
        with Pop(server, "bob"):
            assert "in use by popartd, process" in at(server, "why", "bob", expect=NO)
        assert "has no status socket" in at(server, "status", expect=CONFIG)


# ---------------------------------------------------------------- completion


COMPLETIONS = {
    ("",): "status", ("st",): "status stop store", ("user", "de"): "del",
    ("log", ""): "error warn info debug", ("log", "w"): "warn",
    ("sessions", "--state", "t"): "transaction", ("sessions", "--user", ""): "",
    ("-s", "x", "sessions", "--sta"): "--state", ("help", "us"): "user",
    ("completion", ""): "bash zsh", ("kick", "--", "--"): "", ("nothing", ""): "",
}


@test("what completes a command line")
def completes():
    for words, wanted in COMPLETIONS.items():
        status, out, _ = ctl("completion", "words", "--", *words)
        found = {line.partition("\t")[0] for line in out.splitlines()}
        equal(status, OK)
        if words == ("",):
            assert set(wanted.split()) <= found, found
        else:
            equal(found, set(wanted.split()), words)
    equal(ctl("completion", "words", "--", "-c", "/e")[1], ":files\n")
    assert "bash or zsh" in ctl("completion", "fish")[2]
    equal(ctl("completion")[0], USAGE)


@contextlib.contextmanager
def shells():
    """A directory with popartctl in it, which the shells find, and a file to complete."""
    with Scene() as scene:
        scene.directory("bin")
        os.symlink(CTL, os.path.join(scene.path, "bin", "popartctl"))
        scene.file("configured.conf", "")
        path = "%s/bin:%s" % (scene.path, os.environ["PATH"])
        yield scene, {"PATH": path, "HOME": scene.path, "PS1": "% ", "TERM": "dumb"}


@test("bash completes")
def completes_in_bash():
    need("bash")
    script = """
        [ -e /usr/share/bash-completion/bash_completion ] &&
            . /usr/share/bash-completion/bash_completion
        eval "$(popartctl completion bash)" || exit
        complete -p popartctl >/dev/null || exit
        compopt() { :; }
        try() {
            COMP_WORDS=(popartctl "$@") COMP_CWORD=$#
            _popartctl
            echo "${COMPREPLY[*]}"
        }
        try sto
        try user pa
        try sessions --state a
        try --config config
        """
    with shells() as (scene, environment):
        done = subprocess.run(["bash", "-eu", "-c", script], env={**os.environ, **environment},
                              cwd=scene.path, stdout=subprocess.PIPE, timeout=TIMEOUT, check=True)
        equal(done.stdout.decode().splitlines(),
              ["stop store", "passwd", "authorization", "configured.conf"])


def typed(shell, keys, wanted, scene, environment):
    """What a person sees who types that."""
    with Terminal(*shell, program="/usr/bin/env", cwd=scene.path, **environment) as terminal:
        terminal.wait_for("READY")
        os.write(terminal.master, keys)
        terminal.wait_for(wanted)
        os.write(terminal.master, b"\003\003exit\n")


@test("a person completes in bash")
def bash_typed():
    need("bash")
    with shells() as (scene, environment):
        rc = scene.file("rc", 'eval "$(popartctl completion bash)"\nbind "set bell-style none"\n'
                              "PS1='READY '\n")
        typed(["bash", "--noprofile", "--rcfile", rc, "-i"], b"popartctl use\tpassw\t",
              "popartctl user passwd ", scene, environment)


@test("a person completes in zsh")
def zsh_typed():
    need("zsh")
    with shells() as (scene, environment):
        scene.file(".zshrc", "autoload -U compinit; compinit -u -D\n"
                             'eval "$(popartctl completion zsh)"\nPS1="READY "\n')
        typed(["zsh", "-i"], b"popartctl use\tpassw\t", "passwd",
              scene, {**environment, "ZDOTDIR": scene.path, "TERM": "xterm"})
        typed(["zsh", "-i"], b"popartctl log \t", r"debug +error|error +.*debug",
              scene, {**environment, "ZDOTDIR": scene.path, "TERM": "xterm"})


main()
