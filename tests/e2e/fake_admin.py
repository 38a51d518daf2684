# SPDX-License-Identifier: MIT
"""A server that answers on a Unix socket as docs/openapi.yaml has it, with what a test wants
it to say: also what a real one says only when something is wrong with it."""

import contextlib
import copy
import http.server
import json
import os
import socketserver
import threading
import urllib.parse

COUNTERS = ("connections refused refused_full refused_address refused_fds refused_memory logins "
            "auth_failures login_errors quarantined in_use sessions_ended timeouts handshake_timeouts "
            "login_timeouts idle_timeouts bad_commands retrieved deleted octets_in octets_out "
            "size_mismatches module_failures late_calls").split()
RATES = ("connections refused logins auth_failures login_errors in_use retrieved deleted "
         "octets_in octets_out module_failures").split()


def counters(**values):
    return {**dict.fromkeys(COUNTERS, 0), **values}


def rate(window, **values):
    return {"window_s": window, "measured_s": float(window),
            **{name + "_per_s": values.get(name, 0) for name in RATES}}


def status():
    return {
        "version": "0.1.0", "hostname": "pop.example.net", "started": "2026-11-20T08:00:00Z",
        "uptime_s": 273600, "stopping": False, "generation": 2, "pid": 1, "admin_pid": 2,
        "log_level": "info", "sessions": 3, "sessions_max": 1000, "quarantined": 0,
        "generations": [
            {"generation": 2, "phase": "serving", "age_s": 3600, "workers": 2, "workers_up": 2,
             "sessions": 2},
            {"generation": 1, "phase": "draining", "age_s": 273600, "workers": 2,
             "workers_up": 1, "sessions": 1}],
        "listeners": [{"address": "0.0.0.0:995", "tls": True, "plaintext_auth": False}],
        "totals": counters(connections=12345, logins=12000, octets_out=7 << 30),
        "rates": [rate(60, logins=2.5, octets_out=1e6), rate(300, logins=2), rate(900)],
    }


def worker(number, **more):
    return {"worker": number, "generation": 2, "pid": 1000 + number, "state": "serving",
            "sessions": 1, "beats": 9, "stuck": False, "doing": [], "totals": counters(logins=5), **more}


def session(number, user="anna", **more):
    return {"id": "%016x" % number, "generation": 2, "worker": 1, "user": user,
            "address": "192.0.2.7", "port": 40000, "state": "transaction",
            "since": "2026-11-26T00:37:33Z", "age_s": 75, "idle_s": 5, "octets_in": 100,
            "octets_out": 123456, "messages": 12, "retrieved": 3, "deleted": 0,
            "lock": "00000000000000ab", "locked_s": 74, "tls": "TLS1.3",
            "cipher": "AES-256-GCM", "mechanism": "PLAIN", **more}


def histogram(quick, slow=0):
    return [{"le_s": 0.001, "count": quick}, {"le_s": 1, "count": quick},
            {"le_s": 10, "count": quick + slow}, {"le_s": None, "count": quick + slow}]


def module(name="mail", quick=500, slow=0, **more):
    return {"list": "storage", "name": name, "module": "maildir", "version": "0.1.0",
            "description": "Maildirs", "capabilities": 5,
            "options": [{"name": "path", "value": "\"/m/%n\""}],
            "operations": [
                {"operation": "open", "calls": quick + slow, "failures": 0, "crashes": 0,
                 "late": 0, "time_s": 0.25, "histogram": histogram(quick, slow)},
                {"operation": "renew", "calls": 0, "failures": 0, "crashes": 0, "late": 0, "time_s": 0,
                 "histogram": histogram(0)}],
            "statistics": [{"name": "cache_hits", "value": 7, "help": "Lists from the cache."}],
            **more}


def crash(at, **more):
    return {"at": at, "generation": 2, "worker": 1, "reason": "signal 11", "doing": "mail.open",
            "where": "maildir.so+0x12 (build-id 0abc)", "address": "192.0.2.7", "user": "anna", "sessions": 4, **more}


