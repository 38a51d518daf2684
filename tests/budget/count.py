# SPDX-License-Identifier: MIT
"""Fixed dialogues with one worker of one thread, and what they cost: instructions by valgrind's
callgrind, system calls by strace, memory by its massif. None of that is a time."""

import collections
import contextlib
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "e2e"))
# pylint: disable=wrong-import-position
from harness import (  # noqa: E402
    MODULE_PATH, PASSWORD, POPARTD, Pop, Scene, certify, letter, need, trusting, wire)

ALONE = os.path.join(os.environ.get("TEST_BUILDDIR", "."), "tests", "budget", "alone")
# The user, how many messages, and of how many octets.
MAILDROPS = {"few": (5, 2048), "many": (100, 2048), "large": (100, 8192)}
RETRIEVED = 50
DELETED = 20
MIB = 1 << 20

CONFIGURATION = """hostname = "pop.example.net";
{user}workers = 1; threads = 1;
run_dir = "{top}/run"; state_dir = "{top}/state"; module_path = "{modules}";
listen = ( {{ address = "127.0.0.1:0"; {listener} }} );
max_connections = 4000; max_connections_per_address = 4000;
auth = {{ module = "passwd_file"; path = "{top}/users"; }};
storage = {{ module = "maildir"; path = "{top}/mail/%n"; }};
log = {{ level = "{level}"; }};
"""


def fill(maildir, count, octets):
    for number in range(1, count + 1):
        data = letter(number, octets)
        maildir.add(data, name="%d.M%06dP7.test,S=%d,W=%d" % (
            1700000000 + number, number, len(data), len(wire(data))))


@contextlib.contextmanager
def worker(scene, *command, level="info", listener="", extra=""):
    """One worker below command; its port. listener, extra: for its configuration."""
    need(*command[:1])
    users = scene.file("users", "".join(
        "%s:{PLAIN}%s::::::\n" % (name, PASSWORD) for name in scene.mail))
    os.chmod(users, 0o644)
    for name in ("run", "state"):
        scene.directory(name)
    conf = scene.file("popart.conf", CONFIGURATION.format(
        user='user = "root";\n' if os.geteuid() == 0 else "", top=scene.path,
        modules=MODULE_PATH, level=level, listener=listener) + extra)
    log_path = os.path.join(scene.path, "log")
    with open(log_path, "wb") as log:
        process = subprocess.Popen([ALONE, conf, *command, POPARTD], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=log, encoding="ascii")
    try:
        line = process.stdout.readline()
        if not line:
            with open(log_path, encoding="utf-8", errors="replace") as log:
                raise AssertionError("the worker did not come up: " + log.read())
        yield int(line)
        process.stdin.close()
        assert process.wait(60) == 0, "the worker did not end well"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdin.close()
        process.stdout.close()


def login(port):
    Pop(port, "few").quit()


def check(port):
    with Pop(port, "many") as client:
        client.stat()
        client.uids()
        client.sizes()
        client.quit()


def visit(port):
    Pop(port, "large").quit()


def fetch(port):
    """The octets of the messages."""
    with Pop(port, "large") as client:
        octets = sum(len(client.retr(number)) for number in range(1, RETRIEVED + 1))
        client.quit()
        return octets


def delete(port):
    with Pop(port, "large") as client:
        for number in range(1, DELETED + 1):
            client.cmd("DELE %d" % number)
        client.quit()


# In this order, each twice at least: what is done only once is in the first.
DIALOGUES = (("login", login), ("check", check), ("visit", visit), ("fetch", fetch))


def play(port):
    """All dialogues; their names in order, and the octets that a fetch fetches."""
    names, octets = [], 0
    for name, dialogue in DIALOGUES:
        for _ in range(3):
            octets = dialogue(port) or octets
            names.append(name)
    delete(port)
    login(port)  # so that the end of the worker is no part of a deletion
    return names + ["delete", "last"], octets


@contextlib.contextmanager
def maildrops():
    with Scene(*MAILDROPS) as scene:
        for name, (count, octets) in MAILDROPS.items():
            fill(scene.mail[name], count, octets)
        time.sleep(2.1)  # the store does not trust a directory that has just changed
        yield scene


# ---------------------------------------------------------------- instructions


def own_instructions(path):
    """Instructions of our own objects, by function, in one profile of callgrind."""
    own = {"popartd", "maildir.so", "passwd_file.so"}
    found = collections.Counter()
    ours, function, call = False, None, False
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("ob="):
                ours = os.path.basename(line[3:].strip()) in own
            elif line.startswith("fn="):
                function = line[3:].strip()
            elif line.startswith("calls="):
                call = True  # the next line is what the callee cost
            elif line[:1].isdigit() or line[:1] in "+-*":
                if ours and not call:
                    found[function] += int(line.split()[1])
                call = False
    return found


