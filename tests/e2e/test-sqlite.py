#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Mail in SQLite databases: whole sessions, other programs at the same database, large
messages, damage."""

import contextlib
import itertools
import os
import pwd
import re
import shutil
import sqlite3
import subprocess
import threading
import time

from harness import (HERE, PASSWORD, POPARTD, TIMEOUT, MissingClient, Pop, Refused, Scene,
                     Server, corpus, equal, eventually, letter, main, need, need_root, quoted,
                     run, sanitized, test, wire)

PUT = os.path.join(os.environ.get("TEST_BUILDDIR", "."), "tests", "e2e", "put-sqlite")
DELIVER = os.path.join(os.path.dirname(POPARTD), "popart-deliver")


class Stored(Server):
    """Its storage is in db/USER.db."""

    path = "db/%n.db"
    store = ""

    def configuration(self, directory):
        os.makedirs(os.path.join(directory, "db"), exist_ok=True)
        text = super().configuration(directory)
        start = text.index("storage = {")
        end = text.index("};", start)
        return text[:start] + 'storage = { module = "sqlite"; path = "%s/%s"; %s ' % (
            directory, self.path, self.store) + text[end:]


def server(scene, *users, store="", kind=Stored, **more):
    made = type("Configured", (kind,), {"store": store})
    os.makedirs(os.path.join(scene.path, "db"), exist_ok=True)
    if users:
        more["users"] = {name: PASSWORD for name in users}
    return made(scene.path, **more)


def database(scene, user="bob"):
    return os.path.join(scene.path, "db", user + ".db")


def put(scene, data, user="bob", *more, path="%n.db", uid=None, timeout=TIMEOUT):
    """Delivers; with a tag and a count, so often, and returns what was promised. uid: as
    whom."""
    os.makedirs(os.path.join(scene.path, "db"), exist_ok=True)
    template = os.path.join(scene.path, "db", path)
    message = os.path.join(scene.path, "message.%d" % threading.get_ident())
    with open(message, "wb") as file:
        file.write(data)
    with open(message, "rb") as file:
        done = subprocess.run([reachable(scene, PUT) if uid else PUT, template, user,
                               *map(str, more)], stdin=file, check=False, timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              **{"user": uid, "group": uid} if uid else {})
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().split()


def reachable(scene, program):
    """A copy of it where every account may run it."""
    return shutil.copy(program, os.path.join(scene.path, os.path.basename(program)))


def check(scene, user="bob"):
    """What SQLite says of the file."""
    with contextlib.closing(sqlite3.connect(database(scene, user), timeout=TIMEOUT)) as db:
        equal(db.execute("PRAGMA integrity_check").fetchall(), [("ok",)], "the database")


ODD = [b"", b"x", b".\n..\n.x", b"Subject: 1\n\n.\r\n\r\n..\r\nbare \r cr\n", b"\r", b"\n" * 5]


@test("messages come as they were delivered, in their order, and keep their unique-ids")
def whole_session():
    messages = ODD + list(corpus().values())[::4] + [letter(1, 300000, b".. a line")]
    with Scene() as scene:
        for data in messages:
            put(scene, data)
        seen = []
        for _ in range(2):
            with server(scene) as popartd, Pop(popartd, "bob") as client:
                found = client.all()
                equal(len(found), len(messages), "messages")
                for number, data in enumerate(messages, 1):
                    equal(found[number], wire(data), "message %d" % number)
                    head, blank, body = found[number].partition(b"\r\n\r\n")
                    if blank and number > len(ODD):
                        lines = body.split(b"\r\n")[:3]
                        equal(client.top(number, 3)[:len(head)], head, "a header")
                        assert client.top(number, 3).startswith(
                            head + blank + b"\r\n".join(lines[:2]))
                seen.append(client.uids())
                client.quit()
        equal(seen[0], seen[1], "unique-ids")
        equal(len(set(seen[0].values())), len(messages), "different unique-ids")
        check(scene)


@test("what is deleted is gone after QUIT and nothing without it, and the file shrinks")
def deletions():
    with Scene() as scene, server(scene) as popartd:
        for number in range(8):
            put(scene, letter(number, 1000000))
        with Pop(popartd, "bob") as client:
            uids = client.uids()
            client.cmd("DELE 1")
            client.reset()
        eventually("the lock is free", lambda: logged_in(popartd))
        with Pop(popartd, "bob") as client:
            equal(client.uids(), uids, "unique-ids")
            for number in range(1, 8):
                client.cmd("DELE %d" % number)
            client.quit()
        with Pop(popartd, "bob") as client:
            equal(list(client.uids().values()), [uids[8]], "what is left")
            equal(client.retr(1), wire(letter(7, 1000000)), "the last letter")
            client.quit()
        eventually("room is given back", lambda: os.path.getsize(database(scene)) < 3000000)
        check(scene)


def logged_in(popartd):
    try:
        with Pop(popartd, "bob") as client:
            client.quit()
        return True
    except Refused:
        return False


@test("a user without a database has an empty maildrop, and a login makes none")
def no_database():
    with Scene() as scene, server(scene) as popartd:
        with Pop(popartd, "bob") as client:
            equal(client.stat(), (0, 0), "STAT")
            put(scene, letter(1))
            equal(client.stat(), (0, 0), "STAT")
            client.quit()
        with Pop(popartd, "bob") as client:
            equal(client.stat()[0], 1, "messages")
            client.quit()


@test("curl fetches, and removes")
def with_curl():
    need("curl")
    with Scene() as scene, server(scene) as popartd:
        put(scene, letter(1, 5000))
        url = "pop3://127.0.0.1:%d/" % popartd.port
        curl = ["curl", "-sS", "--max-time", str(TIMEOUT), "-u", "bob:" + PASSWORD]
        equal(subprocess.run(curl + [url + "1"], check=True, stdout=subprocess.PIPE).stdout,
              wire(letter(1, 5000)), "what curl got")
        subprocess.run(curl + ["--request", "DELE", "--head", url + "1"], check=True,
                       stdout=subprocess.DEVNULL)
        with Pop(popartd, "bob") as client:
            equal(client.stat()[0], 0, "messages")


@test("a database that another program has locked is read, and not changed")
def locked():
    with Scene() as scene, server(scene, store='lock_timeout = "300ms";',
                                  expect=["commit_failed"]) as popartd:
        for number in range(3):
            put(scene, letter(number))
        other = sqlite3.connect(database(scene), isolation_level=None)
        with contextlib.closing(other):
            other.execute("BEGIN EXCLUSIVE")
            other.execute("DELETE FROM message")
            with Pop(popartd, "bob") as client:
                equal(client.retr(2), wire(letter(1)), "a letter")
                client.cmd("DELE 2")
                client.refused("QUIT", b"[SYS/TEMP]")
            other.execute("ROLLBACK")
        with Pop(popartd, "bob") as client:
            equal(client.stat()[0], 3, "messages")
            client.cmd("DELE 2")
            client.quit()
        with Pop(popartd, "bob") as client:
            equal(client.stat()[0], 2, "messages")
        assert "another program has it locked" in popartd.log()


@test("a damaged database is [SYS/PERM] for its user, who alone is told; it is left alone")
def damaged():
    names = ("bob", "text", "empty", "other")
    with Scene() as scene, server(scene, *names) as popartd:
        put(scene, letter(1))
        with open(database(scene, "text"), "wb") as file:
            file.write(b"this is not a database\n" * 100)
        with open(database(scene, "empty"), "wb"):
            pass
        with contextlib.closing(sqlite3.connect(database(scene, "other"))) as db:
            db.execute("CREATE TABLE t (x)")
        for name in ("text", "other"):
            before = open(database(scene, name), "rb").read()
            with Pop(popartd) as client:
                client.cmd("USER " + name)
                client.refused("PASS " + PASSWORD, b"[SYS/PERM]")
            equal(open(database(scene, name), "rb").read(), before, "the file of " + name)
        for name, count in (("empty", 0), ("bob", 1)):
            with Pop(popartd, name) as client:
                equal(client.stat()[0], count, "messages of " + name)
        assert "text.db: the file is no SQLite database" in popartd.log()
        assert "other.db: the database belongs to another program" in popartd.log()


def from_manual(section):
    """The commands that the manual gives there, without their prompts."""
    page = os.path.join(os.path.dirname(__file__), "../../docs/man/popart-sqlite.5")
    with open(page, encoding="utf-8") as file:
        text = file.read().split(".Ss " + section + "\n")[1].split("\n.S")[0]
    blocks = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", text, re.S | re.M)
    return [re.sub(r"^\$ ", "", block, flags=re.M) for block in blocks]


@test("what can be read of a damaged database is taken out and put back, as the manual says")
def rescued():
    need("sqlite3")
    big = letter(2) + b"x" * 70 * 40000
    with Scene() as scene, server(scene, "bob", expect=["commit_failed"]) as popartd:
        for data in (letter(1), big, letter(3)):
            put(scene, data)
        with contextlib.closing(sqlite3.connect(database(scene))) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            # A leaf of the tree of chunks, one that has chunks of the second message only.
            page = db.execute("SELECT pageno FROM dbstat WHERE name = 'chunk' AND "
                              "pagetype = 'leaf' ORDER BY path").fetchall()[1][0]
            chunks = db.execute("SELECT count(*) FROM chunk").fetchone()[0]
        with Pop(popartd, "bob") as client:  # has the database open
            listed = client.uids()
            with open(database(scene), "r+b") as file:
                file.seek((page - 1) * 8192)
                file.write(b"\xff" * 8192)
            for commands in from_manual("Damage"):
                done = subprocess.run(commands.replace("mail.db", database(scene)), shell=True,
                                      cwd=scene.path, timeout=TIMEOUT, check=False,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            equal(done.returncode, 0, "the last command: %s" % done.stderr)
            client.cmd("DELE 1")
            client.refused("QUIT", b"[SYS/TEMP]")
        check(scene)
        with contextlib.closing(sqlite3.connect(database(scene))) as db:
            left = db.execute("SELECT count(*) FROM chunk").fetchone()[0]
        assert 2 < left < chunks, "%d chunks of %d" % (left, chunks)
        with Pop(popartd, "bob") as client:
            equal(client.uids(), listed, "the unique-ids")
            equal(client.retr(1), wire(letter(1)), "the first")
            equal(client.retr(3), wire(letter(3)), "the last")
            client.cmd("DELE 2")
            client.quit()
        put(scene, letter(4))
        with Pop(popartd, "bob") as client:
            equal(client.retr(3), wire(letter(4)), "one that came later")
        check(scene)


@test("a message of 64 MB streams without being held in memory")
def large():
    size = 64000000 if not sanitized() else 8000000
    data = letter(1, size)
    with Scene() as scene, server(scene) as popartd:
        put(scene, data)
        with Pop(popartd, "bob", receive_buffer=65536) as client:
            before = popartd.rss()
            client.cmd("RETR 1")
            client.file.read(1000000)
            # A slow reader is in nobody's way: whoever delivers now sees his WAL put away.
            put(scene, letter(2))
            with contextlib.closing(sqlite3.connect(database(scene))) as other:
                equal(other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0], 0, "busy")
            got = 1000000 + len(client.multi())
            equal(got, len(wire(data)), "octets")
            if not sanitized():
                grown = popartd.rss() - before
                assert grown < 8000, "%d KiB more" % grown
            client.quit()


def descriptors(popartd, scene):
    found = 0
    for pid in popartd.workers():
        for number in os.listdir("/proc/%d/fd" % pid):
            with contextlib.suppress(OSError):
                found += os.readlink("/proc/%d/fd/%s" % (pid, number)).startswith(
                    os.path.join(scene.path, "db"))
    return found


@test("idle sessions hold no database open but for the few that are kept")
def idle():
    names = ["u%d" % number for number in range(20)]
    with Scene() as scene, server(scene, *names, store="connections = 2;") as popartd:
        for name in names:
            put(scene, letter(1), name)
        clients = [Pop(popartd, name) for name in names]
        # A database, its WAL and its index, twice in each of two workers.
        assert descriptors(popartd, scene) <= 12, "%d are open" % descriptors(popartd, scene)
        for client in clients:
            equal(client.retr(1), wire(letter(1)), "a letter")
            client.quit()


def number_of(message):
    return re.match(rb"X-Number: (\S+)\r\n", message).group(1).decode()


@test("deliverers and sessions at once: every message comes once, and whole")
def at_once():
    seconds = float(os.environ.get("STRESS_SECONDS", "0"))
    deliverers = int(os.environ.get("STRESS_DELIVERERS", "8" if seconds else "4"))
    count = 40  # that a deliverer puts in at a time
    promised, fetched, errors = [], [], []
    body = letter(5, 9000, b".stuffed")
    end = time.monotonic() + seconds

    def run(tag):
        try:
            for turn in itertools.count():
                promised.extend(put(scene, body, "bob", "%s.%d" % (tag, turn), count,
                                    timeout=None))
                if time.monotonic() >= end:
                    break
        except BaseException as error:  # pylint: disable=broad-except
            errors.append(error)

    def fetch(popartd):
        try:
            with Pop(popartd, "bob") as client:
                for number, message in client.all().items():
                    fetched.append(number_of(message))
                    equal(message.partition(b"\r\n")[2], wire(body), "a body")
                    client.cmd("DELE %d" % number)
                client.quit()
        except Refused as refusal:
            assert b"[IN-USE]" in refusal.args[0], refusal

    with Scene() as scene, server(scene, workers=2) as popartd:
        threads = [threading.Thread(target=run, args=("d%d" % n,)) for n in range(deliverers)]
        for thread in threads:
            thread.start()
        sessions = 1
        while any(thread.is_alive() for thread in threads):
            fetch(popartd)
            sessions += 1
        for thread in threads:
            thread.join()
        fetch(popartd)
        equal(errors, [], "what went wrong")
        assert len(promised) >= deliverers * count, "%d promised" % len(promised)
        equal(sorted(fetched), sorted(promised), "messages")
        with Pop(popartd, "bob") as client:
            equal(client.stat()[0], 0, "what is left")
        check(scene)
        if seconds:
            print("# %d messages, %d sessions" % (len(promised), sessions))


class Owned(Stored):
    """Users and their ids come from a passwd_file."""

    def configuration(self, directory):
        text = super().configuration(directory)
        start = text.index("auth = (")
        end = text.index(");", start)
        return text[:start] + 'auth = ( { module = "passwd_file"; path = %s; }' % quoted(
            os.path.join(directory, "users")) + text[end:]


@test("with as_user databases are reached, and written, as their owners")
def owners():
    need_root()
    users = {"ann": 20001, "ben": 20002}
    with Scene() as scene:
        os.chmod(scene.file("users", "".join(
            "%s:{PLAIN}%s:%d:%d:::\n" % (name, PASSWORD, uid, uid)
            for name, uid in users.items())), 0o644)
        for name, uid in users.items():
            home = scene.directory("db/" + name)
            os.chown(home, uid, uid)
            os.chmod(home, 0o700)
        kind = type("Own", (Owned,), {"path": "db/%n/mail.db"})
        with server(scene, kind=kind, store="as_user = true;", user="nobody") as popartd:
            for name, uid in users.items():
                put(scene, letter(1), name, "x", 3, path="%n/mail.db", uid=uid)
            for name, uid in users.items():
                with Pop(popartd, name) as client:
                    equal(client.stat()[0], 3, "messages of " + name)
                    client.retr(2)
                    client.cmd("DELE 2")
                    client.quit()
                with Pop(popartd, name) as client:
                    equal(client.stat()[0], 2, "messages of " + name)
                for top, _, files in os.walk(os.path.join(scene.path, "db", name)):
                    for file in files:
                        equal(os.lstat(os.path.join(top, file)).st_uid, uid, file)


class Accounts(Stored):
    """auth is users.db; options go into its block."""

    options_of_users = ""

    def configuration(self, directory):
        text = super().configuration(directory)
        start = text.index("auth = (")
        end = text.index(");", start)
        return text[:start] + 'auth = ( { module = "sqlite"; users = "%s/own/users.db"; %s }' % (
            directory, self.options_of_users) + text[end:]


def users_server(scene, options="", **more):
    account = more.pop("user", None)
    own = scene.directory("own")
    if account:
        shutil.chown(own, account)
        shutil.chown(scene.directory("db"), account)
        more["user"] = account
    return server(scene, kind=type("Own", (Accounts,), {"options_of_users": options}), **more)


@contextlib.contextmanager
def users(scene):
    """Its tables, as an administrator changes them."""
    path = os.path.join(scene.path, "own", "users.db")
    with contextlib.closing(sqlite3.connect(path, timeout=TIMEOUT)) as db:
        db.execute("PRAGMA foreign_keys = ON")
        with db:
            yield db


@test("users come from a database that is made at the start, and changes count at once")
def accounts():
    need_root()
    with Scene() as scene, users_server(scene, "track_logins = true;", workers=4,
                                        user="nobody") as popartd:
        if not sanitized():
            for line in popartd.wait_event("sandbox", 4):
                assert "landlock=on" in line, line
        made = os.stat(os.path.join(scene.path, "own", "users.db"))
        equal((made.st_mode & 0o777, made.st_uid), (0o600, uid_of("nobody")), "the file")
        with users(scene) as db:
            db.execute("INSERT INTO user (name, password) VALUES ('bob', ?)",
                       ("{PLAIN}" + PASSWORD,))
        put(scene, letter(1))
        shutil.chown(database(scene), "nobody")
        for _ in range(3):
            with Pop(popartd, "bob") as client:
                equal(client.retr(1), wire(letter(1)), "a letter")
                client.quit()
        eventually("the last login is there", lambda: last_login(scene))
        with users(scene) as db:
            db.execute("UPDATE user SET enabled = 0")
        with Pop(popartd) as client:
            client.cmd("USER bob")
            client.refused("PASS " + PASSWORD, b"[AUTH]")
        with users(scene) as db:
            db.execute("DELETE FROM user")
            equal(db.execute("SELECT count(*) FROM login").fetchone(), (0,), "logins")


def uid_of(name):
    return pwd.getpwnam(name).pw_uid


def last_login(scene):
    with users(scene) as db:
        return db.execute("SELECT last FROM login WHERE user = 'bob'").fetchone()


PAGE = os.path.join(HERE, os.pardir, os.pardir, "docs", "man", "popart-sqlite.5")
# Its tables, as far as they matter, and three who are in them.
POSTFIXADMIN = """
CREATE TABLE domain (domain varchar(255) NOT NULL PRIMARY KEY, description varchar(255) NOT NULL,
  quota bigint NOT NULL DEFAULT 0, active tinyint NOT NULL DEFAULT 1);
