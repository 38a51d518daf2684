# SPDX-License-Identifier: MIT
"""A web service that knows who may read mail, and that can be as bad as they come."""

import contextlib
import http.server
import ssl
import threading
import urllib.parse

ANSWERS = {"forbidden": 403, "broken": 500, "moved": 302, "teapot": 418}


class Service(http.server.ThreadingHTTPServer):
    """users: {name: (password, body of the answer)}. forms: what was posted, in order.
    Who is called "slow" waits until the service ends, "endless" gets an answer without
    an end, "cut" one that is shorter than it says. After bert's the connection is
    closed without a word. certificate: a file with a key and what goes with it."""

    daemon_threads = True

    def __init__(self, users, certificate=None):
        super().__init__(("127.0.0.1", 0), Answer)
        self.users = users
        self.forms = []
        self.paths = []
        self.ended = threading.Event()
        self.certificate = certificate
        self.url = "http://127.0.0.1:%d/login" % self.server_address[1]
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
            self.url = "https://localhost:%d/login" % self.server_address[1]

    def handle_error(self, request, client_address):
        """Clients may leave."""

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.shutdown()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Nothing."""

    def say(self, status, body=b"", length=None):
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def endless(self):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(OSError):
            while not self.server.ended.is_set():
                self.wfile.write(b"quota=1000000\n" * 1000)
        self.close_connection = True

    def do_POST(self):
        octets = self.rfile.read(int(self.headers["Content-Length"]))
        form = dict(urllib.parse.parse_qsl(octets.decode(), keep_blank_values=True,
                                           strict_parsing=True))
        self.server.forms.append(form)
        self.server.paths.append(self.path)
        user = form["user"]
        if user == "slow":
            self.server.ended.wait()
        elif user == "endless":
            self.endless()
        elif user == "cut":
            self.say(200, b"user=cut\n", 100)
            self.close_connection = True
        elif user in ANSWERS:
            self.say(ANSWERS[user])
        elif user not in self.server.users:
            self.say(404)
        else:
            password, body = self.server.users[user]
            known = form.get("lookup") == "1" or form.get("password") == password
            self.say(200 if known else 401, body if known else b"")
            self.close_connection = user == "bert"

    do_GET = do_POST
