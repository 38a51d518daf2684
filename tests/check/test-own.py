#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""popart-module-check as its user has it, on the modules of this tree; and what it says when a
module, a command line or an option is wrong. (The suites themselves run over our modules in
tests/modules, also with sanitizers.)"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lint"))
from tap import BUILD, Tap

PROGRAM = os.path.join(BUILD, "popart-module-check")
USER = ["--user", "demo:se cret", "--attr", "home=/srv/demo", "--attr", "two=a=b"]
LINE = "demo:{PLAIN}se cret::::/srv/demo::storage=mail empty= two=a=b"

# What is quick, and what the programs in tests/modules do not go through.
WORDS = ["descriptor", "each ", "check()", "starts and stops", "start that fails", "instances",
         "sizes and octets", "removed", "octets is true", "in a thread and in a process",
         "password", "unknown", "lookup", "accounts: made"]
OURS = {
    "maildir": ["path=@scratch@/%u"],
    "mbox": ["path=@scratch@/%u", "state_dir=@scratch@"],
    "sqlite": ["--as", "storage", "path=@scratch@/%u.db"],
    "static": USER + ["user=demo", "password=se cret", "attributes=home=/srv/demo,two=a=b"],
    "passwd_file": USER + ["--prepare", "echo '%s' >$SCRATCH/users" % LINE,
                           "path=@scratch@/users"],
}


def module(name):
    return os.path.join(BUILD, "modules", name, ".libs", name + ".so")


def run(arguments):
    done = subprocess.run([PROGRAM] + arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          errors="replace")
    return done.returncode, done.stdout, done.stderr


def command(name, arguments):
    """Options of the program come before the file, those of the module behind it."""
    behind = [a for a in arguments if re.match(r"[a-z_]+=", a) and not a.startswith("home=") and
              not a.startswith("two=")]
    return [a for a in arguments if a not in behind] + [module(name)] + behind


def ours(tap):
    for name, arguments in OURS.items():
        if not os.path.exists(module(name)):
            tap.skip(name + " keeps its promises", "it is not built")
            continue
        words = [part for word in WORDS for part in ("-k", word)]
        status, out, err = run(["--trust"] + words + command(name, arguments))
        failed = re.findall(r"^not ok .*\n(?:# .*\n)*", out, re.M)
        tap.check(name + " keeps its promises",
                  [] if status == 0 and not failed
                  else ["exit status %d" % status, err] + failed)


def describes(tap):
    status, out, err = run(["--trust", "--list", module("maildir")])
    wanted = [r"^# maildir \S+ \(MIT\): ", r"^# storage: open, list, message, commit",
              r"^# option path: path, template, required: .*\.$",
              r"^maildir: commit removes exactly what is named$"]
    tap.check("--list shows the module and the titles, and runs nothing",
              [w for w in wanted if not re.search(w, out, re.M)] +
              ([] if status == 0 and "ok 1" not in out else ["exit status %d" % status, err]))


def refuses(tap, what, arguments, sentence):
    """One line, status 2, and nothing on standard output."""
    status, out, err = run(arguments)
    lines = err.splitlines()
    good = status == 2 and not out and len(lines) == 1 and re.search(sentence, err) and \
        lines[0].startswith("popart-module-check: ")
    tap.check(what, [] if good else ["exit status %d" % status, out, err])


def command_lines(tap):
    maildir = ["--trust", module("maildir")]
    refuses(tap, "no module", [], "which module.*popart-module-check ./mine.so")
    refuses(tap, "an unknown option", ["--lst"], "unknown option.*did you mean --list")
    refuses(tap, "a user without a password", ["--user", "x", "y.so"], "--user=demo:secret")
    refuses(tap, "a file that is not there", ["/no/such/mine.so"], "/no/such")
    refuses(tap, "an option that is missing", maildir, "path is missing; it is a string")
    refuses(tap, "an option that is unknown", maildir + ["path=/x", "pth=/y"],
            'unknown key "pth"; did you mean "path"')
    refuses(tap, "an option out of range",
            ["--trust", module("mbox"), "path=/x", "state_dir=/x", "lock_wait=99d"],
            "lock_wait.*out of range")
    refuses(tap, "what is no option", maildir + ["path"], "write it like path=/srv")
    status, out, err = run(["--trust", module("static"), "user=demo", "password="])
    tap.check("a module that does not start says why itself",
              [] if status == 2 and not out and "does not start: check() refused" in err and
              "it says: FAIL" in err else ["exit status %d" % status, out, err])


def others_may_write(tap):
    """As in a home that the group may write, or /tmp."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o775)
        copy = os.path.join(directory, "maildir.so")
        shutil.copy(module("maildir"), copy)
        refuses(tap, "a directory that others may write", [copy, "path=@scratch@/%u"],
                r"may be written by its group.*chmod go-w.*--trust$")
        status, out, err = run(["--trust", "-k", "descriptor", copy, "path=@scratch@/%u"])
        tap.check("--trust looks past that, and says so",
                  [] if status == 0 and "warning:" in err and "\nok 1" in out
                  else ["exit status %d" % status, out, err])
        wrong = os.path.join(directory, "other.so")
        shutil.copy(module("maildir"), wrong)
        refuses(tap, "a module by another name", ["--trust", wrong, "path=@scratch@/%u"],
                '^popart-module-check: %s: name is "maildir", not "other"' % re.escape(wrong))


def leaves_nothing(tap):
    with tempfile.TemporaryDirectory() as directory:
        environment = dict(os.environ, TMPDIR=directory)
        subprocess.run([PROGRAM, "--trust", "-k", "sizes and octets", module("maildir"),
                        "path=@scratch@/%u"], env=environment, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        tap.check("nothing is left in TMPDIR", os.listdir(directory))
        with subprocess.Popen([PROGRAM, "--trust", module("maildir"), "path=@scratch@/%u"],
                              env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) as process:
            for line in process.stdout:
                if line.startswith("ok 3"):
                    process.send_signal(signal.SIGINT)
            status = process.wait()
        tap.check("nor when it is interrupted, which is status 2",
                  os.listdir(directory) + ([] if status == 2 else ["status %d" % status]))


def main():
    tap = Tap()
    describes(tap)
    command_lines(tap)
    others_may_write(tap)
    leaves_nothing(tap)
    ours(tap)
    tap.done()


main()
