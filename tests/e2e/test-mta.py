#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Postfix and Exim with the transports of docs/ADMIN.md, as they stand there: a message given
to the MTA by SMTP is fetched from popartd by curl. popart-deliver(8) has to have the same ones.
And Postfix by itself, delivering into a spool that popartd serves at the same time.

The MTAs are those below the directory MTA_ROOT, or mta in the build directory, unpacked
and not installed; or else the machine's. Everything happens in a mount namespace of its own, in which /etc is a copy with
the accounts that they want. Nothing of the machine's own MTA is touched."""

import contextlib
import grp
import os
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time

from harness import (HERE, MODULE_PATH, PASSWORD, POPARTD, MissingClient, Pop, Program, Scene,
                     Skip, TIMEOUT, equal, eventually, letter, main, need, need_root, quoted,
                     test)

DELIVER = os.path.join(os.path.dirname(POPARTD), "popart-deliver")
DOCS = os.path.join(HERE, os.pardir, os.pardir, "docs")
PAGE = os.path.join(DOCS, "man", "popart-deliver.8")
GUIDE = os.path.join(DOCS, "ADMIN.md")
BUILD = os.environ.get("TEST_BUILDDIR", os.path.dirname(DELIVER))
UNPACKED = os.path.join(BUILD, "mta")
ROOT = os.environ.get("MTA_ROOT", UNPACKED if os.path.isdir(UNPACKED) else "/")
ACCOUNTS = {"popart": 20100, "postfix": 20101, "postdrop": 20102, "Debian-exim": 20103,
            "bob": 20104}
BODY = "Gr\u00fc\u00dfe\n.\nFrom here\n.dots\n"
CHUTE = os.path.join(BUILD, "tests", "modules", ".libs", "chute.so")
INSIDE = "POPART_MTA_INSIDE"
FROM_LINES = b"From here to there\n.\nA line of a letter that nobody will read."
FROM_LINE = (rb"(?:\A|\n\n)From sender@example\.org  [A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d "
             rb"[\d:]{8} \d{4}\n")


def in_manual(section):
    """The literal blocks of a subsection of the manual."""
    text = read(PAGE).partition("\n.Ss %s\n" % section)[2].partition("\n.S")[0]
    return [block.strip("\n") + "\n" for block in
            re.findall(r"\.Bd -literal.*?\n(.*?)\.Ed", text, re.DOTALL)]


def in_guide(*names):
    """Its blocks of code that are marked so."""
    return [re.search(r"^```%s\n(.*?)^```$" % name, read(GUIDE), re.M | re.S).group(1)
            for name in names]


def enter_namespace():
    """Runs this program again in a namespace of its own, if it may have one."""
    if os.geteuid() == 0 and INSIDE not in os.environ and shutil.which("unshare") and \
            subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL,
                           check=False).returncode == 0:
        os.environ[INSIDE] = "yes"
        os.execvp("unshare", ["unshare", "-m", sys.executable, *sys.argv])


def program(name):
    path = os.path.join(ROOT, name)
    if not os.path.exists(path):
        raise MissingClient(path + " is not there")
    return path


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def own(path, name, mode=0o700):
    os.makedirs(path, exist_ok=True)
    os.chown(path, ACCOUNTS.get(name, 0), ACCOUNTS.get(name, 0))
    os.chmod(path, mode)


