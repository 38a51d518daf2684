#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Where log lines go, that none is lost on the way, what a session leaves in them, and that
no secret is among it."""

import base64
import contextlib
import glob
import hashlib
import itertools
import json
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading

from harness import (PASSWORD, TIMEOUT, Pop, Scene, Skip, equal, eventually, main, need,
                     need_root, status_of, test)

FIELD = re.compile(r' ([a-z_]+)=("(?:[^"\\]|\\.)*"|[^\s"=]+)')
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warn|info|debug) "
                  r"event=[a-z_]+ process=(master|worker-\d+\.\d+)(%s)*" % FIELD.pattern)


def fields(line):
    """{field: value} of a logfmt line; what is not a field is an error."""
    equal(LINE.fullmatch(line) is not None, True, "the form of " + line)
    return dict(FIELD.findall(line))


def names(line):
    return [name for name, _ in FIELD.findall(line)]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def visit(server, user="bob"):
    with Pop(server, user) as client:
        client.quit()


def apop(client, user, password):
    stamp = re.search(rb"<[^>]*>", client.greeting).group(0)
    return "APOP %s %s" % (user, hashlib.md5(stamp + password.encode()).hexdigest())


def plain(user, password):
    return base64.b64encode(("\0%s\0%s" % (user, password)).encode()).decode()


def certificate(scene):
    """The keys of a tls group, and a context for clients."""
    need("openssl")
    path = os.path.join(scene.path, "certificate.pem")
    subprocess.run(["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-keyout", path, "-out", path + ".crt", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                   check=True, stderr=subprocess.DEVNULL)
    context = ssl.create_default_context(cafile=path + ".crt")
    return 'tls = { certificate = "%s.crt"; key = "%s"; };' % (path, path), context


# ---------------------------------------------------------------- what a session leaves


@test("the summary of a session: what was done, how, for how long, and how it ended")
def summary():
    with Scene() as scene:
        keys, trust = certificate(scene)
        scene.bob.fill(5)
        with scene.server(listener="tls = true;", extra=keys + "apop = true;") as server:
            with Pop(server, "bob", tls=trust) as client:
                sizes = client.sizes()
                for number in (1, 2, 3):
                    client.retr(number)
                client.top(4, 1)
                client.cmd("DELE 1")
                client.cmd("DELE 2")
                client.quit()
            line = fields(server.wait_event("session_end")[0])
            for name, value in (("rip", "127.0.0.1"), ("lip", "127.0.0.1"),
                                ("reason", "quit"), ("messages", "5"), ("retrieved", "3"),
                                ("top", "1"), ("deleted", "2"), ("failures", "0"),
                                ("mechanism", "USER"), ("tls", "TLS1.3"), ("user", '"bob"')):
                equal(line[name], value, name)
            assert line["cipher"] and "resumed" not in line
            assert int(line["out"]) > sum(sizes[n] for n in (1, 2, 3)) > 0
            assert int(line["in"]) > 100 and int(line["ms"]) >= 0
            equal(server.events("session_end")[0].rpartition(" ")[2], 'user="bob"', "the end")
            login = fields(server.events("login")[0])
            equal(login["session"], line["session"], "the session")
            equal((login["mechanism"], login["tls"]), ("USER", "TLS1.3"), "login")
            equal(fields(server.events("connect")[0])["session"], line["session"], "connect")
            equal(fields(server.events("commit")[0])["deleted"], "2", "commit")
            with Pop(server, tls=trust) as client:
                client.cmd(apop(client, "bob", PASSWORD))
                client.cmd("DELE 1")
            line = fields(server.wait_event("session_end", 2)[1])
            equal((line["mechanism"], line["deleted"], line["reason"]),
                  ("APOP", "0", "client-closed"), "a session that was given up")
            with Pop(server, tls=trust) as client:
                client.refused("AUTH PLAIN " + plain("bob", "wrong"))
                client.refused("AUTH PLAIN " + plain("eve", "wrong"))
                client.cmd("AUTH PLAIN " + plain("bob", PASSWORD))
                client.quit()
            line = fields(server.wait_event("session_end", 3)[2])
            equal(line["mechanism"], "PLAIN", "mechanism")
            refused = server.events("auth_failed")
            equal([fields(line)["mechanism"] for line in refused], ["PLAIN"] * 2, "refused")
            equal([fields(line)["user"] for line in refused], ['"bob"', '"eve"'], "refused")
            for line in refused:
                equal(names(line)[:3] + names(line)[-1:], ["event", "process", "rip", "user"],
                      "the first fields and the last")
        equal(fields(server.events("stop")[0])["exit"], "0", "the exit status")


@test("a session on a port without TLS has no field of TLS")
def no_tls():
    with Scene() as scene, scene.server() as server:
        visit(server)
        line = fields(server.wait_event("session_end")[0])
        assert "tls" not in line and "cipher" not in line, line


@test("a name that looks like fields stands in quotes behind rip, and is last")
def imitation():
    names_tried = ('x event=auth_failed rip=198.51.100.9 ', 'x" rip=198.51.100.9 user="y',
                   "x\\", "\u00e5 rip=198.51.100.9")
    with Scene() as scene, scene.server() as server:
        for number, name in enumerate(names_tried, 1):
            with Pop(server) as client:
                client.cmd("USER " + name)
                client.refused("PASS x")
            line = server.wait_event("auth_failed", number)[-1]
            equal(fields(line)["rip"], "127.0.0.1", "rip")
            equal(names(line).count("rip"), 1, "how often there is a rip")
            equal(names(line)[-1], "user", "the last field")


@test("refused_users = false: a password in the place of a name is in no line")
def hidden_names():
    with Scene() as scene, scene.server(log="refused_users = false;") as server:
        with Pop(server) as client:
            client.cmd("USER hunter2")
            client.refused("PASS bob")
            client.refused("AUTH PLAIN " + plain("hunter2", "x"))
            client.cmd("USER bob")
            client.cmd("PASS " + PASSWORD)
            client.quit()
        equal([fields(line)["user"] for line in server.events("auth_failed")], ['""'] * 2,
              "refused")
        equal(fields(server.wait_event("login")[0])["user"], '"bob"', "who logged in")
        assert "hunter2" not in server.log()


# ---------------------------------------------------------------- files


def rotated(scene, server, path, number):
    """Moves the log file away as logrotate does, and waits for the new one."""
    old = "%s.%d" % (path, number)
    os.rename(path, old)
    server.log_files.append(old)
    server.send_signal(signal.SIGUSR1)
    eventually("there is a new file", lambda: os.path.exists(path) and
               "event=log_reopen " in read(path))


def followed(server, path):
    """Visits until a worker's line is in the file: it may still write to the old one. Returns
    how often."""
    before = read(path).count("event=session_end")
    visits = itertools.count()

    def there():
        visit(server)
        next(visits)
        return read(path).count("event=session_end") > before

    eventually("a worker's line is there", there)
    return next(visits)


@test("SIGUSR1 under load: every line is in one of the files, whole")
def reopened():
    with Scene() as scene:
        path = os.path.join(scene.path, "popart.log")
        # Several sessions of one user would only meet IN-USE.
        users = {"u%d" % number: PASSWORD for number in range(8)}
        for user in users:
            os.makedirs(os.path.join(scene.path, "mail", user, "cur"))
        with scene.server(users=users, log='target = "%s";' % path, log_files=[path],
                          log_level="info") as server:
            done = itertools.count()
            over = threading.Event()

            def come_and_go(user):
                while not over.is_set():
                    visit(server, user)
                    next(done)

            threads = [threading.Thread(target=come_and_go, args=(user,)) for user in users]
            for thread in threads:
                thread.start()
            for number in range(1, 6):
                rotated(scene, server, path, number)
                eventually("a worker follows", lambda: "process=worker" in read(path))
            over.set()
            for thread in threads:
                thread.join()
            count = next(done)
            assert count > 10, "nobody came"
        lines = [fields(line) for line in server.log().splitlines()]
        equal(len(server.events("session_end")), count, "the number of summaries")
        equal(len(server.events("login")), count, "the number of logins")
        equal(len({line["session"] for line in lines if "ms" in line}), count, "sessions")
        equal(len(server.events("log_reopen")), 5, "new files")
        assert not server.events("log_lost")


@test("a worker that starts after SIGUSR1 has the new file, one that was there follows")
def later_workers():
    with Scene() as scene:
        path = os.path.join(scene.path, "popart.log")
        with scene.server(log='target = "%s";' % path, log_files=[path], workers=1,
                          expect=["worker_died"]) as server:
            rotated(scene, server, path, 1)
            followed(server, path)
            before = os.path.getsize(path + ".1")
            os.kill(server.workers()[0], signal.SIGKILL)
            server.wait_event("worker_start", 2)
            followed(server, path)
            equal(os.path.getsize(path + ".1"), before, "the old file")


@test("without a new file the old one goes on, and says why")
def not_reopened():
    with Scene() as scene:
        directory = scene.directory("logs")
        path = os.path.join(directory, "popart.log")
        with scene.server(log='target = "%s";' % path, log_files=[path, path + ".1"],
                          workers=1) as server:
            os.rename(path, path + ".1")
            os.mkdir(path)
            server.log_files.remove(path)
            server.send_signal(signal.SIGUSR1)
            line = fields(server.wait_event("log_reopen_failed")[0])
            equal(line["error"], '"Is a directory"', "why")
            visit(server)
            server.wait_event("session_end")
            os.rmdir(path)
            server.log_files.append(path)
            server.send_signal(signal.SIGUSR1)
            server.wait_event("log_reopen")
            followed(server, path)


@test("the workers need no right to the file: its directory is root's alone")
def rights():
    need_root()
    with Scene() as scene:
        directory = scene.directory("logs")
        os.chmod(directory, 0o700)
        path = os.path.join(directory, "popart.log")
        for top, _, files in os.walk(os.path.join(scene.path, "mail")):
            for name in files + ["."]:
                shutil.chown(os.path.join(top, name), "nobody")
        with scene.server(user="nobody", log='target = "%s";' % path,
                          log_files=[path]) as server:
            for pid in server.workers():
                equal(int(status_of(pid, "Uid")[0]), pwd.getpwnam("nobody").pw_uid, "who it is")
            rotated(scene, server, path, 1)
            followed(server, path)
            status = os.stat(path)
            equal((status.st_mode & 0o777, status.st_uid), (0o600, 0), "mode and owner")


@test("a file in a directory that is full: sessions go on, lines are kept, then counted")
def full():
    need_root()
    with Scene("bob", "eve") as scene, contextlib.ExitStack() as stack:
        directory = scene.directory("small")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", directory],
                          stderr=subprocess.DEVNULL, check=False).returncode != 0:
            raise Skip("may not mount")
        stack.callback(subprocess.run, ["umount", directory], check=True)
        path = os.path.join(directory, "popart.log")
        filler = os.path.join(directory, "filler")
        with scene.server(log='target = "%s";' % path, log_files=[path]) as server:
            with open(filler, "wb") as file, contextlib.suppress(OSError):
                while True:
                    os.write(file.fileno(), b"x" * 512)
            for _ in range(200):
                visit(server)
                visit(server, "eve")
            before = os.path.getsize(path)
            os.truncate(filler, 0)  # not enough for all
            eventually("the log goes on", lambda: os.path.getsize(path) > before)
        # What does not fit is taken back, unless two processes met the end at once: then the
        # beginning of a line may be left, but no line is harmed.
        for line in read(path).split("\n")[:-1]:
            assert re.search(LINE.pattern + r"\Z", line), line


# ---------------------------------------------------------------- other places, and JSON


class Syslog:
    """A daemon that takes datagrams at a socket, and writes them to a file."""

    def __init__(self, scene):
        self.path = os.path.join(scene.path, "socket")
        self.file = os.path.join(scene.path, "messages")
        self.socket = None
        self.up()

    def up(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        threading.Thread(target=self.run, args=(self.socket,), daemon=True).start()

    def run(self, taker):
        with open(self.file, "ab", 0) as file:
            while True:
                message = taker.recv(65536)
                if not message:
                    taker.close()
                    return
                assert b"\n" not in message, message
                file.write(message + b"\n")

    def down(self):
        """Everything that was sent before is written then."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.path)
        eventually("the daemon is down", lambda: self.socket.fileno() < 0)
        os.unlink(self.path)


