#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""popartctl web: who is let in, what is passed on, and the page in a real browser."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time

from browser import Browser
from harness import (PASSWORD, POPARTD, TIMEOUT, Scene, Skip, equal, eventually, letter, main, need,
                     need_root, sanitized, status_of, test)
from world import FakeAdmin, World, stamp

POPARTCTL = os.path.abspath(os.environ.get("POPARTCTL", os.path.join(
    os.path.dirname(POPARTD), "popartctl")))
VIEWS = ("overview", "sessions", "workers", "modules", "locks", "certificates")
HEADERS = {
    "Content-Security-Policy":
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin"}


class Web:
    """A running popartctl web for the status socket at path."""

    def __init__(self, path, *options):
        self.process = subprocess.Popen(
            [POPARTCTL, "web", "-s", path, "--no-open", *options], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, encoding="utf-8")
        self.url = self.process.stdout.readline().strip()
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/open/([\w-]{43})", self.url)
        assert found, "no link: %r" % (self.url or self.process.stderr.read())
        self.port, self.token = int(found.group(1)), found.group(2)
        self.cookie = self.page = None

    def ask(self, target, method="GET", body=None, **headers):
        """(status, headers, text). The Host is right and there is no cookie, unless given."""
        fields = {"Host": "127.0.0.1:%d" % self.port}
        fields.update({name.replace("_", "-"): value for name, value in headers.items()})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in fields.items():
                if value is not None:
                    connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def enter(self):
        """Exchanges the token, as a browser does."""
        status, headers, text = self.ask("/open/" + self.token)
        equal(status, 200, "the status")
        found = re.fullmatch(r"(popart=[\w-]{43}); Path=(/[\w-]{43}/); HttpOnly; SameSite=Strict",
                             headers["Set-Cookie"])
        assert found, headers["Set-Cookie"]
        self.cookie, self.page = found.groups()
        assert 'content="0;url=%s"' % self.page in text, text

    def get(self, target="", **more):
        more.setdefault("Cookie", self.cookie)
        return self.ask(self.page + target, **more)

    def end(self, number=signal.SIGTERM):
        """Its exit status, and what it said on standard error."""
        self.process.send_signal(number)
        said = self.process.communicate(timeout=TIMEOUT)[1]
        return self.process.returncode, said


@contextlib.contextmanager
def fake(world=None):
    """A made-up server: (fake, path of its socket)."""
    with tempfile.TemporaryDirectory(prefix="popart-e2e.") as directory:
        path = os.path.join(directory, "admin.socket")
        with FakeAdmin(path, world or World()) as admin:
            yield admin, path


@contextlib.contextmanager
def web_over(path, *options):
    web = Web(path, *options)
    try:
        yield web
        status, said = web.end()
        equal(status, 0, "the exit status (%s)" % said)
        equal(said, "", "what it says on standard error")
    finally:
        if web.process.poll() is None:
            web.process.kill()
            web.process.wait(TIMEOUT)
        web.process.stdout.close()
        web.process.stderr.close()


@contextlib.contextmanager
def serving_page(world=None, *options):
    with fake(world) as (admin, path), web_over(path, *options) as web:
        equal(admin.requests, ["GET /v1/status"], "its own question, whether there is a server")
        admin.requests.clear()
        yield admin, web


def refused(answer, status, words):
    got, headers, text = answer
    equal(got, status, "the status (%r)" % text)
    assert words in text, text
    for name, value in HEADERS.items():
        equal(headers[name], value, name)
    equal([name for name in headers if name.startswith("Access-Control")], [], "CORS")
    assert "Set-Cookie" not in headers


# ---------------------------------------------------------------- who is let in


@test("the link works once, and what it is exchanged for opens the page")
def link():
    with serving_page() as (admin, web):
        refused(web.ask("/"), 403, "Open the link")
        refused(web.ask("/v1/status"), 403, "Open the link")
        refused(web.ask("/open/"), 403, "has been used")
        refused(web.ask("/open/" + web.token[:-1]), 403, "has been used")
        refused(web.ask("/open/" + "A" * 43), 403, "has been used")
        web.enter()
        refused(web.ask("/open/" + web.token), 403, "has been used")
        refused(web.ask("/open/"), 403, "has been used")
        status, headers, text = web.get()
        equal((status, headers["Content-Type"]), (200, "text/html; charset=utf-8"), "the page")
        assert "<!doctype html>" in text
        for name, value in HEADERS.items():
            equal(headers[name], value, name)
        equal(admin.requests, [], "what reached the server")
        equal(json.loads(web.get("v1/status")[2])["hostname"], "pop.example.net", "the name")
        equal(admin.requests, ["GET /v1/status"], "what reached the server")


@test("nobody is let in without the cookie, or with another path, name or origin")
def refusals():
    with serving_page() as (admin, web):
        web.enter()
        value = web.cookie.partition("=")[2]
        right = dict(Cookie=web.cookie)
        for page in ("", "app.js", "v1/status", "nothing"):
            for cookie in (None, "", "popart=", "popart=" + value[:-1], "popart=" + value + "A",
                           "popart=" + "A" * 43, "other=" + value, value, "popart"):
                refused(web.get(page, Cookie=cookie), 403, "Open the link")
            for host in (None, "", "example.net", "127.0.0.1", "127.0.0.1:1", "localhost",
                         "localhost.example.net:%d" % web.port, "[::1]:%d" % web.port,
                         "127.0.0.1:%d.example.net" % web.port):
                refused(web.get(page, Host=host), 421, "This page is at")
            for origin in ("null", "http://example.net", "https://127.0.0.1:%d" % web.port,
                           "http://127.0.0.1", "http://127.0.0.1:1", "http://localhost"):
                refused(web.get(page, Origin=origin), 403, "Another page")
            for site in ("cross-site", "same-site", "anything"):
                refused(web.get(page, Sec_Fetch_Site=site), 403, "Another page")
        for path in ("/" + "A" * 43 + "/", "/" + "A" * 43 + "/v1/status", "//v1/status",
                     web.page[:-1], web.page[1:], web.page.upper() + "v1/status"):
            answer = web.ask(path, **right)
            assert answer[0] in (400, 403), "%s: %r" % (path, answer[0])
        equal(admin.requests, [], "what reached the server")
        for headers in (dict(Host="localhost:%d" % web.port),
                        dict(Origin="http://127.0.0.1:%d" % web.port),
                        dict(Sec_Fetch_Site="same-origin"), dict(Sec_Fetch_Site="none"),
                        dict(Cookie="a=b; %s; c=d" % web.cookie)):
            equal(web.get("v1/status", **headers)[0], 200, "with %r" % headers)


@test("a link that another page fetches, or that is sent elsewhere, is not used up")
def link_kept():
    with serving_page() as (_, web):
        target = "/open/" + web.token
        refused(web.ask(target, Host="example.net"), 421, "This page is at")
        refused(web.ask(target, Origin="http://example.net"), 403, "Another page")
        refused(web.ask(target, Sec_Fetch_Mode="no-cors"), 403, "Another page")
        equal(web.ask(target, method="POST", body=b"x")[0], 405, "the status of a POST")
        equal(web.ask(target, method="HEAD")[0], 405, "the status of a HEAD")
        web.enter()


@test("nothing but GET is passed on, and its target as it was sent")
def only_get():
    with serving_page() as (admin, web):
        web.enter()
        for method in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "BREW"):
            for target in ("v1/reload", "v1/sessions/0000000000000001"):
                answer = web.get(target, method=method, body=b"{}")
                equal((answer[0], answer[1]["Allow"]), (405, "GET"), method)
        for target in ("v1/../metrics", "v1/./status", "v1/status%23#x", "v1/\x80", "v1/a\\b",
                       "v1/" + "a" * 4000):
            status = ask_raw(web, "GET %s%s HTTP/1.1" % (web.page, target))
            equal(status, 400, "the status of %.30r" % target)
        equal(admin.requests, [], "what reached the server")
        equal(web.get("healthz")[0], 404, "what is not below v1")
        web.get("v1/sessions?user=a%40b&limit=3")
        web.get("v1/nothing/%2e%2e/x")
        equal(admin.requests, ["GET /v1/sessions?user=a%40b&limit=3", "GET /v1/nothing/%2e%2e/x"],
              "what reached the server")
        status, _, text = web.get("v1/nothing")
        equal((status, json.loads(text)), (404, {"error": "there is no /v1/nothing", "status": 404}),
              "an error")


