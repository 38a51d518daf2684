#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A module is foreign code: what it does to itself costs nobody else. Crashes are told by
module, operation, user and place in the code; who causes them is kept out for a while; calls
that go on for too long are told while they last; a worker that is stuck is replaced."""

import contextlib
import json
import os
import re
import select
import shutil
import subprocess

from harness import (HERE, Pop, Refused, Scene, Server, Skip, equal, eventually, main, quoted,
                     sanitized, test)

MODULES = os.path.join(os.environ.get("TEST_BUILDDIR", "."), "tests", "modules", ".libs")
CTL = os.path.abspath(os.environ.get("POPARTCTL", os.path.join(
    os.environ.get("TEST_BUILDDIR", "."), "popartctl")))
STUMBLE = os.path.join(MODULES, "stumble.so")
STUMBLEFAR = os.path.join(MODULES, "stumblefar.so")
PLACE = r"%s\.so\+(0x[0-9a-f]+) \(build-id ([0-9a-f]{40})\)"


def block(module, **options):
    return "{ module = %s; %s }" % (quoted(module), " ".join(
        "%s = %s;" % (key, quoted(value)) for key, value in options.items()))


class Stumbling(Server):
    """Everybody may log in; stores and auth are what the test says."""

    auth = '{ module = "static"; name = "all"; any = true; }'
    storage = ""

    def configuration(self, directory):
        text = super().configuration(directory)
        start, end = text.index("auth = ("), text.index("log = {")
        return (text[:start] + "auth = ( %s );\nstorage = ( %s );\n" % (self.auth, self.storage)
                + text[end:])


@contextlib.contextmanager
def stumbling(storage, auth=None, **more):
    class Configured(Stumbling):
        pass
    Configured.storage = storage
    if auth is not None:
        Configured.auth = auth
    more.setdefault("expect", ["worker_died"])
    more.setdefault("users", {})
    with Scene() as scene, Configured(scene.path, **more) as server:
        yield server


def whole_session(server, user):
    """Everything that a session can want of a store, until something breaks."""
    with Pop(server, user, "x") as client:
        client.retr(1)
        client.cmd("DELE 2")
        client.quit()


def falls(server, user="eve", count=1):
    """Sessions of the user until so many workers have died of them."""
    died = len(server.events("worker_died"))
    for number in range(died + 1, died + count + 1):
        with contextlib.suppress(OSError, EOFError, Refused, AssertionError):
            whole_session(server, user)
        line = server.wait_event("worker_died", number)[number - 1]
        eventually("it is replaced", lambda: len(server.workers()) == 2)
    return line


def field(line, name):
    match = re.search(r'\b%s=("(?:[^"\\]|\\.)*"|\S+)' % name, line)
    assert match, "no %s in %s" % (name, line)
    return match.group(1).strip('"')


def need_handlers():
    if sanitized():
        raise Skip("a sanitizer catches crashes before us")


def function_at(file, address):
    """The name of the function, if there is a program that knows."""
    if shutil.which("addr2line") is None:
        return None
    return subprocess.run(["addr2line", "-f", "-e", file, address], check=True,
                          stdout=subprocess.PIPE).stdout.decode().split("\n")[0]


@test("a crash costs its worker's sessions; the log has signal, call, user and place")
def kinds_of_crashes():
    need_handlers()
    for how, signal, function in (("segv", "SEGV", "fall"), ("libc", "SEGV", "fall"),
                                  ("fpe", "FPE", "fall"), ("ill", "ILL", "fall"),
                                  ("abort", "ABRT", "fall"), ("overflow", "SEGV", "dig")):
        with stumbling(block(STUMBLE, op="list", how=how, user="eve")) as server:
            clients = server.crowd(4)
            for number, client in enumerate(clients):
                client.login("bob%d" % number, "x")
            line = falls(server)
            equal(field(line, "reason"), "signal SIG" + signal, "the reason with " + how)
            equal(field(line, "doing"), "stumble.list", "what it was doing")
            equal(field(line, "user"), "eve", "whose")
            where = field(line, "where")
            match = re.match(PLACE % "stumble", where)
            assert match, where
            equal(function_at(STUMBLE, match.group(1)) or function, function, "the function")
            if how in ("libc", "abort"):
                assert ", in libc.so" in where, where
            equal(", address 0x8" in where, how == "segv", "whether it names the address")
            left = 0
            for client in clients:
                with contextlib.suppress(OSError, EOFError, AssertionError):
                    client.cmd("NOOP")
                    left += 1
                client.close()
            equal(left, 2, "sessions of the other worker")


@test("whichever operation it is, and in the pool as well")
def operations():
    for module, name in ((STUMBLE, "stumble"), (STUMBLEFAR, "stumblefar")):
        for op in ("maildrop_id", "open", "list", "message", "read", "release", "commit",
                   "close"):
            with stumbling(block(module, op=op, user="eve", how="abort")) as server:
                line = falls(server)
                equal(field(line, "doing"), "%s.%s" % (name, op), "what it was doing")
                equal(field(line, "user"), "eve", "whose")
                if not sanitized():
                    assert re.match(PLACE % name, field(line, "where")), line
                whole_session(server, "bob")


@test("a module that ends the process is found out, too")
def exits():
    with stumbling(block(STUMBLE, op="open", user="eve", how="exit")) as server:
        line = falls(server)
        equal(field(line, "reason"), "exit status 3", "the reason")
        equal(field(line, "doing"), "stumble.open", "what it was doing")


@test("a crash before there is a session is told, too")
def before_sessions():
    for op in ("check", "start", "thread_start"):
        with Scene() as scene:
            class Configured(Stumbling):
                storage = block(STUMBLE, op=op, how="abort")

                def must_start(self):
                    pass
            server = Configured(scene.path, users={})
            try:
                equal(server.wait(), 1, "the exit status")
                text = server.log()
                assert "ended before it was ready" in text, text
                if not sanitized():
                    assert re.search("signal SIGABRT in stumble.%s at " % op +
                                     PLACE % "stumble", text), text
            finally:
                server.kill()


def refused(server, user):
    """What a login is answered with."""
    with Pop(server) as client:
        client.cmd("USER " + user)
        client.put("PASS x")
        return client.line()


@test("three crashes for one user, and this user is refused for a while; nobody else is")
def quarantine():
    with stumbling(block(STUMBLE, op="list", user="eve", how="abort"),
                   extra='quarantine = "1s";') as server:
        falls(server, count=3)
        line = server.wait_event("quarantine_begin")[0]
        equal(field(line, "call"), "stumble.list", "the operation")
        equal(field(line, "user"), "eve", "the user")
        equal(field(line, "crashes"), "3", "deaths")
        equal(field(line, "seconds"), "1", "how long")
        died = len(server.events("worker_died"))
        reply = refused(server, "eve")
        assert reply.startswith(b"-ERR [SYS/TEMP]"), reply
        whole_session(server, "bob")
        assert "quarantined" in server.wait_event("login_failed")[0]
        equal(len(server.events("worker_died")), died, "workers that died")
        equal(field(server.wait_event("quarantine_end")[0], "reason"), "time is up", "its end")
        falls(server)  # once is enough now
        equal(field(server.wait_event("quarantine_begin", 2)[1], "seconds"), "2", "how long")


@test("a quarantine outlives a reload, unless that switches it off")
def reloaded():
    with stumbling(block(STUMBLE, op="open", user="eve", how="abort"),
                   extra='quarantine = "1h";') as server:
        falls(server, count=3)
        server.wait_event("quarantine_begin")
        server.reload()
        reply = refused(server, "eve")
        assert reply.startswith(b"-ERR [SYS/TEMP]"), reply
        whole_session(server, "bob")
        server.change(extra="quarantine = 0;")
        server.reload()
        equal(field(server.wait_event("quarantine_end")[0], "reason"), "switched off", "its end")
        falls(server)


@test("in an auth module it is the name that somebody logs in by")
def in_auth():
    for hidden in (False, True):
        with stumbling(block(STUMBLE), auth=block(STUMBLE, op="check_password", user="eve",
                                                  how="abort"),
                       extra='quarantine = "1h";',
                       log="refused_users = false;" if hidden else "") as server:
            line = falls(server, count=3)
            equal(field(line, "doing"), "stumble.check_password", "what it was doing")
            begun = server.wait_event("quarantine_begin")[0]
            for text in (line, begun):
                equal('"eve"' in text, not hidden, "whether the name is in " + text)
            reply = refused(server, "eve")
            assert reply.startswith(b"-ERR [SYS/TEMP]"), reply
            whole_session(server, "bob")
            equal(len(server.events("worker_died")), 3, "workers that died")


def ctl(server, *words):
    """The exit status, and what it prints."""
    done = subprocess.run([CTL, "-s", server.directory + "/run/admin.socket", *words],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout.decode()


def answer(server, *words):
    """The server's answer."""
    text = ctl(server, *words, "--json")[1]
    return json.loads(text)


