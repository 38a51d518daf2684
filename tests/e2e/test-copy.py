#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""popartctl copy and store check: mail goes from store to store, and what a client fetches is
the same everywhere; a copy that is interrupted anywhere goes on where it was."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import time

from harness import (MODULE_PATH, PASSWORD, POPARTD, SANITIZER, TIMEOUT, Pop, Scene, Server,
                     corpus, equal, eventually, letter, main, need_root, paused, sanitized,
                     test, wire)

CTL = os.path.abspath(os.environ.get("POPARTCTL", os.path.join(
    os.path.dirname(POPARTD), "popartctl")))
NO, USAGE, LATER, FAILED = 1, 2, 6, 7
STORES = {
    "md": '{ name = "md"; module = "maildir"; path = "%s/mail/%%n"; }',
    "sq": '{ name = "sq"; module = "sqlite"; path = "%s/db/%%n.db"; }',
    "mb": '{ name = "mb"; module = "mbox"; path = "%s/mbox/%%n"; state_dir = "%s/index"; }',
    "md2": '{ name = "md2"; module = "maildir"; path = "%s/mail2/%%n"; }',
}
HIDDEN = re.compile(rb"(?im)^(?:content-length|status|x-imap|x-imapbase|x-keywords|x-status|"
                    rb"x-uid):[^\n]*\n(?:[ \t][^\n]*\n)*")


def stores(path, first="md"):
    order = [first] + [name for name in STORES if name != first]
    return "storage = ( %s );" % ",\n".join(
        STORES[name].replace("%s", path).replace("%%", "%") for name in order)


class Station(Server):
    """Serves what is in one of the stores."""

    first = "md"

    def configuration(self, directory):
        text = super().configuration(directory)
        start = text.index("storage = {")
        end = text.index("};", start) + 2
        return text[:start] + stores(directory, self.first) + text[end:]


def serve(scene, store, users=("bob",)):
    return type("Here", (Station,), {"first": store})(
        scene.path, users={name: PASSWORD for name in users})


@contextlib.contextmanager
def stations(*users):
    with Scene(*users) as scene:
        for name in ("db", "mbox", "mail2", "run"):
            scene.directory(name)
        auth = ", ".join('{ module = "static"; name = "s%d"; user = "%s"; password = "x"; }' %
                         (number, user) for number, user in enumerate(users or ("bob",)))
        scene.file("ctl.conf", "\n".join([
            'user = "root";' if os.geteuid() == 0 else "", 'run_dir = "%s/run";' % scene.path,
            'module_path = "%s";' % MODULE_PATH, 'listen = { address = "127.0.0.1:0"; };',
            "auth = ( %s );" % auth, stores(scene.path)]))
        yield scene


def command(scene, *words):
    return [CTL, "-c", os.path.join(scene.path, "ctl.conf"), *words]