class Site(Scene):
    """A machine with popartd: bob has mail, eve has a Maildir that nobody can write to, and
    mad has it in a store that crashes."""

    def __init__(self):
        need_root()
        need("curl")
        if INSIDE not in os.environ:
            raise Skip("may not have a mount namespace")
        super().__init__("eve")
        own(os.path.join(self.path, "mail"), "popart", 0o755)
        own(self.mail["eve"].path, "root")
        shutil.copytree("/etc", self.etc(""), symlinks=True, ignore_dangling_symlinks=True)
        for name, line in (("passwd", "%s:x:%d:%d::/nonexistent:/bin/false\n"),
                           ("group", "%s:x:%d:\n")):
            with open(self.etc(name), "r+", encoding="utf-8") as file:
                lines = [old for old in file if old.partition(":")[0] not in ACCOUNTS]
                lines += [line % ((account,) + (number,) * (line.count("%") - 1))
                          for account, number in ACCOUNTS.items()]
                file.seek(0)
                file.truncate()
                file.writelines(lines)
        subprocess.run(["mount", "--bind", self.etc(""), "/etc"], check=True)
        self.conf = self.file("popart.conf", "\n".join([
            'user = "popart";', 'run_dir = "%s/run";' % self.path, "workers = 1;",
            'module_path = "%s";' % MODULE_PATH, 'listen = { address = "127.0.0.1:0"; };',
            "auth = ( %s );" % ", ".join(
                '{ module = "static"; name = "%s"; user = "%s@example.net"; password = %s; '
                'attributes = [ "storage=%s" ]; }' % (name, name, quoted(PASSWORD), store)
                for name, store in (("bob", "mail"), ("eve", "mail"), ("mad", "chute"))),
            'storage = ( { module = "maildir"; name = "mail"; path = "%s/mail/%%n"; }, '
            '{ module = "%s"; into = "%s/log/chute"; at = "write"; how = "crash"; } );' % (
                self.path, CHUTE, self.path),
            'log = { target = "%s/log/popart"; };' % self.path, ""]), mode=0o640)
        os.chown(self.conf, 0, ACCOUNTS["popart"])
        own(os.path.join(self.path, "log"), "popart")
        with open(os.path.join(self.path, "log", "popart"), "wb"):
            pass  # else the master makes it, for root alone
        os.chown(os.path.join(self.path, "log", "popart"), *[ACCOUNTS["popart"]] * 2)
        own(os.path.join(self.path, "run"), "popart")

    def etc(self, name):
        return os.path.join(self.path, "etc", name)

    def __exit__(self, *error):
        subprocess.run(["umount", "-l", "/etc"], check=True)
        super().__exit__(*error)

    def documented(self, name):
        """A block of the guide, with the paths of this machine."""
        return in_guide(name)[0].replace("/usr/local/sbin/popart-deliver",
                                         DELIVER + " -c " + self.conf)

    @contextlib.contextmanager
    def popartd(self):
        """Its port."""
        log = os.path.join(self.path, "log", "popart")
        with Program(["-c", self.conf], self.path):
            yield eventually("popartd listens", lambda: re.findall(
                r"event=listen .*127\.0\.0\.1:(\d+)", read(log)))[-1]


def fetch(port, user, wanted):
    """What curl gets as message 1, when it is there."""
    def get():
        done = subprocess.run(["curl", "-s", "-u", user + ":" + PASSWORD,
                               "pop3://127.0.0.1:%s/1" % port],
                              capture_output=True, timeout=TIMEOUT, check=False)
        return done.returncode == 0 and wanted in done.stdout and done.stdout
    return eventually("curl gets the message", get).decode()


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def send(port, recipient):
    def connect():
        """An MTA that is just stopping may still take the connection, and then end it."""
        try:
            return smtplib.SMTP("127.0.0.1", port, timeout=TIMEOUT)
        except (ConnectionError, smtplib.SMTPServerDisconnected, smtplib.SMTPConnectError):
            return None
    with eventually("the MTA greets", connect) as smtp:
        smtp.sendmail("sender@example.org", [recipient], (
            "From: sender@example.org\nSubject: to %s\n\n%s" % (recipient, BODY)
        ).replace("\n", "\r\n").encode(), ["BODY=8BITMIME"])


@contextlib.contextmanager
def running(arguments, log, **more):
    with open(log + ".out", "wb") as output:
        process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=output, start_new_session=True, **more)
    try:
        yield process
    except BaseException:
        for line in (read(log + ".out") + read(log)).splitlines()[-30:]:
            print("# mta: " + line)
        raise
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(TIMEOUT)


def arrives(site, port):
    """What both of them have to do."""
    with site.popartd() as pop:
        send(port, "bob@example.net")
        text = fetch(pop, "bob@example.net", b"From here")
    assert text.lower().startswith("return-path: <sender@example.org>\r\n"), text
    equal(text.partition("\r\n\r\n")[2], BODY.replace("\n", "\r\n"), "the body")
    line = re.search(r"event=delivered .*", read(os.path.join(site.path, "log", "popart")))
    assert line and line.group().endswith('user="bob@example.net"'), line
    return text


