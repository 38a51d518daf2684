#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Real mail to real mail clients: what they store equals what lies in the Maildir."""

import os
import poplib
import pty
import re
import shutil
import subprocess
import sys

import harness
from harness import (PASSWORD, TIMEOUT, Pop, Scene, equal, corpus, eventually, letter, listing,
                     main, need, serving, test, wire)


def run(command, home, success=(0,), user=None):
    """Runs a client to its end; its output, when that was a success."""
    environment = dict(os.environ, HOME=home, FETCHMAILHOME=home, LC_ALL="C", TERM="vt100")
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=environment, timeout=TIMEOUT,
                          user=user, group=user and "nogroup",
                          extra_groups=[] if user else None, cwd=home)
    assert done.returncode in success, "%s ended with %d: %s" % (
        command[0], done.returncode, done.stdout.decode(errors="replace")[-2000:])
    return done.stdout


def read_all(directory):
    """The files of a directory, in the order of their numbers or names."""
    def order(name):
        return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
    contents = []
    for name in sorted(os.listdir(directory), key=order):
        with open(os.path.join(directory, name), "rb") as file:
            contents.append(file.read())
    return contents


def curl(scene, server, keep):
    need("curl")
    out = scene.directory("out")
    base = "pop3://127.0.0.1:%d/" % server.port
    login = "bob:" + PASSWORD
    numbers = [line.split()[0].decode() for line in
               run(["curl", "-sS", "-u", login, base], scene.path).splitlines()]
    script = ["user = \"%s\"" % login, "silent", "show-error"]
    for number in numbers:
        script += ['url = "%s%s"' % (base, number), 'output = "%s/%s"' % (out, number)]
    run(["curl", "-K", scene.file("curl.conf", "\n".join(script))], scene.path)
    if not keep:  # one command, and so one message, a session
        for _ in numbers:
            run(["curl", "-sS", "-u", login, "-I", "-X", "DELE 1", base], scene.path)
    return read_all(out)


def fetchmail(scene, server, keep):
    need("fetchmail")
    out = scene.directory("out")
    store = scene.file("store", "#!/bin/sh\nexec cat >%s/$(ls %s | wc -l)\n" % (out, out),
                       0o700)
    script = scene.file("fetchmailrc", """
        set no bouncemail
        set invisible
        poll 127.0.0.1 protocol pop3 port %d bad-header accept:
            user "bob" password "%s" fetchall %s no rewrite pass8bits no mimedecode
            sslproto "" mda "%s"
        """ % (server.port, PASSWORD, "keep" if keep else "no keep", store))
    run(["fetchmail", "--nodetach", "--nosyslog", "-f", script], scene.path)
    return read_all(out)


def mpop(scene, server, keep):
    need("mpop")
    out = scene.directory("out")
    for sub in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(out, sub))
    script = scene.file("mpoprc", """
        defaults
        tls off
        received_header off
        uidls_file %s/uidls
        account default
        host 127.0.0.1
        port %d
        auth plain
        user bob
        password "%s"
        delivery maildir %s
        %s
        """ % (scene.path, server.port, PASSWORD, out, "keep on" if keep else ""))
    run(["mpop", "-q", "-C", script], scene.path)
    return read_all(os.path.join(out, "new"))


def getmail(scene, server, keep):
    need("getmail")
    out = scene.directory("out")
    for sub in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(out, sub))
    script = scene.file("getmailrc", """
[retriever]
type = SimplePOP3Retriever
server = 127.0.0.1
port = %d
username = bob
password = %s
[destination]
type = Maildir
path = %s/
[options]
read_all = true
delete = %s
delivered_to = false
received = false
verbose = 1
""" % (server.port, PASSWORD, out, "false" if keep else "true"))
    home = scene.directory("getmail")
    user = None
    if os.geteuid() == 0:  # it refuses to deliver as root
        user = "nobody"
        for path in [script, home, out] + [os.path.join(out, sub) for sub in os.listdir(out)]:
            shutil.chown(path, user)
    # getmail misses the end of a delivery process that is too quick; this one does not.
    program = scene.file("getmail.py", """
import os, runpy, sys
from getmailcore.baseclasses import ForkingBase
ForkingBase._prepare_child = lambda self: None
ForkingBase._wait_for_child = lambda self, pid: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.argv[0] = "getmail"
runpy.run_path(%r, run_name="__main__")
""" % shutil.which("getmail"), 0o644)
    run(["/usr/bin/python3", program, "--getmaildir", home, "--rcfile", script], home,
        user=user)
    return read_all(os.path.join(out, "new"))


