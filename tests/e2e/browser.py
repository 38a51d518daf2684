# SPDX-License-Identifier: MIT
"""A headless Chromium, driven through chromedriver (W3C WebDriver) with nothing but the
standard library."""

import base64
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

from harness import TIMEOUT, eventually, need

KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "End": "\ue010", "Home": "\ue011",
        "Left": "\ue012", "Right": "\ue014", "Shift": "\ue008"}


class BrowserError(Exception):
    """What chromedriver complains of."""


class Browser:
    """One window, with a profile of its own. width and height: of the page in CSS pixels."""

    def __init__(self, width=1280, height=900):
        need("chromium", "chromedriver")
        self.profile = tempfile.mkdtemp(prefix="popart-e2e.chromium.")
        self.session = None
        try:
            self.port = self.start_driver()
            self.start()
            self.resize(width, height)
        except BaseException:
            self.close()
            raise

    def start_driver(self):
        """Its port. It takes the same number for IPv6 and IPv4, and ends when somebody has one
        of the two already."""
        for _ in range(10):
            # A group of its own: what chromedriver starts goes with it.
            self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE,
                                           stderr=subprocess.DEVNULL, start_new_session=True)
            for line in self.driver.stdout:
                found = re.search(rb"on port (\d+)", line)
                if found and b"success" in line:
                    return int(found.group(1))
            self.driver.stdout.close()
            self.driver.wait()
        raise AssertionError("chromedriver does not start")

    def start(self):
        arguments = ["--headless=new", "--disable-gpu", "--hide-scrollbars",
                     "--force-device-scale-factor=1", "--disable-dev-shm-usage",
                     "--user-data-dir=" + self.profile,
                     # Nothing goes out, whatever the browser would like to know.
                     "--disable-background-networking", "--disable-component-update",
                     "--disable-sync", "--no-first-run", "--no-default-browser-check",
                     "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1, EXCLUDE localhost"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        answer = self.call("POST", "", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "goog:chromeOptions": {"binary": shutil.which("chromium"), "args": arguments}}}})
        self.session = answer["sessionId"]

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        try:
            where = "/session" + ("/" + self.session if self.session else "") + path
            connection.request(method, where, None if body is None else json.dumps(body),
                               {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise BrowserError("%s: %s" % (value["error"], value["message"].split("\n")[0]))
        return value

    def cdp(self, command, **parameters):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def resize(self, width, height, scale=1):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=scale, mobile=width < 600)

    def prefer(self, **features):
        """prefer(color_scheme="dark")"""
        self.cdp("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-" + name.replace("_", "-"), "value": value}
            for name, value in features.items()])

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def url(self):
        return self.call("GET", "/url")

    def run(self, script, *arguments):
        """Of a function's body: what it returns."""
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def text(self, selector="body"):
        return self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def wait(self, what, script, *arguments):
        def holds():
            try:
                return self.run("return " + script, *arguments)
            except BrowserError:
                return None  # between two pages
        return eventually(what, holds)

    def press(self, *keys):
        """Names of KEYS, or characters; "Shift+Tab"."""
        steps = []
        for key in keys:
            parts = key.split("+") if len(key) > 1 else [key]
            parts = [KEYS.get(part, part) for part in parts]
            steps += [{"type": "keyDown", "value": part} for part in parts]
            steps += [{"type": "keyUp", "value": part} for part in reversed(parts)]
        self.call("POST", "/actions", {"actions": [
            {"type": "key", "id": "keyboard", "actions": steps}]})

    def click(self, selector):
        element = self.call("POST", "/element", {"using": "css selector", "value": selector})
        self.call("POST", "/element/%s/click" % next(iter(element.values())), {})

    def log(self, kind="browser"):
        """What has come since it was asked for last."""
        return self.call("POST", "/se/log", {"type": kind})

    def requests(self):
        """The addresses of all requests since it was asked last."""
        found = []
        for entry in self.log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return found

    def screenshot(self, path):
        data = self.cdp("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def close(self):
        try:
            if self.session:
                self.call("DELETE", "")
        except (OSError, BrowserError):
            pass
        self.driver.terminate()
        self.driver.stdout.close()
        self.driver.wait(TIMEOUT)
        try:
            os.killpg(self.driver.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        shutil.rmtree(self.profile, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
