#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""docs/MODULES.md as its reader would go through it: the files are written as they stand there,
every command is run, in one shell, with a popart that was installed for it, and what it prints
is what the page says ("..." stands for anything). Commands of programs that are not there are
skipped."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lint"))
from tap import BUILD, ROOT, Tap, read, run  # noqa: E402

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
# The shell says this behind each command, with its exit status.
MARK = "== done:"


class Shell:
    """One bash for the whole page; its directory and variables stay."""

    def __init__(self, home, path):
        environment = {"HOME": home, "PATH": path, "LC_ALL": "C.UTF-8", "USER": "nobody",
                       "TMPDIR": home, "TEST_CC": os.environ.get("TEST_CC", "cc")}
        self.process = subprocess.Popen(["/bin/bash", "--norc"], cwd=home, env=environment,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, encoding="utf-8",
                                        errors="replace")

    def run(self, command):
        """Exit status and output."""
        self.process.stdin.write("%s\necho \"%s $?\"\n" % (command, MARK))
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            at = line.find(MARK)
            if "warning: the workers run as root" in line:
                continue  # its reader does not
            if at >= 0:
                lines += [line[:at]] if at else []
                return int(line[at + len(MARK):]), "".join(lines)
            lines.append(line)
        raise SystemExit("Bail out! the shell ended at: " + command)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def commands(block):
    """[(command, expected lines)]"""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append([line[2:], []])
        elif line.startswith("> ") and not found[-1][1]:
            found[-1][0] += "\n" + line[2:]
        else:
            found[-1][1].append(line)
    return found


def fits(expected, output):
    pattern = "".join(
        r"(?:.*\n)*" if line == "..." else ".*".join(map(re.escape, line.split("..."))) + r"\n"
        for line in expected)
    return re.fullmatch(pattern, output if output.endswith("\n") or not output else output + "\n")


def install(home):
    """What `./configure --prefix=$HOME/popart && make && make install` leaves."""
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DESTDIR")}
    status, output = run(["make", "-s", "-C", BUILD, "install", "prefix=/popart",
                          "DESTDIR=" + home], env=environment)
    path = os.path.join(home, "popart", "lib", "pkgconfig", "popart.pc")
    if status != 0 or not os.path.exists(path):
        return [output]
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(re.sub(r"^prefix=.*$", "prefix=" + os.path.join(home, "popart"), text,
                          flags=re.M))
    return []


def missing(command, home):
    """A program that this needs and that is not there."""
    command = command.replace("make check", "popart-module-check")
    for program in ("popart-module-check", "aclocal", "autoconf", "gdb", "curl", "pkg-config"):
        if re.search(r"(^|[|&;] *|--args |^[A-Z_]+=\S*(?: [^ )]*\))? )" + program + r"\b", command, flags=re.M) and \
                not shutil.which(program, path="%s/popart/bin:%s" % (home, os.environ["PATH"])):
            return program
    return None


def check(tap, shell, home, command, expected, title):
    if command.startswith("./configure --prefix="):
        tap.check(title, install(home))
        return
    absent = missing(command, home)
    if absent == "popart-module-check":
        tap.skip(title, "popart-module-check is not built") if os.environ.get("CI") != "true" \
            else tap.check(title + " (left out: there is no popart-module-check)", [])
        return
    if absent:
        tap.skip(title, absent + " is not installed")
        return
    status, output = shell.run(command)
    problems = []
    if expected and not fits(expected, output):
        problems = ["expected:"] + expected + ["got, with status %d:" % status] + \
            output.splitlines()
    elif not expected and status != 0:
        problems = ["status %d" % status] + output.splitlines()
    tap.check(title, problems)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def walk(tap, text, home):
    # As a login shell has it; the build's own programs are not to be found by accident.
    shell = Shell(home, os.environ["PATH"])
    directory, n = home, 0
    for found in BLOCK.finditer(text):
        kind, block = found.groups()
        named = re.search(r"`([\w.-]+)`:\s*\Z", text[:found.start()])
        if kind != "console":
            if not named:
                tap.check("a block of %s has the name of its file before it" % kind, [block[:60]])
                continue
            with open(os.path.join(directory, named.group(1)), "w", encoding="utf-8") as file:
                file.write(block)
            continue
        for command, expected in commands(block):
            n += 1
            first = command.splitlines()[0]
            check(tap, shell, home, command, expected,
                  "%s" % (first if len(first) < 70 else first[:67] + "..."))
        directory = shell.run("pwd")[1].strip()
    shell.run("popartctl -c ~/notice/popart.conf stop >/dev/null 2>&1; true")
    shell.end()
    tap.check("the page has commands", [] if n > 20 else ["%d" % n])


def main():
    os.umask(0o022)
    tap = Tap()
    text = read(ROOT, "docs/MODULES.md").replace("1110", str(free_port()))
    home = tempfile.mkdtemp(prefix="popart-modules-")
    try:
        walk(tap, text, home)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    tap.done()


main()
