#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Passwords without TLS: from this machine, or where the configuration says so."""

import contextlib
import ctypes
import fcntl
import os
import socket
import ssl
import struct
import subprocess

from harness import PASSWORD, Pop, Scene, Server, Skip, equal, main, need, need_root, test

ELSEWHERE = "192.0.2.1"  # RFC 5737: nobody's
CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, SIOCSIFADDR = 0x8914, 0x8916
IFF_UP, IFF_RUNNING = 0x1, 0x40


def system(what, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, what)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), what)


@contextlib.contextmanager
def network():
    """Until the end, this program and what it starts are in a network of their own, whose
    one machine has the addresses 127.0.0.1 and ELSEWHERE."""
    need_root()
    with open("/proc/thread-self/ns/net", encoding="ascii") as home:
        try:
            system("unshare", CLONE_NEWNET)
        except PermissionError as error:
            raise Skip("may not make a network of its own") from error
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
                for number, value in (
                        (SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP | IFF_RUNNING)),
                        (SIOCSIFADDR, struct.pack("16shxx4s16x", b"lo:1", socket.AF_INET,
                                                  socket.inet_aton(ELSEWHERE)))):
                    fcntl.ioctl(any_socket, number, value)
            yield
        finally:
            system("setns", home.fileno(), CLONE_NEWNET)


class Everywhere(Server):
    """Listens at all addresses of its network."""

    def configuration(self, directory):
        return super().configuration(directory).replace("127.0.0.1:0", "0.0.0.0:0")


@contextlib.contextmanager
def serving(**more):
    with network(), Scene() as scene:
        scene.bob.fill(2)
        with Everywhere(scene.path, **more) as server:
            yield scene, server


def offers(pop):
    return [line for line in pop.capa() if line.startswith(("USER", "SASL"))]


@test("a password from elsewhere is refused before it is asked for")
def refused():
    with serving() as (_, server):
        with Pop(server, host=ELSEWHERE) as pop:
            equal(offers(pop), [], "what CAPA offers")
            said = {pop.refused(command) for command in (
                "USER bob", "AUTH PLAIN", "AUTH PLAIN AGJvYgBvcGVuIHNlc2FtZQ==")}
            equal(len(said), 1, "the number of different refusals")
            assert b"TLS" in said.pop()
            pop.refused("PASS " + PASSWORD)
            pop.refused("STAT")
            pop.send("USER bob\r\nPASS %s\r\nSTAT\r\nQUIT\r\n" % PASSWORD)
            for _ in range(3):
                assert pop.line().startswith(b"-ERR")
            pop.answer()
            pop.at_end()
        server.wait_event("session_end")
        equal(server.events("login") + server.events("auth_failed"), [], "who was asked")
        assert PASSWORD not in server.log(), "the password is in the log"


@test("one from the own machine is taken on the same port")
def loopback():
    with serving() as (_, server):
        with Pop(server) as pop:
            equal(offers(pop), ["USER", "SASL PLAIN"], "what CAPA offers")
            pop.login("bob")
            equal(pop.stat()[0], 2, "messages")
            pop.quit()


@test("with plaintext_auth it is taken from everywhere, and the log warns of that")
def allowed():
    with serving(listener="plaintext_auth = true;") as (_, server):
        with Pop(server, host=ELSEWHERE) as pop:
            equal(offers(pop), ["USER", "SASL PLAIN"], "what CAPA offers")
            pop.login("bob")
            pop.quit()
        assert "plaintext_auth" in "".join(server.wait_event("config"))


@test("under TLS it is taken from everywhere")
def secured():
    need("openssl")
    with Scene() as scene:
        pair = os.path.join(scene.path, "pair.pem")
        subprocess.run(["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost", "-keyout", pair, "-out", pair + ".crt"],
                       stderr=subprocess.DEVNULL, check=True)
        with open(pair + ".crt", encoding="ascii") as crt, open(pair, "a",
                                                                encoding="ascii") as both:
            both.write(crt.read())
        context = ssl.create_default_context(cafile=pair + ".crt")
        with network(), Everywhere(scene.path, listener="tls = true;",
                                   extra='tls = { certificate = "%s"; };' % pair) as server:
            with Pop(server, host=ELSEWHERE, tls=context) as pop:
                equal(offers(pop), ["USER", "SASL PLAIN"], "what CAPA offers")
                pop.login("bob")
                pop.quit()


main()
