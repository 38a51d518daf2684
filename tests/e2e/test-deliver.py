#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""popart-deliver: what goes in at its standard input is in the store, octet for octet, if it
says so; and if it does not, its exit status tells an MTA the right thing."""

import hashlib
import itertools
import os
import pwd
import random
import re
import resource
import shutil
import signal
import stat
import subprocess
import threading
import time

from harness import (MODULE_PATH, PASSWORD, POPARTD, SANITIZER, TIMEOUT, Maildir, Pop, Refused,
                     Scene, Skip, corpus, equal, eventually, letter, main, need_root, processes,
                     quoted, sanitized, serving, test, wire)

DELIVER = os.path.abspath(os.environ.get("POPART_DELIVER", os.path.join(
    os.path.dirname(POPARTD), "popart-deliver")))
BUILD = os.environ.get("TEST_BUILDDIR", os.path.dirname(DELIVER))
CHUTE = os.path.join(BUILD, "tests", "modules", ".libs", "chute.so")
PLANTED = os.path.join(BUILD, "tests", "abi", ".libs", "planted.so")
ACCOUNT = "nobody"
NOUSER, CANTCREAT, TEMPFAIL, NOPERM = 67, 73, 75, 77
LETTER = letter(1)


def configure(scene, auth='{ module = "static"; user = "bob"; password = "x"; }',
              storage=None, user=None, extra=""):
    """The configuration in the scene; -c FILE. Its storage is mail/NAME, as a server's."""
    user = user or ("root" if os.geteuid() == 0 else None)
    storage = storage or '{ module = "maildir"; path = "%s/mail/%%n"; }' % scene.path
    scene.file("deliver.conf", "\n".join([
        'user = "%s";' % user if user else "", 'run_dir = "%s/run";' % scene.path,
        'module_path = "%s";' % MODULE_PATH, 'listen = { address = "127.0.0.1:0"; };',
        "auth = ( %s );" % auth, "storage = ( %s );" % storage, extra]), mode=0o644)


class Delivery:
    """A finished popart-deliver."""

    def __init__(self, status, said):
        self.status = status
        self.said = said
        found = SANITIZER.search(said)
        assert not found, said

    def was(self, status, *texts):
        equal(self.status, status, "exit status (%s)" % self.said)
        for text in texts:
            assert text in self.said, "%r not in %r" % (text, self.said)
        return self


def command(scene, user, *options):
    return [DELIVER, "-c", os.path.join(scene.path, "deliver.conf"), "-u", user, *options]


def deliver(scene, data=LETTER, *options, user="bob", **more):
    done = subprocess.run(command(scene, user, *options), input=data, timeout=TIMEOUT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **more)
    return Delivery(done.returncode, done.stdout.decode("utf-8", "replace"))


