#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The admin socket: what it tells, as docs/openapi.yaml has it; who may change what; and that
nobody who uses or abuses it is noticed by who fetches mail."""

import concurrent.futures
import contextlib
import grp
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import time

import yaml

from harness import (HERE, TIMEOUT, Pop, Scene, Skip, certificate, equal, eventually, main, need,
                     need_root, processes, sanitized, serving, status_of, test)

OPENAPI = os.path.join(HERE, os.pardir, os.pardir, "docs", "openapi.yaml")
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float),
         "boolean": bool, "null": type(None)}
NOBODY = 65534


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("popartd", timeout=TIMEOUT)
        self.path = path

    def connect(self):
        self.sock = connect(self.path)


def connect(path):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(TIMEOUT)
    client.connect(path)
    return client


def socket_of(server):
    return os.path.join(server.directory, "run", "admin.socket")


def ask(server, path, method="GET", body=None):
    """The status and the answer."""
    connection = Connection(socket_of(server))
    with contextlib.closing(connection):
        connection.request(method, path, body)
        response = connection.getresponse()
        equal(response.headers.get_content_type(), "application/json", "the type of " + path)
        return response.status, json.loads(response.read())


def get(server, path):
    status, answer = ask(server, path)
    equal(status, 200, "the status of " + path)
    return answer


def administered(scene, admin="", **more):
    more["extra"] = "admin = { %s };\n%s" % (admin, more.get("extra", ""))
    server = scene.server(**more)
    server.wait_event("admin_start")
    return server


@contextlib.contextmanager
def watched(*names, **more):
    with Scene(*names) as scene, administered(scene, **more) as server:
        yield scene, server


# ---------------------------------------------------------------- the contract


class Contract:
    """docs/openapi.yaml. It knows what of it has been seen."""

    def __init__(self):
        with open(OPENAPI, encoding="utf-8") as file:
            self.text = yaml.safe_load(file)
        self.seen = set()

    def resolve(self, node):
        while "$ref" in node:
            name = node["$ref"]
            self.seen.add(name)
            at = self.text
            for step in name.split("/")[1:]:
                at = at[step]
            node = at
        return node

    def check(self, value, schema, where):
        schema = self.resolve(schema)
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        fits = any(isinstance(value, TYPES[name]) and
                   (name == "boolean" or not isinstance(value, bool)) for name in types)
        assert fits, "%s is %r, no %s" % (where, value, "/".join(types))
        if "enum" in schema:
            assert value in schema["enum"], "%s is %r" % (where, value)
        if "const" in schema:
            equal(value, schema["const"], where)
        if "minimum" in schema and value is not None:
            assert value >= schema["minimum"], "%s is %r" % (where, value)
        if "pattern" in schema and value is not None:
            assert re.search(schema["pattern"], value), "%s is %r" % (where, value)
        if schema.get("format") == "date-time":
            time.strptime(value, "%Y-%m-%dT%H:%M:%SZ")
        if isinstance(value, dict):
            equal(set(value), set(schema["properties"]), "the fields of " + where)
            equal(set(schema["required"]), set(schema["properties"]), "required of " + where)
            for name, inner in schema["properties"].items():
                assert "description" in inner or "$ref" in inner, where + "." + name
                self.check(value[name], inner, where + "." + name)
        if isinstance(value, list):
            for number, item in enumerate(value):
                self.check(item, schema["items"], "%s[%d]" % (where, number))

    def hold(self, server, template, path, method="GET", body=None):
        """Asks, and holds the answer against what the file has for it."""
        status, answer = ask(server, path, method, body)
        responses = self.text["paths"][template][method.lower()]["responses"]
        response = self.resolve(responses.get(str(status)) or responses["default"])
        self.seen.add((template, method, status))
        self.check(answer, response["content"]["application/json"]["schema"], path)
        return status, answer


def nulls_aside(value):
    return {name for name, inner in value.items() if inner is not None}


@test("every answer has the fields that openapi.yaml has for it, no more and no fewer")
def _():
    contract = Contract()
    with Scene() as scene:
        pem = certificate(scene)
        scene.bob.fill(3)
        with administered(scene, listener="tls = true;",
                          extra='tls = { certificate = "%s"; };' % pem) as server:
            import ssl
            context = ssl.create_default_context(cafile=pem)
            with Pop(server, "bob", tls=context) as bob:
                bob.retr(1)

                def simple(path, method="GET", body=None, status=200, template=None):
                    got, answer = contract.hold(server, template or path, path, method, body)
                    equal(got, status, "the status of %s %s" % (method, path))
                    return answer

                for path in contract.text["paths"]:
                    if "get" in contract.text["paths"][path] and path not in (
                            "/v1/sessions/{id}", "/metrics"):
                        simple(path)
                session = simple("/v1/sessions")["sessions"][0]
                equal(nulls_aside(session), set(session), "what a session is known of")
                one = "/v1/sessions/{id}"
                simple("/v1/sessions/" + session["id"], template=one)
                simple("/v1/sessions/0", status=404, template=one)
                simple("/v1/sessions/x", status=400, template=one)
                simple("/v1/sessions?state=x", status=400, template="/v1/sessions")
                simple("/v1/sessions?nonsense=x", status=400, template="/v1/sessions")
                simple("/v1/quarantine/nobody", "DELETE", status=404,
                       template="/v1/quarantine/{user}")
                simple("/v1/quarantine/", "DELETE", status=400,
                       template="/v1/quarantine/{user}")
                simple("/v1/log-level", "PUT", '{"level":"debug"}')
                simple("/v1/log-level", "PUT", '{"level":"loud"}', 400)
                simple("/v1/log-level", "PUT", "x" * 5000, 413)
                simple("/v1/sessions/" + session["id"], "DELETE", template=one)
                eventually("it has ended", lambda: not ask(server, "/v1/sessions")[1]["sessions"])
                simple("/v1/sessions/" + session["id"], "DELETE", status=404, template=one)
            simple("/v1/reload", "POST")
            server.change(("workers =", "wrkers ="))
            simple("/v1/reload", "POST", status=500)
            simple("/v1/stop", "POST", status=202)
    schemas = {"#/components/schemas/" + name for name in contract.text["components"]["schemas"]}
    # Crashes, who is refused for them, and waiting reloads have tests of their own.
    equal(schemas - contract.seen - {"#/components/schemas/" + name for name in (
        "Waiting", "Crash", "Doing", "Quarantine", "Released")}, set(), "schemas that no answer has")


@test("curl and jq are enough")
def _():
    need("curl", "jq")
    with watched() as (scene, server), Pop(server, "bob"):
        def shell(path, query):
            curl = subprocess.run(["curl", "-sS", "--fail", "--max-time", str(TIMEOUT),
                                   "--unix-socket", socket_of(server), "http://popartd" + path],
                                  stdout=subprocess.PIPE, check=True)
            return subprocess.run(["jq", "-r", query], input=curl.stdout, check=True,
                                  stdout=subprocess.PIPE).stdout.decode().strip()

        equal(shell("/v1/status", ".totals.logins"), "1")
        equal(shell("/v1/sessions", ".sessions[].user"), "bob")
        equal(shell("/v1/workers", ".workers | length"), "2")
        equal(shell("/readyz", ".ok"), "true")


@test("HEAD and a wrong method are answered as HTTP has it")
def _():
    with watched() as (_, server):
        for method, path, status in (("HEAD", "/v1/status", 200), ("POST", "/v1/status", 405),
                                     ("GET", "/v1/stop", 405), ("BREW", "/v1/status", 405),
                                     ("GET", "/v1", 404), ("GET", "/v1/statusx", 404),
                                     ("GET", "/v1/status/", 404), ("GET", "/", 404)):
            connection = Connection(socket_of(server))
            with contextlib.closing(connection):
                connection.request(method, path)
                response = connection.getresponse()
                equal(response.status, status, "%s %s" % (method, path))
                equal("Allow" in response.headers, status == 405, "Allow")


# ---------------------------------------------------------------- sessions


@test("sessions are shown, filtered and paged, each once")
def _():
    with watched("ann", "bob", extra="max_connections_per_address = 0;") as (_, server):
        with contextlib.ExitStack() as stack:
            for _ in range(150):
                stack.enter_context(Pop(server))
            stack.enter_context(Pop(server, "ann"))
            # It is answered first, and shown then.
            eventually("ann is shown as logged in", lambda: get(
                server, "/v1/sessions?user=ann&state=transaction")["sessions"])
            ann = get(server, "/v1/sessions?user=ann")["sessions"]
            equal([(one["user"], one["state"], one["messages"]) for one in ann],
                  [("ann", "transaction", 0)])
            found, after = [], ""
            while after is not None:
                page = get(server, "/v1/sessions?limit=7&after=" + after if after else
                           "/v1/sessions?limit=7")
                assert len(page["sessions"]) <= 7
                found += page["sessions"]
                after = page["next"]
            equal(len({one["id"] for one in found}), 151, "sessions on the pages")
            equal(len(found), 151, "entries on the pages")
            whole = get(server, "/v1/sessions")
            equal(({one["id"] for one in whole["sessions"]}, whole["skipped"], whole["next"]),
                  ({one["id"] for one in found}, 0, None))
            equal(len(get(server, "/v1/sessions?state=authorization")["sessions"]), 150)
            equal(get(server, "/v1/sessions?address=192.0.2.1")["sessions"], [])
            equal(get(server, "/v1/status")["sessions"], 151)
            equal(sum(one["sessions"] for one in get(server, "/v1/workers")["workers"]), 151)
        eventually("all are gone", lambda: not get(server, "/v1/sessions")["sessions"])


@test("a session of a long name is found by all of it, and shown with what fits")
def _():
    name = "n" * 100
    with watched(name, "ann") as (_, server), Pop(server, name):
        session, = eventually("it is shown", lambda: get(
            server, "/v1/sessions?state=transaction&user=" + name)["sessions"])
        assert 30 < len(session["user"]) < len(name) and name.startswith(session["user"]), session
        equal(get(server, "/v1/sessions?user=" + session["user"])["sessions"], [])


@test("a name that is no UTF-8, or has quotes, breaks no answer")
def _():
    with watched("bob", 'we"ird\\') as (_, server), Pop(server, 'we"ird\\'):
        equal(get(server, "/v1/sessions")["sessions"][0]["user"], 'we"ird\\')
        equal(len(get(server, "/v1/sessions?user=we%22ird%5C")["sessions"]), 1)


@test("a session that is kicked ends without update, the log says why and who did it")
def _():
    with watched() as (scene, server):
        scene.bob.fill(2)
        with Pop(server, "bob") as bob:
            bob.cmd("DELE 1")
            number = get(server, "/v1/sessions")["sessions"][0]["id"]
            equal(ask(server, "/v1/sessions/" + number, "DELETE"), (200, {"kicked": number}))
            equal(bob.file.read(), b"", "what a kicked client reads")
        equal(len(scene.bob.messages()), 2, "messages")
        end = server.wait_event("session_end")[0]
        assert " reason=kicked " in end and number in end, end
        line = server.wait_event("admin")[0]
        assert " operation=kick target=%s uid=%d " % (number, os.geteuid()) in line, line
        with Pop(server, "bob") as bob:
            equal(bob.stat()[0], 2)


# ---------------------------------------------------------------- operations


@test("a reload is answered when the new generation serves, or with the reasons of the log")
def _():
    with watched() as (_, server), Pop(server, "bob") as bob:
        equal(ask(server, "/v1/reload", "POST"), (200, {"generation": 2}))
        bob.cmd("NOOP")
        both = get(server, "/v1/status")["generations"]
        equal([(one["generation"], one["phase"], one["sessions"]) for one in both],
              [(2, "serving", 0), (1, "draining", 1)])
        session = get(server, "/v1/sessions")["sessions"][0]
        equal((session["user"], session["generation"]), ("bob", 1))
        server.change(("workers =", "wrkers ="))
        status, answer = ask(server, "/v1/reload", "POST")
        equal(status, 500)
        line = server.wait_event("reload_failed")[0]
        assert answer["error"].replace('"', '\\"') in line, (answer, line)
        equal(get(server, "/v1/status")["generation"], 2)
        server.change()
        bob.quit()
        eventually("the first generation is gone",
                   lambda: len(get(server, "/v1/status")["generations"]) == 1)
        equal(get(server, "/v1/status")["totals"]["logins"], 1, "logins of all generations")


@test("many reloads at once are all answered")
def _():
    with watched() as (_, server), concurrent.futures.ThreadPoolExecutor(8) as pool:
        for status, answer in pool.map(lambda _: ask(server, "/v1/reload", "POST"), range(8)):
            assert (status, answer.get("generation", 0) > 1) == (200, True), (status, answer)


@test("a reload that must wait says for what")
def _():
    with watched(extra="retire_timeout = \"1h\";") as (_, server):
        with contextlib.ExitStack() as stack:
            for _ in range(20):
                stack.enter_context(Pop(server))
                status, answer = ask(server, "/v1/reload", "POST")
                if status != 200:
                    break
            Contract().check(answer, {"$ref": "#/components/schemas/Waiting"}, "answer")
            equal(status, 202)
            server.wait_event("reload_waits")


@test("the log's level is set for all, until the next reload")
def _():
    with watched() as (_, server):
        equal(ask(server, "/v1/log-level", "PUT", '{"level": "warn"}')[0], 200)
        equal(get(server, "/v1/status")["log_level"], "warn")
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        server.expect.add("worker_died")
        eventually("other workers are there", lambda: server.wait_event("worker_died", 2) and all(
            one["state"] == "serving" for one in get(server, "/v1/workers")["workers"]))
        with Pop(server, "bob") as bob:
            bob.quit()
        eventually("it has ended", lambda: not get(server, "/v1/status")["sessions"])
        equal(server.events("login"), [])
        ask(server, "/v1/reload", "POST")
        equal(get(server, "/v1/status")["log_level"], "debug")
        with Pop(server, "bob") as bob:
            bob.quit()
        server.wait_event("login")


@test("stop stops as SIGTERM does")
def _():
    with watched() as (_, server):
        with Pop(server, "bob") as bob:
            equal(ask(server, "/v1/stop", "POST"), (202, {"stopping": True}))
            eventually("the socket is gone", lambda: not os.path.exists(socket_of(server)))
            bob.quit()
        equal(server.wait(), 0)
        assert any("reason=admin" in line for line in server.events("drain")), "who asked"


@test("stop may be at once, without update for who is there")
def _():
    with watched() as (scene, server):
        scene.bob.fill(1)
        with Pop(server, "bob") as bob:
            bob.cmd("DELE 1")
            equal(ask(server, "/v1/stop?now=maybe", "POST")[0], 400)
            equal(ask(server, "/v1/stop?now=true", "POST"), (202, {"stopping": True}))
            bob.at_end()
        equal(server.wait(), 0)
        equal(len(scene.bob.messages()), 1)


# ---------------------------------------------------------------- who may


def ask_as(server, uid, gid, groups, path, method="GET"):
    run = subprocess.run(
        ["curl", "-s", "--max-time", str(TIMEOUT), "-w", "\n%{http_code}", "-X", method,
         "--unix-socket", socket_of(server), "http://popartd" + path],
        stdout=subprocess.PIPE, user=uid, group=gid, extra_groups=groups, check=False)
    return int(run.stdout.decode().split("\n")[-1] or 0)


@test("the socket's mode says who may look, root, the server's user and the group may more")
def _():
    need_root()
    need("curl")
    group = grp.getgrnam("adm").gr_gid
    with watched(admin='group = "adm"; mode = "0666";') as (_, server):
        status = os.stat(socket_of(server))
        equal((status.st_mode & 0o777, status.st_gid), (0o666, group))
        for uid, gid, groups, may in ((NOBODY, NOBODY, [], 403), (NOBODY, group, [], 200),
                                      (NOBODY, NOBODY, [1, group], 200), (0, 0, [], 200)):
            equal(ask_as(server, uid, gid, groups, "/v1/status"), 200, "who looks")
            equal(ask_as(server, uid, gid, groups, "/v1/reload", "POST"), may, "who reloads")
        equal(ask_as(server, NOBODY, NOBODY, [], "/v1/stop", "POST"), 403)
        equal(ask_as(server, NOBODY, NOBODY, [], "/v1/sessions/0", "DELETE"), 403)
        equal(ask_as(server, NOBODY, NOBODY, [], "/v1/log-level", "PUT"), 403)
        # Mode and group may change while the place stays.
        server.change(("0666", "0660"))
        equal(ask(server, "/v1/reload", "POST")[0], 200)
        equal(os.stat(socket_of(server)).st_mode & 0o777, 0o660)
        equal(ask_as(server, NOBODY, NOBODY, [], "/v1/status"), 0, "no more")
        equal(ask_as(server, NOBODY, group, [], "/v1/status"), 200, "still")


@test("the admin process has no privileges, no groups, and no files")
def _():
    need_root()
    with Scene() as scene:
        scene.directory("run")
        os.chown(os.path.join(scene.path, "run"), NOBODY, NOBODY)
        with administered(scene, user="nobody") as server:
            pid = get(server, "/v1/status")["admin_pid"]
            equal(status_of(pid, "Uid"), [str(NOBODY)] * 4)
            equal(status_of(pid, "CapPrm") + status_of(pid, "CapAmb"), ["0" * 16] * 2)
            equal(status_of(pid, "NoNewPrivs"), ["1"])
            equal(os.stat(socket_of(server)).st_uid, NOBODY)


@test("another server's socket, and what is none, are left alone; one of the dead is not")
def _():
    with Scene() as scene:
        run = scene.directory("run")
        path = os.path.join(run, "admin.socket")
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(path)
        with administered(scene) as server:
            get(server, "/healthz")
            try:
                administered(scene).kill()
            except AssertionError:
                pass
            else:
                raise AssertionError("a second server has taken the socket")
            get(server, "/healthz")
        assert not os.path.exists(path)
        with open(path, "w", encoding="ascii"):
            pass
        try:
            administered(scene).kill()
        except AssertionError:
            pass
        else:
            raise AssertionError("a file was taken for a socket")
        assert os.path.isfile(path)


@test("without the group admin there is neither a process nor a socket; a reload brings it")
def _():
    with serving() as (_, server):
        equal(len(processes(4, server.pid)), 2)
        assert not os.path.exists(socket_of(server))
        server.change(extra="admin = {};")
        server.reload()
        server.wait_event("admin_start")
        equal(get(server, "/v1/status")["generation"], 2)
        server.change(extra="")
        server.reload()
        eventually("it is gone", lambda: len(processes(4, server.pid)) == 2)
        assert not os.path.exists(socket_of(server))


# ---------------------------------------------------------------- nobody is disturbed


def admin_pid(server):
    found = [pid for pid in processes(4, server.pid) if pid not in server.workers()]
    return found[0] if found else None


@test("it may be killed at any time: sessions do not notice, totals and rates go on")
def _():
    with watched(expect=["admin_failed"]) as (scene, server):
        scene.bob.fill(3)
        with Pop(server, "bob") as bob:
            for number in range(1, 4):
                before = get(server, "/v1/status")
                pid = before["admin_pid"]
                os.kill(pid, signal.SIGKILL)
                bob.retr(number)
                server.wait_event("admin_start", number + 1)
                after = get(server, "/v1/status")
                assert after["admin_pid"] != pid
                equal(after["totals"]["logins"], 1)
                assert after["rates"][0]["measured_s"] >= before["rates"][0]["measured_s"]
            bob.quit()


@contextlib.contextmanager
def undisturbed(scene, server):
    """A client fetches mail all the time, and the admin process stays who it is."""
    pid = admin_pid(server)
    with Pop(server, "bob") as bob:
        yield bob
        bob.retr(1)
    equal(admin_pid(server), pid, "the admin process")
    get(server, "/v1/status")
    if not sanitized():
        assert int(status_of(pid, "VmRSS")[0]) < 64 << 10, "its memory"


@test("who connects and says nothing, or little, or reads nothing, disturbs nobody")
def _():
    with watched() as (scene, server):
        scene.bob.fill(1)
        with undisturbed(scene, server) as bob, contextlib.ExitStack() as stack:
            for number in range(200):
                client = stack.enter_context(connect(socket_of(server)))
                if number % 4 == 1:
                    client.sendall(b"GET /v1/status HTTP/1.1\r\nHost: x\r\nX: ")
                elif number % 4 == 2:
                    client.sendall(b"GET /v1/workers HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
                elif number % 4 == 3:
                    client.sendall(b"PUT /v1/log-level HTTP/1.1\r\nHost: x\r\n"
                                   b"Content-Length: 99999999999\r\n\r\n")
            get(server, "/v1/status")
            bob.retr(1)


@test("those who are silent are sent away, and more than it takes wait")
def _():
    with watched() as (scene, server):
        scene.bob.fill(1)
        with undisturbed(scene, server) as bob, contextlib.ExitStack() as stack:
            clients = []
            for _ in range(600):
                client = stack.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    client.connect(socket_of(server))
                    clients.append(client)
            bob.retr(1)
            assert len(clients) > 200
            clients[0].settimeout(TIMEOUT)
            equal(clients[0].recv(1), b"", "the end of one who was silent")
            bob.retr(1)


@test("nonsense for HTTP is answered or cut off")
def _():
    dice = random.Random(7)
    words = [b"GET ", b"DELETE ", b"/v1/sessions", b"/v1/status", b" HTTP/1.1\r\n", b"\r\n",
             b"Host: x\r\n", b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"\x00",
             b"%", b"?user=", b"%00", b"A" * 5000, b"99999999999999999999", b"-1", b"\xff",
             b"Expect: 100-continue\r\n", b";", b"&", b"=", b"../", b"Connection: upgrade\r\n"]
    with watched() as (scene, server):
        scene.bob.fill(1)
        with undisturbed(scene, server) as bob:
            for number in range(400):
                with connect(socket_of(server)) as client, contextlib.suppress(OSError):
                    if number % 3:
                        text = b"".join(dice.choices(words, k=dice.randrange(1, 30)))
                    else:
                        text = dice.randbytes(dice.randrange(1, 9000))
                    if number % 5 == 0:
                        text = b"GET /v1/sessions?" + text
                    client.settimeout(0.2)  # half a header is waited for, but not here
                    client.sendall(text)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65536):
                        pass
            with connect(socket_of(server)) as client, contextlib.suppress(OSError):
                client.sendall(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100000)
                while client.recv(65536):
                    pass
            bob.retr(1)


@test("a client that leaves while the master is asked harms nobody")
def _():
    with watched() as (scene, server):
        scene.bob.fill(1)
        with Pop(server, "bob") as bob:
            for _ in range(20):
                with connect(socket_of(server)) as client:
                    client.sendall(b"POST /v1/reload HTTP/1.1\r\nHost: x\r\n\r\n")
                    time.sleep(0.01)
            get(server, "/v1/status")
            bob.retr(1)


# ---------------------------------------------------------------- by TCP


@test("by TCP there are health and metrics, and nothing else")
def _():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with watched(admin='metrics = "127.0.0.1:%d";' % port) as (_, server):
        for path, status in (("/healthz", 200), ("/readyz", 200), ("/v1/status", 404),
                             ("/v1/sessions", 404), ("/v1/reload", 404)):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
            with contextlib.closing(connection):
                connection.request("GET", path)
                equal(connection.getresponse().status, status, path)
        ask(server, "/v1/reload", "POST")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        with contextlib.closing(connection):
            connection.request("GET", "/healthz")
            equal(connection.getresponse().status, 200, "after a reload")


main()