def start_postfix(site, services, settings):
    """The function that runs it, and gives its SMTP port and its log."""
    daemons = os.path.dirname(program("usr/lib/postfix/sbin/master"))
    conf, queue, data = (os.path.join(site.path, name) for name in ("pf", "queue", "data"))
    log = os.path.join(site.path, "maillog")
    port = free_port()
    own(data, "postfix")
    own(queue, "root", 0o755)
    for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold",
                 "incoming", "private", "saved", "trace"):
        own(os.path.join(queue, name), "postfix")
    own(os.path.join(queue, "pid"), "root", 0o755)
    for name in ("maildrop", "public"):
        own(os.path.join(queue, name), "postfix", 0o730)
        os.chown(os.path.join(queue, name), ACCOUNTS["postfix"], ACCOUNTS["postdrop"])
    os.mkdir(conf)
    site.file("pf/master.cf", "\n".join([
        "127.0.0.1:%d inet n - n - - smtpd" % port,
        "cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr",
        "rewrite unix - - n - - trivial-rewrite", "bounce unix - - n - 0 bounce",
        "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce",
        "error unix - - n - - error", "retry unix - - n - - error",
        "discard unix - - n - - discard", "proxymap unix - - n - - proxymap",
        "postlog unix-dgram n - n - 1 postlogd"]) + "\n" + services)
    site.file("pf/main.cf", "\n".join([
        "compatibility_level = 3.6", "queue_directory = " + queue,
        "data_directory = " + data, "daemon_directory = " + daemons,
        "command_directory = " + os.path.join(ROOT, "usr/sbin"),
        "shlib_directory = " + os.path.dirname(daemons), "meta_directory = " + conf,
        "mail_owner = postfix", "setgid_group = postdrop",
        "import_environment = MAIL_CONFIG LD_LIBRARY_PATH",
        "maillog_file = " + log, "maillog_file_prefixes = " + site.path,
        "inet_interfaces = 127.0.0.1", "inet_protocols = ipv4",
        "myhostname = mx.example.net", "alias_maps =",
        "mynetworks = 127.0.0.0/8", "default_transport = discard", "relayhost =",
        "smtpd_relay_restrictions = permit_mynetworks, reject", settings]))
    environment = dict(os.environ, LD_LIBRARY_PATH=os.path.dirname(daemons), MAIL_CONFIG=conf)
    return (lambda: running([os.path.join(daemons, "master"), "-c", conf], log,
                            env=environment)), port, log


@test("the guide and the manual have the same transports")
def same_transports():
    equal(in_guide("postfix-master", "postfix-main"), in_manual("Postfix"), "Postfix's")
    equal(in_guide("exim"), in_manual("Exim"), "Exim's")
    for text in in_guide("postfix-master", "exim"):
        equal(text.count("/usr/local/sbin/popart-deliver "), 1, "programs")


@test("Postfix: a message by SMTP is fetched by curl; unknown is bounced, unclear deferred")
def postfix():
    program("usr/lib/postfix/sbin/master")
    with Site() as site:
        start, port, log = start_postfix(site, site.documented("postfix-master"), "\n".join([
            "mydestination =", site.documented("postfix-main")]))
        with start():
            text = arrives(site, port)
            assert "\r\nDelivered-To: bob@example.net\r\n" in text, text
            for user, pattern in (
                    ("bob", r"dsn=2\.0\.0, status=sent \(delivered via popart service"),
                    ("no-one", r"dsn=5\.1\.1, status=bounced .*there is no such user"),
                    ("eve", r"dsn=4\.2\.0, status=deferred"),
                    ("mad", r"dsn=4\.3\.0, status=deferred .*the delivery broke off")):
                send(port, user + "@example.net")
                eventually("the end of the mail to " + user, lambda u=user, p=pattern: re.search(
                    "to=<%s@example.net>, relay=popart, .*%s" % (u, p), read(log)))
            # A typing error costs nobody a message: 64 is a bounce, its text is not.
            with open(os.path.join(site.path, "pf", "master.cf"), "a", encoding="utf-8") as file:
                file.write("  --strip-form\n")
        with start():
            send(port, "bob@example.net")
            eventually("it is deferred", lambda: re.search(
                r"to=<bob@example.net>.* dsn=4\.3\.5, status=deferred", read(log)))