class Running:
    """A popart-deliver in a session of its own, whose input is still open."""

    def __init__(self, scene, *options, user="bob"):
        self.process = subprocess.Popen(
            command(scene, user, *options), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)
        self.pid = self.process.pid

    def put(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def child(self):
        return eventually("it has a process for the store", lambda: processes(4, self.pid))[0]

    def end(self):
        said, _ = self.process.communicate(timeout=TIMEOUT)
        eventually("all of it ends", lambda: not processes(6, self.pid))
        return Delivery(self.process.returncode, said.decode("utf-8", "replace"))


def contents(maildir):
    found = []
    for path in maildir.messages():
        with open(path, "rb") as file:
            found.append(file.read())
    return found


def leftovers(maildir):
    return os.listdir(os.path.join(maildir.path, "tmp"))


@test("a message arrives octet for octet: 8-bit, NUL, no line end, CRLF, nothing at all")
def octets():
    with Scene() as scene:
        configure(scene)
        messages = [LETTER, b"", b"x", b"no end", b"\n", b"\r", b"\xff\x00\xfe\n", b"\0" * 70000,
                    wire(LETTER), b".\n..\n", b"From me\n", b"x" * 200000 + b"\n",
                    *random.Random(4).sample(sorted(corpus().values()), 10)]
        for message in messages:
            deliver(scene, message).was(0, "event=delivered", "octets=%d" % len(message))
            equal(contents(scene.bob), [message], "the Maildir")
            os.unlink(scene.bob.messages()[0])
            equal(leftovers(scene.bob), [], "tmp/")


@test("delivered and fetched: RETR gives what went in")
def fetched():
    with serving() as (scene, server):
        configure(scene)
        for number in range(1, 6):
            deliver(scene, letter(number)).was(0)
        with Pop(server, "bob") as client:
            equal(sorted(client.all().values()),
                  sorted(wire(letter(number)) for number in range(1, 6)), "messages")
            client.quit()


@test("the first message makes the Maildir; lines are added and taken off only if told")
def header():
    with Scene() as scene:
        configure(scene)
        os.rename(scene.bob.path, scene.bob.path + ".away")
        deliver(scene, b"From x\nS: x\n", "--return-path", "", "--delivered-to", "bob@x",
                "--strip-from").was(0)
        equal(contents(scene.bob), [b"Return-Path: <>\nDelivered-To: bob@x\nS: x\n"], "message")
        os.unlink(scene.bob.messages()[0])
        # However the octets come, the first line is seen whole.
        running = Running(scene, "--return-path", "a@x", "--strip-from")
        for octet in (b"F", b"ro", b"m x", b"\r", b"\n", b"S: ", b"x\r\n"):
            running.put(octet)
            time.sleep(0.01)
        running.end().was(0)
        equal(contents(scene.bob), [b"Return-Path: <a@x>\r\nS: x\r\n"], "message")
        for bad in ("a@x\nX: y", "a@x\r", "x" * 901):
            deliver(scene, LETTER, "--return-path", bad).was(65, "5.6.0 ")
            deliver(scene, LETTER, "--delivered-to", bad).was(65)
        equal(len(contents(scene.bob)), 1, "messages")


def feed(scene, size):
    """Delivers so many octets; returns their hash and the most memory it took, in KiB."""
    block = bytes(random.Random(size).randrange(32, 127) for _ in range(998)) + b"\n"
    block *= 1050  # about 1 MiB
    digest = hashlib.sha256()
    process = subprocess.Popen(command(scene, "bob"), stdin=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    with process.stdin as pipe:
        while size > 0:
            pipe.write(block[:size])
            digest.update(block[:size])
            size -= len(block)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    equal(process.returncode, 0, "exit status")
    return digest.digest(), usage.ru_maxrss


@test("100 MB arrive whole and take no more memory than 1 KB")
def large():
    with Scene() as scene:
        configure(scene)
        _, little = feed(scene, 1000)
        os.unlink(scene.bob.messages()[0])
        digest, much = feed(scene, 100 << 20 if not sanitized() else 5 << 20)
        with open(scene.bob.messages()[0], "rb") as file:
            equal(hashlib.file_digest(file, "sha256").digest(), digest, "the hash")
        if not sanitized():
            assert much < little + 2048, "%d KiB for a little, %d for much" % (little, much)


def chute(scene, options, auth=""):
    """Everything that a store or an auth can do wrong. Returns what it was given."""
    into = os.path.join(scene.path, "into")
    with open(into, "wb"):
        pass
    block = '{ module = "%s"; into = "%s"; %%s }' % (CHUTE, into)
    configure(scene, auth=block % auth, storage=block % options)

    def taken():
        with open(into, "rb") as file:
            return file.read()
    return taken


@test("each failure of a module has its exit status; what is unclear is try again")
def statuses():
    expected = {1: NOUSER, 2: TEMPFAIL, 3: TEMPFAIL, 4: TEMPFAIL, 5: TEMPFAIL, 6: TEMPFAIL,
                7: TEMPFAIL, 8: TEMPFAIL, 9: NOUSER, 10: TEMPFAIL, 500: TEMPFAIL,
                -1: TEMPFAIL, -2: TEMPFAIL, -4: TEMPFAIL, -6: TEMPFAIL, -500: TEMPFAIL}
    bounced = {5: NOPERM, 7: NOPERM, 8: CANTCREAT}
    with Scene() as scene:
        chute(scene, "")
        deliver(scene).was(0)
        for status, code in expected.items():
            chute(scene, "", auth='at = "lookup"; status = %d;' % status)
            deliver(scene).was(code, "event=delivery_failed", "exit=%d" % code)
        for place, status in itertools.product(("begin", "write", "finish"), (4, 5, 7, 8, -1)):
            taken = chute(scene, 'at = "%s"; status = %d; say = "so";' % (place, status))
            deliver(scene).was(TEMPFAIL, "4." if status > 0 else "4.3.0 ",
                               ": so" if status > 0 else "")
            assert (b"abandoned" in taken()) == (place == "write"), taken()
            code = bounced.get(status, TEMPFAIL)
            deliver(scene, LETTER, "--bounce-full", "--bounce-refused").was(
                code, "%d." % (4 if code == TEMPFAIL else 5), "exit=%d" % code)
        deliver(scene, LETTER, "--bounce-full").was(TEMPFAIL)


@test("a module that crashes or ends the process has delivered nothing: try again")
def crashes():
    with Scene() as scene:
        for place in ("start", "begin", "write", "finish"):
            for how in ("crash", "exit"):
                chute(scene, 'at = "%s"; how = "%s";' % (place, how))
                done = deliver(scene).was(TEMPFAIL, "reason=died")
                assert ("signal=6" in done.said) == (how == "crash"), done.said
                assert place == "start" or "doing=chute.deliver_" + place in done.said, done.said
        chute(scene, "", auth='at = "lookup"; how = "crash";')
        deliver(scene).was(TEMPFAIL, "doing=chute.lookup")
        # Once it is there, it must not come twice.
        taken = chute(scene, 'at = "stop"; how = "crash";')
        deliver(scene).was(0)
        equal(taken(), LETTER, "what was put in")


@test("SIGTERM, silence and a store that waits: try again, and nothing is left")
def stopped():
    with Scene() as scene:
        configure(scene)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            running = Running(scene)
            running.put(LETTER)
            eventually("the message is being written", lambda: leftovers(scene.bob))
            os.kill(running.pid, number)
            eventually("it has ended", lambda: running.process.poll() is not None)
            running.end().was(TEMPFAIL, "reason=stopped")
        running = Running(scene, "--timeout", "50ms")
        eventually("it has ended", lambda: running.process.poll() is not None)
        running.end().was(TEMPFAIL, "4.4.7 ", "reason=timeout")
        equal((contents(scene.bob), leftovers(scene.bob)), ([], []), "the Maildir")
        for place in ("begin", "write"):
            taken = chute(scene, 'at = "%s"; how = "wait";' % place)
            deliver(scene, LETTER, "--timeout", "50ms").was(TEMPFAIL, "reason=timeout")
            taken = chute(scene, 'at = "%s"; how = "wait";' % place)
            running = Running(scene)
            running.put(LETTER)
            eventually("the store waits", lambda: b"waiting" in taken())
            os.kill(running.pid, signal.SIGTERM)
            running.end().was(TEMPFAIL, "reason=stopped")


@test("SIGTERM before there is a configuration: try again, too")
def stopped_early():
    with Scene() as scene:
        fifo = os.path.join(scene.path, "fifo")
        os.mkfifo(fifo)  # nobody writes to it
        with subprocess.Popen([DELIVER, "-c", fifo, "-u", "bob"],
                              stdin=subprocess.PIPE) as running:
            def is_guarded():
                with open("/proc/%d/status" % running.pid) as status:
                    caught = re.search(r"SigCgt:\s*(\w+)", status.read())
                return int(caught[1], 16) >> (signal.SIGTERM - 1) & 1
            try:
                eventually("signals are caught", is_guarded)
                running.terminate()
                equal(running.wait(TIMEOUT), TEMPFAIL, "exit status")
            finally:
                running.kill()


@test("kill -9 at any moment, of all of it or of the part in the store: whole or not there")
def killed():
    with Scene() as scene:
        configure(scene)
        chance = random.Random(9)
        message = letter(1, 300000)
        promised = 0
        for number in range(16):
            running = Running(scene)
            victim = running.child() if number % 2 else -running.pid
            part = chance.choice((0, 1, 100000, len(message)))
            running.put(message[:part])
            if part == len(message):
                running.process.stdin.close()
                running.process.stdin = None
            time.sleep(chance.random() * 0.01)
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it was quicker
            done = running.end()
            promised += done.status == 0
            # A part that ends like a message is one: the MTA's end cannot be told from it.
            assert done.status in (0, TEMPFAIL, -signal.SIGKILL), done.status
            assert done.status != 0 or part == len(message), "status 0 for a part"
            assert number % 2 == 0 or done.status in (0, TEMPFAIL), done.status
        found = contents(scene.bob)
        assert set(found) <= {message}, "a message is not whole"
        assert len(found) >= promised, "%d of %d" % (len(found), promised)


def limit(octets):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (octets, octets))


@test("no room: try again, and nothing of the message is to be seen")
def full():
    if sanitized():
        return  # they need large files of their own
    with Scene() as scene:
        configure(scene)
        deliver(scene, letter(1, 100000), preexec_fn=limit(50000)).was(
            TEMPFAIL, "event=delivery_failed")
        equal((contents(scene.bob), leftovers(scene.bob)), ([], []), "the Maildir")
        deliver(scene, letter(1, 40000), preexec_fn=limit(50000)).was(0)


@test("a file system that is full: try again, and afterwards it works")
def full_disk():
    need_root()
    with Scene() as scene:
        configure(scene)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "none",
                                  scene.bob.path], capture_output=True, check=False)
        if mounted.returncode != 0:
            raise Skip("may not mount a tmpfs")
        try:
            good = 0
            while deliver(scene, letter(good, 200000)).status == 0:
                good += 1
                assert good < 10, "1 MiB holds everything"
            deliver(scene, letter(9, 200000)).was(TEMPFAIL, "4.3.0 ")
            equal(sorted(contents(scene.bob)),
                  sorted(letter(number, 200000) for number in range(good)), "messages")
            equal(leftovers(scene.bob), [], "tmp/")
            os.unlink(scene.bob.messages()[0])
            deliver(scene, letter(9, 200000)).was(0)
        finally:
            subprocess.run(["umount", "-l", scene.bob.path], check=True)


