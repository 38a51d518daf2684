#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What other programs say about sources and texts, and whether they would say it: each is
also given something that it has to complain about. With --slow, those that take minutes:
cppcheck and clang-tidy (`make lint`)."""

import concurrent.futures
import os
import sys
import tempfile

from tap import ROOT, Tap, files, run

TEXTS = ["README.md", "NEWS", "autogen.sh", "configure.ac", "Makefile.am", "docs", "server",
         "modules", "include", "tests"]
# Words that codespell takes for slips of the pen.
SPELLED_SO = "crasher,nd,te,ans,fo,ot,ba,hist,dout,wit,statics,inout,sting"
# Words that are wrong on purpose: what a test hands to the server.
WRONG_ON_PURPOSE = "certificat,quitt,levl,addres,adress,modul,anwser"


def absolute(paths):
    return [os.path.join(ROOT, path) for path in paths]


def judge(tap, name, program, arguments, paths, bad_name, bad_text, shorten=None):
    """One check over paths, and one that it finds fault with a planted bad file."""
    tool = tap.need(name, program)
    if tool is None:
        return
    if not paths:
        tap.skip(name, "nothing to look at")
        return
    status, output = run([tool] + arguments + paths, cwd=ROOT)
    if shorten:
        output = shorten(output)
    tap.check(name, [output or "exit status %d" % status] if status else [])
    with tempfile.TemporaryDirectory() as directory:
        bad = os.path.join(directory, bad_name)
        with open(bad, "w", encoding="utf-8") as file:
            file.write(bad_text)
        status, output = run([tool] + arguments + [bad], cwd=ROOT)
    tap.check(program + " finds what was planted", [] if status else ["nothing found"])


def shell_scripts():
    scripts = ["autogen.sh", ".ci/run"] + files(ROOT, ["server", "modules", "tests", "docs"],
                                               [".sh"])
    return [path for path in absolute(scripts) if os.path.exists(path)]


def c_sources():
    return absolute(files(ROOT, ["server", "modules", "include", "tests", "docs"],
                          [".c", ".h"]))


def tables(path):
    """X-macro tables: not C by themselves."""
    return path.endswith(("log_events.h", "log_fields.h", "board_counters.h"))


def names_only(output):
    """The files that clang-format would change, each once."""
    named = {line.split(":")[0] for line in output.splitlines() if ": error: " in line}
    return "\n".join("clang-format-14 -i " + os.path.relpath(path, ROOT)
                     for path in sorted(named))


def style():
    return "--style=file:" + os.path.join(ROOT, ".clang-format")


def spelling(tap):
    paths = [path for path in absolute(TEXTS) if os.path.exists(path)]
    options = ["--quiet-level=2", "--ignore-words-list=" + SPELLED_SO + "," + WRONG_ON_PURPOSE,
               "--skip=*/corpus/*,*/corpus,*.pyc,*/__pycache__"]
    judge(tap, "codespell", "codespell", options, paths, "bad.txt",
          "This is rec" + "ieved mail.\n")


def manuals(tap):
    pages = absolute(files(ROOT, ["docs/man"], [".5", ".7", ".8"]))
    judge(tap, "mandoc -T lint", "mandoc", ["-T", "lint", "-W", "warning"], pages, "bad.8",
          ".Dd $Mdocdate$\n.Dt BAD 8\n.Os\n.Sh NAME\n.Nm bad\n.Nd is bad\n.Xyz\n")


def quick(tap):
    judge(tap, "shellcheck", "shellcheck", ["-x"], shell_scripts(), "bad.sh",
          "#!/bin/sh\necho $1\n")
    judge(tap, "clang-format", "clang-format-14", ["--dry-run", "-Werror", style()],
          [path for path in c_sources() if not tables(path)], "bad.c", "int  a ;\n", names_only)
    spelling(tap)
    manuals(tap)


def include_options():
    return ["-I" + os.path.join(ROOT, "server"), "-I" + os.path.join(ROOT, "include"),
            "-I" + os.path.join(ROOT, "tests"), "-D_GNU_SOURCE"]


def cppcheck(tap):
    sources = absolute(files(ROOT, ["server", "modules", "docs"], [".c"]))
    # What a library's caller or a table row uses is not unused; -j would hide it anyway.
    options = ["--quiet", "--std=c11", "--error-exitcode=2", "--inline-suppr",
               "--enable=warning,performance,portability", "--suppress=missingIncludeSystem",
               "--library=" + os.path.join(ROOT, "tests/lint/jansson.cfg"),
               '-DPOPART_VERSION="0"', "-j", str(os.cpu_count() or 1)] + include_options()
    judge(tap, "cppcheck", "cppcheck", options, sources, "bad.c",
          "int main(void)\n{\n\tchar a[2];\n\ta[3] = 0;\n\treturn a[0];\n}\n")


def tidy(tool, path):
    status, output = run([tool, "--quiet", "--config-file=" + os.path.join(ROOT, ".clang-tidy"),
                          path, "--", "-std=c11", '-DPOPART_VERSION="0"',
                          '-DPOPART_MODULEDIR="/"', '-DPOPART_SYSCONFDIR="/"'] +
                         include_options(), cwd=ROOT)
    found = [line for line in output.splitlines()
             if not line.endswith((" generated.", "warning generated."))]
    return "\n".join(found) if status or "warning:" in output or "error:" in output else ""


def clang_tidy(tap):
    name = "clang-tidy"
    tool = tap.need(name, "clang-tidy-14")
    if tool is None:
        return
    sources = absolute(files(ROOT, ["server", "modules", "docs"], [".c"]))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for path, found in zip(sources, pool.map(lambda path: tidy(tool, path), sources)):
            tap.check(name + " " + os.path.relpath(path, ROOT), [found] if found else [])
    with tempfile.TemporaryDirectory() as directory:
        bad = os.path.join(directory, "bad.c")
        with open(bad, "w", encoding="utf-8") as file:
            file.write("int main(void)\n{\n\tint *a = 0;\n\treturn *a;\n}\n")
        tap.check("clang-tidy finds what was planted",
                  [] if tidy(tool, bad) else ["nothing found"])


def main():
    tap = Tap()
    if "--slow" in sys.argv[1:]:
        cppcheck(tap)
        clang_tidy(tap)
    else:
        quick(tap)
    tap.done()


main()