def ctl(scene, *words, status=0, text=None, said=(), **more):
    """What it has printed, both streams."""
    done = subprocess.run(command(scene, *words), input=text, timeout=TIMEOUT, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    printed = done.stdout.decode("utf-8", "replace")
    assert not SANITIZER.search(printed), printed
    equal(done.returncode, status, "exit status (%s)" % printed)
    for part in said:
        assert part in printed, "%r not in %r" % (part, printed)
    return printed


def copy(scene, source, target, *words, user="bob", **more):
    return ctl(scene, "copy", "--from", source, "--to", target, user, *words, **more)


class Copy:
    """One that runs."""

    def __init__(self, scene, source, target, *words, user="bob"):
        self.process = subprocess.Popen(
            command(scene, "copy", "--from", source, "--to", target, user, *words),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.pid = self.process.pid

    def end(self, number=None):
        if number is not None:
            self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=TIMEOUT)
        said = said.decode("utf-8", "replace")
        assert not SANITIZER.search(said), said
        return self.process.returncode, said


def fetched(scene, store):
    """[(uid, octets)] as a client gets them, at their listed size."""
    with serve(scene, store) as server, Pop(server, "bob") as pop:
        uids, texts = pop.uids(), pop.all()
        pop.quit()
    equal(sorted(uids), sorted(texts), "UIDL and LIST")
    return [(uids[number], texts[number]) for number in sorted(uids)]


def without_hidden(text):
    head, blank, body = text.partition(b"\r\n\r\n")
    if not blank:
        return HIDDEN.sub(b"", text)
    return HIDDEN.sub(b"", head + b"\r\n") + b"\r\n" + body


def files(scene, name):
    """{file name without sizes: (octets, flags)} of a Maildir."""
    found = {}
    for sub in ("new", "cur"):
        directory = os.path.join(scene.path, name, "bob", sub)
        for entry in os.listdir(directory):
            base, _, flags = entry.partition(":")
            with open(os.path.join(directory, entry), "rb") as file:
                found[base.split(",S=")[0]] = (file.read(), flags)
    return found


def one_kind(text):
    """Whether all lines end alike, the last one, too; and nothing is an mbox's own."""
    crlf = text.count(b"\r\n")
    return (text.endswith(b"\n") and crlf in (0, text.count(b"\n")) and
            not HIDDEN.search(text.replace(b"\r\n", b"\n").partition(b"\n\n")[0] + b"\n"))


@test("maildir -> sqlite -> mbox -> maildir: UIDL, LIST and RETR the same at every station")
def round_trip():
    with stations() as scene:
        for number, text in enumerate(corpus().values()):
            scene.bob.add(text, "cur" if number % 3 else "new", flags="S" if number % 2 else "")
        for text in (b"", b"x", b".", b"..\n.\n", b"From me\n\nFrom you\n>From them\n",
                     b"Subject: crlf\r\n\r\n.\r\n", b"bare \r in it\n", b"end\r", b"\r\r\n",
                     b"Status: RO\nSubject: mine\nX-UID: 7\n and more\n\nStatus: stays\n"):
            scene.bob.add(text, "new")
        first = fetched(scene, "md")
        count = len(first)
        copy(scene, "md", "sq", "--verify", said=["bob: %d messages" % count, "verified"])
        equal(fetched(scene, "sq"), first, "sqlite")
        copy(scene, "sq", "mb", "--verify", said=["%d copied" % count, "verified"])
        # What is an mbox's own is left out, and nothing else.
        first = [(uid, without_hidden(text)) for uid, text in first]
        equal(fetched(scene, "mb"), first, "mbox")
        copy(scene, "mb", "md2", "--verify", said=["%d copied" % count, "verified"])
        equal(fetched(scene, "md2"), first, "the other Maildir")
        ctl(scene, "store", "check", "--storage", "sq", "bob", said=["bob: sound"])
        # Names, flags and octets of files, where an mbox can have them.
        before, after = files(scene, "mail"), files(scene, "mail2")
        equal(sorted(before), sorted(after), "names")
        same = [name for name, (text, _) in before.items() if one_kind(text)]
        assert len(same) > 100
        for name in same:
            equal(after[name][0], before[name][0], "the octets of " + name)
            equal("S" in after[name][1], "S" in before[name][1], "flags of " + name)


@test("again: nothing is copied twice; what is new follows; a clash is an error")
def again():
    with stations() as scene:
        scene.bob.fill(20)
        for target in ("sq", "mb", "md2"):
            copy(scene, "md", target, said=["20 copied"])
            copy(scene, "md", target, "--verify", said=["0 copied, 20 there already", "verified"])
        scene.bob.add(letter(21))
        path = scene.bob.messages()[3]
        for target in ("sq", "mb", "md2"):
            copy(scene, "md", target, said=["1 copied, 20 there already"])
        with open(path + ".new", "wb") as file:
            file.write(letter(3) + b"another text\n")
        os.replace(path + ".new", path)
        for target in ("sq", "mb", "md2"):
            copy(scene, "md", target, status=FAILED,
                 said=['another message with the unique-id "1700000004', "in the target already"])
        # What is there is there still.
        equal(len(fetched(scene, "sq")), 21, "messages")


def interrupt(scene, target, number):
    """Copies are ended after longer and longer times, until one is through."""
    interrupted = 0
    delay = 0.0
    while True:
        running = Copy(scene, "md", target)
        delay += 0.004 if not sanitized() else 0.1 + delay / 2
        time.sleep(delay)
        status, said = running.end(number)
        if status == 0:
            return interrupted
        interrupted += 1
        if number == signal.SIGKILL:
            equal(status, -number, "it was killed (%s)" % said)
        else:
            assert status in (LATER, -number), said


@test("killed at many moments, and run again: all is there, once")
def killed():
    with stations() as scene:
        rng = random.Random(7)
        for number in range(150):
            scene.bob.add(letter(number, octets=rng.choice((300, 3000, 300000))))
        first = fetched(scene, "md")
        for target in ("sq", "mb", "md2"):
            times = interrupt(scene, target, signal.SIGKILL)
            print("# %s: killed %d times" % (target, times))
            copy(scene, "md", target, "--verify", said=["150 there already", "verified"])
            equal(fetched(scene, target), first, target)
        ctl(scene, "store", "check", "--storage", "sq", "bob", said=["bob: sound"])


@test("SIGINT leaves whole messages")
def stopped():
    with stations() as scene:
        scene.bob.fill(100, octets=200000)
        first = fetched(scene, "md")
        for target in ("sq", "mb", "md2"):
            times = interrupt(scene, target, signal.SIGINT)
            print("# %s: stopped %d times" % (target, times))
            said = copy(scene, "md", target, "--verify", said=["100 there already", "verified"])
            assert "anew" not in said
            equal(fetched(scene, target), first, target)


@test("part of a message, as a crash leaves it in an mbox, is replaced")
def part():
    with stations() as scene:
        scene.bob.fill(3, octets=5000)
        mailbox = os.path.join(scene.path, "mbox", "bob")
        copy(scene, "md", "mb")
        with open(mailbox, "rb") as file:
            whole = file.read()
        begin = whole.rindex(b"\nFrom uidl=") + 1
        line = whole.index(b"\n", begin) + 1
        for length in (line, line + 60, begin + 200, begin + 2000, len(whole) - 10, len(whole) - 2):
            with open(mailbox, "wb") as file:
                file.write(whole[:length])
            said = copy(scene, "md", "mb", "--verify", said=["verified"])
            assert length >= len(whole) - 2 or "1 of them anew" in said, said
            with open(mailbox, "rb") as file:
                equal(file.read().rstrip(b"\n"), whole.rstrip(b"\n"), "the mailbox")


@test("while no server runs, and its directory for locks has gone with it")
def no_server():
    with stations() as scene:
        scene.bob.fill(3)
        first = fetched(scene, "md")
        shutil.rmtree(os.path.join(scene.path, "run"))
        copy(scene, "md", "sq", said=["3 copied"])
        equal(fetched(scene, "sq"), first, "what a server then has")
        shutil.rmtree(os.path.join(scene.path, "run"))
        scene.file("run", "no directory")
        copy(scene, "md", "mb", status=3 if os.geteuid() == 0 else FAILED, said=["/run"])
        os.unlink(os.path.join(scene.path, "run"))
        scene.directory("run")


def rows(scene):
    path = os.path.join(scene.path, "db", "bob.db")
    with contextlib.suppress(sqlite3.Error), \
            contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path, uri=True)) as db:
        return db.execute("SELECT count(*) FROM message").fetchone()[0]
    return 0