def same_fields(value, name):
    """The answer has the fields that docs/openapi.yaml has for it."""
    try:
        import yaml
    except ImportError as error:
        raise Skip("python3-yaml is not installed") from error
    with open(os.path.join(HERE, os.pardir, os.pardir, "docs", "openapi.yaml"),
              encoding="utf-8") as file:
        schema = yaml.safe_load(file)["components"]["schemas"][name]
    equal(set(value), set(schema["properties"]), "the fields of " + name)


@test("popartctl shows a quarantine and a crash, says why, and ends it; metrics count")
def operated():
    with stumbling(block(STUMBLE, op="list", user="eve", how="abort"),
                   extra='quarantine = "1h"; admin = {};') as server:
        server.wait_event("admin_start")
        equal(answer(server, "status")["quarantined"], 0, "users in quarantine")
        falls(server, count=3)
        server.wait_event("quarantine_begin")
        refused(server, "eve")
        equal(answer(server, "status")["quarantined"], 1, "users in quarantine")
        assert "1 user is refused" in ctl(server, "status")[1], "the status says nothing"
        row = answer(server, "quarantine")["quarantined"][0]
        equal((row["user"], row["call"], row["crashes"], row["times"], row["address"]),
              ("eve", "stumble.list", 3, 1, "127.0.0.1"), "who is in quarantine")
        assert 0 < row["left_s"] <= 3600, row
        same_fields(row, "Quarantine")
        equal(answer(server, "status")["totals"]["quarantined"], 1, "logins refused")
        crash = answer(server, "modules")["crashes"][0]
        equal((crash["doing"], crash["user"]), ("stumble.list", "eve"), "the crash")
        same_fields(crash, "Crash")
        if not sanitized():
            assert re.match(PLACE % "stumble", crash["where"]), crash
        metrics = subprocess.run(
            ["curl", "-s", "--unix-socket", server.directory + "/run/admin.socket",
             "http://popartd/metrics"], check=True, stdout=subprocess.PIPE).stdout.decode()
        for line in ("popart_quarantined 1", "popart_quarantines_total 1",
                     "popart_quarantine_refusals_total 1"):
            assert "\n" + line + "\n" in metrics, line
        assert re.search(r"popart_module_crashes_total\{[^}]*\"list\"\} 3\n", metrics), metrics
        status, text = ctl(server, "-c", server.conf, "why", "bob")
        equal(status, 0, "the exit status of why bob: " + text)
        status, text = ctl(server, "-c", server.conf, "why", "eve")
        equal(status, 1, "the exit status of why eve: " + text)
        assert "workers died of this user, in stumble.list" in text, text
        status, text = ctl(server, "release", "bob")
        assert status != 0 and "not in quarantine" in text, text
        equal(ctl(server, "release", "eve"), (0, "eve: may log in again\n"), "release")
        equal(field(server.wait_event("quarantine_end")[0], "reason"), "released", "its end")
        equal(answer(server, "quarantine")["quarantined"], [], "who is in quarantine")
        falls(server, count=2)
        equal(len(server.events("quarantine_begin")), 1, "quarantines")