def mutt(scene, server, keep):
    need("mutt")
    out = scene.directory("out")
    for sub in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(out, sub))
    script = scene.file("muttrc", """
        set pop_host="pop://bob@127.0.0.1:%d" pop_user="bob" pop_pass="%s" pop_delete=%s
        set spoolfile="%s" folder="%s" mbox_type=Maildir sort=mailbox-order
        set pop_last=no ssl_force_tls=no ssl_starttls=no
        set wait_key=no confirmappend=no timeout=1 sleep_time=0
        push "<fetch-mail><quit>"
        """ % (server.port, PASSWORD, "no" if keep else "yes", out, out))
    master, slave = pty.openpty()
    environment = dict(os.environ, HOME=scene.path, TERM="vt100", LC_ALL="C")
    with subprocess.Popen(["mutt", "-n", "-F", script, "-f", out], stdin=slave, stdout=slave,
                          stderr=slave, start_new_session=True, env=environment) as done:
        os.close(slave)
        screen = b""
        try:
            while True:
                part = os.read(master, 65536)
                if not part:
                    break
                screen += part
        except OSError:
            pass
        os.close(master)
        status = done.wait(TIMEOUT)
    equal(status, 0, "mutt's exit status (screen: %r)" % screen[-1000:])
    return read_all(os.path.join(out, "new")) + read_all(os.path.join(out, "cur"))


def python(_, server, keep):
    poplib._MAXLINE = 1 << 20
    client = poplib.POP3("127.0.0.1", server.port, timeout=TIMEOUT)
    client.user("bob")
    client.pass_(PASSWORD)
    messages = []
    for number in range(1, client.stat()[0] + 1):
        messages.append(b"".join(line + b"\r\n" for line in client.retr(number)[1]))
        if not keep:
            client.dele(number)
    client.quit()
    return messages


def perl(scene, server, keep):
    need("perl")
    out = scene.directory("out")
    script = scene.file("client.pl", """
        use strict;
        use Net::POP3;
        my ($port, $out, $keep) = @ARGV;
        my $pop = Net::POP3->new("127.0.0.1", Port => $port, Timeout => 60) or die "connect";
        defined $pop->login("bob", "%s") or die "login";
        my $list = $pop->list() or die "list";
        for my $number (sort { $a <=> $b } keys %%$list) {
            open(my $file, ">:raw", "$out/$number") or die "open";
            $pop->get($number, $file) or die "get";
            close($file);
            $keep or $pop->delete($number) or die "delete";
        }
        $pop->quit() or die "quit";
        """ % PASSWORD)
    run(["perl", script, str(server.port), out, "1" if keep else "0"], scene.path)
    return read_all(out)


def without_envelope(data):
    """fetchmail takes a line of an mbox away, and gives every header its blank line."""
    data = re.sub(rb"\AFrom .*\n", b"", wire(data))
    return data if b"\r\n\r\n" in data else data + b"\r\n"


def parsed(data):
    """getmail parses a message and writes it anew: what that makes of it."""
    sys.path.append("/usr/lib/python3/dist-packages")
    from getmailcore.message import Message
    return wire(Message(fromlines=wire(data).split(b"\r\n")).flatten(False, False))


