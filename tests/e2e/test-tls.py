#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The TLS port, with the clients that people have."""

import contextlib
import os
import poplib
import pty
import re
import socket
import ssl
import subprocess
import time

from harness import (PASSWORD, POPARTD, TIMEOUT, Pop, Scene, certify, corpus, equal, eventually,
                     letter, main, need, need_root, paused, run, test, trusting, wire)

poplib._MAXLINE = 1 << 20


GROUP = 'tls = { certificate = "%s/localhost.pem"; key = "%s/localhost.key"; %s };\n'


def tls_server(scene, more="", extra="", **options):
    if not os.path.exists(scene.path + "/localhost.pem"):
        certify(scene)
    return scene.server(listener="tls = true;",
                        extra=GROUP % (scene.path, scene.path, more) + extra, **options)


@contextlib.contextmanager
def serving(*names, **more):
    with Scene(*names) as scene, tls_server(scene, **more) as server:
        yield scene, server


VERSIONS = {"1.3": ssl.TLSVersion.TLSv1_3, "1.2": ssl.TLSVersion.TLSv1_2}


# ---------------------------------------------------------------- the session under TLS


def session(version):
    with serving() as (scene, server):
        scene.bob.fill(3)
        with Pop(server, tls=trusting(scene, VERSIONS[version])) as pop:
            equal(pop.socket.version(), "TLSv" + version, "the version")
            capabilities = pop.many("CAPA")
            assert b"\r\nUSER\r\n" in b"\r\n" + capabilities, capabilities
            assert b"SASL PLAIN" in capabilities, capabilities
            assert b"STLS" not in capabilities, capabilities
            pop.refused("STLS")
            pop.login("bob")
            equal(pop.stat()[0], 3, "STAT")
            equal(pop.retr(2), wire(letter(2)), "RETR")
            pop.cmd("QUIT")
            equal(pop.socket.recv(10), b"", "what comes after QUIT")  # no cut: close_notify
        line = server.wait_event("session_end")[0]
        assert " tls=TLS%s " % version in line and "cipher=" in line, line


for one in VERSIONS:
    test("a session in TLS %s, to its orderly end" % one)(lambda one=one: session(one))


@test("the workers serve TLS as somebody who cannot read the key")
def unreadable():
    need_root()
    with Scene() as scene:
        certify(scene)
        os.chmod(scene.path + "/localhost.key", 0o600)
        with tls_server(scene, user="nobody") as server:
            with Pop(server, tls=trusting(scene)) as pop:
                assert b"SASL" in pop.many("CAPA")


@test("every message of the corpus arrives as it is")
def whole_corpus():
    with serving() as (scene, server):
        mail = corpus()
        for data in mail.values():
            scene.bob.add(data)
        for version in VERSIONS.values():
            with Pop(server, "bob", tls=trusting(scene, version)) as pop:
                for number, (name, data) in enumerate(mail.items(), 1):
                    equal(pop.retr(number), wire(data), name)
                pop.quit()


@test("all commands in one go are answered in order")
def pipelining():
    with serving() as (scene, server):
        scene.bob.fill(20)
        with Pop(server, tls=trusting(scene)) as pop:
            pop.send("USER bob\r\nPASS %s\r\n" % PASSWORD +
                     "".join("RETR %d\r\n" % number for number in range(1, 21)) + "QUIT\r\n")
            pop.answer()
            pop.answer()
            for number in range(1, 21):
                pop.answer()
                equal(pop.multi(), wire(letter(number)), "message %d" % number)
            pop.answer()


@test("a big message, also to a reader that is slow")
def big():
    with serving() as (scene, server):
        data = letter(1, 20 << 20)
        scene.bob.add(data)
        for version in VERSIONS.values():
            with Pop(server, "bob", tls=trusting(scene, version), receive_buffer=4096) as pop:
                pop.put("RETR 1")
                time.sleep(0.3)
                pop.answer()
                equal(len(pop.multi()), len(wire(data)), "the length")
                pop.quit()
            with Pop(server, "bob", tls=trusting(scene, version)) as pop:
                assert pop.retr(1) == wire(data), "the message differs"
                pop.quit()