@test("deliveries by many at once, during sessions and QUIT: each message once, none lost")
def at_once():
    with serving() as (scene, server):
        configure(scene)
        problems, read = [], []
        deliveries = threading.Barrier(3)

        def put(first):
            try:
                deliveries.wait()
                for number in range(first, first + 8):
                    deliver(scene, letter(number, 2000)).was(0)
            except BaseException as error:
                problems.append(error)

        threads = [threading.Thread(target=put, args=(n * 100,)) for n in range(3)]
        for thread in threads:
            thread.start()
        while True:
            over = not any(thread.is_alive() for thread in threads)
            with Pop(server, "bob") as client:
                messages = client.all()
                for number in messages:
                    client.cmd("DELE %d" % number)
                client.quit()
            read += messages.values()
            if over:
                break
        equal(problems, [], "problems")
        equal(sorted(read), sorted(wire(letter(n * 100 + k, 2000)) for n in range(3)
                                   for k in range(8)), "what was read")
        equal(scene.bob.messages(), [], "what is left")


@test("users: unknown, known by more than a name, impossible as a name of a maildrop")
def users():
    with Scene() as scene:
        configure(scene)
        for name in ("eve", "bob@x", "", "-c", "bo b\n", "\u00fc"):
            deliver(scene, user=name).was(NOUSER, "5.1.1 ", "reason=no-user")
        said = deliver(scene, user='x" level=error event=start user="bob').was(NOUSER).said
        assert said.rstrip().endswith(r'user="x\" level=error event=start user=\"bob"'), said
        configure(scene, auth='{ module = "static"; any = true; }')
        deliver(scene, user="bob@example.net").was(0, "instance=maildir")
        for name in ("../bob", ".bob", "/etc"):
            deliver(scene, user=name).was(TEMPFAIL, "reason=refused")
            deliver(scene, LETTER, "--bounce-refused", user=name).was(NOPERM)
        equal(len(contents(scene.bob)), 1, "messages")
        # Whoever cannot be asked may know the user.
        configure(scene, auth='{ module = "static"; user = "bob"; password = "x"; }, '
                  '{ module = "%s"; journal = "%s/journal"; }' % (PLANTED, scene.path))
        environment = dict(os.environ, PLANTED="serial")
        deliver(scene, env=environment).was(0)
        deliver(scene, user="eve", env=environment).was(TEMPFAIL, "cannot say without")


