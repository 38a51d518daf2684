# SPDX-License-Identifier: MIT
"""The servers that the benchmarks compare, each over maildrops of its own, and what they use."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time

import drops
import room
from drops import ACCOUNT, GROUP
from harness import MODULE_PATH, Pop, Program, eventually, letter, processes, wire

HERE = os.path.dirname(os.path.abspath(__file__))

TESTS = os.path.join(os.environ.get("TEST_BUILDDIR", "."), "tests")
LOAD = os.path.join(os.environ.get("TEST_BUILDDIR", "."), "tests", "bench", "load")
BARE = os.path.join(os.path.dirname(LOAD), "bare")
ECHO = os.path.join(os.path.dirname(LOAD), "echo")
PASSWORD = "secret"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write(directory, name, text, mode=0o644):
    path = os.path.join(directory, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def load_command(port, options):
    command = [LOAD, "--port", str(port), "--password", PASSWORD]
    for name, value in options.items():
        if value is True:
            command.append("--" + name)
        elif value is not False:
            command += ["--" + name, str(value)]
    return command


class Load:
    """The load client, running. What it has counted comes from wait()."""

    def __init__(self, port, **options):
        self.command = load_command(port, options)
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        encoding="utf-8")

    def wait(self):
        output, errors = self.process.communicate()
        if self.process.returncode != 0:
            raise RuntimeError("%s (%s)" % (errors.strip(), " ".join(self.command)))
        return json.loads(output.splitlines()[-1])

    def wait_held(self):
        """All are logged in, of the workload idle; wait() lets them go."""
        if not self.process.stdout.readline().startswith('{"held"'):
            self.wait()
            raise RuntimeError("they were not all logged in in time")

    def kill(self):
        self.process.kill()
        self.process.communicate()


def load(port, **options):
    """Runs the load client and returns what it has counted."""
    return Load(port, **options).wait()


class Echo:
    """Says +OK to everything, and does nothing; to have messages, it needs to be told how many,
    and how many octets each is stored with; to speak TLS, a certificate."""
    name = "echo"

    def __init__(self, messages=0, octets=0, certificate_file=None, directories=()):
        command = [ECHO, str(messages), str(len(wire(letter(1, octets)))) if messages else "0",
                   certificate_file or "-", *directories]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, start_new_session=True)
        self.session = self.process.pid
        self.plain = self.tls = int(self.process.stdout.readline())

    def stop(self):
        self.process.communicate()


class Files(Echo):
    """Has its messages in the files of these directories, all with so many."""
    name = "files"

    def __init__(self, messages, directories, certificate_file=None):
        super().__init__(messages, 0, certificate_file, directories)


class Bare:
    """Handshakes and nothing else, in so many threads."""
    name = "GnuTLS"

    def __init__(self, certificate_file, threads=8):
        self.process = subprocess.Popen([BARE, certificate_file, str(threads)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        start_new_session=True)
        self.session = self.process.pid
        self.tls = int(self.process.stdout.readline())

    def stop(self):
        self.process.communicate()

    kill = stop


def certificate(directory):
    path = os.path.join(directory, "certificate.pem")
    subprocess.run([LOAD, "--certificate", path], check=True)
    return path


def fill(directory, user, messages, octets):
    """A Maildir as deliveries of today leave it: with S= and W= in the names."""
    drops.maildir(os.path.join(directory, user), messages, octets)


def give_away(directory):
    drops.give_away(directory)


def passwords(directory, users, others=()):
    """Both servers read this one file. others: its lines for more of them."""
    return write(directory, "users", "".join(
        "%s:{PLAIN}%s::::::\n" % (user, PASSWORD) for user in users) +
        "".join(line + "\n" for line in others), 0o644)


def cpu_seconds(session):
    """What all processes of a session have used, and those that they have waited for."""
    ticks = 0
    for pid in processes(6, session):
        with contextlib.suppress(OSError), open("/proc/%d/stat" % pid,
                                                encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def proportional(session):
    """KiB of memory that its processes have, what several share divided among them."""
    total = 0
    for pid in processes(6, session):
        with contextlib.suppress(OSError), open("/proc/%d/smaps_rollup" % pid,
                                                encoding="ascii") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return total


def examine(server, user, count, octets, numbered=True):
    """Whether it serves what it was given: before anything is measured."""
    expected = [wire(letter(number if numbered else 1, octets)) for number in (1, count)]
    with Pop(server.plain, user, PASSWORD) as client:
        client.socket.settimeout(120)
        found = client.stat()[0], len(set(client.uids().values()))
        if found != (count, count):
            raise RuntimeError("%s has %s messages and unique-ids of %s, not %d" % (
                server.name, found, user, count))
        for number, wanted in zip((1, count), expected):
            got = client.retr(number)
            if not got.endswith(wanted) or client.sizes()[number] != len(got):
                raise RuntimeError("%s serves another message %d of %s" % (
                    server.name, number, user))
        client.cmd("QUIT")


POPART = """hostname = "bench.example.net";
user = "{account}";
run_dir = "{top}/run";
state_dir = "{top}/state";
module_path = "{modules}";
max_connections = 20000;
listen = (
  {{ address = "127.0.0.1:{plain}"; }},
  {{ address = "127.0.0.1:{tls}"; tls = true; }}
);
tls = {{ certificate = "{certificate}"; }};
auth = {{ module = "passwd_file"; path = "{users}"; {auth_more} }};
"""


class Popart:
    name = "popart"
    storage = '{{ module = "maildir"; path = "{top}/mail/%n"; }}'
    auth_more = ""
    fill = staticmethod(drops.maildir)

    def __init__(self, top, certificate_file, users, more=""):
        """top has mail/. more: further lines of the configuration."""
        self.plain, self.tls = free_port(), free_port()
        self.mail = os.path.join(top, "mail")
        for sub in ("run", "state"):
            os.makedirs(os.path.join(top, sub))
            shutil.chown(os.path.join(top, sub), ACCOUNT, GROUP)
        text = POPART + "storage = " + self.storage + ";\n"
        conf = write(top, "popart.conf", text.format(
            account=ACCOUNT, top=top, modules=MODULE_PATH, plain=self.plain, tls=self.tls,
            certificate=certificate_file, users=users, tests=TESTS,
            auth_more=self.auth_more) + more)
        self.program = Program(["-c", conf], top)
        self.session = self.program.pid
        self.program.must_start()

    def stop(self):
        self.program.stop()

    def kill(self):
        self.program.kill()


class PopartMbox(Popart):
    storage = '{{ module = "mbox"; path = "{top}/mail/%n"; state_dir = "{top}/state/mbox"; }}'
    fill = staticmethod(drops.mbox)


class PopartSqlite(Popart):
    storage = '{{ module = "sqlite"; path = "{top}/mail/%n.db"; }}'

    @staticmethod
    def fill(path, count, octets):
        drops.database(path + ".db", os.path.basename(path), count, octets)


DOVECOT = """base_dir = {top}/run
state_dir = {top}/state
log_path = {top}/log
protocols = pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{certificate}
disable_plaintext_auth = no
mail_location = {location}
mail_uid = {account}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
pop3_no_flag_updates = yes
auth_cache_size = 1 M
default_client_limit = 30000
default_process_limit = 1000
default_vsz_limit = 8 G
passdb {{
  driver = passwd-file
  args = {users}
}}
userdb {{
  driver = static
  args = uid={account} gid={group} home={top}/mail/%u
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {plain}
  }}
  inet_listener pop3s {{
    port = {tls}
    ssl = yes
  }}
  service_count = 0
  process_min_avail = 2
  client_limit = 1000
}}
service pop3 {{
  service_count = 0
  process_min_avail = 2
  process_limit = 12000
}}
"""


class Dovecot:
    name = "Dovecot"
    location = "maildir:{top}/mail/%u"
    fill = staticmethod(drops.maildir)

    def __init__(self, top, certificate_file, users):
        self.plain, self.tls = free_port(), free_port()
        for sub in ("run", "state"):
            os.makedirs(os.path.join(top, sub))
        self.mail = os.path.join(top, "mail")
        self.log = os.path.join(top, "log")
        conf = write(top, "dovecot.conf", DOVECOT.format(
            account=ACCOUNT, group=GROUP, top=top, plain=self.plain, tls=self.tls,
            certificate=certificate_file, users=users,
            location=self.location.format(top=top)))
        with open(os.path.join(top, "output"), "wb") as output:
            self.process = subprocess.Popen(
                ["/usr/sbin/dovecot", "-F", "-c", conf], stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True)
        self.session = self.process.pid
        try:
            eventually("Dovecot listens", self.listens)
        except BaseException:
            self.kill()
            raise

    def listens(self):
        assert self.process.poll() is None, "Dovecot has ended"
        with contextlib.suppress(OSError):
            for port in (self.plain, self.tls):
                socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        return False

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        eventually("every process of Dovecot ends", lambda: not processes(6, self.session))

    def kill(self):
        for pid in processes(6, self.session):
            with contextlib.suppress(OSError):
                os.kill(pid, 9)
        self.process.wait(30)


class DovecotMbox(Dovecot):
    location = "mbox:{top}/home/%u:INBOX={top}/mail/%u"
    fill = staticmethod(drops.mbox)

    def __init__(self, top, *more):
        drops.make_directory(os.path.join(top, "home"))
        super().__init__(top, *more)


class Popa3d:
    """Debian's build has one port, one place for mailboxes and the accounts of the machine:
    those of the room. It changes to each user's account, of which all have the same uid."""
    name = "popa3d"
    plain = 110
    fill = staticmethod(drops.mbox)

    def __init__(self, top, _, users):
        self.mail = os.path.join(top, "mail")
        with open(users, encoding="utf-8") as file:
            for line in file:
                # The cheapest that it reads, as {PLAIN} is for the others.
                room.add_account(line.partition(":")[0], drops.UID, drops.GID, self.secret())
        self.stack = contextlib.ExitStack()
        self.stack.enter_context(room.mounted_over(self.mail, "/var/mail"))
        try:
            self.session = self.start()
        except BaseException:
            self.kill()
            raise

    @staticmethod
    def secret():
        return subprocess.run(["openssl", "passwd", "-1", "-salt", "ab", PASSWORD], check=True,
                              stdout=subprocess.PIPE, encoding="ascii").stdout.strip()

    def start(self):
        """The session of its processes: it makes one of its own. The port may still be that of
        connections that one before it had."""
        for _ in range(90):
            started = subprocess.run([room.popa3d(), "-D"], check=False,
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL, start_new_session=True)
            if started.returncode == 0:
                return eventually("popa3d runs", lambda: next(
                    (pid for pid in self.processes() if os.getsid(pid) == pid), None))
            time.sleep(1)
        raise RuntimeError("popa3d does not start: exit status %d" % started.returncode)

    @staticmethod
    def processes():
        found = []
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            with contextlib.suppress(OSError):
                if os.readlink("/proc/%d/exe" % pid) == room.popa3d():
                    found.append(pid)
        return found

    def stop(self):
        self.kill()

    def kill(self):
        for pid in self.processes():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        eventually("every process of popa3d ends", lambda: not self.processes())
        self.stack.close()


@contextlib.contextmanager
def standing(top, kinds, users, fill, **more):
    """Servers of these kinds, each below top in a directory of its own that fill(kind, mail)
    has filled. more: for those of popart."""
    certificate_file = certificate(top)
    running = []
    try:
        for kind in kinds:
            directory = os.path.join(top, kind.__name__)
            mail = os.path.join(directory, "mail")
            drops.make_directory(mail)
            fill(kind, mail)
            running.append(kind(directory, certificate_file, users,
                                **(more if issubclass(kind, Popart) else {})))
        yield running
        while running:
            running[-1].stop()
            running.pop()
    finally:
        for server in running:
            server.kill()
        # Trees of a million files take their time, but are nobody's to find.
        for kind in kinds:
            shutil.rmtree(os.path.join(top, kind.__name__), ignore_errors=True)


def settle():
    """What was written before is not to be paid for by what comes."""
    os.sync()
    time.sleep(0.3)