MESSAGE = re.compile(r"<(\d+)>[A-Z][a-z][a-z] [ \d]\d \d\d:\d\d:\d\d popartd\[(\d+)\]: "
                     r"(event=.*)")


def with_syslog(scene, syslog, more="", **options):
    return scene.server(log='target = "syslog:%s"; %s' % (syslog.path, more),
                        log_files=[syslog.file], **options)


@test("syslog, by workers without rights and in their sandbox; the daemon is restarted")
def by_syslog():
    with Scene() as scene:
        syslog = Syslog(scene)
        if os.geteuid() == 0:
            shutil.chown(scene.bob.path, "nobody")
            for sub in ("cur", "new", "tmp"):
                shutil.chown(os.path.join(scene.bob.path, sub), "nobody")
        who = "nobody" if os.geteuid() == 0 else None
        with with_syslog(scene, syslog, 'facility = "local3";', user=who) as server:
            visit(server)
            server.wait_event("session_end")
            syslog.down()
            for _ in range(5):
                visit(server)
            equal(len(server.events("session_end")), 1, "what it got while it was down")
            syslog.up()
            server.wait_event("session_end", 6)
            visit(server)
            server.wait_event("session_end", 7)
            assert not server.events("log_lost")
        eventually("the last line", lambda: server.events("stop"))
        pids = set()
        for line in read(syslog.file).splitlines():
            parts = MESSAGE.fullmatch(line)
            assert parts, line
            equal(int(parts.group(1)) // 8, 19, "the facility")
            pids.add(int(parts.group(2)))
        assert server.pid in pids and len(pids) >= 2, pids
        equal(read(server.log_path), "", "standard error")


@test("no syslog daemon at the start: it is said, and the lines wait")
def late_syslog():
    with Scene() as scene:
        syslog = Syslog(scene)
        syslog.down()

        def come_late():
            eventually("it is said", lambda: any(
                "no syslog daemon listens at " in read(path)
                for path in glob.glob(os.path.join(scene.path, "log.*"))))
            syslog.up()

        late = threading.Thread(target=come_late)
        late.start()
        with with_syslog(scene, syslog) as server:
            visit(server)
            server.wait_event("session_end")
            assert server.events("listen") and server.events("sandbox")
        late.join()


@test("standard error that is the journal's: priorities, and no time")
def journal():
    with Scene() as scene, scene.server(journal=True) as server:
        visit(server)
        server.wait_event("session_end")
        with Pop(server) as client:
            client.cmd("USER bob")
            client.refused("PASS x")
        server.wait_event("auth_failed")
        for line in read(server.log_path).splitlines():
            assert re.match(r"<[3467]>event=[a-z_]+ process=", line), line
        assert server.events("auth_failed")[0].startswith("<4>event=auth_failed ")
        assert server.events("session_end")[0].startswith("<6>event=session_end ")
        assert server.events("connect")[0].startswith("<7>event=connect ")


@test("JSON: every line is an object with time and level, wherever it goes")
def by_json():
    odd = "d\u00e9 \"mo\" \\ {}"
    with Scene() as scene:
        path = os.path.join(scene.path, "popart.log")
        syslog = Syslog(scene)
        for target, files, head in (('"%s"' % path, [path], ""),
                                    ('"stderr"', [], r"<\d>"),
                                    ('"syslog:%s"' % syslog.path, [syslog.file],
                                     r"<\d+>.{15} popartd\[\d+\]: ")):
            with scene.server(log='target = %s; format = "json";' % target, log_files=files,
                              journal=target == '"stderr"') as server:
                with Pop(server) as client:
                    client.cmd("USER " + odd)
                    client.refused("PASS x")
                    client.send(b"USER \xff\x01\r\n")
                    client.line()
                visit(server)
                server.wait_event("session_end", 2)
            eventually("the last line", lambda: server.events("stop"))
            seen = {}
            for line in server.log().splitlines():
                found = json.loads(re.sub("^" + head, "", line))
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z", found["time"])
                assert found["level"] in ("error", "warn", "info", "debug")
                seen[found["event"]] = found
            equal(seen["auth_failed"]["user"], odd, "user")
            equal(seen["session_end"]["messages"], 0, "messages")
            equal(list(seen["auth_failed"])[-1], "user", "the last key")


# ---------------------------------------------------------------- secrets

SECRETS = ["correct horse", "battery-staple-1", "Tr0ub4dor&3", "hunter2hunter2", "xyzzy plugh"]


def tell_secrets(server, trust):
    """Every way in which a client may say a secret, right and wrong."""
    right = SECRETS[0]

    def begin():
        return Pop(server, tls=trust)

    with begin() as client:
        client.login("bob", right)
        client.quit()
    with begin() as client:
        client.cmd(apop(client, "bob", right))
        client.quit()
    with begin() as client:
        client.cmd("AUTH PLAIN " + plain("bob", right))
        client.quit()
    with begin() as client:
        client.put("AUTH PLAIN")
        equal(client.line().rstrip(), b"+", "the challenge")
        client.cmd(plain("bob", right))
        client.quit()
    for wrong in SECRETS[1:]:
        with begin() as client:
            client.cmd("USER bob")
            client.refused("PASS " + wrong)
            client.refused(apop(client, "bob", wrong))
            client.refused("AUTH PLAIN " + plain("bob", wrong))
            client.put("AUTH PLAIN")
            client.line()
            client.refused(plain("bob", wrong))
            # What nobody should send, but somebody will.
            for line in ("PASS " + wrong, wrong, "PASS  " + wrong + "\0", "AUTH " + wrong,
                         "AUTH PLAIN =" + wrong, "AUTH PLAIN " + plain("bob", wrong)[:-1],
                         "AUTH LOGIN " + base64.b64encode(wrong.encode()).decode(),
                         "AUTH PLAIN " + plain("", wrong), "APOP bob " + wrong,
                         "STAT " + wrong):
                client.refused(line)
            client.put("AUTH PLAIN")
            client.line()
            client.refused(wrong)
            client.put("AUTH PLAIN")
            client.line()
            client.put(plain("bob", wrong)[:10])
            client.half_close()
    with begin() as client:  # cut in the middle
        client.cmd("USER bob")
        client.send("PASS " + SECRETS[1])
        client.reset()
    with begin() as client:  # too long
        client.cmd("USER bob")
        client.send("PASS " + SECRETS[1] * 1000 + "\r\n")
        client.line()


def leaks(text):
    """What is in the text of the secrets, in any of their forms."""
    found = []
    for secret in SECRETS:
        forms = {secret, secret.split()[0] if " " in secret else secret}
        for user in ("", "bob"):
            for shift in ("", "\0", "\0\0"):
                coded = base64.b64encode((shift + user + "\0" + secret).encode()).decode()
                forms |= {coded[4:-4], coded[8:20]}
        forms.add(base64.b64encode(secret.encode()).decode().rstrip("=")[:-1])
        found += [form for form in forms if form in text]
    return found


@test("no secret, in any form, at level debug, in any target or format")
def secrets():
    equal(leaks("x " + plain("bob", SECRETS[2]) + " x") != [], True, "whether it is found")
    with Scene() as scene:
        keys, trust = certificate(scene)
        syslog = Syslog(scene)
        one, other = (os.path.join(scene.path, name) for name in ("one.log", "other.log"))
        tried = [('target = "%s"; format = "json";' % one, [one], True),
                 ('target = "%s";' % other, [other], False),
                 ('target = "syslog:%s";' % syslog.path, [syslog.file], True),
                 ('format = "json";', [], False), ("", [], True)]
        for log, files, tls in tried:
            with scene.server(users={"bob": SECRETS[0]}, log=log, log_files=files,
                              extra="apop = true; max_bad_commands = 100;" + keys,
                              listener="tls = %s;" % str(tls).lower()) as server:
                tell_secrets(server, trust if tls else None)
                server.wait_event("session_end", len(SECRETS) + 5)
            eventually("the last line", lambda: server.events("stop"))
            equal(leaks(server.log()), [], "what leaked into " + log)
            equal(len(server.events("login")), 4, "logins")
            equal(len(server.events("auth_failed")) >= 4 * (len(SECRETS) - 1), True, "failures")


# ---------------------------------------------------------------- logrotate

LOGROTATE = """%s {
    size 1
    rotate 30
    missingok
    compress
    delaycompress
    create 0640
    postrotate
        kill -USR1 %d
    endscript
}
"""


@test("logrotate")
def by_logrotate():
    need("logrotate")
    with Scene() as scene:
        directory = scene.directory("logs")
        os.chmod(directory, 0o755)
        path = os.path.join(directory, "popart.log")
        with scene.server(log='target = "%s";' % path, log_files=[path],
                          workers=1) as server:
            visits = 0
            conf = scene.file("logrotate.conf", LOGROTATE % (path, server.pid), 0o644)
            for number in range(1, 5):
                visits += followed(server, path)
                subprocess.run(["/usr/sbin/logrotate", "-s", os.path.join(scene.path, "rotated"),
                                conf], check=True, timeout=TIMEOUT)
                eventually("the new file is written to",
                           lambda: "event=log_reopen " in read(path))
                assert os.path.exists("%s.%d%s" % (path, number, ".gz" if number > 1 else ""))
        text = read(path) + read(path + ".1")
        for number in range(2, 5):
            text += subprocess.run(["zcat", "%s.%d.gz" % (path, number)], check=True,
                                   stdout=subprocess.PIPE, encoding="utf-8").stdout
        for line in text.splitlines():
            fields(line)
        equal(text.count("event=session_end"), visits, "the number of summaries")


main()