class Slow:
    """A client whose records come in pieces, several at a time or an octet at a time."""

    def __init__(self, scene, server, piece):
        self.piece = piece
        self.from_server, self.to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = trusting(scene).wrap_bio(self.from_server, self.to_server,
                                            server_hostname="localhost")
        self.socket = socket.create_connection(("127.0.0.1", server.port), TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.text = b""
        self.do(self.tls.do_handshake)

    def flush(self):
        data = self.to_server.read()
        for at in range(0, len(data), self.piece):
            self.socket.sendall(data[at:at + self.piece])

    def do(self, what, *arguments):
        while True:
            try:
                value = what(*arguments)
                self.flush()
                return value
            except ssl.SSLWantReadError:
                self.flush()
                data = self.socket.recv(100)
                assert data, "the server has closed the connection"
                self.from_server.write(data)

    def expect(self, text):
        while text not in self.text:
            self.text += self.do(self.tls.read, 1000)
        self.text = self.text.partition(text)[2]


@test("records that come in pieces, and several at once")
def pieces():
    with serving() as (scene, server):
        scene.bob.fill(2)
        for piece in (1, 7, 1 << 20):
            client = Slow(scene, server, piece)
            client.expect(b"+OK")
            for command in ("USER bob\r\n", "PASS " + PASSWORD, "\r", "\nNO", "OP\r\nSTAT\r\n"):
                client.tls.write(command.encode())
                if piece < 1 << 20:
                    client.flush()
            client.flush()
            client.expect(b"+OK 2 ")
            client.tls.write(b"QUIT\r\n")
            client.flush()
            client.expect(b"+OK good bye")
            client.socket.close()


@test("what was said together with the end of the handshake is heard")
def early():
    with serving() as (scene, server):
        for piece in (1, 1 << 20):
            client = Slow.__new__(Slow)
            client.piece, client.text = piece, b""
            client.from_server, client.to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
            client.tls = trusting(scene).wrap_bio(client.from_server, client.to_server,
                                                  server_hostname="localhost")
            client.socket = socket.create_connection(("127.0.0.1", server.port), TIMEOUT)
            flush, client.flush = client.flush, lambda: None
            with contextlib.suppress(ssl.SSLWantReadError):
                client.tls.do_handshake()
            flush()
            while True:
                client.from_server.write(client.socket.recv(4096))
                try:
                    client.tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    flush()
            client.tls.write(b"CAPA\r\nQUIT\r\n")  # Finished, CAPA and QUIT in one write
            flush()
            client.expect(b"SASL")
            client.expect(b"\r\n.\r\n+OK")
            client.socket.close()


# ---------------------------------------------------------------- clients


def by_curl(scene, server):
    need("curl")
    base = ["curl", "-sS", "--cacert", scene.path + "/localhost.pem", "-u", "bob:" + PASSWORD]
    url = "pop3s://localhost:%d/" % server.port
    numbers = run(base + [url], scene.path).split()[::2]
    return [run(base + [url + number.decode()], scene.path) for number in numbers]


def by_openssl(scene, server):
    need("openssl")
    text = run(["openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile",
                "localhost.pem", "-connect", "localhost:%d" % server.port], scene.path,
               talk(scene))
    return messages_in(text)


def by_gnutls(scene, server):
    need("gnutls-cli")
    with subprocess.Popen(["gnutls-cli", "--x509cafile", "localhost.pem", "--alpn", "pop3", "-p",
                           str(server.port), "localhost"], cwd=scene.path,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as client:
        client.stdin.write(talk(scene))
        client.stdin.flush()
        text = client.stdout.read()
        client.stdin.close()
    assert b"Application protocol: pop3" in text, text
    return messages_in(text)


def talk(scene):
    count = len(scene.bob.messages())
    return ("USER bob\r\nPASS %s\r\n" % PASSWORD + "".join(
        "RETR %d\r\n" % number for number in range(1, count + 1)) + "QUIT\r\n").encode()


def messages_in(text):
    """What was sent of the letters, which have no dots to be unstuffed."""
    text = text.replace(b"\r\n", b"\n").partition(b"\n+OK")[2]
    return [wire(part) for part in re.findall(rb"(From: a@.*?\n)\.\n", text, re.DOTALL)]


def by_fetchmail(scene, server):
    need("fetchmail")
    out = scene.directory("fetched")
    store = scene.file("store", "#!/bin/sh\nexec cat >%s/$(ls %s | wc -l)\n" % (out, out), 0o700)
    script = scene.file("fetchmailrc", """
        set no bouncemail
        set invisible
        poll localhost protocol pop3 port %d:
            user "bob" password "%s" fetchall keep no rewrite pass8bits no mimedecode
            ssl sslproto "TLS1.2+" sslcertck sslcertfile "%s/localhost.pem" mda "%s"
        """ % (server.port, PASSWORD, scene.path, store))
    run(["fetchmail", "--nodetach", "--nosyslog", "-f", script], scene.path)
    return stored(out)


def by_mpop(scene, server):
    need("mpop")
    out = scene.directory("popped")
    for sub in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(out, sub))
    script = scene.file("mpoprc", """
        defaults
        tls on
        tls_starttls off
        tls_trust_file %s/localhost.pem
        received_header off
        uidls_file %s/uidls
        account default
        host localhost
        port %d
        auth plain
        user bob
        password "%s"
        delivery maildir %s
        keep on
        """ % (scene.path, scene.path, server.port, PASSWORD, out))
    run(["mpop", "-q", "-C", script], scene.path)
    return stored(os.path.join(out, "new"))


def by_mutt(scene, server):
    need("mutt")
    out = scene.directory("mutt")
    for sub in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(out, sub))
    script = scene.file("muttrc", """
        set pop_host="pops://bob@localhost:%d" pop_user="bob" pop_pass="%s" pop_delete=no
        set certificate_file="%s/localhost.pem"
        set spoolfile="%s" folder="%s" mbox_type=Maildir sort=mailbox-order
        set pop_last=no ssl_starttls=no
        set wait_key=no confirmappend=no timeout=1 sleep_time=0
        push "<fetch-mail><quit>"
        """ % (server.port, PASSWORD, scene.path, out, out))
    master, slave = pty.openpty()
    environment = dict(os.environ, HOME=scene.path, TERM="vt100", LC_ALL="C")
    with subprocess.Popen(["mutt", "-n", "-F", script, "-f", out], stdin=slave, stdout=slave,
                          stderr=slave, start_new_session=True, env=environment) as done:
        os.close(slave)
        screen = b""
        with contextlib.suppress(OSError):
            while part := os.read(master, 65536):
                screen += part
        os.close(master)
        equal(done.wait(TIMEOUT), 0, "mutt's exit status (screen: %r)" % screen[-1000:])
    return stored(out + "/new") + stored(out + "/cur")


