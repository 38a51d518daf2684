#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""docs/examples as somebody has them who has installed popart: copied from where `make install`
puts them, built by their own Makefiles without a warning, put through popart-module-check, and
serving mail in the installed popartd."""

import concurrent.futures
import os
import poplib
import shutil
import socket
import stat
import subprocess
import tempfile

from installed import Installed
from harness import Program, Scene, Skip, certificate, equal, eventually, letter, wire
from tap import Tap, run
from web import Service

STORES = {"eml": "eml", "eml-cpp": "emlxx", "eml-rust": "emlrs"}
MODULES = dict(STORES, http="http")
NEEDS = {"eml-cpp": "c++", "eml-rust": "rustc"}
STRICT = ["CFLAGS=-O2 -Wall -Wextra -Werror", "CXXFLAGS=-O2 -Wall -Wextra -Werror",
          "RUSTFLAGS=-O -D warnings"]
USERS = {"anna": ("sesame", b"box=anna"),
         "bert": ("a&b=c %\u00fc+", b"user=bertram\r\nbox=b\r\n"),
         "mad": ("sesame", b"box=../mail/anna\n")}
MAIL = {"b.eml": letter(3), "a.eml": letter(1), "c.eml": b"no end", "e.eml": b"",
        "d.eml": b"\r\n.\r\n..x\nlone\rcr\r", "f.eml": letter(2, octets=200000),
        "..eml": b"hidden", "f.txt": b"no mail"}


class Workshop:
    """The installed popart, the examples, and mail."""

    def __init__(self, tap, directory):
        self.tap = tap
        self.directory = directory
        self.installed = Installed(directory)
        self.built = []

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def run(self, command, **more):
        return run(command, env=self.installed.environment, **more)

    def attempt(self, title, function, *arguments):
        try:
            function(*arguments)
            problems = []
        except Skip as reason:
            self.tap.count += 1
            print("ok %d - %s # SKIP %s" % (self.tap.count, title, reason), flush=True)
            return
        except Exception as error:  # noqa: BLE001
            problems = ["%s: %s" % (type(error).__name__, error)]
        self.tap.check(title, problems)


def build(shop):
    shutil.copytree(shop.installed.path("share/doc/popart/examples"), shop.path("examples"))
    for name, module in MODULES.items():
        tool = NEEDS.get(name)
        if tool and not shop.tap.need("%s builds" % name, tool):
            continue
        status, output = shop.run(["make", "-C", shop.path("examples", name), *STRICT])
        shop.tap.check("%s builds without a warning" % name,
                       [output] if status != 0 or "warning:" in output else [])
        if status == 0:
            shop.built.append(name)
            exported(shop, name, shop.path("examples", name, module + ".so"))


def exported(shop, name, path):
    status, output = shop.run(["nm", "-D", "--defined-only", path])
    # Weak ones are what C++ has in many places, and nobody's.
    symbols = [line.split()[2] for line in output.splitlines() if line.split()[1] not in "VW"]
    shop.tap.check("%s exports its entry and nothing else" % name,
                   [] if status == 0 and symbols == ["popart_module_entry"] else [output])


def hold(shop, name, *variables):
    status, output = shop.run(["make", "-s", "-C", shop.path("examples", name), "check",
                               *variables])
    lines = output.splitlines()
    return name, [] if status == 0 and any(line.startswith("ok ") for line in lines) else [
        line for line in lines if not line.startswith("ok ")]


def check(shop):
    """Side by side: they wait for disks and clocks mostly."""
    with Service({"anna": USERS["anna"]}) as service, \
            concurrent.futures.ThreadPoolExecutor() as pool:
        for name, problems in pool.map(lambda name: hold(
                shop, name, "URL=" + service.url, "LOGIN=anna:sesame"), shop.built):
            shop.tap.check("%s keeps its promises" % name, problems)


def install(shop):
    for name in shop.built:
        status, output = shop.run(["make", "-s", "-C", shop.path("examples", name), "install"])
        path = os.path.join(shop.installed.modules, MODULES[name] + ".so")
        shop.tap.check("%s is installed" % name, [] if status == 0 and
                       stat.S_IMODE(os.stat(path).st_mode) == 0o644 else [output])
    status, output = shop.run(["popartd", "--modules", "--module-path", shop.installed.modules])
    shop.tap.check("popartd finds them all", [
        name for name in shop.built if "/%s.so: " % MODULES[name] not in output] +
        ([output] if status else []))


# ---------------------------------------------------------------- serving


class Popartd(Program):
    """The installed one, with an example for a store and http in front of static."""

    def __init__(self, shop, store, url, more=""):
        self.conf = shop.path("popart.conf")
        for name in ("mail", "run"):
            os.makedirs(shop.path(name), exist_ok=True)
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write("""
                module_path = "%s"; user = "%s"; workers = 1; threads = 2; run_dir = "%s";
                listen = ( { address = "127.0.0.1:0"; } );
                auth = ( { module = "http"; url = "%s"; timeout = "1s"; %s },
                         { module = "static"; user = "carl"; password = "sesame";
                           attributes = ( "box=carl" ); } );
                storage = ( { module = "%s"; path = "%s/%%{box}"; } );
                """ % (shop.installed.modules, "root" if os.geteuid() == 0 else
                       subprocess.check_output(["id", "-un"], encoding="utf-8").strip(),
                       shop.path("run"), url, more, store, shop.path("mail")))
        super().__init__(["-c", self.conf], shop.directory, expect={"module_failed"},
                         program=shop.installed.path("sbin/popartd"),
                         environment=shop.installed.environment)
        self.must_start()

    def login(self, user, password):
        client = poplib.POP3("127.0.0.1", self.port, timeout=20)
        try:
            client.user(user)
            client.pass_(password)
        except BaseException:
            client.close()
            raise
        return client

    def refusal(self, user, password):
        try:
            self.login(user, password).close()
        except poplib.error_proto as error:
            return error.args[0].split(b"]")[0] + b"]"
        raise AssertionError("%s is let in" % user)


def fill(directory, mail):
    os.makedirs(directory)
    for name, octets in mail.items():
        with open(os.path.join(directory, name), "wb") as file:
            file.write(octets)


def everything(server):
    """[(unique-id, octets)] as a client has them, whose sizes are right."""
    client = server.login("anna", "sesame")
    sizes = [int(line.split()[1]) for line in client.list()[1]]
    uids = [line.split()[1] for line in client.uidl()[1]]
    octets = [b"".join(line + b"\r\n" for line in client.retr(n + 1)[1])
              for n in range(len(sizes))]
    client.quit()
    equal(sizes, [len(text) for text in octets], "the sizes")
    return list(zip(uids, octets))


def deliver(shop, server, user, octets):
    subprocess.run([shop.installed.path("sbin/popart-deliver"), "-c", server.conf, "-u", user],
                   input=octets, check=True, stderr=subprocess.PIPE)


def a_day(shop, server):
    """Mail comes, is read, and goes."""
    expected = [wire(MAIL[file]) for file in sorted(MAIL) if file[0] != "." and file[-1] == "l"]
    before = everything(server)
    equal([octets for _, octets in before], expected, "what is listed")
    deliver(shop, server, "anna", letter(7))
    deliver(shop, server, "anna", letter(8))
    after = everything(server)
    equal([octets for _, octets in after], expected + [wire(letter(7)), wire(letter(8))],
          "what is listed after a delivery")
    equal(after[:len(before)], before, "what was there before")
    client = server.login("anna", "sesame")
    for number in (1, len(after) - 1):
        client.dele(number)
    client.close()
    equal(everything(server), after, "what is there after no QUIT")
    client = server.login("anna", "sesame")
    for number in (1, len(after) - 1):
        client.dele(number)
    client.quit()
    equal(everything(server), after[1:-2] + after[-1:], "what is there after QUIT")
    assert os.path.exists(shop.path("mail", "anna", "f.txt")), "no mail, and removed"


def take_the_place(path):
    """Another file of that name and size, and with the same number, if that can be had."""
    old = os.stat(path)
    os.remove(path)
    for number in range(50):
        new = "%s.%d" % (path, number)
        with open(new, "wb") as file:
            file.write(b"y" * old.st_size)
        if os.stat(new).st_ino == old.st_ino:
            break
    os.rename(new, path)


def meddle(shop, server):
    """Other programs, and what they leave."""
    directory = shop.path("mail", "anna")
    os.mkfifo(os.path.join(directory, "fifo.eml"))
    os.mkdir(os.path.join(directory, "dir.eml"))
    os.symlink("/etc/passwd", os.path.join(directory, "link.eml"))
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(os.path.join(directory, "socket.eml"))
    before = everything(server)
    client = server.login("anna", "sesame")
    there = sorted(file for file in os.listdir(directory) if file in MAIL and file[-1] == "l"
                   and file[0] != ".")
    gone, replaced, again = (os.path.join(directory, file) for file in there[:3])
    os.remove(gone)
    with open(replaced + ".new", "wb") as file:
        file.write(b"x" * os.path.getsize(replaced))
    os.rename(replaced + ".new", replaced)
    take_the_place(again)
    for number in (1, 2, 3):
        try:
            client.retr(number)
            raise AssertionError("message %d is not what was listed" % number)
        except poplib.error_proto:
            client.dele(number)
    client.quit()
    after = everything(server)
    equal([uid for uid, _ in after[2:]], [uid for uid, _ in before[3:]], "what is left")
    assert not {uid for uid, _ in after[:2]} & {uid for uid, _ in before}, \
        "another message has the same unique-id"


def same(seen):
    for store, shown in seen.items():
        equal(shown, seen["eml"], "what %s shows" % store)


def refused(shop):
    """A path that would depend on where popartd stands."""
    with open(shop.path("popart.conf"), encoding="utf-8") as file:
        text = file.read().replace(shop.path("mail") + "/", "mail/")
    with open(shop.path("wrong.conf"), "w", encoding="utf-8") as file:
        file.write(text)
    status, output = shop.run(["popartd", "-t", "-c", shop.path("wrong.conf")])
    assert status != 0 and "begin it with / or with %h" in output, output


def serve_stores(shop, service):
    seen = {}
    for name in [name for name in STORES if name in shop.built]:
        shutil.rmtree(shop.path("mail"), ignore_errors=True)
        fill(shop.path("mail", "anna"), MAIL)
        server = Popartd(shop, MODULES[name], service.url)
        shop.attempt("%s serves mail" % name, lambda: seen.update({name: everything(server)}))
        shop.attempt("%s takes mail, and removes it" % name, a_day, shop, server)
        shop.attempt("%s shows what others have changed" % name, meddle, shop, server)
        shop.attempt("%s leaves a clean log" % name, end, server)
        shop.attempt("%s refuses a path that is not absolute" % name, refused, shop)
    shop.attempt("the stores show the same, with the same unique-ids", same, seen)


def end(server):
    with server:
        pass


def outcomes(server, service):
    server.login("anna", "sesame").quit()
    server.login("carl", "sesame").quit()
    equal(server.refusal("anna", "wrong"), b"-ERR [AUTH]", "a wrong password")
    equal(server.refusal("nobody", "sesame"), b"-ERR [AUTH]", "an unknown user")
    equal(server.refusal("forbidden", "sesame"), b"-ERR [AUTH]", "403")
    for user in ("broken", "moved", "teapot", "slow", "endless", "cut"):
        equal(server.refusal(user, "sesame"), b"-ERR [SYS/TEMP]", user)
    equal(set(service.paths), {"/login"}, "where was asked")


def attributes(shop, server, service):
    name, password = "bert", USERS["bert"][0]
    fill(shop.path("mail", "b"), {"a.eml": b"hello\n"})
    client = server.login(name, password)
    equal(client.stat(), (1, 7), "what bert has")
    client.quit()
    form = [form for form in service.forms if form["user"] == name][-1]
    equal(form["password"], password, "the password")
    eventually("the login of bertram is logged", lambda: any(
        ' user="bertram"' in line for line in server.events("login")))
    equal(server.refusal("mad", "sesame"), b"-ERR [SYS/PERM]", "a box elsewhere")
    server.login("anna", "sesame").quit()  # bert's connection to the service is dead by now


def no_trace(server):
    assert "sesame" not in server.log(), "a password is in the log"
    assert not server.remembers(b"open-a-door-77"), "a password stays in memory"


def refused_password(server):
    equal(server.refusal("anna", "open-a-door-77"), b"-ERR [AUTH]", "a wrong password")


def certificates(shop):
    """Whom http believes: the right file makes the difference."""
    with Scene() as scene, Service(USERS, certificate(scene)) as service:
        for more, answer in (('ca_file = "%s";' % service.certificate, None),
                             ("", b"-ERR [SYS/TEMP]")):
            server = Popartd(shop, "eml", service.url, more)
            if answer:
                shop.attempt("a certificate of nobody's is not believed", lambda: equal(
                    server.refusal("anna", "sesame"), answer, "the answer"))
            else:
                shop.attempt("a service with TLS",
                             lambda: server.login("anna", "sesame").quit())
            shop.attempt("the log is clean", end, server)


def serve_auth(shop, service):
    server = Popartd(shop, "eml", service.url)
    shop.attempt("yes, no, not mine and cannot tell are told apart", outcomes, server, service)
    shop.attempt("what the service says of a user", attributes, shop, server, service)
    shop.attempt("a refused password", refused_password, server)
    shop.attempt("a password leaves no trace", no_trace, server)
    shop.attempt("http leaves a clean log", end, server)
    for url, fits in (("https://example.net/", True), ("http://example.net/", False),
                      ("http://127.0.0.1@example.net/", False), ("ftp://127.0.0.1/", False),
                      ("http://127.0.0.1.example.net/", False), ("http://[::1]:80/", True),
                      ("http://127.0.0.1:80@example.net/", False)):
        with open(shop.path("popart.conf"), encoding="utf-8") as file:
            text = file.read().replace(service.url, url)
        with open(shop.path("wrong.conf"), "w", encoding="utf-8") as file:
            file.write(text)
        status, output = shop.run(["popartd", "-t", "-c", shop.path("wrong.conf")])
        shop.tap.check("%s is %s" % (url, "fine" if fits else "refused"),
                       [output] if (status == 0) != fits else [])


def main():
    os.umask(0o022)
    tap = Tap()
    directory = tempfile.mkdtemp(prefix="popart-examples-")
    os.chmod(directory, 0o755)
    try:
        shop = Workshop(tap, directory)
        tap.check("popart is installed", shop.installed.problems)
        if not shop.installed.problems:
            build(shop)
            check(shop)
            install(shop)
            if "http" in shop.built:
                with Service(USERS) as service:
                    serve_stores(shop, service)
                    serve_auth(shop, service)
                certificates(shop)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    tap.done()


main()
