# SPDX-License-Identifier: MIT
"""Stands in for popartd's admin process: a Unix socket that answers as docs/openapi.yaml has
it, about a server that a test makes up."""

import http.server
import json
import math
import os
import random
import socketserver
import sys
import threading
import time

COUNTERS = ("connections refused refused_full refused_address refused_fds refused_memory logins "
            "auth_failures login_errors quarantined in_use sessions_ended timeouts handshake_timeouts "
            "login_timeouts idle_timeouts bad_commands retrieved deleted octets_in octets_out "
            "size_mismatches module_failures late_calls").split()
RATES = ("connections refused logins auth_failures login_errors in_use retrieved deleted "
         "octets_in octets_out module_failures").split()
BOUNDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
          2.5, 5, 10, None]


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))


class Operation:
    """The histogram of calls that take about so long."""

    def __init__(self, name, typical, share):
        self.name, self.typical, self.share = name, typical, share
        self.counts = [0] * len(BOUNDS)
        self.failures = 0
        self.time = 0.0

    def call(self, chance, slower=1.0):
        took = self.typical * slower * math.exp(chance.gauss(0, 0.7))
        self.time += took
        for i, bound in enumerate(BOUNDS):
            if bound is None or took <= bound:
                self.counts[i] += 1

    def json(self):
        return {"operation": self.name, "calls": self.counts[-1], "failures": self.failures,
                "time_s": self.time, "histogram": [
                    {"le_s": bound, "count": count}
                    for bound, count in zip(BOUNDS, self.counts)]}