@test("a session that holds the maildrop is waited for, then named; a copy holds it, too")
def in_use():
    with stations() as scene:
        scene.bob.fill(30, octets=300000)
        with serve(scene, "md") as server:
            with Pop(server, "bob"):
                said = copy(scene, "md", "sq", "--wait", "500ms", status=LATER,
                            said=["the maildrop is in use"])
                if os.geteuid() == 0:
                    assert re.search(r"in use by popartd\S*, process \d+", said), said
                waiting = Copy(scene, "md", "sq")
                time.sleep(0.3)
                equal(waiting.process.poll(), None, "it waits")
            status, said = waiting.end()
            equal(status, 0, said)
        with serve(scene, "sq") as server:
            with Pop(server, "bob"):
                copy(scene, "md", "sq", "--wait", "100ms", status=LATER)
            # Its first message makes the database, which has another lock than its path had.
            os.unlink(os.path.join(scene.path, "db", "bob.db"))
            for number in range(300):
                scene.bob.add(letter(number, octets=100000))
            running = Copy(scene, "md", "sq")
            eventually("messages are there", lambda: rows(scene) > 2)
            with paused([running.pid]), Pop(server) as pop:
                before = rows(scene)
                pop.cmd("USER bob")
                if before < 330:
                    pop.refused("PASS " + PASSWORD, b"[IN-USE]")
            equal(running.end()[0], 0, "it goes on")
            assert before < 330, "the copy was through too soon"