def ask_raw(web, line, *headers):
    """The status of a request that http.client would not send."""
    with socket.create_connection(("127.0.0.1", web.port), TIMEOUT) as connection:
        head = [line, "Host: 127.0.0.1:%d" % web.port, "Cookie: " + (web.cookie or "")]
        connection.sendall("\r\n".join(head + list(headers) + ["", ""]).encode("latin-1"))
        answer = connection.makefile("rb").readline().split()
        return int(answer[1]) if len(answer) > 1 else None


@test("a crowd, endless heads and what is no HTTP are borne")
def crowd():
    with serving_page() as (_, web):
        web.enter()
        # More than it takes at a time, and they stay: strangers have to go.
        waiting = [socket.create_connection(("127.0.0.1", web.port), TIMEOUT) for _ in range(50)]
        equal(eventually("it answers again", lambda: quietly(web))[0], 200, "the status")
        for connection in waiting:
            connection.close()
        for octets in (b"\0" * 5000, b"\r\n" * 5000, b"GET /" + b"a" * 100000,
                       b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000, b"GET / HTTP/9.9\r\n\r\n",
                       b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", web.port), TIMEOUT) as connection:
                with contextlib.suppress(OSError):
                    connection.sendall(octets)
                    connection.shutdown(socket.SHUT_WR)
                    connection.makefile("rb").read()
        equal(web.get("v1/status")[0], 200, "the status afterwards")
        # A body behind a GET is no request of its own.
        equal(web.get("v1/status", body=b"GET /open/x HTTP/1.1\r\n\r\n")[0], 200, "with a body")


def quietly(web):
    try:
        return web.get("v1/status")
    except (OSError, http.client.HTTPException):
        return None


@test("it says what is wrong with its words, its port and its server")
def mistakes():
    with fake() as (admin, path), socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for words, status, said in ((["--port", "0"], 2, "--port takes a number from 1 to 65535"),
                                    (["--port", "70000"], 2, "--port takes"),
                                    (["--port", "x"], 2, 'not "x"'),
                                    (["more"], 2, "too many words"),
                                    (["--port", port], 7, "cannot listen on 127.0.0.1:" + port),
                                    (["-s", path + ".not"], 4, path + ".not")):
            done = subprocess.run([POPARTCTL, "web", "-s", path, *words], check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                                  timeout=TIMEOUT)
            equal((done.returncode, done.stdout), (status, ""), "the result of %r" % words)
            assert said in done.stderr and done.stderr.count("\n") == 1, done.stderr
        with web_over(path) as web:
            web.enter()
            admin.close()
            status, headers, text = web.get("v1/status")
            equal((status, headers["Content-Type"]), (502, "application/json"), "the answer")
            assert path in json.loads(text)["error"], text


@test("it ends at Ctrl-C, and --json gives the link to scripts")
def ends():
    with fake() as (_, path):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            web = Web(path)
            held = socket.create_connection(("127.0.0.1", web.port), TIMEOUT)
            equal(web.end(number), (0, ""), "the end")
            held.close()
        process = subprocess.Popen([POPARTCTL, "--json", "web", "-s", path, "--no-open"],
                                   stdout=subprocess.PIPE, encoding="utf-8")
        told = json.loads(process.stdout.readline())
        process.terminate()
        equal(process.wait(TIMEOUT), 0, "the exit status")
        process.stdout.close()
        assert told["url"].startswith("http://127.0.0.1:") and told["opened"] is False, told


@test("root becomes the owner of the socket")
def steps_down():
    need_root()
    with fake() as (_, path):
        os.chmod(os.path.dirname(path), 0o755)
        os.chown(path, 65534, 65534)
        with web_over(path) as web:
            for key in ("Uid", "Gid"):
                equal(status_of(web.process.pid, key), ["65534"] * 4, key)
            equal(status_of(web.process.pid, "Groups"), [], "its groups")
            web.enter()
            equal(web.get("v1/status")[0], 200, "the status")


@test("a browser is started with a file of its user's own, and the link is in no command line")
def starts_browser():
    with fake() as (admin, path), tempfile.TemporaryDirectory() as directory:
        nobody = {}
        os.chmod(os.path.dirname(path), 0o755)
        os.chmod(path, 0o666)
        os.chmod(directory, 0o777)
        if os.geteuid() == 0:
            nobody = {"user": 65534, "group": 65534, "extra_groups": []}
        opener, told = os.path.join(directory, "xdg-open"), os.path.join(directory, "told")
        with open(opener, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\nprintf %s "$1" >"$0.new" && mv "$0.new" ' + told + "\n")
        os.chmod(opener, 0o755)
        environment = dict(os.environ, PATH=directory + ":" + os.environ["PATH"], DISPLAY=":99",
                           XDG_RUNTIME_DIR=directory)
        process = subprocess.Popen([POPARTCTL, "--json", "web", "-s", path], env=environment,
                                   stdout=subprocess.PIPE, encoding="utf-8", **nobody)
        link = json.loads(process.stdout.readline())
        equal(link["opened"], True, "whether a browser was started")
        eventually("xdg-open is started", lambda: os.path.exists(told))
        with open(told, encoding="utf-8") as file:
            file = file.read()
        equal(os.stat(file).st_mode & 0o777, 0o600, "the mode of the file")
        equal(os.stat(os.path.dirname(file)).st_mode & 0o777, 0o700, "the mode of its directory")
        with open(file, encoding="utf-8") as page_file:
            assert link["url"] in page_file.read()
        # A cookie that is strict survives the way from a file.
        with Browser() as browser:
            browser.open("file://" + file)
            browser.wait("the page has figures", "document.querySelector('.figure span')?.textContent")
        process.terminate()
        equal(process.wait(TIMEOUT), 0, "the exit status")
        process.stdout.close()
        equal([name for name in os.listdir(directory) if name.startswith("popart-web")], [],
              "what is left behind")


# ---------------------------------------------------------------- the page


@contextlib.contextmanager
def page(world=None, **size):
    """(fake, browser) with the page open. At the end nothing was asked of anybody else, and
    nothing was blocked or broken."""
    if sanitized():
        raise Skip("the page is the same in every build")
    with serving_page(world) as (admin, web), Browser(**size) as browser:
        browser.log("performance")
        browser.open(web.url)
        browser.wait("the page has figures", "document.querySelector('.figure span')?.textContent")
        yield admin, browser
        home = "http://127.0.0.1:%d/" % web.port
        others = [url for url in browser.requests()
                  if not url.startswith((home, "chrome:", "data:", "about:"))]
        equal(others, [], "requests elsewhere")
        troubles = [entry["message"] for entry in browser.log()
                    if "the server responded with a status of 502" not in entry["message"]]
        equal(troubles, [], "what the browser complains of")


def choose(browser, view):
    browser.click("#tab-" + view)
    browser.wait(view + " is shown", "!document.getElementById(arguments[0]).hidden", view)


def rows(browser, view, least=1):
    """The texts of the first column."""
    browser.wait("%s has rows" % view,
                 "document.querySelectorAll('#' + arguments[0] + ' tbody tr').length >= arguments[1]"
                 " && !document.querySelector('#' + arguments[0] + ' .nothing')", view, least)
    return browser.run("return [...document.querySelectorAll('#' + arguments[0] + ' tbody tr')]"
                       ".map(row => row.cells[0].innerText)", view)


@test("the page shows the server, and what changes there")
def shows():
    world = World(sessions=5)
    world.run(2)
    with page(world) as (_, browser):
        browser.wait("all is well", "document.body.innerText.includes('All is well')")
        assert "pop.example.net" in browser.text("header"), browser.text("header")
        equal(browser.text("#tiles .figure span"), "5", "the sessions")
        equal(re.fullmatch(r".*/open/.*", browser.url()), None, "the link in the address bar")
        world.sessions += [world.session(number) for number in range(5, 12)]
        browser.wait("12 sessions", "document.querySelector('#tiles .figure span').innerText === '12'")
        world.run(2, logins=50)
        browser.wait("a rate of logins",
                     "parseFloat(document.querySelectorAll('#tiles .figure span')[1].innerText) > 1")
        assert browser.run("return document.querySelector('#tiles .trace').getAttribute('d')")
        assert "mail.open" in browser.text("#latencies"), browser.text("#latencies")
        choose(browser, "sessions")
        equal(len(rows(browser, "sessions", 12)), 12, "the sessions that are listed")
        choose(browser, "workers")
        equal(rows(browser, "workers"), ["Worker 1", "Worker 2", "Worker 3", "Worker 4"], "the workers")
        choose(browser, "modules")
        browser.wait("modules", "document.getElementById('modules').innerText.includes('maildir 0.1.0')")
        choose(browser, "locks")
        assert len(rows(browser, "locks")) > 3
        choose(browser, "certificates")
        assert "pop.example.org" in " ".join(rows(browser, "certificates"))


@test("the page shows a session that curl holds open at a real server")
def real():
    need("curl")
    with Scene("bob") as scene:
        scene.bob.add(letter(1, 4000000))
        path = os.path.join(scene.path, "run", "web.socket")
        with scene.server(extra='admin = { socket = "%s"; };' % path) as server:
            eventually("the status socket", lambda: os.path.exists(path))
            with web_over(path) as web, Browser() as browser:
                browser.open(web.url)
                browser.wait("all is well", "document.body.innerText.includes('All is well')")
                choose(browser, "sessions")
                browser.wait("nobody", "document.body.innerText.includes('Nobody is connected')")
                curl = subprocess.Popen(["curl", "-s", "--limit-rate", "1000", "-u", "bob:" + PASSWORD,
                                         "pop3://127.0.0.1:%d/1" % server.port],
                                        stdout=subprocess.DEVNULL)
                try:
                    equal(rows(browser, "sessions"), ["bob"], "who is connected")
                    assert " of 1" in browser.text("#sessions"), browser.text("#sessions")
                    choose(browser, "locks")
                    equal(rows(browser, "locks"), ["bob"], "who has a lock")
                    choose(browser, "modules")
                    browser.wait("a call of open", "[...document.querySelectorAll('#modules tr')].some("
                                 "row => row.cells[0].innerText === 'open' && row.cells[5].innerText === '1')")
                    choose(browser, "sessions")
                finally:
                    curl.terminate()
                    curl.wait(TIMEOUT)
                browser.wait("it is gone", "document.body.innerText.includes('Nobody is connected')")
                equal(browser.log(), [], "what the browser complains of")


@test("the page says what is wrong: a worker, a certificate, a crash")
def wrong():
    world = World()
    with page(world) as (_, browser):
        state = "document.getElementById('verdict').dataset.state"
        head = "document.getElementById('verdict-head').innerText"
        browser.wait("all is well", state + " === 'good'")
        world.crashes = [{"at": stamp(30), "generation": 1, "worker": 2, "reason": "signal 11",
                          "doing": "mail.open", "where": "maildir.so+0x12", "address": "192.0.2.1",
                          "user": "anna", "sessions": 3}]
        browser.wait("a crash", head + " === 'A worker has died'")
        equal(browser.run("return " + state), "warn", "the state")
        world.crashes, world.quarantined = [], 1
        browser.wait("a quarantine", head + " === 'Users are refused'")
        world.down = {2}
        browser.wait("a missing worker", head + " === '1 worker is missing'")
        equal(browser.run("return " + state), "bad", "the state")
        world.down, world.quarantined, world.stopping = set(), 0, True
        browser.wait("it stops", head + " === 'The server is stopping'")
    world = World()
    world.expires[1] = 3 * 86400
    with page(world) as (_, browser):
        browser.wait("a certificate", head + " === 'A certificate expires soon'")
        assert "pop.example.org, in 3 d" in browser.text("#verdict-text")


@test("without the cookie the browser shows nothing, and the link opens no second one")
def second_browser():
    with page() as (admin, browser):
        link_of = browser.url()
        with Browser() as other:
            other.open(link_of)
            equal(other.text().strip(), "Open the link that popartctl web has printed.", "the page")
            before = len(admin.requests)
            other.open(re.sub(r"#.*", "", link_of) + "v1/status")
            equal(other.text().strip(), "Open the link that popartctl web has printed.", "the page")
            assert len(admin.requests) >= before
        browser.call("POST", "/refresh", {})
        browser.wait("the page, loaded again",
                     "document.querySelector('.figure span')?.textContent")


@test("the page of another server cannot ask on behalf of the browser")
def other_site():
    # Another port is the same site to a cookie, and another origin to everything else.
    with page() as (admin, browser), tempfile.TemporaryDirectory() as directory:
        target = re.sub(r"#.*", "", browser.url())
        with open(os.path.join(directory, "index.html"), "w", encoding="utf-8") as file:
            file.write("<!doctype html><title>elsewhere</title><p>waits")
        server = subprocess.Popen(["python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", "0"],
                                  cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            port = int(re.search(rb"port (\d+)", server.stdout.readline()).group(1))
            handle = browser.call("POST", "/window/new", {"type": "tab"})["handle"]
            browser.call("POST", "/window", {"handle": handle})
            browser.open("http://127.0.0.1:%d/" % port)
            result = browser.call("POST", "/execute/async", {"args": [target], "script": """
                const [url, done] = arguments, seen = [];
                seen.push(document.cookie);
                Promise.allSettled([
                    fetch(url + "v1/stranger", { credentials: "include" }).then((a) => a.text()),
                    fetch(url + "v1/stranger", { credentials: "include", mode: "no-cors" }).then((a) => a.text()),
                    new Promise((good, bad) => { const s = document.createElement("script");
                        s.onload = good; s.onerror = bad; s.src = url + "app.js"; document.head.append(s); }),
                    new Promise((good, bad) => { const i = document.createElement("img");
                        i.onload = good; i.onerror = bad; i.src = url + "icon.svg"; }),
                ]).then((all) => done([seen, all.map((r) => r.status === "fulfilled" ? r.value ?? "in" : "no")]));
            """})
            equal(result[0], [""], "the cookies that it sees")
            assert all(value in ("no", "") for value in result[1]), result
            assert "GET /v1/stranger" not in admin.requests, "it has reached the server"
            browser.call("DELETE", "/window", None)
            handle = browser.call("GET", "/window/handles")[0]
            browser.call("POST", "/window", {"handle": handle})
            browser.log()
            browser.requests()
        finally:
            server.terminate()
            server.wait(TIMEOUT)
            server.stdout.close()


@test("names from the network are text, whatever is in them")
def hostile():
    world = World(sessions=3)
    bad = '<img src=x onerror="document.title=1"><script>document.title=2</script>&amp;\u202e'
    world.sessions[0]["user"] = world.sessions[1]["address"] = bad
    world.crashes = [{"at": stamp(9000), "generation": 1, "worker": 2, "reason": bad, "doing": bad,
                      "address": bad, "user": bad, "sessions": 3}]
    with page(world) as (_, browser):
        for view in VIEWS:
            choose(browser, view)
            browser.wait("it is read", "!document.body.classList.contains('stale')")
        choose(browser, "sessions")
        assert bad.split("\u202e")[0] in " ".join(rows(browser, "sessions", 3))
        equal(browser.run("return document.querySelectorAll('main img, main script').length"), 0,
              "elements that came with a name")


@test("many sessions: pages, a filter, an order")
def many():
    world = World(sessions=120)
    with page(world) as (_, browser):
        choose(browser, "sessions")
        equal(len(rows(browser, "sessions", 50)), 50, "a page")
        equal(browser.text("#sessions .shown"), "1–50 of 120", "what is shown")
        browser.run("document.querySelectorAll('#sessions .tools button')[1].click()")
        equal(browser.text("#sessions .shown"), "51–100 of 120", "what is shown")
        browser.run("document.querySelectorAll('#sessions th button')[0].click()")
        equal(browser.text("#sessions .shown"), "1–50 of 120", "what is shown")
        names = rows(browser, "sessions", 50)
        initials = [name[0].replace("é", "e") for name in names]
        equal(initials, sorted(initials), "the order")
        browser.run("document.querySelectorAll('#sessions th button')[0].click()")
        assert rows(browser, "sessions", 50)[0].startswith("priya")
        browser.press("/")
        browser.press(*"KATYA")
        found = browser.wait("what matches", "document.querySelectorAll('#sessions tbody tr').length < 12"
                             " && document.querySelector('#sessions .shown').innerText")
        wanted = [s["user"] for s in world.sessions if "katya" in (s["user"] or "")]
        equal(found, "%d sessions" % len(wanted), "what is shown")
    world = World(sessions=3000)
    last = world.sessions[2999]["user"] or world.sessions[2998]["user"]
    with page(world) as (_, browser):
        choose(browser, "sessions")
        rows(browser, "sessions", 50)
        assert "The first 1 000 of about 3 000" in browser.text("#sessions .note").replace("\u202f", " ")
        browser.press("/")
        browser.press(*last)
        browser.wait("one of the others", "document.querySelector('#sessions td').innerText === arguments[0]", last)


@test("the page is for the keyboard, too")
def keyboard():
    focused = "document.activeElement.id || document.activeElement.className"
    with page() as (_, browser):
        browser.press("Tab")
        equal(browser.run("return " + focused), "skip", "the first stop")
        assert browser.run("return document.activeElement.getBoundingClientRect().left >= 0")
        browser.press("Tab")
        equal(browser.run("return " + focused), "tab-overview", "the second stop")
        assert browser.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
        for key, view in (("Right", "sessions"), ("Right", "workers"), ("Left", "sessions"),
                          ("End", "certificates"), ("Right", "overview"), ("Left", "certificates"),
                          ("Home", "overview"), ("Right", "sessions")):
            browser.press(key)
            equal(browser.run("return " + focused), "tab-" + view, "where %s leads" % key)
            equal(browser.run("return [...document.querySelectorAll('[role=tabpanel]:not([hidden])')]"
                              ".map(panel => panel.id)"), [view], "what is shown")
            equal(browser.run("return [...document.querySelectorAll('[role=tab][aria-selected=true]')]"
                              ".map(tab => tab.id)"), ["tab-" + view], "the tab that is chosen")
        rows(browser, "sessions", 3)
        browser.press("Tab")
        equal(browser.run("return " + focused), "filter", "the stop behind the tabs")
        browser.press("Tab", "Enter")
        equal(browser.run("return document.querySelector('#sessions th').ariaSort"), "ascending", "the order")
        browser.press("/", "x", "q", "z")
        browser.wait("nothing", "document.getElementById('sessions').innerText.includes('Nothing matches')")
        browser.press("Escape")
        rows(browser, "sessions", 3)
        browser.press("Shift+Tab", "Home", "/")
        equal(browser.run("return " + focused), "filter", "where / leads from the overview")
        browser.press("/")
        equal(browser.run("return document.activeElement.value"), "/", "a / in the filter")


def luminance(colour):
    parts = [int(n) / 255 for n in re.findall(r"\d+", colour)[:3]]
    parts = [n / 12.92 if n <= 0.04045 else ((n + 0.055) / 1.055) ** 2.4 for n in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@test("light and dark, each with contrast")
def schemes():
    script = """const probe = document.body.appendChild(document.createElement('i'));
        const colours = arguments[0].map(name => { probe.style.color = `var(--${name})`;
            return getComputedStyle(probe).color; });
        probe.remove();
        return colours;"""
    grounds = {}
    with page() as (_, browser):
        for scheme in ("light", "dark"):
            browser.prefer(color_scheme=scheme)
            names = ["ground", "surface", "ink", "muted", "accent", "good", "warn", "bad"]
            colours = dict(zip(names, map(luminance, browser.run(script, names))))
            for ground in names[:2]:
                for name in names[2:]:
                    light, dark = sorted((colours[name], colours[ground]), reverse=True)
                    contrast = (light + 0.05) / (dark + 0.05)
                    assert contrast >= 4.5, "%s on %s, %s: %.2f" % (name, ground, scheme, contrast)
            grounds[scheme] = luminance(browser.run(
                "return getComputedStyle(document.body).backgroundColor"))
        assert grounds["light"] > 0.7 and grounds["dark"] < 0.05, grounds
        browser.prefer(reduced_motion="reduce")
        equal(browser.run("return getComputedStyle(document.querySelector('main')).transitionDuration"),
              "0s", "motion")


@test("it fits a phone of 360 pixels")
def phone():
    world = World(sessions=20)
    world.sessions[0]["user"] = "a-name-without-end-" * 7
    world.sessions[1]["address"] = "2001:db8:1111:2222:3333:4444:5555:6666"
    for _ in range(9):
        world.run(2)
    with page(world, width=360, height=740) as (_, browser):
        for view in VIEWS:
            choose(browser, view)
            browser.wait("it has something", "document.getElementById(arguments[0]).innerText.length > 40", view)
            equal(browser.run("return document.documentElement.scrollWidth"), 360, "the width of " + view)
            wide = browser.run("""return [...document.querySelectorAll('main *')].filter(
                e => e.checkVisibility() && !e.closest('svg, thead') && e.getBoundingClientRect().right > 360.5)
                .map(e => e.className || e.tagName)""")
            equal(wide, [], "what is cut off in " + view)


@test("a server that goes away is missed, and comes back by itself")
def comes_back():
    with tempfile.TemporaryDirectory(prefix="popart-e2e.") as directory:
        path = os.path.join(directory, "admin.socket")
        world = World(sessions=4)
        admin = FakeAdmin(path, world)
        head = "document.getElementById('verdict-head').innerText"
        with web_over(path) as web, Browser() as browser:
            browser.open(web.url)
            browser.wait("all is well", head + " === 'All is well'")
            admin.close()
            browser.wait("it is missed", head + " === 'The server does not answer'")
            assert path in browser.text("#verdict-text"), browser.text("#verdict-text")
            assert browser.run("return document.title").startswith("The server does not answer")
            world.sessions = world.sessions[:2]
            with FakeAdmin(path, world):
                browser.wait("it is back", head + " === 'All is well'")
                equal(browser.text("#tiles .figure span"), "2", "the sessions")
                web.end()
                browser.wait("the page is alone", "document.getElementById('verdict-text')"
                             ".innerText.includes('popartctl web, has ended')")
                web.process.returncode = 0
                web.end = lambda: (0, "")


@test("a page that nobody sees asks nothing")
def hidden():
    with page() as (admin, browser):
        here = browser.call("GET", "/window")
        handle = browser.call("POST", "/window/new", {"type": "tab"})["handle"]
        browser.call("POST", "/window", {"handle": handle})
        browser.call("POST", "/window", {"handle": here})
        # chromedriver shows every window; what the page is told is what counts.
        browser.run("Object.defineProperty(document, 'hidden', { get: () => window.away, configurable: true });"
                    "window.away = true; document.dispatchEvent(new Event('visibilitychange'));")
        count = eventually("quiet", lambda: quiet(admin, 2.5))
        equal(len(admin.requests), count, "requests of a hidden page")
        browser.run("window.away = false; document.dispatchEvent(new Event('visibilitychange'));")
        eventually("it asks again", lambda: len(admin.requests) > count)


def quiet(admin, seconds):
    before = len(admin.requests)
    time.sleep(seconds)
    return before if len(admin.requests) == before else None


if __name__ == "__main__":
    main()