class Spool(Site):
    """bob's mail is a file of a spool that the group mail may write to, as Debian has it."""

    def __init__(self):
        super().__init__()
        self.spool, state = self.directory("spool"), self.directory("indexes")
        os.chown(self.spool, 0, grp.getgrnam("mail").gr_gid)
        os.chmod(self.spool, 0o2775)
        own(state, "popart")
        os.chown(self.file("users", "bob:{PLAIN}%s:%d:%d:\n" % (
            PASSWORD, ACCOUNTS["bob"], ACCOUNTS["bob"]), 0o640), 0, ACCOUNTS["popart"])
        with open(self.conf, "r+", encoding="utf-8") as file:
            text = file.read()
            file.seek(0)
            file.truncate()
            text = re.sub(r"auth = \(.*?\);\n", 'auth = ( { module = "passwd_file"; path = "%s"; '
                          '} );\nsupplementary_groups = [ "mail" ];\n' %
                          os.path.join(self.path, "users"), text)
            file.write(re.sub(r"storage = \(.*?\);\n", 'storage = ( { module = "mbox"; '
                              'path = "%s/%%n"; state_dir = "%s"; as_user = true; '
                              'lock = "fcntl dotlock"; } );\n' % (self.spool, state), text))

    @property
    def mailbox(self):
        with open(os.path.join(self.spool, "bob"), "rb") as file:
            return file.read()


class Sender(threading.Thread):
    """Gives numbered messages to the MTA, in sessions of some, until it has sent so many."""

    def __init__(self, port, first, over):
        super().__init__()
        self.port, self.number, self.over = port, first, over
        self.sent, self.problem = [], None

    def run(self):
        try:
            while not self.over(len(self.sent)):
                with smtplib.SMTP("127.0.0.1", self.port, timeout=TIMEOUT) as smtp:
                    for _ in range(3):
                        smtp.sendmail("sender@example.org", ["bob@mx.example.net"], numbered(
                            self.number))
                        self.sent.append(self.number)
                        self.number += 1
        except (OSError, smtplib.SMTPException) as error:
            self.problem = error


def numbered(number):
    return letter(number, 500 + number % 7 * 3000, FROM_LINES).replace(b"\n", b"\r\n")


def number_of(octets):
    """Which message it is, after a look at whether it is whole."""
    number = int(re.search(rb"\r\nMessage-ID: <(\d+)@", octets).group(1))
    equal(octets.partition(b"\r\n\r\n")[2], numbered(number).partition(b"\r\n\r\n")[2],
          "message %d" % number)
    return number


def once(gone, more):
    assert not gone & more, "there again: %r" % (gone & more)
    return more


def collect(pop, got, keep=lambda number: False, before_quit=lambda: None):
    """One session: retrieves all, and deletes what keep does not want; before_quit is called
    when everything is marked. got: {number: unique-id} of all that were ever seen."""
    with Pop(pop, "bob") as client:
        uids, gone = client.uids(), set()
        for number, octets in client.all().items():
            name = number_of(octets)
            equal(got.setdefault(name, uids[number]), uids[number], "a unique-id")
            if not keep(name):
                client.cmd("DELE %d" % number)
                gone.add(name)
        equal(len(set(uids.values())), len(uids), "unique-ids")
        before_quit()
        client.quit()
    return gone


