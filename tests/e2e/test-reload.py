#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""SIGHUP: a new generation of workers serves, the old one finishes its sessions; and whatever
is wrong with the new one, the old one goes on."""

import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import time

from harness import (HERE, MODULE_PATH, PASSWORD, POPARTD, TIMEOUT, Load, Pop, Program, Scene,
                     Skip, certify, equal, eventually, keepalive_runs, letter, main, need,
                     need_root, paused, quiet_port, run, sanitized, serving, status_of, test,
                     trusting, wire)

USERS = ["user%d" % number for number in range(5)]
PATIENT = 'drain_timeout = "10m";'
STRANGER = os.path.join(os.path.dirname(POPARTD), "tests", "e2e", "stranger")


def retired(server, generation):
    eventually("generation %d has ended" % generation,
               lambda: not server.generation(generation))


def install(scene, program):
    """Puts a program where scene's server was started from, as a package manager does."""
    target = scene.path + "/popartd"
    shutil.copy(program, target + ".new")
    os.rename(target + ".new", target)
    return target


def program():
    """The file that popartd is; libtool's script stands before it in a build tree."""
    directory, name = os.path.split(POPARTD)
    built = os.path.join(directory, ".libs", name)
    return built if os.path.exists(built) else POPARTD


def fails(server, *words):
    """A reload that must fail, with these words in a line of the reasons; and that has left
    everything as it was."""
    workers = server.workers()
    lines = server.reload("reload_failed")
    for word in words:
        assert any(word in line for line in lines), (word, lines)
    assert all(" error event=reload_failed process=master generation=" in line
               for line in lines), lines
    eventually("nobody else is left", lambda: server.workers() == workers)
    eventually("the master has the descriptors that it had",
               lambda: server.descriptors() == server.at_rest)
    with Pop(server, "bob") as client:
        client.quit()


# ---------------------------------------------------------------- what changes, what stays


@test("a reload changes what new sessions get; old ones end as they began, deletions included")
def settings():
    with serving(extra=PATIENT) as (scene, server):
        scene.bob.fill(3)
        with Pop(server, "bob") as old, Pop(server) as late:
            old.cmd("DELE 2")
            assert "IMPLEMENTATION popart" in " ".join(old.capa())
            server.change(('hostname = "pop', 'hostname = "new'), (PASSWORD, "another one"),
                          extra="implementation = false;", workers=1)
            line = server.reload()[0]
            assert " generation=2 workers=1 threads=4 " in line, line
            with Pop(server) as new:
                assert b"new.example.net" in new.greeting, new.greeting
                assert "IMPLEMENTATION popart" not in " ".join(new.capa())
                new.cmd("USER bob")
                new.refused("PASS " + PASSWORD, b"[AUTH]")
                new.cmd("USER bob")
                new.refused("PASS another one", b"[IN-USE]")  # the lock is everybody's
                assert "IMPLEMENTATION popart" in " ".join(old.capa())
                equal(old.retr(3), wire(letter(3)), "a message after the reload")
                old.quit()
                equal(len(scene.bob.messages()), 2, "what is left")
                new.login("bob", "another one")
                new.quit()
            late.login("bob")  # it was connected before
            equal(late.stat()[0], 2, "STAT")
            late.quit()
        retired(server, 1)
        equal(len(server.workers()), 1, "workers")


@test("a lock that is held in one generation is asked for in the other")
def probes():
    with serving(workers=1, extra=PATIENT) as (_, server):
        with Pop(server, "bob") as holder:
            assert not keepalive_runs(server, holder), "asked before anybody waits"
            server.reload()
            with Pop(server) as client:
                client.cmd("USER bob")
                client.refused("PASS " + PASSWORD, b"[IN-USE]")
                eventually("the peer is asked", lambda: keepalive_runs(server, holder))


@test("login_delay counts logins of earlier generations")
def login_delay():
    with serving(extra='login_delay = "1h";') as (_, server):
        with Pop(server, "bob") as client:
            client.quit()
        for _ in range(2):
            server.reload()
            with Pop(server) as client:
                client.cmd("USER bob")
                client.refused("PASS " + PASSWORD, b"[LOGIN-DELAY]")
                client.quit()


