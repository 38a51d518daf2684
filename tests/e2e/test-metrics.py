#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The page of metrics while mail is fetched: what it counts, that it keeps count over deaths and
reloads, and that Prometheus takes it."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import urllib.parse

from harness import (TIMEOUT, Pop, Refused, Scene, Skip, equal, eventually, main, test)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(port, path, accept="text/plain"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Accept": accept})
        response = connection.getresponse()
        equal(response.status, 200, "the status of " + path)
        return response.headers["Content-Type"], response.read().decode()


def values(port):
    """Sample with labels: value."""
    _, text = fetch(port, "/metrics")
    return {key: float(value) for key, value in
            re.findall(r"^(popart_[^ ]+(?:\{.*\})?) (\S+)$", text, re.M)}


@contextlib.contextmanager
def measured(**more):
    port = free_port()
    with Scene() as scene:
        scene.bob.fill(3)
        with scene.server(extra='admin = { metrics = "127.0.0.1:%d"; };' % port,
                          **more) as server:
            server.wait_event("admin_start")
            yield server, port


def log_in(server):
    with Pop(server, "bob") as bob:
        bob.retr(1)
        bob.quit()


def count(port, name, **labels):
    """The sum of all samples of that name with these labels."""
    return sum(value for key, value in values(port).items()
               if re.match(name + r"(\{|$)", key) and
               all('%s="%s"' % pair in key for pair in labels.items()))


@test("logins, messages and operations are counted, without names of users")
def _():
    with measured() as (server, port):
        for _ in range(3):
            log_in(server)
        with Pop(server) as client:
            try:
                client.login("bob", "wrong")
                assert False, "logged in"
            except Refused:
                pass
        with Pop(server, "bob"):
            with Pop(server) as other:
                try:
                    other.login("bob")
                    assert False, "logged in twice"
                except Refused:
                    pass
            equal(count(port, "popart_locks"), 1, "locks")
        equal(count(port, "popart_logins_total", result="ok"), 4, "logins")
        equal(count(port, "popart_logins_total", result="ok", mechanism="USER"), 4, "by USER")
        equal(count(port, "popart_logins_total", result="denied"), 1, "refused")
        equal(count(port, "popart_logins_total", result="in-use"), 1, "in use")
        equal(count(port, "popart_lock_conflicts_total"), 1, "conflicts")
        equal(count(port, "popart_messages_retrieved_total"), 3, "retrieved")
        for operation, expected in (("open", 4), ("list", 4), ("message", 3)):
            equal(count(port, "popart_module_operation_duration_seconds_count",
                        operation=operation), expected, operation)
        assert "bob" not in fetch(port, "/metrics")[1], "a user's name"


@test("the form that was asked for")
def _():
    with measured() as (_, port):
        kind, text = fetch(port, "/metrics", "application/openmetrics-text; version=1.0.0")
        assert kind.startswith("application/openmetrics-text; version=1.0.0"), kind
        assert text.endswith("# EOF\n"), text[-100:]
        kind, text = fetch(port, "/metrics", "*/*")
        assert kind.startswith("text/plain; version=0.0.4"), kind
        assert "# EOF" not in text, text[-100:]


@test("no counter goes back or jumps while generations change and workers die")
def _():
    with measured(expect=("worker_died",)) as (server, port):
        log_in(server)
        stop, pages = threading.Event(), []

        def look():
            while not stop.is_set():
                with contextlib.suppress(OSError):  # the admin process is replaced, too
                    pages.append(values(port))

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            for _ in range(3):
                server.reload()
                log_in(server)
            os.kill(server.generation(4)[0], signal.SIGKILL)
            server.wait_event("worker_died")
            eventually("two workers again",
                       lambda: count(port, "popart_workers", state="serving") == 2)
            log_in(server)
        finally:
            stop.set()
            watcher.join()
        for before, after in zip(pages, pages[1:]):
            for key, value in before.items():
                if re.match(r"popart_\w+_(total|count|bucket|sum)\b", key):
                    assert after.get(key, 0) >= value, "%s: %s, then %s" % (
                        key, value, after.get(key))
        key = 'popart_logins_total{result="ok",mechanism="USER"}'
        equal(max(page[key] for page in pages + [values(port)]), 5, "logins at most")
        equal(count(port, "popart_logins_total", result="ok"), 5, "logins")
        equal(count(port, "popart_worker_deaths_total"), 1, "deaths")
        equal(count(port, "popart_worker_restarts_total"), 1, "restarts")
        equal(count(port, "popart_module_operation_duration_seconds_count", operation="open"),
              5, "operations")


def find_prometheus():
    unpacked = os.path.join(os.environ.get("MTA_ROOT") or "/nowhere", "usr", "bin")
    found = shutil.which("prometheus", path=os.environ.get("PATH", "") + ":" + unpacked)
    if not found:
        raise Skip("prometheus is not installed")
    return found


def query(port, text):
    _, answer = fetch(port, "/api/v1/query?" + urllib.parse.urlencode({"query": text}))
    return [result["value"][1] for result in json.loads(answer)["data"]["result"]]


@test("Prometheus scrapes it and can ask for quantiles")
def _():
    program = find_prometheus()
    with measured() as (server, port):
        log_in(server)
        own = free_port()
        conf = os.path.join(server.directory, "prometheus.yml")
        with open(conf, "w", encoding="utf-8") as file:
            file.write("global: { scrape_interval: 1s }\nscrape_configs: [ { job_name: popart, "
                       "static_configs: [ { targets: [ '127.0.0.1:%d' ] } ] } ]\n" % port)
        with open(os.devnull, "w", encoding="utf-8") as nothing, subprocess.Popen(
                [program, "--config.file=" + conf,
                 "--storage.tsdb.path=" + os.path.join(server.directory, "tsdb"),
                 "--web.listen-address=127.0.0.1:%d" % own],
                stdout=nothing, stderr=nothing) as prometheus:
            try:
                def asked(text):
                    with contextlib.suppress(OSError, AssertionError):
                        return query(own, text)
                    return []

                eventually("a login is known", lambda: asked(
                    'sum(popart_logins_total{job="popart",result="ok"})') == ["1"])
                equal(len(asked("histogram_quantile(0.5, sum by (le) ("
                                "popart_module_operation_duration_seconds_bucket))")), 1)
                equal(asked('up{job="popart"}'), ["1"], "up")
            finally:
                prometheus.terminate()


main()
