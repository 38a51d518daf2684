#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""next.py HEADERS OUT: the headers of a next minor version that nobody has written yet, in
which every struct that may grow has grown. What is built with them stands for servers and
modules to come."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lint"))
from headers import Headers  # noqa: E402


def main():
    source, target = sys.argv[1:]
    growing = {struct.name for struct in Headers(source).structs if struct.grows()}
    os.makedirs(os.path.join(target, "popart"), exist_ok=True)
    for name in sorted(os.listdir(os.path.join(source, "popart"))):
        with open(os.path.join(source, "popart", name), encoding="utf-8") as file:
            text = file.read()
        text = re.sub(r"(POPART_API_MINOR )(\d+)u",
                      lambda found: "%s%du" % (found.group(1), int(found.group(2)) + 1), text)
        text = re.sub(r"(\bstruct (\w+) \{(?:(?!\n\};).)*\n)(\};)",
                      lambda found: found.group(1) + "	uint64_t later;\n" * (
                          found.group(2) in growing) + found.group(3), text, flags=re.S)
        with open(os.path.join(target, "popart", name), "w", encoding="utf-8") as file:
            file.write(text)
    grown = Headers(target)
    short = [struct.name for struct in grown.structs
             if (struct.name in growing) != (struct.members[-1][0] == "later")]
    if short or not growing:
        sys.exit("next.py: did not grow: " + " ".join(short))


main()
