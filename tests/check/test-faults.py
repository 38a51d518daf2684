#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""popart-module-check finds each fault of a module that has been given one, says which promise
it breaks, and has nothing to say of the same module without it."""

import concurrent.futures
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lint"))
from tap import BUILD, ROOT, Tap, read
from faults import FAULTS, MEDDLED, UNTIDY

PROGRAM = os.path.join(BUILD, "popart-module-check")
MODULE = os.path.join(BUILD, "tests", "check", ".libs", "faulty.so")
USER = r"enabled 1\nplain se cret\nattr home=/srv/demo\nattr two=a=b\n"
MAIL = '"$SCRATCH/$POPART_USER/$POPART_MESSAGE.eml"'
HANDS = ["--put", 'mkdir -p "$SCRATCH/$POPART_USER" && cat >' + MAIL,
         "--vanish", "rm " + MAIL,
         "--cut", "truncate -s $(($(stat -c %%s %s) / 2)) %s" % (MAIL, MAIL)]
ARGUMENTS = ["--trust", "--prepare",
             "mkdir $SCRATCH/users && cd $SCRATCH/users && printf '%s' >demo && cp demo other"
             % USER.replace("%", "%%"),
             "--user", "demo:se cret", "--attr", "home=/srv/demo", "--attr", "two=a=b"]
SETTINGS = ["path=@scratch@/%u", "users=@scratch@/users"]


def check(fault, words, limit, hands):
    """Exit status and output."""
    command = [PROGRAM, "--limit", str(limit)] + ARGUMENTS + (HANDS if hands else [])
    for word in words:
        command += ["-k", word]
    done = subprocess.run(command + [MODULE] + SETTINGS + ["fault=" + fault],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
    return done.returncode, done.stdout


def problems_of(fault):
    """What is wrong with what the program says of a fault."""
    words, sentence = FAULTS[fault]
    status, output = check(fault, words, 2 if fault == "hang-open" else 60, fault in MEDDLED)
    failed = re.findall(r"^not ok \d+ - (.*)\n((?:# .*\n)*)", output, re.M)
    if status != 1 or not failed:
        return ["exit status %d, and %d tests failed" % (status, len(failed)), output]
    if any(re.search(sentence, told) for title, told in failed
           if any(word in title for word in words)):
        return []
    return ["no sentence is like " + sentence, output]


def problems_without(words, hands):
    status, output = check("none", words, 60, hands)
    failed = re.findall(r"^not ok .*\n(?:# .*\n)*", output, re.M)
    if status == 0 and not failed:
        return []
    return ["exit status %d" % status] + (failed or [output])


def untidy(tap):
    """A module whose tables are wrong, which no option can do."""
    module = os.path.join(BUILD, "tests", "check", ".libs", "untidy.so")
    done = subprocess.run([PROGRAM, "--trust", "-k", "descriptor", "-k", "each", module,
                           "size=1K"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for title, sentences in UNTIDY.items():
        told = re.search(r"^not ok \d+ - untidy: %s\n((?:# .*\n)*)" % re.escape(title),
                         done.stdout, re.M)
        found = told.group(1) if told else ""
        tap.check("wrong tables: not " + title,
                  [s for s in sentences if not re.search(s, found)] +
                  ([] if done.returncode == 1 and told else [done.stdout]))


def main():
    tap = Tap()
    only = sys.argv[1:]
    known = set(re.findall(r'F\(\w+, "([a-z-]+)"\)', read(ROOT, "tests/check/faulty.h")))
    tap.check("every fault that there is is tried", sorted(known - {"none"} ^ set(FAULTS)))
    untidy(tap)
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        jobs = [("no fault: all suites pass", pool.submit(problems_without, [], False)),
                ("no fault: nor has meddling anything to show",
                 pool.submit(problems_without, ["vanish", "cut short", "sizes and octets"],
                             True))]
        jobs += [("%s is found" % fault, pool.submit(problems_of, fault)) for fault in FAULTS]
        for title, job in jobs:
            if only and not any(word in title for word in only):
                job.cancel()
            else:
                tap.check(title, job.result())
    tap.done()


main()
