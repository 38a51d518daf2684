#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The load client of the benchmark: that it works, and that it sees what is wrong. Nothing
here looks at how fast anything is."""

import contextlib
import os
import ssl
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "e2e"))
# pylint: disable=wrong-import-position
import drops  # noqa: E402
import servers  # noqa: E402
from harness import Pop, Scene, equal, letter, main, test, wire  # noqa: E402

USERS = 2
MESSAGES = 3


def place(certificate, plain, tls):
    """What makes the harness's server listen twice."""
    return ('tls = { certificate = "%s"; };' % certificate,
            '}, { address = "127.0.0.1:%d"; }, { address = "127.0.0.1:%d"; tls = true;' %
            (plain, tls))


@contextlib.contextmanager
def standing(tls):
    """A server with the users; gives the port."""
    names = ["user%d" % number for number in range(USERS)]
    with Scene(*names) as scene:
        for name in names:
            scene.mail[name].fill(MESSAGES)
        plain, secure = servers.free_port(), servers.free_port()
        extra, listener = place(servers.certificate(scene.path), plain, secure)
        with scene.server(users={name: servers.PASSWORD for name in names}, extra=extra,
                          listener=listener):
            yield plain if tls == "none" else secure


def blind():
    """A client's settings that take any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def counted(workload, tls="none", seconds=1, **more):
    with standing(tls) as port:
        return servers.load(port, workload=workload, tls=tls, users=USERS, connections=USERS,
                            threads=2, seconds=seconds, **more)


def one_second(workload, **more):
    result = counted(workload, **more)
    assert result["sessions"] > 0, result
    assert result["octets"] > result["sessions"], result
    equal(result["errors"], 0, "errors")
    return result


@test("login, plain")
def _():
    equal(one_second("login")["handshakes"], 0, "handshakes")


@test("check and fetch, plain")
def _():
    one_second("check")
    one_second("fetch")
    one_second("fetch", pipeline=True)


@test("login over TLS: each handshake is a full one")
def _():
    result = one_second("login", tls="full")
    assert result["handshakes"] >= result["sessions"], result
    equal(result["resumed"], 0, "resumed")


@test("login over TLS: every ticket that is offered resumes")
def _():
    result = one_second("login", tls="resumed")
    assert result["offered"] >= result["handshakes"] - USERS > 0, result
    equal(result["resumed"], result["offered"], "resumed")


@test("check and fetch over TLS")
def _():
    one_second("check", tls="resumed")
    one_second("fetch", tls="full", pipeline=True)


@test("visit, and sessions that are due at their times")
def _():
    result = one_second("visit", every=100)
    assert result["sessions"] <= 2 * 11, result
    times = result["session_ms"]
    assert 0 < times["p50"] <= times["p90"] <= times["p99"] <= times["max"], times


@test("fetch, everything three times in a session")
def _():
    once = counted("fetch", rounds=1)
    thrice = counted("fetch", rounds=1, repeat=3, pipeline=True)
    equal((once["sessions"], thrice["sessions"]), (USERS, USERS), "sessions")
    assert 2 < thrice["octets"] / once["octets"] < 3, (once, thrice)


@test("expire: what is deleted is gone")
def _():
    result = counted("expire", rounds=1, deletions=MESSAGES, seconds=10)
    equal(result["sessions"], USERS, "sessions")
    assert 0 < result["quit_ms"]["max"] <= result["session_ms"]["max"], result
    try:
        counted("expire", rounds=2, deletions=MESSAGES, seconds=10)
    except RuntimeError as error:
        assert "fewer messages" in str(error), error
    else:
        raise AssertionError("they were there again")


@test("idle: all are logged in, and leave when they are told to")
def _():
    with standing("none") as port:
        load = servers.Load(port, workload="idle", users=USERS, connections=USERS, threads=2,
                            seconds=10)
        load.wait_held()
        equal(load.process.poll(), None, "the exit status before it was told")
        equal(load.wait()["sessions"], USERS, "sessions")


@test("a bare handshake")
def _():
    with tempfile.TemporaryDirectory() as directory:
        bare = servers.Bare(servers.certificate(directory), 2)
        try:
            for kind in ("full", "resumed"):
                result = servers.load(bare.tls, workload="shake", tls=kind, seconds=0.5)
                equal(result["handshakes"] - result["sessions"] in (0, 1), True, result)
                assert result["sessions"] > 0, result
                equal(result["resumed"], result["offered"], "resumed")
        finally:
            bare.stop()


@test("logins at a process that only echoes")
def _():
    echo = servers.Echo()
    try:
        assert servers.load(echo.plain, workload="login", seconds=0.5)["sessions"] > 0
    finally:
        echo.stop()


@test("messages of a process that only echoes, over TLS, of one record and of many sends")
def _():
    with tempfile.TemporaryDirectory() as directory:
        certificate = servers.certificate(directory)
        for octets in (500, 200000):
            echo = servers.Echo(MESSAGES, octets, certificate)
            try:
                for options in ({}, {"pipeline": True, "repeat": 40}):
                    result = servers.load(echo.tls, workload="fetch", connections=USERS,
                                          threads=2, tls="resumed", rounds=3, seconds=60,
                                          **options)
                    equal(result["sessions"], 3 * USERS, "sessions")
                    equal((result["offered"], result["resumed"]), (2 * USERS, 2 * USERS),
                          "resumed")
            finally:
                echo.stop()


@test("messages of a process that only reads files, in turns from two directories")
def _():
    with tempfile.TemporaryDirectory() as directory:
        certificate = servers.certificate(directory)
        for name in "ab":
            drops.maildir(os.path.join(directory, name), MESSAGES, 3000)
        for secure in (None, certificate):
            files = servers.Files(MESSAGES, [os.path.join(directory, name, "cur")
                                             for name in "ab"], secure)
            try:
                with Pop(files.plain, "a", tls=blind() if secure else None) as client:
                    equal([client.retr(number) for number in (1, MESSAGES)],
                          [wire(letter(number, 3000)) for number in (1, MESSAGES)], "messages")
                for options in ({}, {"pipeline": True, "repeat": 40}):
                    result = servers.load(files.plain, workload="fetch", connections=USERS,
                                          threads=2, tls="full" if secure else "none", rounds=3,
                                          seconds=60, **options)
                    equal(result["sessions"], 3 * USERS, "sessions")
            finally:
                files.stop()


@test("a wrong password is an error")
def _():
    try:
        counted("login", prefix="nobody")
    except RuntimeError as error:
        assert "PASS" in str(error), error
    else:
        raise AssertionError("nothing was said")


main()