@test("with quarantine = 0 nobody is refused")
def no_quarantine():
    with stumbling(block(STUMBLE, op="open", user="eve", how="abort"),
                   extra="quarantine = 0;") as server:
        falls(server, count=5)
        equal(server.events("quarantine_begin"), [], "quarantines")


@test("a call past its deadline is told while it lasts, with where it stands")
def late():
    for module, name in ((STUMBLE, "stumble"), (STUMBLEFAR, "stumblefar")):
        with stumbling(block(module, op="open", user="eve", how="sleep", time="4s"),
                       extra='call_deadline = "300ms"; admin = {};', expect=[]) as server:
            server.wait_event("admin_start")
            with Pop(server) as client:
                client.cmd("USER eve")
                client.put("PASS x")
                line = server.wait_event("call_late")[0]
                equal(server.events("login"), [], "logins so far")
                equal(field(line, "module"), name, "the module")
                equal(field(line, "instance"), name, "the instance")
                equal(field(line, "call"), name + ".open", "the operation")
                equal(field(line, "user"), "eve", "the user")
                equal(field(line, "rip"), "127.0.0.1", "the client")
                equal(field(line, "deadline_ms"), "300", "the deadline")
                where = field(line, "where")
                calls = [call for worker in answer(server, "workers")["workers"]
                         for call in worker["doing"]]
                equal([(call["call"], call["where"], call["ms"] >= 300) for call in calls],
                      [(name + ".open", where, True)], "what workers are doing")
                same_fields(calls[0], "Doing")
                match = re.match(PLACE % name + ", in libc.so", where)
                assert match, where
                function = function_at(module, match.group(1))
                assert function in (None, "wait_for", "fall"), function
                # It does not harm the call; and is told again, but seldom.
                reply = client.line()
                assert reply.startswith(b"+OK"), reply
                client.quit()
            lines = server.events("call_late")
            assert 1 <= len(lines) <= 4, lines
            times = [int(field(each, "ms")) for each in lines]
            assert all(a * 3 <= b * 2 for a, b in zip(times, times[1:])), times