@test("Postfix local delivers into a spool while mail is fetched and removed: all arrives once")
def postfix_local():
    program("usr/lib/postfix/sbin/local")
    seconds = float(os.environ.get("STRESS_SECONDS", "0"))
    with Spool() as site:
        start, port, log = start_postfix(site, "local unix - n n - - local\n", "\n".join([
            "mydestination = mx.example.net", "local_transport = local",
            "mail_spool_directory = " + site.spool, "mailbox_delivery_lock = fcntl, dotlock",
            # It looks for a lock once a second. Two deliveries at a time would mostly meet each
            # other, and wait; a lock waited for in vain is no reason to wait for minutes.
            "local_destination_concurrency_limit = %d" % (2 if seconds else 1),
            "queue_run_delay = 1s", "minimal_backoff_time = 1s", "maximal_backoff_time = 1s"]))
        got, gone, sent = {}, set(), set()

        def senders(count, first, over):
            threads = [Sender(port, first + 100000 * i, over) for i in range(count)]
            for thread in threads:
                thread.start()
            return threads

        def delivered():
            return read(log).count("status=sent (delivered to mailbox)")

        def arrived(threads):
            for thread in threads:
                thread.join()
                equal(thread.problem, None, "what Postfix says")
                sent.update(thread.sent)
            eventually("Postfix has delivered all", lambda: delivered() == len(sent))

        with start(), site.popartd() as pop:
            pop = int(pop)
            eventually("Postfix listens", lambda: not socket.socket().connect_ex(
                ("127.0.0.1", port)))
            arrived(senders(1, 0, lambda n: n >= 6))
            late = []

            def before_quit():
                arrived(senders(1, 1000, lambda n: n >= 6))
                late.extend(senders(2, 2000, lambda n: n >= 3))
            # Some arrive before QUIT, and some during it.
            gone |= collect(pop, got, lambda n: n % 3 == 1, before_quit)
            arrived(late)
            # Senders without a pause, and sessions without one.
            end = time.monotonic() + seconds
            threads = senders(2, 1000000, lambda n: n and time.monotonic() >= end)
            sessions = 0
            while any(thread.is_alive() for thread in threads) or \
                    delivered() < len(sent) + sum(len(thread.sent) for thread in threads):
                sessions += 1
                gone |= once(gone, collect(pop, got, lambda n: n % 5 == 1 and sessions % 20))
            arrived(threads)
            whole = site.mailbox
            equal(len(re.findall(FROM_LINE, whole)), len(sent - gone), "good From lines")
            equal(len(re.findall(rb"^From ", whole, re.M)), len(sent - gone), "From lines")
            left = {}
            collect(pop, left, lambda n: True)
            equal(sorted(left), sorted(sent - gone), "what is left")
            for name in left:
                equal(left[name], got.get(name, left[name]), "the unique-id of %d" % name)
            equal(site.mailbox, whole, "the mailbox after a visit")
            gone |= once(gone, collect(pop, left))
            equal(sorted(gone), sorted(sent), "messages")
            equal(site.mailbox, b"", "the mailbox")
            equal(os.listdir(site.spool), ["bob"], "what is in the spool")
            if seconds:
                print("# %d messages, %d sessions" % (len(sent), sessions))


@test("Exim: a message by SMTP is fetched by curl; unknown is bounced, unclear deferred")
def exim():
    binary = program("usr/sbin/exim4")
    with Site() as site:
        log = os.path.join(site.path, "exim", "mainlog")
        port = free_port()
        for name in ("exim", "spool"):
            own(os.path.join(site.path, name), "Debian-exim", 0o755)
        os.makedirs(site.etc("exim4"), exist_ok=True)
        site.file("etc/exim4/popart-users", "bob\neve\nmad\nno-one\n", mode=0o644)
        router, transport = site.documented("exim").split("\n\n")
        site.file("etc/exim4/exim4.conf", "\n".join([
            "exim_path = " + binary, "spool_directory = %s/spool" % site.path,
            "log_file_path = %s/exim/%%slog" % site.path,
            "primary_hostname = mx.example.net", "daemon_smtp_ports = %d" % port,
            "local_interfaces = 127.0.0.1", "host_lookup =", "rfc1413_query_timeout = 0s",
            "pid_file_path = %s/exim/pid" % site.path, "acl_smtp_rcpt = accept_all",
            "tls_advertise_hosts =", "keep_environment =", "queue_run_in_order",
            "begin acl", "accept_all:", "  accept", "begin routers", router,
            "rest:", "  driver = redirect", "  data = :blackhole:",
            "begin transports", transport,
            "begin retry", "* * F,1h,1h", ""]), mode=0o644)
        with running([binary, "-bdf", "-q1h"], log):
            arrives(site, port)
            for user, pattern in (("bob", "=> bob <.*T=popart_delivery"),
                                  ("no-one", r"\*\* no-one@.*T=popart_delivery.* returned 67"),
                                  ("eve", "== eve@example.net .*T=popart_delivery defer"),
                                  ("mad", "== mad@example.net .*T=popart_delivery defer")):
                send(port, user + "@example.net")
                eventually("the end of the mail to " + user,
                           lambda p=pattern: re.search(p, read(log)))


enter_namespace()
main()
