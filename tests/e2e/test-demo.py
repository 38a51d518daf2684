#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What autogen.sh run starts without a directory: the demo, with the lines that it prints."""

import os
import re
import subprocess

from harness import (HERE, POPARTD, TIMEOUT, Pop, Program, Scene, equal, main, need, test)

DEMO = os.path.abspath(os.path.join(HERE, os.pardir, "support", "demo.sh"))
BUILD = os.path.dirname(POPARTD)


class Demo(Program):
    """Its ports are any that are free."""

    def __init__(self, scene):
        self.top = os.path.join(scene.path, "demo")
        super().__init__([BUILD, self.top, "0", "0"], scene.path, program=DEMO)
        self.must_start()
        listens = "\n".join(self.events("listen"))
        self.plain, self.tls = (int(re.search(pattern, listens, re.M).group(1)) for pattern in
                                (r"address=127\.0\.0\.1:(\d+)$", r":(\d+) tls=true$"))

    def lines(self):
        """Those that a newcomer types."""
        return [line.strip() for line in self.log().splitlines()
                if re.match(r"    (curl|echo|\S+/popartctl) ", line)]

    def type(self, line):
        for before, port in (("pop3", self.plain), ("pop3s", self.tls)):
            line = line.replace(before + "://demo:demo@127.0.0.1:0/",
                                "%s://demo:demo@127.0.0.1:%d/" % (before, port))
        done = subprocess.run(["sh", "-c", line], stdin=subprocess.DEVNULL, timeout=TIMEOUT,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        equal(done.returncode, 0, "the exit status of %s (%s)" % (line, done.stderr))
        return done.stdout

    def messages(self):
        """{size: message}: no two are of one size."""
        with Pop(self.plain, "demo", "demo") as client:
            found = client.all().values()
            client.quit()
        return {len(message): message for message in found}


@test("the demo: its lines work, what is deleted is gone, and there again at the next start")
def demo():
    need("curl", "openssl", "flock")
    with Scene() as scene:
        with Demo(scene) as first:
            full = first.messages()
            equal(len(full), 12, "messages")
            listing, fetch, secure, delete, deliver, status = first.lines()
            equal(len(first.type(listing).splitlines()), 12, "listed")
            welcome = first.type(fetch)
            assert b"\r\nSubject: Welcome to popart\r\n" in welcome, welcome
            equal(first.type(secure), welcome, "the same with TLS")
            first.type(delete)
            left = first.messages()
            equal(sorted(full.values()), sorted([*left.values(), welcome]), "all and the rest")
            first.type(deliver)
            assert b"Subject: Hello\r\n" in first.messages().values()
            first.wait_event("admin_start")
            assert first.type(status).startswith(b"All is well"), "the status"
            # One at a time.
            again = subprocess.run([DEMO, BUILD, first.top], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   timeout=TIMEOUT, check=False)
            equal(again.returncode, 1, "the exit status of a second demo")
            assert b"is running already" in again.stderr, again.stderr
            equal(len(first.messages()), 12, "messages after that")
        conf = os.path.join(first.top, "popart.conf")
        with open(conf, "a", encoding="utf-8") as file:
            file.write('hostname = "changed.example.net";\n')
        with Demo(scene) as second:
            with Pop(second.plain) as client:
                assert b"changed.example.net" in client.greeting, client.greeting
            equal(second.messages(), full, "the messages at the next start")


@test("the demo: a mistake in the configuration is told with its line, and nothing is started")
def mistake():
    need("openssl", "flock")
    with Scene() as scene:
        with Demo(scene) as first:
            pass
        conf = os.path.join(first.top, "popart.conf")
        with open(conf, "r+", encoding="utf-8") as file:
            text = file.read().replace("listen =", "lissten =")
            file.seek(0)
            file.write(text)
        done = subprocess.run([DEMO, BUILD, first.top, "0", "0"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT,
                              check=False)
        assert done.returncode != 0 and b"listen" in done.stderr, done
        assert re.search(rb"popart\.conf:\d+: ", done.stderr), done.stderr
        assert os.listdir(os.path.join(first.top, "mail")), "the mail is gone"


main()
