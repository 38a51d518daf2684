# SPDX-License-Identifier: MIT
"""A popart that `make install` has just put into a directory."""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, os.pardir, name) for name in ("e2e", "lint")]
from tap import BUILD, run  # noqa: E402


class Installed:
    """prefix: where it is. environment: what builds against it, and runs it. problems: why it
    is not there."""

    def __init__(self, directory):
        self.prefix = os.path.join(directory, "popart")
        self.environment = {
            name: value for name, value in os.environ.items()
            if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DESTDIR")}
        status, output = run(["make", "-s", "-C", BUILD, "install", "prefix=/popart",
                              "DESTDIR=" + directory], env=self.environment)
        pc = self.path("lib/pkgconfig/popart.pc")
        self.problems = [] if status == 0 and os.path.exists(pc) else [output]
        if self.problems:
            return
        with open(pc, encoding="utf-8") as file:
            text = file.read()
        with open(pc, "w", encoding="utf-8") as file:
            file.write(re.sub(r"^prefix=.*$", "prefix=" + self.prefix, text, flags=re.M))
        self.environment.update(
            PKG_CONFIG_PATH=os.path.dirname(pc),
            PATH="%s:%s:%s" % (self.path("bin"), self.path("sbin"), os.environ["PATH"]),
            # What malloc keeps for threads would count as in use.
            GLIBC_TUNABLES="glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1")

    def path(self, name):
        return os.path.join(self.prefix, name)

    @property
    def modules(self):
        return self.path("lib/popart/modules")