@test("the store that the attribute names; stores that take no messages")
def stores():
    with Scene() as scene:
        box = '{ module = "maildir"; path = "%s/mail/%%%%n"; %%s }' % scene.path
        far = '{ module = "maildir"; name = "far"; path = "%s/far/%%{box}"; }' % scene.path
        auth = ('{ module = "static"; user = "bob"; password = "x"; '
                'attributes = [ "storage=%s", "box=b" ]; }')
        os.mkdir(os.path.join(scene.path, "far"))
        configure(scene, auth=auth % "far", storage=box % "" + "," + far)
        deliver(scene).was(0, "instance=far")
        equal(contents(Maildir(os.path.join(scene.path, "far", "b"))), [LETTER], "messages")
        configure(scene, auth=auth % "nowhere", storage=box % "")
        deliver(scene).was(TEMPFAIL, "no storage is configured under that name")
        planted = '{ module = "%s"; journal = "%s/journal"; }' % (PLANTED, scene.path)
        for storage in (planted, box % "read_only = true;"):
            configure(scene, storage=storage)
            deliver(scene).was(TEMPFAIL, "4.2.1 ", "reason=closed")
            deliver(scene, LETTER, "--bounce-refused").was(CANTCREAT, "5.2.1 ")
        equal(contents(scene.bob), [], "messages")


