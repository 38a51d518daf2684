#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The binary face of include/popart against what is recorded of it in layout.txt: a module
that was built with the recorded headers must go on to work. `test-layout.py --missing` prints
the rows that a new minor version has to add there."""

import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lint"))
from headers import Headers  # noqa: E402
from tap import ROOT, Tap, read  # noqa: E402

COMPILER = os.environ.get("TEST_CC") or "cc"
NOW = os.path.join(ROOT, "include")
FROZEN = os.path.join(ROOT, "tests", "abi", "1.0")


def record():
    """The rows by minor version."""
    versions = []
    for line in read(ROOT, os.path.join("tests", "abi", "layout.txt")).splitlines():
        if line.startswith("version 1."):
            versions.append([])
        elif line and not line.startswith("#"):
            versions[-1].append(line)
    return versions


def is_size(row):
    return re.match(r"struct \w+: ", row)


def owner(row):
    return row.split(":")[0]


def in_force(versions):
    """All that is recorded, in the order of the versions. A struct that has grown has the
    last size that is recorded for it."""
    rows = {}
    for version in versions:
        for row in version:
            rows[owner(row) if is_size(row) else row] = row
    return list(rows.values())


def compare(recorded, found):
    return ["recorded, and not so any more: " + row for row in recorded if row not in found] + \
        ["not recorded: " + row for row in found if row not in recorded]


def holes(rows):
    """Without holes nothing can be added that the record does not see, and nothing that an
    older reader takes for something of its own."""
    sizes = {owner(row)[7:]: int(row.split(": ")[1]) for row in rows if is_size(row)}
    ends, found = {}, []
    for struct, name, offset, size in re.findall(
            r"^struct (\w+)\.(\w+): at (\d+), (\d+):", "\n".join(rows), flags=re.M):
        if int(offset) != ends.get(struct, 0):
            found.append("a hole before %s.%s" % (struct, name))
        ends[struct] = int(offset) + int(size)
    return found + ["%s ends in padding" % struct for struct, size in sizes.items()
                    if ends.get(struct) != size]


def grown_only(versions):
    """Rows of a struct that a later version adds begin where the struct ended."""
    found, sizes = [], {}
    for version in versions:
        for row in version:
            at = re.match(r"struct (\w+)\.\w+: at (\d+)", row)
            if at and int(at.group(2)) < sizes.get("struct " + at.group(1), 0):
                found.append("not at the end: " + row)
        sizes.update({owner(row): int(row.split(": ")[1]) for row in version if is_size(row)})
    return found


def problems_of(directory, versions):
    headers = Headers(directory)
    minor, _, rows = headers.rows(COMPILER)
    found = ["cannot be read: " + text for text in headers.unread]
    found += compare(in_force(versions), rows) + holes(rows) + grown_only(versions)
    if minor != len(versions) - 1:
        found.append("POPART_API_MINOR is %u, the last version recorded 1.%u" %
                     (minor, len(versions) - 1))
    return found


def changed(edit):
    """A copy of the headers in which something is different."""
    directory = tempfile.mkdtemp()
    shutil.copytree(os.path.join(NOW, "popart"), os.path.join(directory, "popart"))
    for name, old, new in edit:
        path = os.path.join(directory, "popart", name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert old in text, old
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new, 1))
    return directory


MINOR = re.search(r"POPART_API_MINOR \d+u", read(NOW, "popart/abi.h")).group()
NEXT = "POPART_API_MINOR %du" % (int(MINOR.split()[1][:-1]) + 1)
CALL_END = "	int64_t deadline_ms;"
PLANTED = [
    ("a member in the middle", [("abi.h", CALL_END, "	int64_t started_ms;\n" + CALL_END)]),
    ("two members that have changed places",
     [("abi.h", "const char *ptr;\n	size_t len;", "size_t len;\n	const char *ptr;")]),
    ("a member with another type", [("abi.h", "uint64_t session;", "int64_t session;")]),
    ("a function with another parameter",
     [("module.h", "void (*stop)(void *state)", "void (*stop)(void *state, int how)")]),
    ("a struct that nobody has recorded",
     [("abi.h", "struct popart_call {", "struct popart_new {\n	uint32_t size, more;\n};\n"
       "struct popart_call {")]),
    ("a member that was appended and not recorded",
     [("storage.h", "	const char *const *hidden_fields;",
       "	const char *const *hidden_fields;\n	int (*more)(void *drop);")]),
    ("a constant with another value", [("abi.h", "POPART_R_GONE = 6", "POPART_R_GONE = 16")]),
    ("a constant that nobody has recorded",
     [("storage.h", "POPART_SRC_READ = 3", "POPART_SRC_READ = 3, POPART_SRC_MAP = 4")]),
    ("a macro that is a number", [("abi.h", "#define POPART_MAGIC ",
                                   "#define POPART_NUMBER 3\n#define POPART_MAGIC ")]),
    ("a function of the library",
     [("session.h", "void popart_session_body_end(",
       "void popart_session_more(struct popart_session *);\nvoid popart_session_body_end(")]),
    ("a struct that ends in padding", [("auth.h", "	uint32_t size, flags;\n	struct popart_str user;",
                                        "	uint32_t size, flags;\n	uint8_t odd;\n"
                                        "	struct popart_str user;")]),
    ("another minor version", [("abi.h", MINOR, NEXT)]),
    ("a declaration of a kind that is not known",
     [("abi.h", "struct popart_call {", "extern int popart_number;\nstruct popart_call {")]),
]


def planted(tap, versions):
    for name, edit in PLANTED:
        directory = changed(edit)
        tap.check("it would find " + name,
                  [] if problems_of(directory, versions) else ["it does not"])
        shutil.rmtree(directory)


def growing(tap, versions):
    """How the next one is to be made: that passes."""
    directory = changed([
        ("abi.h", MINOR, NEXT),
        ("driver.h", "	void (*unlock)(void *user, const void *id, size_t len);",
         "	void (*unlock)(void *user, const void *id, size_t len);\n	uint64_t more;")])
    more = ["struct popart_driver_conf: 88", "struct popart_driver_conf.more: at 80, 8: uint64_t"]
    tap.check("what is appended, recorded and has a new minor version passes",
              problems_of(directory, versions + [more]))
    shutil.rmtree(directory)


def main():
    versions = record()
    _, pointer, rows = Headers(NOW).rows(COMPILER)
    if "--missing" in sys.argv:
        print("\n".join(row for row in rows if row not in in_force(versions)))
        return
    if pointer != 8:
        print("1..0 # SKIP recorded for 64-bit pointers")
        return
    tap = Tap()
    tap.check("the headers are as recorded", problems_of(NOW, versions))
    tap.check("the frozen copies of 1.0 are 1.0", problems_of(FROZEN, versions[:1]))
    api = re.findall(r"^api=(.*)$", read(ROOT, "server/pop3/popart.pc.in"), flags=re.M)
    tap.check("popart.pc says which version it is",
              [] if api == ["1.%d" % (len(versions) - 1)] else ["api=%s" % api])
    growing(tap, versions)
    planted(tap, versions)
    tap.done()


main()