CREATE TABLE mailbox (username varchar(255) NOT NULL PRIMARY KEY, password varchar(255) NOT NULL,
  maildir varchar(255) NOT NULL, quota bigint NOT NULL DEFAULT 0,
  local_part varchar(255) NOT NULL, domain varchar(255) NOT NULL,
  active tinyint NOT NULL DEFAULT 1);
INSERT INTO domain (domain, description) VALUES ('example.org', ''), ('off.org', '');
UPDATE domain SET active = 0 WHERE domain = 'off.org';
INSERT INTO mailbox (username, password, maildir, quota, local_part, domain, active) VALUES
  ('anna@example.org', :hash, 'example.org/anna.db', 0, 'anna', 'example.org', 1),
  ('bert@example.org', :hash, 'example.org/bert.db', 4096, 'bert', 'example.org', 1),
  ('carl@example.org', :hash, 'example.org/carl.db', 0, 'carl', 'example.org', 0),
  ('dora@off.org', :hash, 'off.org/dora.db', 0, 'dora', 'off.org', 1);
"""


class PostfixAdmin(Stored):
    """auth is the example of popart-sqlite(5), as it stands there; the mail is in databases
    where the attribute home says."""

    path = "%h"

    def configuration(self, directory):
        with open(PAGE, encoding="utf-8") as file:
            example = re.search(r"^For the tables of PostfixAdmin:\n\.Bd .*\n((?s:.*?))^\.Ed$",
                                file.read(), re.M).group(1)
        for old, new in (("/var/lib/postfixadmin", directory + "/own"),
                         ("/var/vmail", directory + "/db")):
            assert old in example, old
            example = example.replace(old, new)
        text = super().configuration(directory).replace('path = "%s/%%h"' % directory,
                                                        'path = "%h"')
        start = text.index("auth = (")
        return text[:start] + example + text[text.index(");", start) + 2:]


@test("PostfixAdmin's tables, with the query of the manual: clients, quota, who is not active")
def postfixadmin():
    need("openssl", "mpop", "mutt", "script")
    with Scene() as scene:
        salted = run(["openssl", "passwd", "-1", PASSWORD], scene.path).decode().strip()
        with contextlib.closing(sqlite3.connect(
                os.path.join(scene.directory("own"), "postfixadmin.db"))) as db:
            db.executescript(POSTFIXADMIN.replace(":hash", "'%s'" % salted))
        scene.directory("db/example.org")
        with server(scene, kind=PostfixAdmin) as popartd:
            def deliver(user, octets):
                return subprocess.run(
                    [DELIVER, "-c", popartd.conf, "-u", user], input=letter(1, octets),
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT,
                    check=False).returncode
            for user, octets, status in (
                    ("anna@example.org", 400, 0), ("anna@example.org", 9000, 0),
                    ("bert@example.org", 400, 0), ("bert@example.org", 9000, 75),
                    ("carl@example.org", 400, 67), ("dora@off.org", 400, 67),
                    ("' OR 1 --", 400, 67)):
                equal(deliver(user, octets), status, "the delivery to " + user)
            with_mpop(scene, popartd.port)
            with_mutt(scene, popartd.port)
            for user in ("carl@example.org", "dora@off.org", "' OR 1 --"):
                with Pop(popartd) as client:
                    client.cmd("USER " + user)
                    client.refused("PASS " + PASSWORD, b"[AUTH]")
            with contextlib.closing(sqlite3.connect(
                    os.path.join(scene.path, "own", "postfixadmin.db"))) as db, db:
                db.execute("UPDATE mailbox SET active = 0 WHERE username = 'bert@example.org'")
            with Pop(popartd) as client:
                client.cmd("USER bert@example.org")
                client.refused("PASS " + PASSWORD, b"[AUTH]")


def with_mpop(scene, port):
    """Fetches and keeps anna's two."""
    scene.file(".mpoprc", "\n".join([
        "account default", "host 127.0.0.1", "port %d" % port, "user anna@example.org",
        'password "%s"' % PASSWORD, "tls off", "auth user", "keep on", "received_header off",
        "uidls_file " + os.path.join(scene.path, "uidls"),
        "delivery mbox " + os.path.join(scene.path, "got"), ""]))
    run(["mpop", "-q"], scene.path)
    with open(os.path.join(scene.path, "got"), "rb") as file:
        equal(file.read().count(b"\nSubject: letter 1\n"), 2, "messages of mpop")


