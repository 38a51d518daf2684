#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The manuals against the tables in the code, both ways: nothing is missing, nothing is
described that does not exist."""

import glob
import os
import re

import manual
from headers import Headers
from tap import BUILD, ROOT, Tap, files, read, run

# What a configuration has besides options: groups, and the two keys of every block.
GROUPS = {"listen", "auth", "storage", "tls", "certificates", "log", "admin", "module", "name",
          "as_user"}


def tables():
    """The lines of print-tables as lists of fields."""
    modules = sorted(glob.glob(os.path.join(BUILD, "modules", "*", ".libs", "*.so")))
    status, output = run([os.path.join(BUILD, "tests", "lint", "print-tables")] + modules)
    if status != 0:
        raise SystemExit("Bail out! print-tables: " + output)
    return [line.split("\t") for line in output.splitlines()]


def page(name):
    try:
        return read(ROOT, os.path.join("docs", "man", name))
    except FileNotFoundError:
        return None


def options(tap, rows):
    by_table = {}
    for row in rows:
        if row[0] == "option":
            by_table.setdefault(row[1], []).append((row[2], row[4]))
    server = {"server", "listen", "tls", "certificates", "log", "admin"}
    for table, entries in by_table.items():
        name = "popart.conf.5" if table in server else "popart-%s.5" % table
        text = page(name)
        found = manual.missing_options(entries, manual.items(text)) if text else ["no page"]
        tap.check("%s describes every option of %s" % (name, table), found)
    pages = {"popart.conf.5": GROUPS | {entry[0] for table in server
                                        for entry in by_table[table]}}
    for table in set(by_table) - server:
        pages["popart-%s.5" % table] = {entry[0] for entry in by_table[table]}
    for name, known in pages.items():
        found = manual.unknown_items(known, manual.items(page(name) or ""),
                                     r"^(options|.*keys|listeners?|log.*|server)$")
        tap.check("%s describes no option that does not exist" % name, found)


def named(tap, rows, kind, what, sections):
    """Log events and counters in popartd.8."""
    known = {row[1]: row[2:] for row in rows if row[0] == kind}
    about = [item for item in manual.items(page("popartd.8") or "")
             if re.search(sections, item.section, re.I)]
    found = []
    for name, more in known.items():
        described = [item for item in about if item.name() == name]
        if not described:
            found.append("%s is not described" % name)
        for word in more:
            if described and not any(item.holds(word) for item in described):
                found.append("%s: the manual does not say %s" % (name, word))
    tap.check("popartd.8 describes every " + what, found)
    tap.check("popartd.8 describes no %s that does not exist" % what,
              manual.unknown_items(known, about, sections))


def log_fields(tap, rows):
    """Fields with their events, and the values that a field may have."""
    about = [item for item in manual.items(page("popartd.8") or "")
             if item.section == "LOG FIELDS"]
    known = {row[1] for row in rows if row[0] in ("field", "reason")}
    tap.check("popartd.8 describes every log field, and names its events",
              manual.fields([(row[1], row[2:]) for row in rows if row[0] == "field"], about))
    tap.check("popartd.8 describes no log field that does not exist",
              manual.unknown_items(known, about, "."))
    tap.check("popartd.8 describes every reason of a session's end",
              sorted({row[1] for row in rows if row[0] == "reason"} -
                     {item.name() for item in about}))
    status = [item for item in about if item.name() == "status"]
    tap.check("popartd.8 has every status",
              [row[1] for row in rows if row[0] == "status" and row[1] != "ok" and
               not (status and status[0].holds(row[1]))])


LOG_CALL = re.compile(r'\blog_(?:view|str|quoted|u64|i64|hex)\((?:&\w+|\w+), "(\w+)"')


def log_calls(tap, rows):
    """What the code logs against the tables; a developer build looks at the order."""
    fields = {row[1] for row in rows if row[0] == "field"}
    calls, events = {"process", "error"}, set()
    for path in files(ROOT, ["server"], [".c"]):
        text = read(ROOT, path)
        calls |= set(LOG_CALL.findall(text))
        events |= {name.lower() for name in re.findall(r"\bLOG_EV_(\w+)", text)}
    tap.check("every field that is logged is in log_fields.h",
              sorted(calls - fields - {"process"}))
    tap.check("every field in log_fields.h is logged", sorted(fields - calls))
    tap.check("every event is logged",
              sorted({row[1] for row in rows if row[0] == "event"} - events))


def command_line(tap, program, section="8"):
    name = "%s.%s" % (program, section)
    status, text = run([os.path.join(BUILD, program), "--help"])
    told = manual.help_options(text)
    described = manual.command_line_options(page(name) or "")
    tap.check(program + " --help works", [text] if status or not told else [])
    tap.check(name + " describes every option of the command line",
              sorted(told - described))
    tap.check(name + " describes no option that --help does not name",
              sorted(described - told))


def commands(tap, rows):
    """popartctl's: each with an item of its own, and every option that one takes."""
    text = page("popartctl.8") or ""
    known = {row[1]: set(row[2:]) for row in rows if row[0] == "command"}
    about = [item for item in manual.items(text) if item.section == "COMMANDS" and
             re.match(r"Ic \S", item.head)]
    described = {re.match(r"Ic ((?:[a-z-]+ ?)+)", item.head).group(1).strip()
                 for item in about}
    tap.check("popartctl.8 describes every command", sorted(set(known) - {""} - described))
    tap.check("popartctl.8 describes no command that does not exist",
              sorted(described - set(known)))
    options = set.union(*known.values())
    found = {option for option in manual.command_line_options(text)
             if option.startswith("--")}
    tap.check("popartctl.8 describes every option of every command", sorted(options - found))
    tap.check("popartctl.8 describes no option that does not exist", sorted(found - options))
    tap.check("popartctl.8 lists every exit status",
              sorted({row[1] for row in rows if row[0] == "ctlexit"} ^
                     {item.name() for item in manual.items(text)
                      if item.section == "EXIT STATUS"}))