def profiles(scene):
    """[(dialogue, {function: instructions})], and the octets of a fetch."""
    out = os.path.join(scene.path, "profile")
    command = ("valgrind", "-q", "--tool=callgrind", "--vgdb=no", "--log-file=" + out + ".log",
               "--callgrind-out-file=" + out, "--compress-strings=no", "--compress-pos=no",
               "--collect-atstart=no", "--toggle-collect=conn_accept",
               "--toggle-collect=conn_ready", "--dump-after=conn_end")
    with worker(scene, *command) as port:
        names, octets = play(port)
    return [(name, own_instructions("%s.%d" % (out, number)))
            for number, name in enumerate(names, 1)], octets


# ---------------------------------------------------------------- system calls

CALL = re.compile(r"^(\d+) +(<\.\.\. )?(\w+)(.*)$")


def finished(path):
    """(thread, system call, the rest of its line), a call that others have interrupted too."""
    begun = {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = CALL.match(line)
            if not match:
                continue
            thread, resumed, call, rest = match.groups()
            if rest.endswith("<unfinished ...>"):
                begun[thread] = rest
            else:
                yield thread, call, begun.pop(thread, "") + rest if resumed else rest


MOST_LINGERS = 2 * 16  # LINGER_MAX of worker/loop.c, a look and a yield each


def is_linger(call, rest):
    """What a thread does before it sleeps, more or less often, as the client is quick or slow."""
    return call == "sched_yield" or (call == "epoll_wait" and rest.endswith("= 0"))


def chunks(path):
    """[{system call: how often}] of the thread that accepts, for each connection."""
    lines = list(finished(path))
    thread = next(pid for pid, call, _ in lines if call == "accept4")
    found = []
    lingers = 0
    for pid, call, rest in lines:
        if pid != thread:
            continue
        lingers = lingers + 1 if is_linger(call, rest) else 0
        assert lingers <= MOST_LINGERS, "a thread that has nothing to do does not go to sleep"
        if lingers:
            continue
        if call == "accept4" and "EAGAIN" not in rest:
            found.append(collections.Counter())
        if found:
            found[-1][call] += 1
    return found


def system_calls(scene):
    """[(dialogue, {system call: how often})]"""
    out = os.path.join(scene.path, "calls")
    with worker(scene, "strace", "-f", "-qq", "-o", out, "-e", "signal=none") as port:
        names, _ = play(port)
        time.sleep(0.5)
    return list(zip(names, chunks(out), strict=True))


def secure_calls(scene):
    """[{system call: how often}] of logins over TLS. The first ones make room for malloc, too."""
    out = os.path.join(scene.path, "secure")
    certify(scene)
    extra = 'tls = {{ certificate = "{0}.pem"; key = "{0}.key"; }};\n'.format(
        scene.path + "/localhost")
    with worker(scene, "strace", "-f", "-qq", "-o", out, "-e", "signal=none",
                listener="tls = true;", extra=extra) as port:
        for _ in range(20):
            Pop(port, "few", tls=trusting(scene)).quit()
        time.sleep(0.5)
    return chunks(out)


# ---------------------------------------------------------------- memory


def heap_octets(users, sessions, messages):
    """The most that a worker has ever asked malloc for, with so many users of whom some have
    logged in and wait."""
    names = ["u%d" % number for number in range(users)]
    with Scene(*names) as scene:
        out = os.path.join(scene.path, "heap")
        fill(scene.mail[names[0]], messages, 400)
        for path in scene.mail[names[0]].messages():
            for name in names[1:]:
                os.link(path, os.path.join(scene.mail[name].path, "cur", os.path.basename(path)))
        with worker(scene, "valgrind", "-q", "--tool=massif", "--vgdb=no", "--peak-inaccuracy=0",
                    "--log-file=" + out + ".log", "--massif-out-file=" + out,
                    level="error") as port, contextlib.ExitStack() as stack:
            for name in names[:sessions]:
                stack.enter_context(Pop(port, name))
        with open(out, encoding="ascii", errors="replace") as file:
            text = file.read()
    return max(int(number) for number in re.findall(r"mem_heap_B=(\d+)", text))


def idle_octets(messages, few=20, many=60):
    """What one more session takes that has logged in and waits."""
    return (heap_octets(many, many, messages) -
            heap_octets(many, few, messages)) / (many - few)