def with_mutt(scene, port):
    """Deletes one of them."""
    rc = scene.file("muttrc", """
        set pop_user="anna@example.org" pop_pass="%s" folder="%s" spoolfile="pop://127.0.0.1:%d"
        set ssl_force_tls=no ssl_starttls=no delete=yes quit=yes timeout=1 sleep_time=0
        push "<delete-message><quit>"
        """ % (PASSWORD, scene.path, port))
    run(["script", "-qec", "mutt -n -F " + rc, "/dev/null"], scene.path)
    with Pop(port, "anna@example.org") as client:
        equal(client.stat()[0], 1, "messages after mutt")


@test("a locked users' database holds no login up, a damaged one is no no")
def users_database():
    with Scene() as scene, users_server(scene, expect=["module_failed"]) as popartd:
        path = os.path.join(scene.path, "own", "users.db")
        with users(scene) as db:
            db.execute("INSERT INTO user (name, password) VALUES ('bob', ?)",
                       ("{PLAIN}" + PASSWORD,))
        other = sqlite3.connect(path, isolation_level=None)
        with contextlib.closing(other):
            other.execute("BEGIN EXCLUSIVE")
            with Pop(popartd, "bob") as client:
                client.quit()
            other.execute("ROLLBACK")
            # What is in the WAL would be taken for the new file's.
            equal(other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0], 0, "busy")
        os.rename(path, path + ".away")
        with open(path, "wb") as file:
            file.write(b"no database\n" * 1000)
        with Pop(popartd) as client:
            client.cmd("USER bob")
            client.refused("PASS " + PASSWORD, b"[SYS/PERM]")
        os.rename(path + ".away", path)
        with Pop(popartd, "bob") as client:
            client.quit()


@test("one database for everybody, at a path without a user in it, inside the sandbox")
def one_file():
    need_root()
    kind = type("One", (Stored,), {"path": "db/all.db"})
    with Scene() as scene:
        put(scene, letter(1), path="all.db")
        for name in ("db", "db/all.db"):
            shutil.chown(os.path.join(scene.path, name), "nobody")
        with server(scene, kind=kind, user="nobody") as popartd:
            with Pop(popartd, "bob") as client:
                client.cmd("DELE 1")
                client.quit()
            with Pop(popartd, "bob") as client:
                equal(client.stat()[0], 0, "messages")


if not os.access(PUT, os.X_OK):
    raise MissingClient(PUT + " is not built")
main()