@test("whatever is wrong with the configuration or the input: try again")
def mistakes():
    with Scene() as scene:
        configure(scene)
        nowhere = os.path.join(scene.path, "none")
        deliver(scene, LETTER, "-c", nowhere).was(TEMPFAIL, "4.3.5 ", nowhere, "-c FILE")
        configure(scene, extra="lissten = 1;")
        deliver(scene).was(TEMPFAIL, 'did you mean "listen"?', "deliver.conf:")
        configure(scene, storage='{ module = "no-such"; }')
        deliver(scene).was(TEMPFAIL, "4.3.5 ", "no-such", "reason=config")
        configure(scene, extra='log = { target = "%s/log"; };' % nowhere)
        deliver(scene).was(TEMPFAIL, "cannot open the log")
        chute(scene, 'at = "start"; status = -4;')
        deliver(scene).was(TEMPFAIL, "as the test wants it", "reason=config")
        configure(scene)
        directory = os.open(scene.path, os.O_RDONLY)
        done = subprocess.run(command(scene, "bob"), stdin=directory, capture_output=True,
                              timeout=TIMEOUT, check=False)
        os.close(directory)
        Delivery(done.returncode, done.stderr.decode()).was(TEMPFAIL, "reason=input")
        closed = subprocess.run(["sh", "-c", '"$@" <&-', "sh", *command(scene, "bob")],
                                capture_output=True, timeout=TIMEOUT, check=False)
        Delivery(closed.returncode, closed.stderr.decode()).was(TEMPFAIL, "is closed")
        equal((contents(scene.bob), leftovers(scene.bob)), ([], []), "the Maildir")
        usage = subprocess.run([DELIVER, "--usr", "bob"], capture_output=True, text=True,
                               timeout=TIMEOUT, check=False)
        Delivery(usage.returncode, usage.stderr).was(64, "4.3.5 ", "did you mean --user?")


@test("set-user-id it does nothing: try again")
def set_user_id():
    need_root()
    if sanitized():
        raise Skip("a sanitizer does not run so")
    with Scene() as scene:
        configure(scene)
        own = os.path.join(scene.directory("bin"), "popart-deliver")
        binary = os.path.join(os.path.dirname(DELIVER), ".libs", "popart-deliver")
        shutil.copy(binary if os.path.exists(binary) else DELIVER, own)
        os.chmod(own, 0o4755)
        if os.statvfs(own).f_flag & os.ST_NOSUID:
            raise Skip("a file system without set-user-id")
        done = subprocess.run([own, *command(scene, "bob")[1:]], input=LETTER, user=65534,
                              group=65534, extra_groups=[], capture_output=True,
                              timeout=TIMEOUT, check=False)
        Delivery(done.returncode, done.stderr.decode()).was(TEMPFAIL, "4.3.5 ", "set-user-id")
        equal(contents(scene.bob), [], "messages")


@test("nobody reads what it says: the status is right nevertheless")
def unheard():
    with Scene() as scene:
        configure(scene)
        for user, status in (("bob", 0), ("eve", NOUSER)):
            reader, writer = os.pipe()
            os.close(reader)
            done = subprocess.run(command(scene, user), input=LETTER, stderr=writer,
                                  timeout=TIMEOUT, check=False)
            os.close(writer)
            equal(done.returncode, status, "exit status")
        equal(contents(scene.bob), [LETTER], "messages")