class World:
    """A server as the answers tell of it. A test changes it as it likes."""

    USERS = ("anna", "bertrand", "cyd", "dagmar", "élise", "farid", "grace", "hugo", "irma",
             "jonas", "katya", "luis", "mei", "nadia", "olaf", "priya")

    def __init__(self, sessions=12, seed=1):
        self.chance = random.Random(seed)
        self.totals = dict.fromkeys(COUNTERS, 0)
        self.per_s = dict.fromkeys(RATES, 0.0)
        self.stopping = False
        self.down = set()
        self.workers = 4
        self.crashes = []
        self.quarantined = 0
        self.expires = [5961600, 2419200]
        self.sessions = [self.session(number) for number in range(sessions)]
        self.operations = {
            ("auth", "users"): [Operation("check_password", 0.031, 1.0)],
            ("storage", "mail"): [Operation("open", 0.0012, 1.0), Operation("list", 0.0004, 1.0),
                                  Operation("message", 0.00022, 6.0), Operation("read", 0.00016, 9.0),
                                  Operation("commit", 0.0041, 0.7), Operation("close", 0.00012, 1.0)]}

    def session(self, number):
        chance = self.chance
        logged_in = number % 9 != 8
        age, messages = chance.randrange(2, 1800), chance.randrange(0, 400)
        return {"id": "%016x" % (0x5eed000 + number * 0x9e3779b1), "generation": 1,
                "worker": number % self.workers + 1,
                "user": self.USERS[number % 16] + ("%d" % number if number > 15 else "") + "@example.net"
                        if logged_in else None,
                "address": "192.0.2.%d" % (number * 7 % 250 + 1) if number % 3 else
                           "2001:db8:12::%x" % (number + 16),
                "port": 40000 + number, "state": "transaction" if logged_in else "authorization",
                "since": stamp(age), "age_s": age, "idle_s": chance.randrange(0, min(age, 90)),
                "octets_in": chance.randrange(200, 4000),
                "octets_out": int(math.exp(chance.uniform(6, 17))),
                "messages": messages if logged_in else 0,
                "retrieved": chance.randrange(0, messages + 1) if logged_in else 0, "deleted": 0,
                "lock": "%016x" % (0xab1e + number * 0x7f4a7c15) if logged_in else None,
                "locked_s": age if logged_in else None,
                "tls": "TLS1.3" if number % 4 else "TLS1.2",
                "cipher": "AES-256-GCM", "mechanism": ("PLAIN" if number % 2 else "USER") if logged_in else None}

    def run(self, seconds, logins=6.0, slower=1.0):
        """Lets so much time pass, with so many logins a second."""
        done = max(0, int(self.chance.gauss(logins * seconds, math.sqrt(logins * seconds) / 2) + 0.5))
        failed = sum(self.chance.random() < 0.06 for _ in range(done + 1))
        fetched = sum(self.chance.randrange(0, 9) for _ in range(done))
        for name, n in (("connections", done + failed), ("logins", done), ("auth_failures", failed),
                        ("sessions_ended", done), ("retrieved", fetched), ("deleted", fetched // 2),
                        ("octets_out", fetched * self.chance.randrange(20000, 52000)),
                        ("octets_in", done * 410), ("in_use", done // 9)):
            self.totals[name] += n
            if name in self.per_s:
                # Of the last minute, or so.
                self.per_s[name] += (n / seconds - self.per_s[name]) * min(1, seconds / 30)
        for operations in self.operations.values():
            for operation in operations:
                for _ in range(int(done * operation.share)):
                    operation.call(self.chance, slower)

    # The answers.

    def status(self):
        rates = [dict({"window_s": window, "measured_s": window},
                      **{name + "_per_s": self.per_s[name] for name in RATES})
                 for window in (60, 300, 900)]
        return {"version": "0.1.0", "hostname": "pop.example.net", "started": stamp(273840),
                "uptime_s": 273840, "stopping": self.stopping, "generation": 1, "pid": 4711,
                "admin_pid": 4712, "log_level": "info", "sessions": len(self.sessions),
                "sessions_max": 20000, "quarantined": self.quarantined,
                "generations": [{"generation": 1, "phase": "serving", "age_s": 86500,
                                 "workers": self.workers,
                                 "workers_up": self.workers - len(self.down),
                                 "sessions": len(self.sessions)}],
                "listeners": [{"address": "[::]:995", "tls": True, "plaintext_auth": False},
                              {"address": "127.0.0.1:110", "tls": False, "plaintext_auth": False}],
                "totals": self.totals, "rates": rates}

    def worker(self, number):
        down = number in self.down
        return {"worker": number, "generation": 1, "pid": 0 if down else 4712 + number,
                "state": "down" if down else "serving",
                "sessions": sum(s["worker"] == number for s in self.sessions), "beats": 86500, "stuck": False,
                "doing": [] if number % 2 else [
                    {"call": "users.check_password", "user": self.USERS[number], "address": "192.0.2.9",
                     "ms": 7, "where": None}],
                "totals": {name: n // self.workers for name, n in self.totals.items()}}

    def modules(self):
        about = {("auth", "users"): ("passwd_file", "passwords in a file", [("file", "/etc/popart/users")],
                                     [("reloads", 3, "How often the file was read.")]),
                 ("storage", "mail"): ("maildir", "one file a message", [("path", "/var/mail/%n"), ("index", "true")],
                                       [("scans", 90417, "Directories read."), ("cached_sizes", 81230, "Sizes that were known.")])}
        return {"modules": [
            {"list": key[0], "name": key[1], "module": module, "version": "0.1.0",
             "description": text, "options": [{"name": n, "value": v} for n, v in options],
             "operations": [operation.json() for operation in self.operations[key]],
             "statistics": [{"name": n, "value": v, "help": h} for n, v, h in statistics]}
            for key, (module, text, options, statistics) in about.items()],
            "crashes": self.crashes}

    def locks(self):
        return {"locks": [{"lock": s["lock"], "session": s["id"], "user": s["user"],
                           "address": s["address"], "generation": 1, "worker": s["worker"],
                           "held_s": s["locked_s"], "idle_s": s["idle_s"]}
                          for s in self.sessions if s["lock"]], "skipped": 0}

    def tls(self):
        def certificate(name, expires):
            return {"file": "/etc/popart/%s.pem" % name, "subject": "CN=" + name,
                    "issuer": "CN=R11,O=Let's Encrypt,C=US", "names": [name, "mail." + name],
                    "serial": "04a1", "not_before": stamp(1000000), "not_after": stamp(-expires),
                    "expires_s": expires, "key": "EC 256", "ocsp": name == "pop.example.net"}
        logins = self.totals["logins"]
        return {"certificates": [certificate(name, expires) for name, expires in
                                 zip(("pop.example.net", "pop.example.org"), self.expires)],
                "handshakes": logins, "resumed": logins // 3, "failures": logins // 200,
                "versions": [{"name": "TLS1.3", "count": logins * 9 // 10},
                             {"name": "TLS1.2", "count": logins // 10}],
                "ciphers": [{"name": "AES-256-GCM", "count": logins * 3 // 4},
                            {"name": "CHACHA20-POLY1305", "count": logins // 4}],
                "mechanisms": [{"name": "PLAIN", "count": logins // 2},
                               {"name": "USER", "count": logins // 2}]}

    def answer(self, path, query):
        """(HTTP status, what is sent as JSON)"""
        if path == "/v1/sessions":
            wanted = dict(part.partition("=")[::2] for part in query.split("&") if part)
            limit = int(wanted.pop("limit", 1 << 30))
            found = [s for s in self.sessions
                     if all(s[key] == value.replace("%40", "@").replace("%3A", ":")
                            for key, value in wanted.items())]
            return 200, {"sessions": found[:limit], "skipped": 0,
                         "next": found[limit]["id"] if len(found) > limit else None}
        if path == "/v1/workers":
            return 200, {"workers": [self.worker(n) for n in range(1, self.workers + 1)]}
        if path in ("/v1/status", "/v1/modules", "/v1/locks", "/v1/tls"):
            return 200, getattr(self, path[4:])()
        return 404, {"error": "there is no %s" % path, "status": 404}


class FakeAdmin:
    """World at a Unix socket. requests: "METHOD target" of all that came."""

    def __init__(self, path, world):
        self.path, self.requests = path, []
        fake, lock = self, threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def address_string(self):
                return "unix"

            def log_message(self, *_):
                pass

            def do_GET(self):
                fake.requests.append("%s %s" % (self.command, self.path))
                path, _, query = self.path.partition("?")
                with lock:
                    status, answer = world.answer(path, query)
                    body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_DELETE = do_PUT = do_HEAD = do_GET

        class Listener(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

            def get_request(self):
                connection, _ = self.socket.accept()
                fake.connections.append(connection)
                return connection, ("unix", 0)

        self.connections = []
        self.server = Listener(path, Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Goes away, with its socket and what is connected to it."""
        self.server.shutdown()
        self.server.server_close()
        for connection in self.connections:
            try:
                connection.shutdown(2)
            except OSError:
                pass
        if os.path.exists(self.path):
            os.unlink(self.path)


def run_by_hand(path):
    """world.py SOCKET: until Ctrl-C, for whoever works on the page."""
    world, began = World(60), time.monotonic()
    with FakeAdmin(path, world):
        while True:
            time.sleep(1)
            passed = time.monotonic() - began
            world.run(1, 6 + 3 * math.sin(passed / 20), 1 + 0.4 * math.sin(passed / 30))


if __name__ == "__main__":
    try:
        run_by_hand(sys.argv[1])
    except KeyboardInterrupt:
        pass