def by_poplib(scene, server):
    client = poplib.POP3_SSL("localhost", server.port, context=trusting(scene), timeout=TIMEOUT)
    client.user("bob")
    client.pass_(PASSWORD)
    got = [b"".join(line + b"\r\n" for line in client.retr(number)[1])
           for number in range(1, client.stat()[0] + 1)]
    client.quit()
    return got


def stored(directory):
    contents = []
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), "rb") as file:
            contents.append(wire(file.read()))
    return contents


def downloads(client):
    with serving() as (scene, server):
        scene.bob.fill(12)
        got = sorted(client(scene, server))
        equal(got, sorted(wire(letter(number)) for number in range(1, 13)), "the mail")
        for line in server.wait_event("session_end"):
            assert " tls=TLS1.3 " in line and " reason=quit" in line, line


for one, label in ((by_curl, "curl"), (by_openssl, "openssl s_client"),
                   (by_gnutls, "gnutls-cli"), (by_fetchmail, "fetchmail"), (by_mpop, "mpop"),
                   (by_mutt, "mutt"), (by_poplib, "Python poplib")):
    test(label + " downloads over TLS")(lambda one=one: downloads(one))


# ---------------------------------------------------------------- resumption, names, OCSP


def resumption(version):
    with serving(workers=2) as (scene, server):
        where = ["openssl", "s_client", "-connect", "localhost:%d" % server.port, "-CAfile",
                 "localhost.pem", "-tls" + version.replace(".", "_")]
        text = run(where + ["-sess_out", "session", "-ign_eof"], scene.path, b"QUIT\r\n")
        assert b"New, TLSv" in text, text
        for _ in range(30):
            text = run(where + ["-sess_in", "session", "-ign_eof"], scene.path, b"QUIT\r\n")
            assert b"Reused, TLSv" in text, text
        lines = eventually("every session has ended", lambda: (
            lambda found: found if len(found) > 30 else None)(server.events("session_end")))
        equal(len([line for line in lines if " resumed=true" in line]), 30, "resumed sessions")


