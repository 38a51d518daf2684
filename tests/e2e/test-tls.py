#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The TLS port, with the clients that people have."""

import contextlib
import json
import os
import poplib
import pty
import re
import socket
import ssl
import subprocess
import time
from unittest import mock

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


@test("a big message with each cipher, and in records as short as the client wants")
def big_with():
    need("openssl")
    with serving() as (scene, server):
        data = letter(1, 3 << 20)
        scene.bob.add(data)
        for options in (["-ciphersuites", "TLS_AES_128_GCM_SHA256"],
                        ["-ciphersuites", "TLS_AES_256_GCM_SHA384"],
                        ["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
                        ["-maxfraglen", "512"], ["-maxfraglen", "4096"]):
            text = run(["openssl", "s_client", "-quiet", "-tls1_3", "-verify_return_error",
                        "-CAfile", "localhost.pem", *options,
                        "-connect", "localhost:%d" % server.port], scene.path, talk(scene))
            equal(messages_in(text) == [wire(data)], True, "the message, %s" % options)


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


@test("a client that asks for new keys has them before the next answer")
def new_keys():
    need("openssl")
    with serving() as (scene, server):
        with subprocess.Popen(["openssl", "s_client", "-msg", "-tls1_3", "-CAfile",
                               "localhost.pem", "-connect", "localhost:%d" % server.port],
                              cwd=scene.path, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as client:
            for said, heard in ((b"", [rb"\+OK"]), (b"K\n", [b">>> .*KeyUpdate"]),
                                (b"quit\n", [b"<<< .*KeyUpdate", rb"\+OK good bye",
                                            b"<<< .*close_notify"])):
                client.stdin.write(said)
                client.stdin.flush()
                for what in heard:
                    assert any(re.match(what, line) for line in client.stdout), what


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


def more_certificates(scene, *names):
    return "certificates = (%s);" % ", ".join(
        '{ certificate = "%s/%s.pem"; key = "%s/%s.key"; }' % (scene.path, name, scene.path, name)
        for name in names)


def shown(scene, server, host, *options):
    """The name and the kind of key that a client finds in the certificate."""
    text = run(["openssl", "s_client", "-connect", "localhost:%d" % server.port, "-servername",
                host, "-ign_eof", *options], scene.path, b"QUIT\r\n", success=(0, 1))
    found = re.search(rb"subject=CN = (\S+)", text)
    kind = b"RSA" if b"Peer signature type: RSA" in text else b"ECDSA"
    return (found.group(1) + b" " + kind).decode() if found else None


@test("the certificate is that of the host that the client names, with a key that it can use")
def names():
    with Scene() as scene:
        certify(scene)
        certify(scene, "b.example", kind="rsa")
        certify(scene, "c.example", kind="rsa", file="c-rsa")
        certify(scene, "c.example")
        more = more_certificates(scene, "b.example", "c-rsa", "c.example")
        by_rsa = (("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"),
                  ("-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256"))
        with tls_server(scene, more) as server:
            for name, expected in (("localhost", "localhost ECDSA"), ("b.example", "b.example RSA"),
                                   ("B.Example", "b.example RSA"),
                                   ("c.example", "c.example ECDSA"),
                                   ("C.EXAMPLE", "c.example ECDSA"),
                                   ("d.example", "localhost ECDSA")):
                for options in (["-tls1_2"], ["-tls1_3"]):
                    equal(shown(scene, server, name, *options), expected, name)
                for options in by_rsa:
                    equal(shown(scene, server, name, *options),
                          None if "localhost" in expected else
                          expected.replace("ECDSA", "RSA"), "%s by RSA" % name)
            server.wait_event("tls_failed", 4)


def certify_by_ca(scene):
    """A certificate of localhost by a CA, ca.pem, and what the CA says of it: response."""
    certify(scene, "ca", file="ca")
    run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", "localhost.key", "-out", "localhost.csr", "-subj", "/CN=localhost"],
        scene.path)
    scene.file("extensions", "subjectAltName=DNS:localhost\nkeyUsage=digitalSignature\n"
               "extendedKeyUsage=serverAuth\nauthorityInfoAccess=OCSP;URI:http://127.0.0.1:1/\n")
    run(["openssl", "x509", "-req", "-in", "localhost.csr", "-CA", "ca.pem", "-CAkey",
         "ca.key", "-set_serial", "0x1000", "-days", "80", "-extfile", "extensions", "-out",
         "localhost.pem"], scene.path)
    scene.file("index", "V\t491231235959Z\t\t1000\tunknown\t/CN=localhost\n")
    run(["openssl", "ocsp", "-issuer", "ca.pem", "-cert", "localhost.pem", "-reqout",
         "request", "-no_nonce"], scene.path)
    run(["openssl", "ocsp", "-index", "index", "-CA", "ca.pem", "-rsigner", "ca.pem",
         "-rkey", "ca.key", "-reqin", "request", "-respout", "response", "-ndays", "7"],
        scene.path)


@test("an OCSP response is stapled, to the certificate that it is for alone")
def stapling():
    with Scene() as scene:
        certify_by_ca(scene)
        certify(scene, "b.example")
        more = 'ocsp = "%s/response"; ' % scene.path + more_certificates(scene, "b.example")
        with tls_server(scene, more) as server:
            for name in ("localhost", "LocalHost", "b.example"):
                for version in ("-tls1_2", "-tls1_3"):
                    text = run(["openssl", "s_client", "-connect", "localhost:%d" % server.port,
                                "-servername", name, version, "-status", "-CAfile", "ca.pem",
                                "-ign_eof"], scene.path, b"QUIT\r\n")
                    good = name != "b.example"
                    equal(b"OCSP Response Status: successful" in text, good, name)
                    equal(b"Cert Status: good" in text, good, name)
                    equal(b"no response sent" in text, not good, name)


@test("testssl finds nothing to complain of")
def inspected():
    need("testssl")
    rated = ("LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL")  # WARN: it could not find out
    with Scene() as scene:
        certify_by_ca(scene)
        with tls_server(scene, 'ocsp = "%s/response";' % scene.path) as server:
            with mock.patch.dict(os.environ, HEADER_MAXSLEEP="1"):  # there is no HTTP header
                run(["testssl", "--quiet", "--color", "0", "--warnings", "off", "--nodns=none",
                     "--ip=127.0.0.1", "--add-ca", "ca.pem", "--jsonfile", "found.json"] +
                    "--protocols --std --fs --server-preference --server-defaults "
                    "--vulnerable".split() + ["localhost:%d" % server.port], scene.path,
                    success=range(64), timeout=5 * TIMEOUT)
            with open(scene.path + "/found.json", encoding="utf-8") as file:
                found = json.load(file)
            good = {row["id"] for row in found if row["severity"] == "OK"}
            assert good > {"TLS1_3", "cipher_order", "OCSP_stapling", "heartbleed"}, good
            bad = ["%(severity)s %(id)s: %(finding)s" % row for row in found
                   if row["severity"] in rated
                   and row["id"] != "DNS_CAArecord"]  # localhost has none
            equal(bad, [], "what testssl complains of")
            with Pop(server, "bob", tls=trusting(scene, file="ca.pem")) as pop:
                pop.quit()


# ---------------------------------------------------------------- who does not fit


def rest(client):
    """Everything until the end, which may be a reset."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(1000):
            data += part
    return data


SSL2_HELLO = bytes.fromhex("802e0103010015000000100100800300800600400200800000050000040000") + \
    b"0123456789abcdef"


def first_words(scene):
    """What a client of TLS says first."""
    hello = ssl.MemoryBIO()
    tls = trusting(scene).wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return hello.read()


def ended_by(server, text):
    """Sends it, octet by octet if it is a list, and returns what comes before the end."""
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for part in [text] if isinstance(text, bytes) else text:
                client.sendall(part)
        return rest(client)


def octets(text):
    return [text[at:at + 1] for at in range(len(text))]


@test("plain text on the TLS port ends at once, and the log says so")
def plain_text():
    with serving(extra='handshake_timeout = "1h"; login_timeout = "1h";') as (_, server):
        words = (b"CAPA\r\n", b"USER bob\r\n", b"\r\n", b"X", octets(b"CAPA\r\n"), SSL2_HELLO,
                 octets(SSL2_HELLO), b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\0", b"\xff")
        for number, text in enumerate(words, 1):
            assert b"+OK" not in ended_by(server, text)
            line = server.wait_event("tls_failed", number)[-1]
            assert "does not speak TLS" in line and "rip=127.0.0.1" in line, line


@test("a TLS hello on the plain port ends at once, and the log says so")
def hello():
    with Scene() as scene, scene.server(extra='login_timeout = "1h";') as server:
        certify(scene)
        first = first_words(scene)
        for number, text in enumerate((first, first[:1], octets(first), SSL2_HELLO,
                                       octets(SSL2_HELLO)), 1):
            said = ended_by(server, text)
            assert said.count(b"\n") <= 1, said  # the greeting
            line = server.wait_event("tls_failed", number)[-1]
            assert "speaks TLS" in line and "rip=127.0.0.1" in line, line
        with Pop(server) as pop:  # other odd octets are a bad command, as ever
            pop.refused(b"\xc3\xa4\xc3\xb6")
            pop.refused(b"\x16\x16")
            pop.quit()


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
        first = first_words(scene)
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
        good = first_words(scene)
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
        run("openssl pkey -aes256 -passout pass:secret -in localhost.key -out secret.key".split(),
            scene.path)
        with Scene() as another:
            certify_by_ca(another)
            os.rename(another.path + "/response", scene.path + "/response")
        os.chmod(scene.path + "/other.key", 0o644)
        at = "check.conf:4: "
        cases = (
            ({}, 0, []),
            ({"key": "other.key"}, 1, [
                at + "warning: everybody on this machine can read the private key in "
                "other.key; chmod o-r other.key",
                at + "other.key: not the key of the certificate in localhost.pem"]),
            ({"key": "missing"}, 1, [at + "cannot read key missing: No such file or directory"]),
            ({"certificate": "run"}, 1, [at + "certificate run is not a regular file"]),
            ({"certificate": "empty"}, 1, [at + "certificate empty is empty"]),
            ({"certificate": "junk"}, 1, [
                at + "junk: no certificate in PEM form"]),
            ({"key": "junk"}, 1, [at + "junk: no private key in PEM form"]),
            ({"key": "secret.key"}, 1, [
                at + "secret.key: the key is encrypted, and nobody is there to type its "
                "password; `openssl pkey -in secret.key` prints it without"]),
            ({"more": 'ocsp = "%s/junk";' % scene.path}, 1, [
                at + "junk: no OCSP response in DER form: ASN1 parser: Error in TAG."]),
            ({"more": 'ocsp = "%s/response";' % scene.path}, 1, [
                at + "response: an OCSP response about another certificate than that in "
                "localhost.pem"]),
            ({"more": 'priorities = "NORMAL:+NO";'}, 1, [
                at + 'tls.priorities: GnuTLS does not understand "+NO", from character 8 on; '
                "`gnutls-cli --list` shows what there is"]),
        )
        for options, status, lines in cases:
            equal(told(scene, **options), (status, lines), "what is said of %r" % options)
        certify_by_ca(scene)
        with open(scene.path + "/response", "r+b") as file:
            data = file.read()
            file.seek(0)
            file.write(data.replace(re.findall(rb"\d{14}Z", data)[-1], b"20200102030405Z"))
        status, lines = told(scene, 'ocsp = "%s/response";' % scene.path)
        equal((status, lines), (0, [
            at + "warning: the OCSP response in response has expired and is shown to nobody; "
            "fetch a new one"]), "what is said of it")
        status, lines = told(scene, certificate="soon.pem", key="soon.key")
        equal(status, 0, "the status")
        assert len(lines) == 1 and re.match(
            re.escape(at) + r"warning: the certificate in soon.pem expires on \d{4}-\d\d-\d\d "
            r"\d\d:\d\d UTC, in less than [34] days; renew it", lines[0]), lines


main()