@test("the log follows: its format, its level, its file")
def log():
    with serving() as (scene, server):
        path = scene.path + "/popartd.log"
        server.change(('log = { level = "debug";  };',
                       'log = { level = "info"; format = "json"; target = "%s"; };' % path))
        server.send_signal(signal.SIGHUP)

        def told():
            with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
                return '"event":"reload","process":"master","generation":2,' in file.read()
            return False
        eventually("the new log tells of the reload", told)
        retired(server, 1)
        with Pop(server, "bob") as client:
            client.quit()
        equal(server.events("stop"), [], "the stop in the old log")
        server.stop()
        with open(path, encoding="utf-8") as file:
            assert '"event":"stop"' in file.read()


# ---------------------------------------------------------------- listeners


@test("an address is kept, another is added, and removed again")
def listeners():
    with serving(extra=PATIENT) as (scene, server):
        first = '{ address = "127.0.0.1:0";  }'
        server.change((first, first + ', { address = "127.0.0.1:0"; }'))
        server.reload()
        ports = [int(line.rpartition(":")[2]) for line in server.events("listen")]
        equal(len(ports), 2, "listen events")
        equal(ports[0], server.port, "the port of the first")
        for port in ports:
            with Pop(port, "bob") as client:
                client.quit()
        server.change()
        with Pop(ports[1], "bob") as client:
            server.reload()
            assert str(ports[1]) in server.wait_event("unlisten")[0]
            with contextlib.suppress(ConnectionRefusedError), Pop(ports[1]):
                raise AssertionError("the removed port is open")
            client.quit()
        with Pop(server, "bob") as client:
            client.quit()
        equal(len(server.events("listen")), 2, "listen events")


@test("an address becomes a wider one, and a narrower one again")
def widths():
    with serving() as (_, server):
        before = ' "127.0.0.1:0"; '
        port = quiet_port()
        for address in ("127.0.0.1", "*", "127.0.0.1", "0.0.0.0", "[::]"):
            server.change((before, ' "%s:%d"; ' % (address, port)))
            server.reload()
            with Pop(port, "bob") as client:
                client.quit()
            with socket.socket() as thief:
                thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    thief.bind(("127.0.0.1", port))
                    thief.listen()
                except OSError:
                    continue
                raise AssertionError("somebody else can listen there, too")


@test("who waits to be accepted is accepted, whoever was woken for it")
def backlog():
    with serving(extra=PATIENT) as (_, server):
        old = server.generation(1)
        with paused(old), contextlib.ExitStack() as stack:
            def connect():
                client = stack.enter_context(socket.create_connection(
                    ("127.0.0.1", server.port), TIMEOUT))
                return client
            early = [connect() for _ in range(4)]
            server.send_signal(signal.SIGHUP)
            server.wait_event("drain")
            for client in early:
                assert client.recv(4) == b"+OK ", "no greeting"
            # The old workers have been told, but stand still, and the kernel wakes them.
            late = [connect() for _ in range(16)]
            for pid in old[:1]:
                os.kill(pid, signal.SIGKILL)
            os.kill(old[1], signal.SIGCONT)
            for client in late:
                assert client.recv(4) == b"+OK ", "no greeting"
            server.wait_event("reload")
        server.expect.add("worker_died")