for one in VERSIONS:
    test("every connection resumes a session of TLS %s, whichever worker it comes to" % one)(
        lambda one=one: resumption(one))


@test("a session is resumed by another worker than the one that it began with")
def other_worker():
    with serving(workers=2) as (scene, server):
        context = trusting(scene, ssl.TLSVersion.TLSv1_2)

        def connect(session=None):
            plain = socket.create_connection(("127.0.0.1", server.port), TIMEOUT)
            return context.wrap_socket(plain, server_hostname="localhost", session=session)

        class Client:
            def __init__(self, tls):
                self.socket = tls

        with connect() as first:
            first.recv(100)
            ticket, home = first.session, server.worker_of(Client(first))
            with paused([home]), connect(ticket) as second:
                second.recv(100)
                assert second.session_reused, "a full handshake"
                assert server.worker_of(Client(second)) != home


@test("the certificate is that of the host that the client names")
def names():
    with Scene() as scene:
        for name in ("localhost", "b.example", "c.example"):
            certify(scene, name)
        more = "certificates = (" + ", ".join(
            '{ certificate = "%s/%s.pem"; key = "%s/%s.key"; }' % (scene.path, name, scene.path,
                                                                  name)
            for name in ("b.example", "c.example")) + ");"
        with tls_server(scene, more) as server:
            for name, shown in (("localhost", "localhost"), ("b.example", "b.example"),
                                ("c.example", "c.example"), ("d.example", "localhost")):
                for version in VERSIONS:
                    text = run(["openssl", "s_client", "-connect",
                                "localhost:%d" % server.port, "-servername", name, "-ign_eof",
                                "-tls" + version.replace(".", "_")], scene.path, b"QUIT\r\n")
                    assert b"subject=CN = " + shown.encode() + b"\n" in text, text


