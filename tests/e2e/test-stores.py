#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Maildir, mbox and SQLite in one server, each with the users of a domain, or whom auth sends."""

import os
import re
import subprocess

from harness import (PASSWORD, POPARTD, SANITIZER, TIMEOUT, Pop, Scene, Server, equal, letter,
                     main, test, wire)

DELIVER = os.path.join(os.path.dirname(POPARTD), "popart-deliver")
CTL = os.path.join(os.path.dirname(POPARTD), "popartctl")
TEMPFAIL = 75
# In this order: the first one without domains is not the first one.
STORES = """storage = (
  { module = "mbox"; path = "%s/mbox/%%u"; state_dir = "%s/index";
    domains = ( "mbox.example", "*.shells.example" ); },
  { module = "maildir"; path = "%s/mail/%%u"; %s },
  { module = "sqlite"; path = "%s/db/%%u.db"; domains = [ "SQL.example" ]; },
  { module = "maildir"; name = "spare"; path = "%s/spare/%%u"; }
);"""
# Who logs in, and which store has the mail.
USERS = {
    "anna": "maildir",
    "bob@elsewhere.example": "maildir",
    "carl@mbox.example": "mbox",
    "Dora@MBox.Example": "mbox",
    "eve@a.shells.example": "mbox",
    "finn@sql.example": "sqlite",
    "gina@shells.example": "maildir",
    "hans@sql.example": "spare",  # for auth says so
}


class Three(Server):
    everybody = ""  # more of the block that is for all domains

    def configuration(self, directory):
        text = super().configuration(directory)
        for name in ("mbox", "index", "db", "spare"):
            os.makedirs(os.path.join(directory, name), exist_ok=True)
        text = re.sub(r'user = "hans@sql\.example"; ',
                      r'\g<0>attributes = [ "storage=spare" ]; ', text)
        start = text.index("storage = {")
        return text[:start] + STORES % (
            directory, directory, directory, self.everybody, directory,
            directory) + text[text.index("};", start) + 2:]


def run(server, program, *words, status=0, data=b""):
    done = subprocess.run([program, "-c", server.conf, *words], input=data, timeout=TIMEOUT,
                          check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = done.stdout.decode("utf-8", "replace")
    assert not SANITIZER.search(said), said
    equal(done.returncode, status, "exit status of %r (%s)" % (words, said))
    return said


def start(scene, everybody=""):
    return type("Configured", (Three,), {"everybody": everybody})(
        scene.path, users=dict.fromkeys(USERS, PASSWORD))


def where(server, user):
    """The stores whose directories have something of the user's."""
    places = {"mbox": "mbox", "mail": "maildir", "db": "sqlite", "spare": "spare"}
    return [places[sub] for sub in sorted(places)
            if any(name.startswith(user) for name in os.listdir(
                os.path.join(server.directory, sub)))]


@test("a session, a delivery, popartctl why and check all find the same store")
def spread():
    with Scene() as scene, start(scene) as server:
        for number, (user, store) in enumerate(USERS.items()):
            said = run(server, DELIVER, "-u", user, data=letter(number))
            assert "instance=%s" % store in said, said
            equal(where(server, user), [store], "where the mail of %s is" % user)
        for number, (user, store) in enumerate(USERS.items()):
            with Pop(server, user) as client:
                equal(client.stat()[0], 1, "messages of " + user)
                equal(client.retr(1), wire(letter(number)), "the message of " + user)
                client.cmd("DELE 1")
                client.quit()
            with Pop(server, user) as client:
                equal(client.stat()[0], 0, "messages of %s after QUIT" % user)
                client.quit()
            said = run(server, CTL, "why", user)
            assert re.search(r"storage +%s, module \w+(%s)?\n" % (
                store, ", as auth says" if store == "spare" else
                ", which has the domain" if store != "maildir" else ""), said), said
            run(server, CTL, "store", "check", user)


@test("no store has the domain: try again, for a client and for a delivery")
def nowhere():
    with Scene() as scene, start(scene, 'domains = ( "elsewhere.example" );') as server:
        with Pop(server, "bob@elsewhere.example") as client:
            client.quit()
        with Pop(server, "anna") as client:  # the spare one has no domains
            client.quit()
        server.change(('path = "%s/spare/%%u";' % scene.path,
                       'path = "%s/spare/%%u"; domains = "spare.example";' % scene.path))
        server.reload()
        for user, domain in (("anna", ""), ("gina@shells.example", "shells.example")):
            with Pop(server) as client:
                client.cmd("USER " + user)
                said = client.refused("PASS " + PASSWORD, b"[SYS/TEMP]")
                assert b"domain" not in said, "the client reads of the configuration"
            told = 'every storage has domains, and none has \\"%s\\"' % domain
            assert told in server.log(), "the log has no: " + told
            assert "4.3" in run(server, DELIVER, "-u", user, data=letter(1), status=TEMPFAIL)
        with Pop(server, "hans@sql.example") as client:  # auth's word is enough
            client.quit()


@test("a domain that is in two stores is refused with both lines, by -t and at a reload")
def twice():
    with Scene() as scene, start(scene) as server:
        server.expect.add("reload_failed")
        server.change(('"*.shells.example"', '"sql.Example"'))
        with open(server.conf, encoding="utf-8") as file:
            lines = [number for number, line in enumerate(file, 1)
                     if "sql.example" in line.lower() and "domains" in line]
        said = subprocess.run([POPARTD, "-t", "-c", server.conf], stderr=subprocess.PIPE,
                              timeout=TIMEOUT, check=False, text=True).stderr
        expected = 'popart.conf:%d: domain "sql.example" has a storage already, in line %d; ' % (
            lines[1], lines[0])
        assert expected in said, said
        line = server.reload("reload_failed")[0]
        assert expected.replace('"', '\\"') in line, line
        with Pop(server, "finn@sql.example") as client:
            client.quit()


@test("mail that moves goes from the store that is named to that which is, and is found there")
def moves():
    with Scene() as scene, start(scene) as server:
        for number in range(3):
            run(server, DELIVER, "-u", "anna", data=letter(number))
        run(server, CTL, "copy", "--from", "maildir", "--to", "sqlite", "anna")
        equal(where(server, "anna"), ["sqlite", "maildir"], "where her mail is")
        server.change(('user = "anna"; ', 'user = "anna"; attributes = [ "storage=sqlite" ]; '))
        server.reload()
        with Pop(server, "anna") as client:
            equal([client.retr(number) for number in (1, 2, 3)],
                  [wire(letter(number)) for number in range(3)], "her messages")
            client.quit()


@test("popartd -n and popartctl modules show who a store is for")
def shown():
    with Scene() as scene, start(scene) as server:
        dump = subprocess.run([POPARTD, "-n", "-c", server.conf], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=TIMEOUT, check=True, text=True).stdout
        assert 'domains = ( "mbox.example", "*.shells.example" );' in dump, dump
        assert "# domains = not set" in dump
        server.change(("run_dir", "admin = { }; run_dir"))
        server.reload()
        said = run(server, CTL, "modules", "--options")
        assert re.search(r'domains +\( "sql\.example" \)', said), said


main()