def verdicts(tap, rows):
    """What popart-deliver ends with: each status, with the reasons for it."""
    described = {item.name(): item for item in manual.items(page("popart-deliver.8") or "")
                 if item.section == "EXIT STATUS"}
    told = {}
    for row in rows:
        if row[0] == "exit":
            told.setdefault(row[1], []).append(row[2])
    tap.check("popart-deliver.8 lists every exit status", sorted(set(told) ^ set(described)))
    tap.check("popart-deliver.8 gives every reason for a status",
              ["%s: %s" % (status, reason) for status, reasons in told.items()
               for reason in reasons if status != "0" and status in described and
               not described[status].holds(reason)])


def module_check(tap):
    """What popart-module-check ends with, and how shells complete its command line."""
    described = {item.name() for item in manual.items(page("popart-module-check.1") or "")
                 if item.section == "EXIT STATUS"}
    tap.check("popart-module-check.1 lists every exit status",
              sorted({"0", "1", "2"} ^ described))
    told = manual.help_options(run([os.path.join(BUILD, "popart-module-check"), "--help"])[1])
    for name in ("popart-module-check", "_popart-module-check"):
        text = read(ROOT, os.path.join("docs", "completion", name))
        tap.check("the completion %s has every option" % name,
                  sorted(option for option in told
                         if not re.search(r"(?<![\w-])%s(?![\w-])" % re.escape(option), text)))


# Which page is about which headers. What an embedder includes describes itself.
CONTRACT = {"popart-module.7": {"abi.h", "conf.h", "host.h", "module.h"},
            "popart-storage.3": {"storage.h"},
            "popart-auth.3": {"auth.h", "accounts.h"}}
# Nobody writes these down in a module.
FOR_HEADERS = {"POPART_BEGIN_DECLS", "POPART_END_DECLS", "POPART_EXPORT", "POPART_PRINTF",
               "POPART_MUST_USE", "POPART_MODULE_ENTRY", "POPART_MODULE_BEGIN",
               "POPART_MODULE_END"}


def parameters(kind):
    """How many a function of that type has; None: it is none."""
    at = kind.find("(*)(")
    if at < 0:
        return None
    inside, depth, n = kind[at + 4:-1], 0, 1
    for letter in inside:
        depth += (letter == "(") - (letter == ")")
        n += letter == "," and depth == 0
    return 0 if inside == "void" else n