def stored_by(client, mail):
    """What the client should have stored, as a sorted list."""
    change = {fetchmail: without_envelope, getmail: parsed}.get(client, wire)
    return sorted(change(data) for data in mail)


def fit_for(client):
    mail = corpus()
    if client == fetchmail:  # it breaks longer lines, and adds a NUL
        mail = {name: data for name, data in mail.items()
                if max(map(len, data.split(b"\n"))) < 8000}
    if client == mutt:  # it cuts a line at a NUL
        mail = {name: data for name, data in mail.items() if b"\0" not in data}
    return mail


def base_names(paths):
    return sorted(os.path.basename(path).partition(":")[0] for path in paths)


def files(top):
    """{path: octets} of every file below top."""
    return {path: entry[-1] for path, entry in listing(top).items() if entry[-1] is not None}


def downloads(client):
    with serving() as (scene, server):
        mail = fit_for(client)
        for number, data in enumerate(mail.values()):
            scene.bob.add(data, ("cur", "new")[number % 2])
        before = scene.bob.messages()
        got = sorted(map(wire, client(scene, server, True)))
        expected = stored_by(client, mail.values())
        equal(len(got), len(expected), "the number of messages")
        for mine, theirs in zip(expected, got):
            equal(theirs, mine, "a message")
        # A deleted message would be missing; what is new may have become old.
        equal(base_names(scene.bob.messages()), base_names(before), "the Maildir")


def deletes(client):
    with Scene("bob", "eve") as scene:
        mail = [letter(number) for number in range(12)]
        scene.mail["eve"].add(letter(99))
        harness.Maildir(os.path.join(scene.bob.path, ".Sent")).add(letter(98))
        with open(os.path.join(scene.bob.path, "tmp", "under-way"), "wb") as file:
            file.write(letter(97))
        others = files(scene.path + "/mail")
        for number, data in enumerate(mail):
            scene.bob.add(data, ("cur", "new")[number % 2])
        with scene.server() as server:
            got = sorted(map(wire, client(scene, server, False)))
            equal(got, stored_by(client, mail), "what was downloaded")
            equal(scene.bob.messages(), [], "what is left")
            with Pop(server, "bob") as again:
                equal(again.stat(), (0, 0), "STAT")
                again.quit()
        left = files(scene.path + "/mail")
        equal({path: left.get(path) for path in others}, others, "what is none of its business")


CLIENTS = (curl, fetchmail, mpop, getmail, mutt, python, perl)
NAMES = {getmail: "getmail6", python: "Python poplib", perl: "Perl Net::POP3"}
for one in CLIENTS:
    label = NAMES.get(one, one.__name__)
    test(label + " stores what the Maildir holds, and leaves it there")(
        lambda one=one: downloads(one))
    test(label + " deletes what it has downloaded, and nothing else")(
        lambda one=one: deletes(one))


@test("rabid downloads from many maildrops at once, and deletes")
def load():
    need("rabid")
    names = ["user%d" % number for number in range(6)]
    with serving(*names, users={name: "x" for name in names}) as (scene, server):
        for number, name in enumerate(names):
            for count in range(10):
                scene.mail[name].add(letter(100 * number + count))
        users = scene.file("users", "".join(name + " x\n" for name in names))
        out = scene.directory("out")
        with subprocess.Popen(["/usr/sbin/rabid", "-p", "3", "-d", "100:100",
                               "-z", os.path.join(out, "said"),
                               "[127.0.0.1]%d" % server.port, users],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as client:
            try:
                eventually("rabid empties every maildrop", lambda: not any(
                    scene.mail[name].messages() for name in names))
            finally:
                client.terminate()
        said = b"".join(read_all(out)).replace(b"\r", b"")
        for number in range(len(names)):
            for count in range(10):
                text = letter(100 * number + count)
                assert text in said, "rabid has not got %r" % text[:80]
        for line in re.findall(rb"^-ERR.*$", said, re.MULTILINE):
            assert line.startswith(b"-ERR [IN-USE]"), line


main()
