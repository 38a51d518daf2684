# SPDX-License-Identifier: MIT
"""The servers that bench.py compares, each over Maildirs of its own, and what they use."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "e2e"))
# pylint: disable=wrong-import-position
from harness import MODULE_PATH, Maildir, Program, eventually, letter, processes, wire  # noqa: E402

LOAD = os.path.join(os.environ.get("TEST_BUILDDIR", "."), "tests", "bench", "load")
BARE = os.path.join(os.path.dirname(LOAD), "bare")
PASSWORD = "secret"
ACCOUNT = "nobody"
GROUP = "nogroup"


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
            raise RuntimeError("%s: %s" % (" ".join(self.command), errors.strip()))
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
    maildir = Maildir(os.path.join(directory, user))
    for number in range(1, messages + 1):
        data = letter(number, octets)
        maildir.add(data, name="%d.M%06dP7.test,S=%d,W=%d" % (
            1700000000 + number, number, len(data), len(wire(data))))


def give_away(directory):
    for top, _, names in os.walk(directory):
        for name in names + ["."]:
            shutil.chown(os.path.join(top, name), ACCOUNT, GROUP)


def passwords(directory, users):
    """Both servers read this one file."""
    return write(directory, "users", "".join(
        "%s:{PLAIN}%s::::::\n" % (user, PASSWORD) for user in users), 0o644)


def cpu_seconds(session):
    """What all processes of a session have used, and those that they have waited for."""
    ticks = 0
    for pid in processes(6, session):
        with contextlib.suppress(OSError), open("/proc/%d/stat" % pid,
                                                encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


POPART = """hostname = "bench.example.net";
user = "{account}";
run_dir = "{top}/run";
state_dir = "{top}/state";
module_path = "{modules}";
listen = (
  {{ address = "127.0.0.1:{plain}"; }},
  {{ address = "127.0.0.1:{tls}"; tls = true; }}
);
tls = {{ certificate = "{certificate}"; }};
auth = {{ module = "passwd_file"; path = "{users}"; }};
"""


class Popart:
    name = "popart"
    storage = '{{ module = "maildir"; path = "{top}/mail/%n"; }}'

    def __init__(self, top, certificate_file, users):
        self.plain, self.tls = free_port(), free_port()
        for sub in ("run", "state"):
            os.makedirs(os.path.join(top, sub))
            shutil.chown(os.path.join(top, sub), ACCOUNT, GROUP)
        text = POPART + "storage = " + self.storage + ";\n"
        conf = write(top, "popart.conf", text.format(
            account=ACCOUNT, top=top, modules=MODULE_PATH, plain=self.plain, tls=self.tls,
            certificate=certificate_file, users=users))
        self.program = Program(["-c", conf], top)
        self.session = self.program.pid
        self.program.must_start()

    def stop(self):
        self.program.stop()

    def kill(self):
        self.program.kill()


DOVECOT = """base_dir = {top}/run
state_dir = {top}/state
log_path = {top}/log
protocols = pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{certificate}
disable_plaintext_auth = no
mail_location = maildir:{top}/mail/%u
mail_uid = {account}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
pop3_no_flag_updates = yes
auth_cache_size = 1 M
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
  process_limit = 1024
}}
"""


class Dovecot:
    name = "Dovecot"

    def __init__(self, top, certificate_file, users):
        self.plain, self.tls = free_port(), free_port()
        for sub in ("run", "state"):
            os.makedirs(os.path.join(top, sub))
        self.log = os.path.join(top, "log")
        conf = write(top, "dovecot.conf", DOVECOT.format(
            account=ACCOUNT, group=GROUP, top=top, plain=self.plain, tls=self.tls,
            certificate=certificate_file, users=users))
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