@test("with a log in a file it says one line if it fails, and nothing else")
def log_file():
    with Scene() as scene:
        log = os.path.join(scene.path, "log")
        configure(scene, extra='log = { target = "%s"; };' % log)
        equal(deliver(scene).was(0).said, "", "what it says")
        equal(deliver(scene, user="eve").was(NOUSER).said, "5.1.1 there is no such user\n",
              "what it says")
        with open(log, encoding="utf-8") as file:
            lines = file.read().splitlines()
        for line, pattern in zip(lines, (
                r'event=delivered process=deliver instance=maildir octets=%d ms=\d+ user="bob"$'
                % len(LETTER),
                r'event=delivery_failed process=deliver reason=no-user exit=67 octets=0 ms=\d+ '
                r'text=".*" user="eve"$')):
            assert re.search(pattern, line), line
        equal(len(lines), 2, "lines")


def owner(path):
    return pwd.getpwuid(os.stat(path).st_uid).pw_name


@test("root becomes the server's user, and others have to be it")
def accounts():
    need_root()
    with Scene() as scene:
        account = pwd.getpwnam(ACCOUNT)
        for directory in ("", "/cur", "/new", "/tmp"):
            os.chown(scene.bob.path + directory, account.pw_uid, account.pw_gid)
        configure(scene, user=ACCOUNT)
        deliver(scene).was(0)
        if not sanitized():  # their library cannot always be read by other accounts
            done = subprocess.run(command(scene, "bob"), input=LETTER, capture_output=True,
                                  timeout=TIMEOUT, check=False, user=account.pw_uid,
                                  group=account.pw_gid, extra_groups=[])
            Delivery(done.returncode, done.stderr.decode()).was(0)
            done = subprocess.run(command(scene, "bob"), input=LETTER, capture_output=True,
                                  timeout=TIMEOUT, check=False, user=20001, group=20001,
                                  extra_groups=[])
            Delivery(done.returncode, done.stderr.decode()).was(
                TEMPFAIL, "4.3.5 ", "only root can become somebody else")
        for path in scene.bob.messages():
            equal((owner(path), stat.S_IMODE(os.stat(path).st_mode)), (ACCOUNT, 0o600), path)
        os.chown(scene.bob.path + "/tmp", 0, 0)
        os.chmod(scene.bob.path + "/tmp", 0o700)
        deliver(scene).was(TEMPFAIL, "4.2.0 ", "reason=refused")
        deliver(scene, LETTER, "--bounce-refused").was(NOPERM, "5.2.0 ")


@test("as_user: what is written is the user's; root can start it, and the user")
def as_user():
    need_root()
    with Scene("bob", "eve") as scene:
        for directory in ("", "/cur", "/new", "/tmp"):
            os.chown(scene.bob.path + directory, 20001, 20001)
            os.chmod(scene.bob.path + directory, 0o700)
        auth = ('{ module = "static"; user = "bob"; password = "x"; '
                'attributes = [ "uid=20001", "gid=20001" ]; }')
        configure(scene, auth=auth, user=ACCOUNT, storage='{ module = "maildir"; '
                  'path = "%s/mail/%%n"; as_user = true; }' % scene.path)
        deliver(scene).was(0)
        for user, status in () if sanitized() else ((20001, 0), (20002, TEMPFAIL)):
            done = subprocess.run(command(scene, "bob"), input=LETTER, capture_output=True,
                                  timeout=TIMEOUT, check=False, user=user, group=user,
                                  extra_groups=[])
            Delivery(done.returncode, done.stderr.decode()).was(status)
        for path in scene.bob.messages():
            equal(os.stat(path).st_uid, 20001, path)
        equal(len(scene.bob.messages()), 1 if sanitized() else 2, "messages")
        configure(scene, auth='{ module = "static"; user = "bob"; password = "x"; }',
                  user=ACCOUNT, storage='{ module = "maildir"; path = "%s/mail/%%n"; '
                  'as_user = true; }' % scene.path)
        deliver(scene).was(TEMPFAIL, "gave no uid and gid")


main()