@test("an OCSP response is stapled")
def stapling():
    with Scene() as scene:
        certify(scene, "ca", file="ca")
        run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-keyout", "localhost.key", "-out", "localhost.csr", "-subj", "/CN=localhost"],
            scene.path)
        scene.file("names", "subjectAltName=DNS:localhost\n")
        run(["openssl", "x509", "-req", "-in", "localhost.csr", "-CA", "ca.pem", "-CAkey",
             "ca.key", "-set_serial", "0x1000", "-days", "30", "-extfile", "names", "-out",
             "localhost.pem"], scene.path)
        scene.file("index", "V\t491231235959Z\t\t1000\tunknown\t/CN=localhost\n")
        run(["openssl", "ocsp", "-issuer", "ca.pem", "-cert", "localhost.pem", "-reqout",
             "request", "-no_nonce"], scene.path)
        run(["openssl", "ocsp", "-index", "index", "-CA", "ca.pem", "-rsigner", "ca.pem",
             "-rkey", "ca.key", "-reqin", "request", "-respout", "response", "-ndays", "7"],
            scene.path)
        with tls_server(scene, 'ocsp = "%s/response";' % scene.path) as server:
            text = run(["openssl", "s_client", "-connect", "localhost:%d" % server.port,
                        "-status", "-CAfile", "ca.pem", "-ign_eof"], scene.path, b"QUIT\r\n")
            assert b"OCSP Response Status: successful" in text, text
            assert b"Cert Status: good" in text, text


# ---------------------------------------------------------------- who does not fit