@contextlib.contextmanager
def slowed(scene, pid, **calls):
    """A process that comes back from system calls so much later: poll="500ms"."""
    need("strace")
    seen = scene.path + "/strace"
    with open(seen, "wb") as output:
        tracer = subprocess.Popen(
            ["strace", "-f", "-p", str(pid), "-e", "trace=" + ",".join(calls)] +
            ["-einject=%s:delay_exit=%s" % call for call in calls.items()],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        def works():
            with open(seen, encoding="utf-8") as file:
                text = file.read()
            if tracer.poll() is not None:
                raise Skip("strace: " + text.strip())
            return all(re.search(r"\b%s\(" % call, text) for call in calls if call != "accept4")
        eventually("each of them is traced", works)
        yield seen
    finally:
        tracer.terminate()
        tracer.wait(TIMEOUT)


@test("who woke a worker that then retires without accepting is accepted by another")
def late_wakeup():
    if sanitized():
        raise Skip("a sanitizer does not want to be traced")
    with serving(workers=1, threads=1, extra=PATIENT) as (scene, server):
        with slowed(scene, server.generation(1)[0], poll="500ms", epoll_wait="2s"):
            server.send_signal(signal.SIGHUP)
            server.wait_event("drain")
            # The old worker comes to know a little later, and is the first in the kernel's
            # queue until then; what wakes it now it notices later still.
            with Pop(server) as client:
                client.quit()


@test("who is just being accepted by a worker that retires is served by it")
def late_accept():
    if sanitized():
        raise Skip("a sanitizer does not want to be traced")
    with serving(workers=1, threads=1, extra=PATIENT) as (scene, server):
        with slowed(scene, server.generation(1)[0], poll="1us", accept4="2s") as seen:
            with socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as client:
                def accepting():
                    with open(seen, encoding="utf-8") as file:
                        return "accept4(" in file.read()
                eventually("it is being accepted", accepting)
                server.send_signal(signal.SIGHUP)
                server.wait_event("drain")
                assert client.recv(4) == b"+OK ", "no greeting"
                client.sendall(b"USER bob\r\nPASS %s\r\nQUIT\r\n" % PASSWORD.encode())
                with client.makefile("rb") as file:
                    assert file.read().count(b"\r\n+OK") == 3
            line = server.wait_event("session_end")[0]
            assert " process=worker-1.1 " in line, line


@test("ten reloads under load: no connection is refused or cut, no message lost or back")
def under_load():
    with Scene(*USERS) as scene, scene.server(extra=PATIENT) as server:
        load = Load(scene, strict=True)
        with load.running(server):
            for round_ in range(10):
                server.change(extra=PATIENT + "implementation = %s;" %
                              ("false", "true")[round_ % 2])
                load.deliver()
                server.reload()
                load.wait_sessions(4)
        load.check(server)
        retired(server, 10)
        equal(server.generation(11), server.workers(), "who is left")


# ---------------------------------------------------------------- what fails


@test("a broken configuration, a missing module, a certificate that is none: the old one goes on")
def broken():
    with serving() as (scene, server), Pop(server, "bob") as held:
        users = dict(server.users)
        server.users["eve"] = PASSWORD
        listen = 'listen = ( { address = "127.0.0.1:0";  }'
        line = server.configuration(scene.path).split("\n")
        number = {word: next(n for n, text in enumerate(line, 1) if word in text)
                  for word in ("hostname", "run_dir", "listen", "storage", "module_path")}

        def at(word):
            return "%s:%d: " % (server.conf, number[word])
        held.quit()
        scene.file("junk.pem", "nothing of that kind\n")
        server.change(("hostname =", "hostnam ="))
        fails(server, at("hostname") + 'unknown key \\"hostnam\\"')
        server.change(("hostname = ", "hostname = ("))
        fails(server, server.conf + ":")
        server.change(('module = "maildir"', 'module = "nosuch"'))
        fails(server, at("storage"), "nosuch")
        server.change(('module = "maildir";', 'module = "maildir"; colour = 1;'))
        fails(server, at("storage") + 'unknown key \\"colour\\"')
        server.change(("/mail/%n", "/mail/%q"))
        fails(server, at("storage"), "%q")
        tls = 'listen = ( { address = "127.0.0.1:0"; tls = true; }'
        server.change((listen, tls))
        fails(server, at("listen") + "127.0.0.1:0 is to speak TLS, but there is no certificate")
        server.change((listen, tls), extra='tls = { certificate = "%s/none.pem"; };' % scene.path)
        fails(server, "cannot read certificate %s/none.pem: No such file" % scene.path)
        server.change((listen, tls), extra='tls = { certificate = "%s/junk.pem"; };' % scene.path)
        fails(server, "/junk.pem: ")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            server.change((listen, listen + ', { address = "127.0.0.1:%d"; }' %
                           taken.getsockname()[1]))
            fails(server, at("listen") + "cannot listen on 127.0.0.1:%d: Address already in use; "
                  "another program has this port" % taken.getsockname()[1])
        server.change((scene.path + "/run", scene.path + "/elsewhere"))
        fails(server, at("run_dir") + "run_dir is %s/elsewhere now, but sessions" % scene.path,
              "restart popartd")
        assert not os.path.exists(scene.path + "/elsewhere")
        server.change()
        os.rename(scene.path + "/run/locks", scene.path + "/run/old")
        fails(server, at("run_dir") + "%s/run/locks was removed or replaced" % scene.path)
        os.rename(scene.path + "/run/old", scene.path + "/run/locks")
        server.change(('log = {', 'log = { target = "%s/no/such/log";' % scene.path))
        fails(server, "cannot open the log %s/no/such/log" % scene.path)
        os.mkfifo(scene.path + "/fifo")
        server.change(('log = {', 'log = { target = "%s/fifo";' % scene.path))
        fails(server, "cannot open the log %s/fifo" % scene.path)  # and does not wait for ever
        os.unlink(server.conf)
        fails(server, server.conf + ": cannot read the configuration: No such file")
        os.mkfifo(server.conf)
        fails(server, server.conf + ": cannot read the configuration: not a regular file")
        os.unlink(server.conf)
        equal(server.events("reload"), [], "reloads that worked")
        server.users = dict(users, eve="new here")
        server.change(extra="")
        server.reload()
        with Pop(server, "eve", "new here") as client:
            client.quit()


@test("another user for the workers needs a restart")
def other_user():
    need_root()
    with serving(user="nobody") as (_, server):
        server.change(user="daemon")
        fails(server, "user is daemon now, but the session locks are those of nobody; restart")


@contextlib.contextmanager
def own_program(**more):
    """A server whose program is a file of its own."""
    with Scene() as scene:
        with scene.server(program=install(scene, program()), **more) as server:
            yield scene, server


@test("a program in its place that cannot be used: the old one goes on")
def strangers():
    with own_program() as (scene, server):
        target = install(scene, STRANGER)
        for task, words in (
                ("layout", "worker=[12] reason=\"the popartd that is installed now was built with "
                           "another layout of messages than the one that runs; restart popartd"),
                ("crash", 'worker=[12] reason="it ended before it was ready: signal SIGABRT'),
                ("hang", "reason=\"2 of 2 workers were not ready after start_timeout, 1000 ms"),
                ("what", "")):
            scene.file("popartd.does", task)
            if task == "hang":
                server.change(extra='start_timeout = "1s";')
            if task == "what":
                os.chmod(target, 0o644)
                words = "cannot run the popartd binary again: Permission denied"
            workers = server.workers()
            line = server.reload("reload_failed")[0]
            assert re.search(words, line), line
            eventually("nobody else is left", lambda: server.workers() == workers)
        os.unlink(target)
        fails(server, target + ": cannot run this program for the workers: No such file")
        install(scene, program())
        server.change(extra="")
        server.reload()
        with Pop(server, "bob") as client:
            client.quit()


@test("a worker and a master with other layouts of messages or scoreboard say so")
def layouts():
    with open(os.path.join(HERE, "../../server/ipc/chan.h"), encoding="ascii") as file:
        layout = int(re.search(r"#define CHAN_LAYOUT +(\d+)", file.read()).group(1))
    head = struct.Struct("=IIIIQII")  # struct chan_msg, up to its text
    start, failed = 1, 3
    with Scene() as scene:
        for what in ("messages", "scoreboard"):
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with ours, theirs, open(scene.file("error", ""), "rb+") as file:
                worker = subprocess.Popen(
                    [program(), "--child=worker", str(theirs.fileno())], stderr=file,
                    stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
                theirs.close()
                ours.settimeout(TIMEOUT)
                said = layout + (what == "messages")
                socket.send_fds(ours, [head.pack(said, start, 0, 1, 0, 0, 0)],
                                [file.fileno()] * 4)
                answer = ours.recv(5000)
                equal(worker.wait(TIMEOUT), 1, "the exit status")
            equal(head.unpack(answer[:head.size])[:2], (layout, failed), "layout and kind")
            assert b"built with another layout of messages; restart popartd" in answer, answer


def hanging(server):
    """How many of its workers are strangers who wait for good."""
    return sum(status_of(pid, "Name")[0] == "hang" for pid in server.workers())


@test("a reload while another starts waits for it; SIGTERM while one starts ends them all")
def one_at_a_time():
    with own_program() as (scene, server):
        old = server.workers()
        scene.file("popartd.does", "hang")
        install(scene, STRANGER)
        server.send_signal(signal.SIGHUP)
        eventually("the new generation hangs", lambda: hanging(server) == 2)
        server.send_signal(signal.SIGHUP)
        line = server.wait_event("reload_waits")[0]
        assert 'reason="another generation is starting"' in line, line
        install(scene, program())
        os.kill(max(set(server.workers()) - set(old)), signal.SIGKILL)
        line = server.wait_event("reload_failed")[0]
        assert 'reason="it ended before it was ready: signal SIGKILL"' in line, line
        assert " generation=3 " in server.wait_event("reload")[0]
        retired(server, 1)
        eventually("two workers are left", lambda: len(server.workers()) == 2)
        install(scene, STRANGER)
        server.send_signal(signal.SIGHUP)
        eventually("the new generation starts", lambda: len(server.workers()) == 4)
        server.stop()


# ---------------------------------------------------------------- programs and certificates


@test("a new program is run by the new workers, the old one by those that replace old workers")
def new_program():
    with own_program(expect=["worker_died"], extra=PATIENT) as (scene, server):
        old = os.stat("/proc/%d/exe" % server.pid).st_ino
        scene.bob.fill(2)
        with Pop(server, "bob") as client:
            client.cmd("DELE 1")
            target = install(scene, program())
            new = os.stat(target).st_ino
            assert new != old
            os.kill(server.workers()[0 if server.worker_of(client) != server.workers()[0] else 1],
                    signal.SIGKILL)
            server.wait_event("worker_start", 3)
            equal({os.stat("/proc/%d/exe" % pid).st_ino for pid in server.workers()}, {old},
                  "the programs before")
            server.reload()
            equal({os.stat("/proc/%d/exe" % pid).st_ino for pid in server.generation(2)}, {new},
                  "the programs afterwards")
            equal(os.stat("/proc/%d/exe" % server.worker_of(client)).st_ino, old,
                  "the program of the old session")
            client.quit()
        equal(len(scene.bob.messages()), 1, "messages")
        retired(server, 1)
        with Pop(server, "bob") as client:
            client.quit()


TLS = 'tls = { certificate = "%s/localhost.pem"; key = "%s/localhost.key"; };'


def resume(server, context, session=None):
    plain = socket.create_connection(("127.0.0.1", server.port), TIMEOUT)
    return context.wrap_socket(plain, server_hostname="localhost", session=session)


@test("a new certificate for new connections; open sessions and tickets of the old one go on")
def certificate():
    with Scene() as scene:
        certify(scene)
        with scene.server(listener="tls = true;",
                          extra=PATIENT + TLS % (scene.path, scene.path)) as server:
            scene.bob.fill(2)
            contexts = [trusting(scene, version)
                        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)]
            tickets = []
            for context in contexts:
                with resume(server, context) as tls:
                    tls.recv(100)
                    tickets.append(tls.session)
            with Pop(server, "bob", tls=contexts[1]) as old:
                old.cmd("DELE 1")
                shown = old.socket.getpeercert(True)
                certify(scene)
                server.reload()
                with Pop(server, tls=trusting(scene)) as new:
                    assert new.socket.getpeercert(True) != shown, "the old certificate"
                    new.quit()
                for context, ticket in zip(contexts, tickets):
                    with resume(server, context, ticket) as tls:
                        tls.recv(100)
                        assert tls.session_reused, "a full handshake"
                equal(old.retr(2), wire(letter(2)), "a message in the old session")
                old.cmd("QUIT")
            equal(len(scene.bob.messages()), 1, "messages")
            os.unlink(scene.path + "/localhost.pem")
            lines = server.reload("reload_failed")
            assert "cannot read certificate" in lines[0], lines
            certify(scene, days=3)
            server.reload()
            warnings = [line for line in server.events("config") if "expires on" in line]
            equal(len(warnings), 1, "warnings of the certificate's end")
            with Pop(server, tls=trusting(scene)) as new:
                new.quit()


@test("an expired certificate is warned of, and served")
def expired():
    with Scene() as scene:
        certify(scene)
        with scene.server(listener="tls = true;", extra=TLS % (scene.path, scene.path)) as server:
            need("certtool")
            template = scene.file("template", "cn = localhost\ndns_name = localhost\n"
                                  'activation_date = "2020-01-01 00:00:00 UTC"\n'
                                  'expiration_date = "2021-01-01 00:00:00 UTC"\n')
            run(["certtool", "--generate-self-signed", "--template", template, "--load-privkey",
                 "localhost.key", "--outfile", "localhost.pem"], scene.path)
            server.reload()
            warnings = [line for line in server.events("config") if "expired on" in line]
            equal(len(warnings), 1, "warnings")
            context = ssl.create_default_context(cafile=scene.path + "/localhost.pem")
            with contextlib.suppress(ssl.SSLCertVerificationError), Pop(server, tls=context):
                raise AssertionError("a client has accepted it")


@test("without a configuration file, a reload reads the certificate anew")
def quick():
    with Scene() as scene:
        certify(scene)
        arguments = ["--maildir", scene.bob.path, "--tls-listen", "127.0.0.1:0", "--certificate",
                     scene.path + "/localhost.pem", "--key", scene.path + "/localhost.key",
                     "--module-path", MODULE_PATH]
        environment = dict(os.environ, XDG_RUNTIME_DIR=scene.directory("run"))
        with Program(arguments, scene.path, environment=environment) as server:
            server.wait_ready()
            with Pop(server, "any", tls=trusting(scene)) as old:
                shown = old.socket.getpeercert(True)
                certify(scene)
                server.reload()
                with Pop(server, tls=trusting(scene)) as new:
                    assert new.socket.getpeercert(True) != shown, "the old certificate"
                    new.quit()
                equal(old.stat()[0], 0, "STAT")


# ---------------------------------------------------------------- deaths and ends


@test("kill -9 of workers in both generations: the new ones are replaced, the old ones not")
def killed_workers():
    with serving("bob", "eve", expect=["worker_died"], extra=PATIENT) as (scene, server):
        scene.mail["eve"].fill(1)
        first, second = [client for client in server.crowd(2)]
        first.login("bob")
        second.login("eve")
        second.cmd("DELE 1")
        server.reload()
        victims = [server.worker_of(first), server.generation(2)[0]]
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        server.wait_event("worker_died", 2)
        server.wait_event("worker_start", 5)
        with contextlib.suppress(ConnectionResetError):
            equal(first.file.read(), b"", "what a session of the dead worker gets")
        second.quit()
        retired(server, 1)
        equal(len(server.workers()), 2, "workers")
        for line in server.events("worker_died"):
            assert ("restart_ms" in line) == (" generation=2 " in line), line
        with Pop(server, "bob") as client:
            client.quit()
        equal(scene.mail["eve"].messages(), [], "what is left")


def with_two_generations(kill):
    """Sessions in both, then a murder under load, then a look at what is left."""
    with Scene("holder", *USERS) as scene:
        load = Load(scene)
        load.users.remove("holder")
        server = scene.server(extra=PATIENT)
        try:
            with Pop(server, "holder"):  # keeps the first generation
                with load.running(server):
                    load.wait_sessions(5)
                    server.reload()
                    load.wait_sessions(5)
                    assert len(server.workers()) > 2, "the old generation has gone"
                    kill(server)
                    server.process.wait()
                    server.no_process_left()
            server.check_log()
        except BaseException:
            server.show_log()
            raise
        finally:
            server.kill()
        with scene.server() as server:
            load.check(server)
            with Pop(server, "holder") as client:  # the lock is free
                client.quit()


@test("kill -9 of the master with two generations: all end, nothing is lost, no lock is left")
def killed_master():
    with_two_generations(lambda server: os.kill(server.pid, signal.SIGKILL))


@test("kill -9 of all with two generations: nothing is lost, no lock is left")
def killed_all():
    def kill(server):
        for pid in [server.pid] + server.workers():
            os.kill(pid, signal.SIGKILL)
    with_two_generations(kill)


@test("retire_timeout of the old generation ends its sessions")
def retire_timeout():
    with serving(extra='retire_timeout = "300ms";') as (scene, server):
        scene.bob.fill(1)
        with Pop(server, "bob") as client:
            client.cmd("DELE 1")
            server.change(extra=PATIENT)
            server.reload()
            equal(client.file.read(), b"", "what the client gets")
            equal(len(scene.bob.messages()), 1, "messages")
        retired(server, 1)
        with Pop(server, "bob") as client:
            server.reload()
            client.quit()


@test("SIGTERM gives the sessions of a retired generation no longer than others")
def retired_drains():
    with serving("bob", "eve", extra='drain_timeout = "300ms";') as (scene, server):
        scene.bob.fill(1)
        with Pop(server, "bob") as old:
            old.cmd("DELE 1")
            server.reload()
            with Pop(server, "eve") as new:
                server.send_signal(signal.SIGTERM)
                equal((old.file.read(), new.file.read()), (b"", b""), "what the clients get")
        equal(server.wait(), 0, "exit status")
        equal(len(scene.bob.messages()), 1, "messages")


@test("SIGTERM with two generations: both drain, the second SIGTERM ends them")
def stop():
    with serving("bob", "eve", extra=PATIENT) as (scene, server):
        scene.bob.fill(2)
        with Pop(server, "bob") as old, Pop(server) as idle:
            old.cmd("DELE 1")
            server.reload()
            with Pop(server, "eve") as new:
                server.send_signal(signal.SIGTERM)
                equal(idle.file.read(), b"", "what who has not logged in gets")
                old.quit()
                retired(server, 1)
                equal(new.stat()[0], 0, "STAT in the new generation")
                server.send_signal(signal.SIGHUP)
                server.wait_event("reload_failed")
                server.send_signal(signal.SIGTERM)
                equal(server.wait(), 0, "the exit status")
                equal(new.file.read(), b"", "what the client gets")
        equal(len(scene.bob.messages()), 1, "messages")


@test("fifty SIGHUPs: one good generation, nothing is left over")
def storm():
    with serving() as (_, server):
        server.reload()
        for number in range(50):
            server.send_signal(signal.SIGHUP)
            time.sleep(0.002 * (number % 5))

        def calm():
            last = int(re.findall(r"generation=(\d+)", server.events("reload")[-1])[0])
            workers = server.workers()
            return last > 2 and len(workers) == 2 and server.generation(last) == workers and \
                server.descriptors() == server.at_rest
        eventually("one generation is left, and nothing else", calm)
        equal(server.events("reload_failed"), [], "failures")
        with Pop(server, "bob") as client:
            client.quit()


@test("a worker that stood still and took no message retires all the same, a moment later")
def full_channel():
    with Scene() as scene:
        path = os.path.join(scene.path, "log")
        with scene.server(log='target = "%s";' % path, log_files=[path], workers=1,
                          expect=["internal", "log_reopen_failed"]) as server:
            with paused(server.generation(1)):
                for number in range(1, 1000):
                    server.send_signal(signal.SIGUSR1)
                    server.wait_event("log_reopen", number)
                    if server.events("log_reopen_failed"):
                        break
                server.send_signal(signal.SIGHUP)
                server.wait_event("drain")
                server.wait_event("internal")
            retired(server, 1)
            with Pop(server, "bob") as client:
                client.quit()


@test("too many generations that have sessions still: the next reload waits")
def bound():
    names = ["user%d" % number for number in range(9)]
    with serving(*names, workers=1, threads=1, extra=PATIENT) as (_, server):
        clients = []
        for number in range(7):
            clients.append(Pop(server, names[number]))
            server.reload()
        equal(len(server.workers()), 8, "workers")
        server.send_signal(signal.SIGHUP)
        line = server.wait_event("reload_waits")[-1]
        assert "too many earlier generations" in line, line
        with Pop(server, names[8]) as client:
            client.quit()
        clients[3].quit()
        server.wait_event("reload", 8)
        for number, client in enumerate(clients):
            if number != 3:
                client.quit()
        eventually("one worker is left", lambda: len(server.workers()) == 1)


def stopped_early():
    """SIGTERM for a master that stands still while a reload's workers become ready. False: they
    were before. What the log must not say is looked for at the end."""
    with serving(workers=2) as (_, server):
        old = server.workers()
        server.send_signal(signal.SIGHUP)
        eventually("a new worker", lambda: set(server.workers()) - set(old))
        with paused([server.pid]):
            early = len(server.events("worker_start")) == len(old)
            server.send_signal(signal.SIGTERM)
            time.sleep(0.5)  # they say that they are ready, and nobody reads it
        server.wait()
        return early


@test("SIGTERM in the midst of a reload is no alarm, though workers were about to be ready")
def sigterm_meanwhile():
    assert any(stopped_early() for _ in range(20)), "the reload is always faster"


main()