@test("a commit has no deadline: it is called slow, and may take its time")
def slow_commit():
    with stumbling(block(STUMBLE, op="commit", user="eve", how="crawl", time="6s"),
                   extra='call_deadline = "300ms"; worker_timeout = "3s";', expect=[],
                   threads=1, workers=1) as server:
        whole_session(server, "eve")
        line = server.wait_event("commit_slow")[0]
        equal(field(line, "call"), "stumble.commit", "the operation")
        equal(server.events("call_late"), [], "calls that are late")
        whole_session(server, "bob")


@test("a commit that gets nowhere keeps nobody from replacing its worker")
def stuck_commit():
    with stumbling(block(STUMBLE, op="commit", user="eve", how="sleep"),
                   extra='call_deadline = "300ms"; worker_timeout = "3s"; admin = {};',
                   threads=1, workers=1) as server:
        with Pop(server, "eve", "x") as client:
            client.cmd("DELE 1")
            client.put("QUIT")
            server.wait_event("commit_slow")
            eventually("it is shown as stuck", lambda: " stuck " in ctl(server, "workers")[1])
            line = server.wait_event("worker_died")[0]
            equal(field(line, "doing"), "stumble.commit", "what it was doing")
            assert "stuck in modules" in field(line, "reason"), line
            server.wait_event("worker_start", 2)
            with contextlib.suppress(ConnectionResetError):
                equal(client.file.read(), b"", "what the client is told")
        whole_session(server, "bob")