@test("one and the same maildrop, unknown storages and users, --all and not all")
def usage():
    with stations("bob", "eve") as scene:
        scene.mail["bob"].fill(2)
        scene.mail["eve"].fill(3)
        os.symlink(scene.bob.path, os.path.join(scene.path, "mail2", "bob"))
        copy(scene, "md", "md2", status=FAILED, said=["one and the same maildrop"])
        os.unlink(os.path.join(scene.path, "mail2", "bob"))
        copy(scene, "md", "md", status=USAGE, said=["the same storage"])
        copy(scene, "md", "nowhere", status=USAGE, said=['no storage is called "nowhere"'])
        ctl(scene, "copy", "--from", "md", "bob", status=USAGE, said=["--to"])
        ctl(scene, "copy", "--from", "md", "--to", "sq", status=USAGE, said=["--all"])
        copy(scene, "md", "sq", "--all", status=USAGE, said=["not both"])
        copy(scene, "md", "sq", user="nobody", status=NO, said=["there is no such user"])
        ctl(scene, "copy", "--from", "md", "--to", "sq", "--all",
            said=["bob: 2 messages", "eve: 3 messages", "2 users, 0 failed"])
        ctl(scene, "copy", "--from", "md", "--to", "mb", "-", text=b"eve\nbob\n",
            said=["eve: 3 messages", "bob: 2 messages"])
        found = json.loads(ctl(scene, "copy", "--from", "md", "--to", "sq", "--all", "--json",
                               "--verify"))
        equal([(one["user"], one["there"], one["verified"]) for one in found],
              [("bob", 2, True), ("eve", 3, True)], "JSON")


@test("--verify finds a message that is missing, in another place, or has other flags or time")
def verified():
    with stations() as scene:
        scene.bob.fill(3)
        mail2 = os.path.join(scene.path, "mail2", "bob", "cur")

        def rename(pattern, by):
            for name in os.listdir(mail2):
                if re.search(pattern, name):
                    os.rename(os.path.join(mail2, name),
                              os.path.join(mail2, re.sub(pattern, by, name)))

        def found(what):
            copy(scene, "md", "md2", "--verify", status=NO, said=["the copy differs", what])

        copy(scene, "md", "md2", "--verify", said=["verified"])
        rename(r"(M000002P7.test.*):2,S", r"\1:2,")
        found('"1700000002.M000002P7.test" has other flags')
        rename(r"(M000002P7.test.*):2,", r"\1:2,S")
        copy(scene, "md", "md2", "--verify", said=["verified"])
        rename(r"^(1700000001.M000001P7.test)", r"1800000000.~1,T=1700000001,U=\1")
        found('"1700000002.M000002P7.test" is not in its order')
        rename(r"^1800000000.~1,T=1700000001,U=", "1600000000.~1,U=")
        found('"1700000001.M000001P7.test" has another time of arrival')