def contract(tap):
    """The interface of modules: every member, constant and macro of the headers."""
    headers = Headers(os.path.join(ROOT, "include"))
    known = set(headers.names()) | {"POPART_MODULE_API"}
    for name, about in CONTRACT.items():
        structs = {struct.name: {member: parameters(kind) for member, kind in struct.members}
                   for struct in headers.structs if headers.where[struct.name] in about}
        constants = [one for one in headers.constants if headers.where[one] in about]
        macros = [one for one in headers.macros
                  if headers.where[one] in about and one not in FOR_HEADERS]
        tap.check("%s has all of %s, and nothing else" % (name, ", ".join(sorted(about))),
                  manual.contract(page(name) or "", structs, constants, macros, known))
    covered = set.union(*CONTRACT.values()) | {"session.h", "driver.h"}
    tap.check("every header has its page", sorted(set(headers.where.values()) - covered))


def exit_status(tap):
    """What popartd ends with is what the manual lists."""
    popartd = os.path.join(BUILD, "popartd")
    told = {str(run([popartd] + arguments)[0])
            for arguments in (["--help"], ["--no-such-option"], ["-t", "-c", "/no/such/file"])}
    described = {item.name() for item in manual.items(page("popartd.8") or "")
                 if item.section == "EXIT STATUS"}
    tap.check("popartd.8 lists every exit status", sorted(told ^ described))


INTERFACE = """.Ss struct popart_one
.Bl -tag
.It Fa size , flags
.Dv POPART_ONE_FLAG
.It Fn open state drop
.El
"""
PLANTED = """.Sh OPTIONS
.Bl -tag
.It Ic one = Ar number
The first.
Default:
.Li 10m .
.It Ic ghost
.It Fl c , Fl -config Ar FILE
.It Fl Fl delete
.It Ic rip
An address.
In
.Ic login , session_end .
.El
"""


def planted(tap):
    """The lint has to find what is wrong here, and nothing else."""
    about = manual.items(PLANTED)
    cases = [
        ("a described option", manual.missing_options([("one", "10m")], about), 0),
        ("another default", manual.missing_options([("one", "1m")], about), 1),
        ("a default that is part of a word", manual.missing_options([("one", "0m")], about), 1),
        ("an option without an item", manual.missing_options([("two", "-")], about), 1),
        ("an item without an option", manual.unknown_items({"one", "rip"}, about, "options"), 1),
        ("options of the command line",
         manual.command_line_options(PLANTED) ^ {"-c", "--config", "--delete"}, 0),
        ("a log field", manual.fields([("rip", ["login", "session_end"])], about), 0),
        ("a log field in other events", manual.fields([("rip", ["login", "x"])], about), 2),
        ("a log field without an item", manual.fields([("lip", [])], about), 1),
        ("options of --help",
         manual.help_options("  -c, --config FILE  x-y\n --delete\n") ^
         {"-c", "--config", "--delete"}, 0),
    ]
    one = {"size": None, "flags": None, "open": 2}
    for name, members, constants, wrong in (
            ("an interface as it is", one, ["POPART_ONE_FLAG"], 0),
            ("a member that is not described", dict(one, close=1), ["POPART_ONE_FLAG"], 1),
            ("a member that is not there", {"size": None, "open": 2}, ["POPART_ONE_FLAG"], 1),
            ("a function with other parameters", dict(one, open=3), ["POPART_ONE_FLAG"], 1),
            ("a constant that is not there, another that is not told",
             one, ["POPART_OTHER_FLAG"], 2)):
        cases.append((name, manual.contract(INTERFACE, {"popart_one": members}, constants, [],
                                            set(constants)), wrong))
    for name, found, expected in cases:
        tap.check("lint: " + name, [] if len(found) == expected else ["found: %s" % found])


def main():
    tap = Tap()
    rows = tables()
    options(tap, rows)
    named(tap, rows, "event", "log event", "log events")
    log_fields(tap, rows)
    log_calls(tap, rows)
    named(tap, rows, "counter", "counter", "counter|scoreboard")
    command_line(tap, "popartd")
    command_line(tap, "popart-deliver")
    command_line(tap, "popart-module-check", "1")
    module_check(tap)
    exit_status(tap)
    verdicts(tap, rows)
    commands(tap, rows)
    contract(tap)
    planted(tap)
    tap.done()


main()
