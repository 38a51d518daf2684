#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Who may in: USER and PASS, APOP, AUTH PLAIN, names in UTF-8, CAPA, LOGIN-DELAY."""

import base64
import hashlib
import poplib
import re

from harness import PASSWORD, Pop, Refused, TIMEOUT, equal, main, serving, test


def plain(user, password, act_as=""):
    return base64.b64encode("\0".join((act_as, user, password)).encode()).decode()


@test("a wrong password and an unknown user get the same [AUTH], and may try again")
def wrong():
    with serving() as (scene, server):
        scene.bob.fill(1)
        with Pop(server) as client:
            said = set()
            for user, password in (("bob", "wrong"), ("bob", PASSWORD + " "),
                                   ("bob", " " + PASSWORD), ("bob", PASSWORD + "\0x"),
                                   ("nobody", PASSWORD)):
                try:
                    client.cmd("USER " + user)
                except Refused:
                    continue
                said.add(client.refused("PASS " + password, b"[AUTH]"))
            equal(len(said), 1, "the number of different refusals")
            client.login("bob")
            client.quit()
        assert PASSWORD not in server.log(), "a password is in the log"
        assert server.events("auth_failed")


@test("nothing of a password stays in memory")
def forgotten():
    secret = "a secret %s that is wrong"
    with serving() as (_, server):
        for number in range(3):
            word = secret % number
            response = plain("bob", word)
            with Pop(server) as client:
                for command in ("USER bob\r\nPASS " + word, "AUTH PLAIN " + response,
                                "AUTH PLAIN\r\n" + response)[number:number + 1]:
                    middle = len(command) - 9
                    client.send(command[:middle])
                    client.send(command[middle:] + "\r\n")
                    client.file.readline()
                    if number != 1:
                        client.file.readline()
                client.refused("NONE")  # by now the turn with the password is over
                for text in (word, response):
                    assert not server.remembers(text.encode()[:-9]), text


@test("passwords keep their spaces and odd characters")
def spaces():
    for password in (" lead", "trail ", "in  side", "%s%n", "[x]", '"q\\', "ä€", ":"):
        with serving(users={"bob": password}) as (_, server):
            with Pop(server) as client:
                client.cmd("USER bob")
                client.cmd("PASS " + password)
                client.quit()
            with Pop(server) as client:
                client.cmd("AUTH PLAIN " + plain("bob", password))
                client.quit()


@test("APOP is off by default: no stamp in the greeting, and the command is refused")
def apop_off():
    with serving() as (_, server):
        with Pop(server) as client:
            assert b"<" not in client.greeting, client.greeting
            client.refused("APOP bob " + "0" * 32)


@test("APOP")
def apop():
    with serving(extra="apop = true;") as (scene, server):
        scene.bob.fill(3)
        stamps = set()
        for _ in range(5):
            with Pop(server) as client:
                stamp = re.search(rb"<[^<>@ ]+@[^<>@ ]+>$", client.greeting).group(0)
                stamps.add(stamp)
                client.refused("APOP bob " + "0" * 32, b"[AUTH]")
                client.cmd("APOP bob " + hashlib.md5(stamp + PASSWORD.encode()).hexdigest())
                equal(client.stat()[0], 3, "STAT")
                client.quit()
        equal(len(stamps), 5, "the number of different stamps")
        client = poplib.POP3("127.0.0.1", server.port, timeout=TIMEOUT)
        client.apop("bob", PASSWORD)
        equal(client.stat()[0], 3, "STAT")
        client.quit()


@test("AUTH PLAIN with and without an initial response, cancelled, empty, broken")
def auth_plain():
    with serving() as (scene, server):
        scene.bob.fill(1)
        good = plain("bob", PASSWORD)
        with Pop(server) as client:
            client.cmd("AUTH PLAIN " + good)
            client.refused("AUTH PLAIN " + good)
            client.quit()
        with Pop(server) as client:
            client.put("AUTH PLAIN")
            equal(client.line(), b"+ ", "the challenge")
            client.cmd(good)
            client.quit()
        with Pop(server) as client:
            client.put("auth plain")
            equal(client.line(), b"+ ", "the challenge")
            client.refused("*")
            client.put("AUTH PLAIN")
            client.line()
            client.refused("!!!")
            client.put("AUTH PLAIN =")
            assert client.line().startswith((b"-ERR", b"+ "))
        with Pop(server) as client:
            client.refused("AUTH PLAIN " + plain("bob", "wrong"), b"[AUTH]")
            client.refused("AUTH NOSUCH")
            client.put("AUTH PLAIN")
            client.line()
            client.refused("A" * 12000)
            client.put("AUTH PLAIN")
            client.line()
            client.refused("A" * 20000)
            client.cmd("AUTH PLAIN " + good)
            client.quit()
        assert good not in server.log()


