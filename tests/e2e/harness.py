# SPDX-License-Identifier: MIT
"""Runs a whole popartd for the end-to-end tests, and talks to it.

A test program is a list of functions marked with @test and a call of main(), which runs
them and prints TAP. Nothing here asserts how long something takes: the timeouts only keep
a broken server from hanging the tests for ever.

Environment: POPARTD, the program; MODULE_PATH, the directories of the modules, divided by
':'; CI=true, which turns the skip of a missing client into a failure.
"""

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

TIMEOUT = 60
PASSWORD = "open sesame"
HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.environ.get("CORPUS", os.path.join(HERE, os.pardir, "support", "corpus"))
POPARTD = os.path.abspath(os.environ.get("POPARTD", "popartd"))
MODULE_PATH = os.environ.get("MODULE_PATH", "")

# What no log of a healthy server contains, and which of them a test may expect.
ALARMS = ("worker_died", "worker_failed", "internal", "size_mismatch", "module_failed",
          "commit_failed")
SANITIZER = re.compile(r"(ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|"
                       r"runtime error: )")


class Skip(Exception):
    """The test cannot run here."""


class MissingClient(Skip):
    """A program that the test drives is not installed."""


def need(*programs):
    for program in programs:
        if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
            raise MissingClient(program + " is not installed")


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


def eventually(what, condition):
    """Waits until condition() holds and returns its value."""
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("never happened: " + what)


def equal(got, expected, what="value"):
    if got != expected:
        raise AssertionError("%s is %.300r, not %.300r" % (what, got, expected))


# ---------------------------------------------------------------- messages and Maildirs


def wire(data):
    """The octets that RETR sends for a stored message, before dot-stuffing."""
    data = re.sub(rb"(?<!\r)\n", b"\r\n", data)
    if data and not data.endswith(b"\r\n"):
        data += b"\r\n"
    return data


def corpus():
    """{file name: octets} of the real mail that the tests use."""
    mail = {}
    for name in sorted(os.listdir(CORPUS)):
        if name.endswith((".eml", ".raw", ".txt", ".msg")) or "__" in name:
            with open(os.path.join(CORPUS, name), "rb") as file:
                mail[name] = file.read()
    assert len(mail) > 100, "the corpus is incomplete"
    return mail


def letter(number, octets=400, line=b"A line of a letter that nobody will read."):
    """A plain message of about so many octets, with LF line ends."""
    head = (b"From: a@example.net\nTo: b@example.net\nSubject: letter %d\n"
            b"Message-ID: <%d@example.net>\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n\n" %
            (number, number))
    line += b"\n"
    return head + line * max(1, (octets - len(head)) // len(line))


class Maildir:
    def __init__(self, path):
        self.path = path
        self.count = 0
        for sub in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(path, sub), exist_ok=True)

    def add(self, data, sub="cur", name=None, flags="S"):
        """Puts a message in and returns its path. Later ones have later names."""
        self.count += 1
        if name is None:
            name = "%d.M%06dP7.test" % (1700000000 + self.count, self.count)
        if sub == "cur" and ":2," not in name:
            name += ":2," + flags
        temporary = os.path.join(self.path, "tmp", "%d" % self.count)
        with open(temporary, "wb") as file:
            file.write(data)
        path = os.path.join(self.path, sub, name)
        os.rename(temporary, path)
        return path

    def fill(self, count, **more):
        return [self.add(letter(number, **more)) for number in range(1, count + 1)]

    def messages(self):
        """The paths of what is in new/ and cur/."""
        return sorted(os.path.join(self.path, sub, name) for sub in ("cur", "new")
                      for name in os.listdir(os.path.join(self.path, sub)))


def listing(top):
    """Everything about everything below top: what a read-only visit must not change."""
    seen = {}
    for directory, _, files in os.walk(top):
        for name in files + ["."]:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            data = None
            if name != "." and os.path.isfile(path):
                with open(path, "rb") as file:
                    data = file.read()
            seen[os.path.relpath(path, top)] = (status.st_mode, status.st_uid, status.st_size,
                                                status.st_mtime_ns, status.st_ctime_ns, data)
    return seen


# ---------------------------------------------------------------- the server