def hang(server, user, count):
    clients = []
    for _ in range(count):
        client = Pop(server)
        client.cmd("USER %s%d" % (user, len(clients)))
        client.put("PASS x")
        clients.append(client)
    return clients


@test("a worker that has no thread left is replaced, and it is told in what it was stuck")
def stuck():
    with stumbling(block(STUMBLE, op="open", how="sleep"), threads=2, workers=1,
                   extra='call_deadline = "300ms"; worker_timeout = "3s";') as server:
        before = server.workers()
        clients = hang(server, "eve", 2)
        line = server.wait_event("worker_died")[0]
        equal(field(line, "reason"), "all its threads were stuck in modules and it was killed",
              "the reason")
        equal(field(line, "doing"), "stumble.open, stumble.open", "what they were doing")
        assert re.match(PLACE % "stumble", field(line, "where")), line
        eventually("another one serves", lambda: server.workers() not in ([], before))
        server.wait_event("worker_start", 2)
        equal(server.events("quarantine_begin"), [], "quarantines")
        for client in clients:
            client.close()


@test("as long as one thread is free, nobody is replaced")
def one_is_free():
    with stumbling(block(STUMBLE, op="message", user="eve0", how="sleep", time="6s"),
                   threads=2, workers=1, expect=[],
                   extra='call_deadline = "300ms"; worker_timeout = "3s";') as server:
        client = Pop(server, "eve0", "x")
        client.put("RETR 1")
        server.wait_event("call_late")
        whole_session(server, "bob")
        client.answer()
        client.close()


def ask(server, count):
    """So many who are told that their message comes, and wait for it."""
    clients = []
    for number in range(count):
        client = Pop(server, "eve%d" % number, "x")
        client.put("RETR 1")
        answer = client.socket.recv(65536)
        assert answer.startswith(b"+OK") and answer.count(b"\n") == 1, answer
        clients.append(client)
    return clients


def all_wait(clients):
    return not select.select([client.socket for client in clients], [], [], 0)[0]


@test("those who download leave one thread to the others, however many they are")
def one_is_kept():
    with stumbling(block(STUMBLE, op="read", how="sleep", time="2s"), threads=2, workers=1,
                   expect=[]) as server:
        clients = ask(server, 2)
        with Pop(server, "bob", "x") as client:
            client.cmd("DELE 1")
            client.quit()
        assert all_wait(clients), "somebody has a message already"
        for client in clients:
            client.close()


@test("where all other threads are stuck, the last one serves those who download, too")
def none_is_kept():
    with stumbling(block(STUMBLE, op="read", how="sleep", user="eve0", time="6s"), threads=2,
                   workers=1, expect=[],
                   extra='call_deadline = "300ms"; worker_timeout = "30s";') as server:
        clients = ask(server, 2)
        client = clients.pop()
        while client.line() != b".":
            pass
        assert all_wait(clients), "it was not stuck"
        for each in (client, *clients):
            each.close()


@test("a pool that one instance has filled is told of once; other stores go on")
def full_pool():
    auth = ('{ module = "static"; name = "near"; user = "bob"; password = "x"; }, '
            '{ module = "static"; name = "far"; any = true; '
            'attributes = ["storage=stumblefar"]; }')
    with stumbling(block(STUMBLE) + ", " + block(STUMBLEFAR, op="open", how="sleep", time="7s"),
                   auth=auth, threads=2, workers=1, expect=[],
                   extra='call_deadline = "300ms"; worker_timeout = "3s";') as server:
        clients = hang(server, "eve", 6)
        line = server.wait_event("pool_stuck")[0]
        equal(field(line, "instance"), "stumblefar", "whose")
        whole_session(server, "bob")
        for client in clients:
            reply = client.line()
            assert reply.startswith(b"+OK"), reply
            client.close()
        assert len(server.events("pool_stuck")) <= 2, server.events("pool_stuck")


main()
