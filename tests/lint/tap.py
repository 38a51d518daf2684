# SPDX-License-Identifier: MIT
"""TAP for the lint scripts: a check is a name and the list of what is wrong."""

import os
import shutil
import subprocess
import sys

ROOT = os.environ.get("TEST_SRCDIR") or os.path.abspath(
    os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.environ.get("TEST_BUILDDIR") or os.path.join(ROOT, "build")


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def check(self, name, problems):
        """One test: passes when the list of problems is empty."""
        self.count += 1
        problems = list(problems)
        self.failed += bool(problems)
        print("%s %d - %s" % ("not ok" if problems else "ok", self.count, name))
        for problem in problems:
            for line in str(problem).splitlines():
                print("# " + line)
        sys.stdout.flush()

    def skip(self, name, reason):
        """Where everything has to be there (CI=true), a skipped test is a failed one."""
        if os.environ.get("CI") == "true":
            self.check(name, [reason])
            return
        self.count += 1
        print("ok %d - %s # SKIP %s" % (self.count, name, reason))
        sys.stdout.flush()

    def need(self, name, tool):
        """The path of a tool, or None after the test was skipped."""
        path = shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/bin:/bin:/usr/sbin:/sbin")
        if path is None:
            self.skip(name, tool + " is not installed")
        return path

    def done(self):
        print("1..%d" % self.count)
        sys.exit(1 if self.failed or not self.count else 0)


def run(command, **options):
    """Exit status, and both outputs as one text."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          encoding="utf-8", errors="replace", check=False, **options)
    return done.returncode, done.stdout


def files(root, directories, endings):
    """Paths relative to root, sorted; nothing hidden, nothing generated."""
    found = []
    for directory in directories:
        for path, subdirs, names in os.walk(os.path.join(root, directory)):
            subdirs[:] = sorted(d for d in subdirs if d[0] not in "._" and d != "corpus")
            found += [os.path.relpath(os.path.join(path, name), root)
                      for name in sorted(names) if name.endswith(tuple(endings))]
    return found


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()