def quoted(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def sanitized():
    """What the program was built with: memory figures mean nothing then."""
    directory, name = os.path.split(POPARTD)
    for path in (os.path.join(directory, ".libs", name), POPARTD):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            data = file.read()
            return b"__asan_" in data or b"__tsan_" in data
    return False


def processes(field, value):
    """Pids of the processes whose parent (field 4) or session (field 6) is value."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError), open("/proc/%s/stat" % entry) as file:
                fields = file.read().rpartition(")")[2].split()
                if int(fields[field - 3]) == value and fields[0] != "Z":
                    found.append(int(entry))
    return sorted(found)


def status_of(pid, key):
    """A line of /proc/PID/status, as a list of words."""
    with open("/proc/%d/status" % pid) as file:
        for line in file:
            if line.startswith(key + ":"):
                return line.split()[1:]
    raise AssertionError("no %s in /proc/%d/status" % (key, pid))


def quiet_port():
    """A port that is free on every address, and that the kernel gives to nobody: it lies below
    those that it chooses from."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        low = int(file.read().split()[0])
    while True:
        port = random.randrange(max(1024, low // 2), max(2048, low))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("0.0.0.0", port))
            return port


@contextlib.contextmanager
def paused(pids):
    """Stops processes; they go on afterwards."""
    pids = list(pids)
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        for pid in pids:
            eventually("every thread of it stands still", lambda: set("Tt") >= {
                status_of(int(thread), "State")[0] for thread in os.listdir("/proc/%d/task" % pid)})
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


class Program:
    """A running popartd: its process, its log, its address. log_files: where it logs to
    besides standard error. journal: standard error passes for the systemd journal. launch:
    what is put before the command; descriptors: what it inherits."""

    def __init__(self, arguments, directory, expect=(), environment=None, groups=None,
                 program=POPARTD, log_files=(), journal=False, launch=(), descriptors=()):
        self.directory = directory
        self.expect = set(expect)
        self.log_path = tempfile.mkstemp(dir=directory, prefix="log.")[1]
        self.log_files = [self.log_path, *log_files]
        self.port = None
        with open(self.log_path, "wb") as log:
            if journal:
                status = os.fstat(log.fileno())
                environment = dict(environment or os.environ, JOURNAL_STREAM="%d:%d" % (
                    status.st_dev, status.st_ino))
            self.process = subprocess.Popen(
                [*launch, program, *arguments], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, env=environment, extra_groups=groups,
                pass_fds=descriptors)
        self.pid = self.process.pid

    def log(self):
        text = ""
        for path in self.log_files:
            with contextlib.suppress(FileNotFoundError), \
                    open(path, encoding="utf-8", errors="replace") as file:
                text += file.read()
        return text

    def events(self, name):
        return re.findall(r'^.*\bevent(?:=|":")%s\b.*$' % name, self.log(), re.MULTILINE)

    def wait_event(self, name, count=1):
        def found():
            lines = self.events(name)
            if len(lines) >= count:
                return lines
            assert self.process.poll() is None, "popartd has ended before event=" + name
            return None
        return eventually("event=" + name, found)

    def wait_ready(self):
        self.wait_event("start")
        address = re.search(r'address"?[=:]"?\[?([0-9a-f.:]+?)\]?:(\d+)"?([\s,}]|$)',
                            self.wait_event("listen")[-1])
        self.port = int(address.group(2))
        return self

    def must_start(self):
        """Waits until it is ready. If that fails, its log is shown and it is ended."""
        try:
            self.wait_ready()
        except BaseException:
            self.show_log()
            self.kill()
            raise

    def workers(self):
        found = []
        for pid in processes(4, self.pid):
            with contextlib.suppress(OSError), open("/proc/%d/cmdline" % pid, "rb") as file:
                if b"--child=admin" not in file.read().split(b"\0"):
                    found.append(pid)
        return found

    def descriptors(self):
        """How many the master has."""
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def generation(self, number):
        """The pids of a generation's workers that have become ready and still live."""
        started = [int(re.search(r"\bpid=(\d+)", line).group(1))
                   for line in self.events("worker_start")
                   if " generation=%d " % number in line]
        return sorted(set(started) & set(self.workers()))

    def reload(self, outcome="reload"):
        """SIGHUP, and the lines of the event that says how it went."""
        before = len(self.events(outcome))
        self.send_signal(signal.SIGHUP)
        return self.wait_event(outcome, before + 1)[before:]

    def rss(self):
        """KiB that all workers have in memory."""
        return sum(int(status_of(pid, "VmRSS")[0]) for pid in self.workers())

    def worker_of(self, client):
        """The worker that holds the other end of a client's connection."""
        ends = "%04X" % self.port, "%04X" % client.socket.getsockname()[1]
        with open("/proc/net/tcp", encoding="ascii") as file:
            inode = next(line.split()[9] for line in file
                         if (line.split()[1][-4:], line.split()[2][-4:]) == ends)
        for pid in self.workers():
            for number in os.listdir("/proc/%d/fd" % pid):
                with contextlib.suppress(OSError):
                    if os.readlink("/proc/%d/fd/%s" % (pid, number)) == "socket:[%s]" % inode:
                        return pid
        raise AssertionError("no worker has the connection")

    def remembers(self, octets):
        """Whether they are anywhere in the memory that a worker may write."""
        for pid in self.workers():
            try:
                memory = open("/proc/%d/mem" % pid, "rb", 0)
            except PermissionError as error:
                raise Skip("may not read a worker's memory") from error
            with memory, open("/proc/%d/maps" % pid, encoding="utf-8") as maps:
                for line in maps:
                    start, end = (int(n, 16) for n in line.split()[0].split("-"))
                    if "rw" not in line.split()[1] or end - start > 1 << 30:
                        continue  # so large is a sanitizer's shadow only
                    memory.seek(start)
                    with contextlib.suppress(OSError):
                        if octets in memory.read(end - start):
                            return True
        return False

    def crowd(self, count):
        """So many connections, some in each worker in turn, nobody logged in."""
        workers = self.workers()
        rounds = [[] for _ in workers]
        for worker, clients in zip(workers, rounds):
            # The kernel wakes whom it likes, mostly the same one: only one is there to wake.
            with paused(other for other in workers if other != worker):
                clients += [Pop(self) for _ in range(-(-count // len(workers)))]
            equal({self.worker_of(client) for client in clients}, {worker}, "who took them")
        return [client for turn in zip(*rounds) for client in turn]

    def send_signal(self, number):
        os.kill(self.pid, number)

    def wait(self):
        return self.process.wait(TIMEOUT)

    def stop(self, number=signal.SIGTERM):
        """Ends it in order, and looks at what it has left."""
        if self.process.poll() is None:
            self.send_signal(number)
        equal(self.wait(), 0, "the exit status")
        self.no_process_left()
        self.check_log()

    def no_process_left(self):
        eventually("every process of the server ends", lambda: not processes(6, self.pid))

    def check_log(self):
        text = self.log()
        found = SANITIZER.search(text)
        assert not found, "a sanitizer has spoken: " + found.group(0)
        for alarm in ALARMS:
            lines = self.events(alarm)
            assert not lines or alarm in self.expect, "in the log: " + lines[0]

    def kill(self):
        for pid in processes(6, self.pid):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(TIMEOUT)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            try:
                self.stop()
                return
            except BaseException:
                self.show_log()
                self.kill()
                raise
        if not issubclass(kind, Skip):
            self.show_log()
        self.kill()

    def show_log(self):
        for line in self.log().splitlines()[-40:]:
            print("# log: " + line)


class Server(Program):
    """popartd with a configuration of its own. users: {name: password}; the Maildir of
    "x" and of "x@anywhere" is mail/x below the directory. log: more keys of that group."""

    log_keys = ""

    def __init__(self, directory, users=None, extra="", listener="", workers=2, threads=4,
                 user=None, log_level="debug", log="", **more):
        self.users = {"bob": PASSWORD} if users is None else users
        self.options = (extra, listener, workers, threads, user, log_level)
        self.log_keys = log
        self.conf = os.path.join(directory, "popart.conf")
        self.write(self.configuration(directory))
        super().__init__(["-c", self.conf], directory, **more)
        self.must_start()
        self.at_rest = self.descriptors()

    def write(self, text):
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(text)

    def change(self, *edits, **options):
        """Writes the configuration anew, with other options and each (old, new) text."""
        names = ("extra", "listener", "workers", "threads", "user", "log_level")
        self.options = tuple(options.get(name, old) for name, old in zip(names, self.options))
        text = self.configuration(self.directory)
        for old, new in edits:
            assert old in text, old
            text = text.replace(old, new)
        self.write(text)

    def configuration(self, directory):
        extra, listener, workers, threads, user, log_level = self.options
        if user is None and os.geteuid() == 0:
            user = "root"
        text = ['hostname = "pop.example.net";']
        if user is not None:
            text.append('user = "%s";' % user)
        text += [
            "workers = %d;" % workers, "threads = %d;" % threads,
            'run_dir = "%s/run";' % directory, 'state_dir = "%s/state";' % directory,
            'module_path = "%s";' % MODULE_PATH,
            'listen = ( { address = "127.0.0.1:0"; %s } );' % listener,
            "auth = ("]
        text.append(",\n".join(
            '  { module = "static"; name = "static%d"; user = %s; password = %s; }' %
            (number, quoted(name), quoted(password))
            for number, (name, password) in enumerate(self.users.items())))
        text += [");", 'storage = { module = "maildir"; path = "%s/mail/%%n"; };' % directory,
                 'log = { level = "%s"; %s };' % (log_level, self.log_keys), extra, ""]
        for sub in ("run", "state", "mail"):
            os.makedirs(os.path.join(directory, sub), exist_ok=True)
        return "\n".join(text)


class Scene:
    """A temporary directory with Maildirs, and servers over it."""

    def __init__(self, *names):
        self.path = tempfile.mkdtemp(prefix="popart-e2e.")
        os.chmod(self.path, 0o755)
        self.mail = {name: Maildir(os.path.join(self.path, "mail", name))
                     for name in names or ("bob",)}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    @property
    def bob(self):
        return self.mail["bob"]

    def server(self, **more):
        more.setdefault("users", {name: PASSWORD for name in self.mail})
        return Server(self.path, **more)

    def directory(self, name):
        path = os.path.join(self.path, name)
        os.makedirs(path, exist_ok=True)
        return path

    def file(self, name, text, mode=0o600):
        path = os.path.join(self.path, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path


def certificate(scene):
    """A self-signed one for localhost, with its key in the same file."""
    need("openssl")
    path = os.path.join(scene.path, "localhost.pem")
    subprocess.run(["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-keyout", path + ".key", "-out", path,
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                   check=True, stderr=subprocess.DEVNULL)
    with open(path, "ab") as file, open(path + ".key", "rb") as key:
        file.write(key.read())
    return path


@contextlib.contextmanager
def serving(*names, **more):
    """A scene and a server in it."""
    with Scene(*names) as scene, scene.server(**more) as server:
        yield scene, server


# ---------------------------------------------------------------- a client


class Refused(Exception):
    """-ERR, as bytes in args[0]."""


class Pop:
    """A POP3 client that hides nothing. tls: an ssl.SSLContext."""

    def __init__(self, server, user=None, password=PASSWORD, receive_buffer=None, tls=None,
                 host="127.0.0.1"):
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect((host, server if isinstance(server, int) else server.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.file = self.socket.makefile("rb", 65536)
        self.greeting = self.answer()
        if user is not None:
            self.login(user, password)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def reset(self):
        """Closes with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def put(self, command):
        self.send((command.encode() if isinstance(command, str) else command) + b"\r\n")

    def line(self):
        line = self.file.readline()
        if not line:
            raise EOFError("the server has closed the connection")
        assert line.endswith(b"\r\n"), "a line without CRLF: %.100r" % line
        return line[:-2]

    def answer(self):
        """The text of a +OK; -ERR raises Refused."""
        line = self.line()
        assert len(line) <= 510, "a response line of more than 512 octets"
        if line.startswith(b"-ERR") and line[4:5] in (b"", b" "):
            raise Refused(line)
        assert line.startswith(b"+OK") and line[3:4] in (b"", b" "), "not a response: %r" % line
        return line[4:]

    def cmd(self, command):
        self.put(command)
        return self.answer()

    def refused(self, command, code=b""):
        try:
            text = self.cmd(command)
        except Refused as refusal:
            line = refusal.args[0]
            assert line.startswith(b"-ERR " + code), "%r instead of %r" % (line, code)
            return line
        raise AssertionError("%.60r was answered +OK %r" % (command, text))

    def multi(self):
        """The octets of a multi-line response, dots unstuffed."""
        lines = []
        while True:
            line = self.file.readline()
            if not line:
                raise EOFError("the server has closed the connection in a message")
            assert line.endswith(b"\r\n"), "a line without CRLF: %.100r" % line
            if line == b".\r\n":
                return b"".join(lines)
            if line.startswith(b"."):
                assert line.startswith(b".."), "a dot is not stuffed: %.100r" % line
                line = line[1:]
            lines.append(line)

    def login(self, user, password=PASSWORD):
        self.cmd("USER " + user)
        return self.cmd("PASS " + password)

    def many(self, command):
        self.cmd(command)
        return self.multi()

    def retr(self, number):
        return self.many("RETR %d" % number)

    def top(self, number, lines):
        return self.many("TOP %d %d" % (number, lines))

    def stat(self):
        count, octets = self.cmd("STAT").split()[:2]
        return int(count), int(octets)

    def sizes(self):
        return {int(line.split()[0]): int(line.split()[1])
                for line in self.many("LIST").splitlines()}

    def uids(self):
        return {int(line.split()[0]): line.split()[1]
                for line in self.many("UIDL").split(b"\r\n")[:-1]}

    def capa(self):
        return self.many("CAPA").decode().split("\r\n")[:-1]

    def quit(self):
        """QUIT, and the end of the connection after its answer."""
        text = self.cmd("QUIT")
        self.at_end()
        return text

    def at_end(self):
        rest = self.file.read()
        equal(rest, b"", "what comes before the end of the connection")
        self.close()

    def all(self):
        """Every message, by number, at its listed size."""
        found = {}
        for number, size in self.sizes().items():
            found[number] = self.retr(number)
            equal(len(found[number]), size, "the length of message %d" % number)
        return found


def keepalive_runs(server, client):
    """Whether the server's end of this connection has its keep-alive timer set."""
    ends = ("%08X:%04X" % (0x0100007F, server.port),
            "%08X:%04X" % (0x0100007F, client.socket.getsockname()[1]))
    with open("/proc/net/tcp", encoding="ascii") as file:
        for line in file:
            fields = line.split()
            if (fields[1], fields[2]) == ends:
                return fields[5].startswith("02:")
    raise AssertionError("no such connection")


# ---------------------------------------------------------------- clients at work


class Load:
    """Threads that download and delete, and remember what they were promised. strict: no
    connection may be refused or cut."""

    MESSAGES = 120

    def __init__(self, scene, strict=False):
        self.scene = scene
        self.strict = strict
        self.port = None
        self.over = threading.Event()
        self.problems = []
        self.users = sorted(scene.mail)
        self.answered = {name: set() for name in self.users}  # +OK to QUIT
        self.asked = {name: set() for name in self.users}     # QUIT sent
        self.seen = {name: {} for name in self.users}         # what a UIDL stands for
        self.sessions = 0
        for name in self.users:
            for number in range(self.MESSAGES):
                scene.mail[name].add(letter(number, 3000))

    def session(self, name, chance):
        with Pop(self.port, name) as client:
            uids = client.uids()
            back = self.answered[name] & set(uids.values())
            assert not back, "deleted, and there again: %r" % back
            marked = set()
            for number in chance.sample(sorted(uids), min(6, len(uids))):
                octets = client.retr(number)
                assert octets.endswith(b"read.\r\n") and len(octets) > 2900, octets[-40:]
                assert self.seen[name].setdefault(uids[number], octets) == octets, \
                    "another message has the UIDL %r" % uids[number]
                if chance.random() < 0.4:
                    client.cmd("DELE %d" % number)
                    marked.add(uids[number])
            if chance.random() < 0.3:
                return  # without QUIT: nothing is deleted
            self.asked[name] |= marked
            client.cmd("QUIT")
            self.answered[name] |= marked
            self.sessions += 1

    def run(self, name):
        chance = random.Random(name)
        while not self.over.is_set():
            try:
                self.session(name, chance)
            except (OSError, EOFError) as error:
                if self.strict:
                    self.problems.append(repr(error))
                    return
                time.sleep(0.01)  # the worker has died, or the server has
            except Refused as refusal:
                if not refusal.args[0].startswith(b"-ERR [IN-USE]"):
                    self.problems.append(repr(refusal))
                    return
            except AssertionError as error:
                self.problems.append(str(error))
                return

    def deliver(self):
        """One more message for everybody."""
        for name in self.users:
            self.scene.mail[name].add(letter(self.scene.mail[name].count, 3000), "new")

    @contextlib.contextmanager
    def running(self, server):
        self.port = server.port
        self.over.clear()
        threads = [threading.Thread(target=self.run, args=(name,)) for name in self.users]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join()

    def wait_sessions(self, more):
        goal = self.sessions + more
        eventually("%d sessions" % more, lambda: self.sessions >= goal or self.problems)

    def check(self, server):
        """With nobody at work: what is left is what must be."""
        equal(self.problems, [], "what the clients complain of")
        for name in self.users:
            with Pop(server, name) as client:  # so its lock is free
                uids = client.uids()
                octets = client.all()
                client.quit()
            left, came = set(uids.values()), self.scene.mail[name].count
            assert not left & self.answered[name], "%s: deleted, and there again" % name
            assert len(self.answered[name]) <= came - len(left) <= len(self.asked[name]), \
                "%s: %d gone, %d to %d were deleted" % (
                    name, came - len(left), len(self.answered[name]), len(self.asked[name]))
            equal(len(self.scene.mail[name].messages()), len(left), "the files of " + name)
            whole = {wire(letter(number, 3000)) for number in range(came)}
            assert set(octets.values()) <= whole, "a message of %s is not whole" % name
            for number, uid in uids.items():
                assert self.seen[name].get(uid, octets[number]) == octets[number], \
                    "another message of %s has the UIDL %r" % (name, uid)


# ---------------------------------------------------------------- TLS


def run(command, home, text=None, success=(0,), timeout=TIMEOUT):
    """Runs a program to its end; its output, when that was a success."""
    environment = dict(os.environ, HOME=home, FETCHMAILHOME=home, LC_ALL="C", TERM="vt100")
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=environment, timeout=timeout, cwd=home,
                          check=False, **({} if text else {"stdin": subprocess.DEVNULL}))
    assert done.returncode in success, "%s ended with %d: %s" % (
        command[0], done.returncode, done.stdout.decode(errors="replace")[-2000:])
    return done.stdout


def certify(scene, name="localhost", kind="ec", days=90, file=None):
    """A self-signed certificate for name and its key: NAME.pem, NAME.key."""
    need("openssl")
    file = file or name
    how = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
           "rsa": ["-newkey", "rsa:2048"]}[kind]
    run(["openssl", "req", "-x509", "-nodes"] + how +
        ["-keyout", file + ".key", "-out", file + ".pem", "-days", str(days), "-subj",
         "/CN=" + name, "-addext", "subjectAltName=DNS:%s,IP:127.0.0.1" % name], scene.path)
    return os.path.join(scene.path, file + ".pem")


def trusting(scene, version=None, file="localhost.pem"):
    """What a client needs to believe the server."""
    context = ssl.create_default_context(cafile=os.path.join(scene.path, file))
    if version:
        context.minimum_version = context.maximum_version = version
    return context


# ---------------------------------------------------------------- TAP

_tests = []


def test(title):
    def mark(function):
        _tests.append((title, function))
        return function
    return mark


def main():
    """Runs the tests (those whose title contains an argument, if there is one)."""
    wanted = [entry for entry in _tests
              if len(sys.argv) < 2 or any(word in entry[0] for word in sys.argv[1:])]
    print("1..%d" % len(wanted), flush=True)
    failures = 0
    for number, (title, function) in enumerate(wanted, 1):
        title = title.replace("#", "")
        try:
            function()
            print("ok %d - %s" % (number, title), flush=True)
        except Exception as error:
            must = isinstance(error, MissingClient) and os.environ.get("CI") == "true"
            if isinstance(error, Skip) and not must:
                print("ok %d - %s # SKIP %s" % (number, title, error), flush=True)
                continue
            failures += 1
            for line in traceback.format_exc().splitlines():
                print("# " + line)
            print("not ok %d - %s" % (number, title), flush=True)
    sys.exit(1 if failures else 0)