def certificate(expires_s, **more):
    return {"file": "/etc/popart/cert.pem", "subject": "CN=pop.example.net",
            "issuer": "CN=Example CA", "names": ["pop.example.net", "192.0.2.1"],
            "serial": "01ab", "not_before": "2026-01-01T00:00:00Z",
            "not_after": "2027-01-01T00:00:00Z", "expires_s": expires_s, "key": "ECDSA 256",
            "fingerprint": "ab" * 32,
            "ocsp": False, **more}


def lock(**more):
    return {"lock": "00000000000000ab", "session": "%016x" % 1, "user": "anna",
            "address": "192.0.2.7", "generation": 2, "worker": 1, "held_s": 74, "idle_s": 5,
            **more}


ANSWERS = {
    "/v1/status": status(),
    "/v1/workers": {"workers": [
        worker(1, doing=[{"call": "mail.open", "user": "anna", "address": "192.0.2.7",
                          "ms": 12, "where": None}]),
        worker(2, state="down", pid=0)]},
    "/v1/modules": {"modules": [module()], "crashes": []},
    "/v1/quarantine": {"quarantined": [
        {"user": "eve", "address": "192.0.2.9", "call": "mail.list", "key": "%016x" % 5,
         "since": "2026-11-26T00:37:33Z", "left_s": 50, "crashes": 3, "times": 1}]},
    "/v1/locks": {"locks": [lock()], "skipped": 0},
    "/v1/tls": {"certificates": [certificate(90 * 86400)], "handshakes": 9, "resumed": 4,
                "failures": 1, "versions": [{"name": "TLS1.3", "count": 9}],
                "ciphers": [{"name": "AES-256-GCM", "count": 9}],
                "mechanisms": [{"name": "PLAIN", "count": 8}]},
    "/healthz": {"ok": True},
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass

    def tell(self, code, answer):
        data = (json.dumps(answer) + "\n").encode() if not isinstance(answer, bytes) else answer
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def fail(self, code, sentence):
        self.tell(code, {"error": sentence, "status": code})

    def any(self):
        fake = self.server.fake
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        fake.requests.append((self.command, self.path, body))
        url = urllib.parse.urlsplit(self.path)
        known = fake.special.get((self.command, url.path))
        if known:
            known(self)
        elif url.path == "/v1/sessions":
            self.sessions(dict(urllib.parse.parse_qsl(url.query)))
        elif url.path.startswith("/v1/sessions/") and self.command == "DELETE":
            self.kick(url.path.rpartition("/")[2])
        elif self.command == "GET" and url.path in fake.answers:
            self.tell(200, fake.answers[url.path])
        else:
            self.fail(404, "there is no %s" % url.path)

    do_GET = do_POST = do_PUT = do_DELETE = any

    def sessions(self, query):
        found = [one for one in self.server.fake.sessions
                 if all(query.get(key) in (None, one[key])
                        for key in ("user", "address", "state"))]
        start = int(query.get("after", 0))
        end = min(len(found), start + int(query.get("limit", len(found))))
        self.tell(200, {"sessions": found[start:end], "skipped": 0,
                        "next": str(end) if end < len(found) else None})

    def kick(self, number):
        sessions = self.server.fake.sessions
        for one in sessions:
            if one["id"] == number:
                sessions.remove(one)
                self.tell(200, {"kicked": number})
                return
        self.fail(404, "there is no session " + number)


class Listener(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass


class Fake:
    """answers: by path; sessions: those of /v1/sessions; special: what to do with a (method,
    path), given the handler."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "admin.socket")
        self.answers = copy.deepcopy(ANSWERS)
        self.sessions = [session(1), session(2, "bob"), session(3, "anna", address="::1")]
        self.special = {}
        self.requests = []

    @contextlib.contextmanager
    def running(self):
        with Listener(self.path, Handler) as listener:
            listener.fake = self
            thread = threading.Thread(target=listener.serve_forever, args=(0.02,))
            thread.start()
            try:
                yield self
            finally:
                listener.shutdown()
                thread.join()
                os.unlink(self.path)