def rest(client):
    """Everything until the end, which may be a reset."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(1000):
            data += part
    return data


@test("plain text on the TLS port ends at once, and the log says so")
def plain_text():
    with serving(extra='handshake_timeout = "1h"; login_timeout = "1h";') as (_, server):
        for number, text in enumerate((b"CAPA\r\n", b"USER bob\r\n", b"\r\n", b"X"), 1):
            with socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as client:
                client.sendall(text)
                assert b"+OK" not in rest(client)
            line = server.wait_event("tls_failed", number)[-1]
            assert "does not speak TLS" in line and "rip=127.0.0.1" in line, line


@test("a TLS hello on the plain port ends at once, and the log says so")
def hello():
    with Scene() as scene, scene.server(extra='login_timeout = "1h";') as server:
        certify(scene)
        try:
            Pop(server, tls=trusting(scene))
        except (ssl.SSLError, ConnectionResetError):
            pass
        else:
            raise AssertionError("there was TLS on the plain port")
        line = server.wait_event("tls_failed")[0]
        assert "speaks TLS" in line and "rip=127.0.0.1" in line, line


@test("a client that offers other protocols by ALPN, or TLS 1.1 only, is refused")
def refused():
    with serving() as (scene, server):
        context = trusting(scene)
        context.set_alpn_protocols(["imap"])
        old = ["openssl", "s_client", "-connect", "localhost:%d" % server.port, "-tls1_1",
               "-cipher", "DEFAULT:@SECLEVEL=0"]
        try:
            Pop(server, tls=context)
        except ssl.SSLError as error:
            assert "NO_APPLICATION_PROTOCOL" in str(error).upper().replace(" ", "_"), error
        else:
            raise AssertionError("imap was accepted")
        text = run(old, scene.path, b"QUIT\r\n", (1,))
        assert b"alert protocol version" in text, text
        equal(len(server.wait_event("tls_failed", 2)), 2, "log lines")
        context.set_alpn_protocols(["imap", "pop3"])
        with Pop(server, "bob", tls=context) as pop:
            equal(pop.socket.selected_alpn_protocol(), "pop3", "the protocol")
            pop.quit()


@test("who does not finish the handshake is not waited for")
def timeout():
    with serving(extra='handshake_timeout = "1s"; login_timeout = "1h";') as (scene, server):
        hello = ssl.MemoryBIO()
        tls = trusting(scene).wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        first = hello.read()
        for number, part in enumerate((b"", first[:1], first[:100], first), 1):
            with socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as client:
                client.sendall(part)
                rest(client)
            line = server.wait_event("session_end", number)[-1]
            assert "reason=handshake-timeout" in line, line
        # And who has is not thrown out by it.
        with Pop(server, tls=trusting(scene)) as pop:
            time.sleep(1.5)
            pop.login("bob")
            pop.quit()


@test("noise harms nobody")
def noise():
    with serving() as (scene, server):
        hello = ssl.MemoryBIO()
        tls = trusting(scene).wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        good = hello.read()
        with Pop(server, "bob", tls=trusting(scene)) as pop:
            for number in range(200):
                bad = bytearray(good)
                bad[(number * 37) % len(bad)] ^= 1 << number % 8
                with socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as client:
                    client.sendall(bad + b"\x16\x03\x01\x40\x00" * (number % 3))
                    client.shutdown(socket.SHUT_WR)
                    rest(client)
            pop.cmd("NOOP")
            pop.quit()


@test("a client that cuts the connection is no error")
def cut():
    with serving() as (scene, server):
        scene.bob.add(letter(1, 4 << 20))
        pop = Pop(server, "bob", tls=trusting(scene), receive_buffer=4096)
        pop.put("RETR 1")
        pop.answer()
        pop.close()
        server.wait_event("session_end")
        with Pop(server, "bob", tls=trusting(scene)) as again:
            again.quit()


# ---------------------------------------------------------------- popartd -t


def told(scene, more="", certificate="localhost.pem", key="localhost.key"):
    """What -t says of a configuration with these, and its status."""
    conf = scene.file("check.conf", "\n".join((
        'run_dir = "%s/run"; state_dir = "%s/state";' % (scene.path, scene.path),
        'user = "%s"; module_path = "%s";' % ("root" if os.geteuid() == 0 else "",
                                               os.environ.get("MODULE_PATH", "")),
        'listen = { address = "127.0.0.1:0"; tls = true; };',
        'tls = { certificate = "%s/%s"; key = "%s/%s"; %s };' % (
            scene.path, certificate, scene.path, key, more),
        'auth = { module = "static"; user = "bob"; password = "x"; };',
        'storage = { module = "maildir"; path = "%s/mail"; };' % scene.path)))
    done = subprocess.run([POPARTD, "-t", "-c", conf], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, timeout=TIMEOUT, check=False)
    said = [line.replace(scene.path + "/", "") for line in done.stderr.splitlines()
            if "root" not in line]
    return done.returncode, said


@test("-t tells what is wrong with certificates")
def check():
    with Scene() as scene:
        certify(scene)
        certify(scene, "other")
        certify(scene, "soon", days=3)
        for name in ("run", "state"):
            scene.directory(name)
        scene.file("junk", "nothing of that kind\n")
        scene.file("empty", "")
        os.chmod(scene.path + "/other.key", 0o644)
        at = "check.conf:4: "
        cases = (
            ({}, 0, []),
            ({"key": "other.key"}, 1, [
                at + "warning: everybody on this machine can read the private key in "
                "other.key; chmod o-r other.key",
                at + "localhost.pem: The certificate and the given key do not match."]),
            ({"key": "missing"}, 1, [at + "cannot read key missing: No such file or directory"]),
            ({"certificate": "run"}, 1, [at + "certificate run is not a regular file"]),
            ({"certificate": "empty"}, 1, [at + "certificate empty is empty"]),
            ({"certificate": "junk"}, 1, [
                at + "junk: no certificate in PEM form: No certificate was found."]),
            ({"key": "junk"}, 1, [at + "localhost.pem: its key is no private key in PEM form: "
                                  "The requested data were not available."]),
            ({"more": 'ocsp = "%s/junk";' % scene.path}, 1, [
                at + "localhost.pem: its OCSP response: ASN1 parser: Error in TAG."]),
            ({"more": 'priorities = "NORMAL:+NO";'}, 1, [
                at + 'tls.priorities: The request is invalid. at "+NO", character 8']),
        )
        for options, status, lines in cases:
            equal(told(scene, **options), (status, lines), "what is said of %r" % options)
        status, lines = told(scene, certificate="soon.pem", key="soon.key")
        equal(status, 0, "the status")
        assert len(lines) == 1 and re.match(
            re.escape(at) + r"warning: the certificate in soon.pem expires on \d{4}-\d\d-\d\d "
            r"\d\d:\d\d UTC, in less than [34] days; renew it", lines[0]), lines


main()
