#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The load client of the benchmark: that it works, and that it sees what is wrong. Nothing
here looks at how fast anything is."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "e2e"))
# pylint: disable=wrong-import-position
import servers  # noqa: E402
from harness import Scene, equal, main, test  # noqa: E402

USERS = 2
MESSAGES = 3


def place(certificate, plain, tls):
    """What makes the harness's server listen twice."""
    return ('tls = { certificate = "%s"; };' % certificate,
            '}, { address = "127.0.0.1:%d"; }, { address = "127.0.0.1:%d"; tls = true;' %
            (plain, tls))


def counted(workload, tls="none", **more):
    names = ["user%d" % number for number in range(USERS)]
    with Scene(*names) as scene:
        for name in names:
            scene.mail[name].fill(MESSAGES)
        plain, secure = servers.free_port(), servers.free_port()
        extra, listener = place(servers.certificate(scene.path), plain, secure)
        with scene.server(users={name: servers.PASSWORD for name in names}, extra=extra,
                          listener=listener):
            return servers.load(plain if tls == "none" else secure, workload=workload, tls=tls,
                                users=USERS, connections=USERS, threads=2, seconds=1, **more)


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


@test("a wrong password is an error")
def _():
    try:
        counted("login", prefix="nobody")
    except RuntimeError as error:
        assert "PASS" in str(error), error
    else:
        raise AssertionError("nothing was said")


main()