@test("AUTH and what follows it in one packet")
def auth_pipelined():
    with serving() as (scene, server):
        scene.bob.fill(2)
        with Pop(server) as client:
            client.send("AUTH PLAIN %s\r\nSTAT\r\nQUIT\r\n" % plain("bob", PASSWORD))
            client.answer()
            equal(client.answer().split()[0], b"2", "STAT")
            client.answer()
            client.at_end()


@test("names are prepared: composed and decomposed letters are the same user")
def prepared():
    composed, apart = "b\u00e4r", "ba\u0308r"
    with serving(composed, users={composed: "sch\u00f6n"}) as (scene, server):
        scene.mail[composed].fill(2)
        for name in (composed, apart):
            for password in ("sch\u00f6n", "scho\u0308n"):
                with Pop(server) as client:
                    client.cmd("USER " + name)
                    client.cmd("PASS " + password)
                    equal(client.stat()[0], 2, "STAT")
                    client.quit()
                with Pop(server) as client:
                    client.cmd("AUTH PLAIN " + plain(name, password))
                    client.quit()
        with Pop(server) as client:
            client.cmd("UTF8")
            client.login(apart, "sch\u00f6n")
            client.cmd("UTF8")
            client.quit()
        with Pop(server) as client:  # not UTF-8
            client.put(b"USER b\xe4r")
            line = client.line()
            if line.startswith(b"+OK"):
                client.refused("PASS x")


@test("names that could leave the path")
def paths():
    users = {name: PASSWORD for name in ("..", "../bob", "a/../bob", ".", ".hidden", "bob")}
    with serving("bob", users=users) as (scene, server):
        scene.bob.fill(1)
        server.expect.update(("internal", "module_failed"))
        for name in users:
            with Pop(server) as client:
                try:
                    client.login(name)
                    assert name == "bob", name
                except Refused:
                    assert name != "bob"


@test("CAPA is the same in both states")
def capa():
    with serving(extra='login_delay = 0; expire = 30; implementation = true;') as (_, server):
        with Pop(server) as client:
            before = client.capa()
            client.login("bob")
            after = client.capa()
            client.quit()
        equal(sorted(after), sorted(before), "CAPA after the login")
        for tag in ("TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "USER",
                    "SASL PLAIN", "LANG", "EXPIRE 30"):
            assert tag in before, (tag, before)
        assert "UTF8 USER" in before, before
        assert any(line.startswith("IMPLEMENTATION ") for line in before), before
        assert not any(line.startswith(("STLS", "LOGIN-DELAY")) for line in before), before
        with Pop(server) as client:
            client.refused("STLS")
            client.login("bob")
            client.quit()


@test("EXPIRE NEVER and no IMPLEMENTATION")
def capa_quiet():
    with serving(extra="implementation = false;") as (_, server):
        with Pop(server) as client:
            lines = client.capa()
        assert "EXPIRE NEVER" in lines, lines
        assert not any(line.startswith("IMPLEMENTATION") for line in lines), lines


@test("LOGIN-DELAY is announced and enforced, in every worker")
def login_delay():
    with serving("bob", "eve", extra="login_delay = 600;") as (_, server):
        with Pop(server, "bob") as client:
            assert "LOGIN-DELAY 600" in client.capa(), client.capa()
            client.quit()
        for client in server.crowd(12):
            with client:
                client.cmd("USER bob")
                client.refused("PASS wrong", b"[AUTH]")
                client.cmd("USER bob")
                client.refused("PASS " + PASSWORD, b"[LOGIN-DELAY]")
        with Pop(server, "eve") as client:
            client.quit()


@test("LANG")
def lang():
    with serving() as (_, server):
        with Pop(server) as client:
            assert client.many("LANG")
            client.cmd("LANG *")
            client.refused("LANG xx-nowhere")
            client.login("bob")
            client.cmd("LANG *")
            client.quit()


main()