@test("a full disk: an error, whole messages, and it goes on when there is room")
def full_disk():
    need_root()
    with stations() as scene:
        scene.bob.fill(60, octets=200000)
        first = fetched(scene, "md")
        for target, place in (("sq", "db"), ("mb", "mbox"), ("md2", "mail2")):
            path = os.path.join(scene.path, place)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=9M", "tmpfs", path], check=True)
            try:
                said = copy(scene, "md", target, status=LATER)
                assert re.search(r"room|No space", said), said
                subprocess.run(["mount", "-o", "remount,size=60M", path], check=True)
                said = copy(scene, "md", target, "--verify", said=["verified"])
                assert "anew" not in said and " there already" in said, said
                equal(fetched(scene, target), first, target)
            finally:
                subprocess.run(["umount", path], check=True)


def peak(pid):
    """The most memory that it had so far, in KiB."""
    with contextlib.suppress(OSError):
        with open("/proc/%d/status" % pid, encoding="ascii") as file:
            found = re.search(r"VmHWM:\s*(\d+)", file.read())
            if found and os.readlink("/proc/%d/exe" % pid) == os.path.realpath(CTL):
                return int(found.group(1))
    return 0


@test("a message of 100 MB takes no more memory than a small one")
def large():
    with stations("bob", "eve") as scene:
        scene.mail["eve"].fill(1)
        with open(scene.bob.add(b""), "wb") as file:
            file.write(b"Subject: large\n\n")
            for number in range(100):
                file.write(b"%05d %s\n" % (number, b"x" * 1014) * 1024)
        least = 0
        for source, target, user in (("md", "sq", "eve"), ("md", "sq", "bob"),
                                     ("sq", "mb", "bob"), ("mb", "md2", "bob")):
            running = Copy(scene, source, target, "--verify", user=user)
            most = 0
            while running.process.poll() is None:
                most = max(most, peak(running.pid))
                time.sleep(0.002)
            status, said = running.end()
            assert status == 0 and "verified" in said, said
            print("# %s, %s -> %s: %d KiB" % (user, source, target, most))
            if not sanitized():
                assert 0 < most < (least or most) + 12 * 1024
            least = least or most


@test("check tells what is wrong with a database; one that is damaged is not copied")
def damage():
    with stations() as scene:
        scene.bob.fill(5, octets=2000)
        scene.bob.add(letter(6, octets=300000))
        copy(scene, "md", "sq")
        database = os.path.join(scene.path, "db", "bob.db")
        with contextlib.closing(sqlite3.connect(database)) as db:
            db.execute("UPDATE message SET size = 7 WHERE id = 2")
            db.execute("DELETE FROM chunk WHERE id = (6 << 20) + 1")
            db.commit()
        ctl(scene, "store", "check", "--storage", "sq", "bob", status=NO,
            said=['bob: message 2, uid "1700000002.M000002P7.test": its size is given as 7',
                  "bob: message 6", "piece 2 of 5 is missing"])
        found = json.loads(ctl(scene, "store", "check", "--storage", "sq", "--all", "--json",
                               status=NO))
        equal([(one["user"], one["sound"], len(one["problems"])) for one in found],
              [("bob", False, 2)], "JSON")
        copy(scene, "sq", "mb", status=FAILED, said=["the database is damaged"])
        with contextlib.closing(sqlite3.connect(database)) as db:
            db.execute("UPDATE message SET size = stored WHERE id = 2")
            db.commit()
        copy(scene, "sq", "mb", status=FAILED, said=["4 of 6 messages were copied"])
        equal(len(fetched(scene, "mb")), 5, "whole messages")
        with open(database, "r+b") as file:
            file.write(b"noise")
        for words in (("sq", "mb"), ("mb", "sq")):
            copy(scene, *words, status=FAILED, said=["no SQLite database"])
        ctl(scene, "store", "check", "--storage", "sq", "bob", status=FAILED,
            said=["no SQLite database"])


@test("what another program writes into the header does not make it read, nor hides it")
def headers():
    with stations() as scene:
        scene.bob.add(b"Status: RO\nContent-Length: 1\nSubject: a\n\nbody\n", "new")
        copy(scene, "md", "mb", "--verify", said=["verified"])
        copy(scene, "mb", "md2", "--verify", said=["verified"])
        equal([flags for _, flags in files(scene, "mail2").values()], [""], "flags")


if __name__ == "__main__":
    main()
