# SPDX-License-Identifier: MIT
"""Maildrops for the benchmarks: many of them, and large ones, quickly. What is written is
what deliveries leave; their owner is the account without rights that servers use."""

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "e2e"))
# pylint: disable=wrong-import-position
from harness import letter, wire  # noqa: E402

ACCOUNT, GROUP = "nobody", "nogroup"
UID, GID = pwd.getpwnam(ACCOUNT).pw_uid, pwd.getpwnam(ACCOUNT).pw_gid
PUT = os.path.join(os.environ.get("TEST_BUILDDIR", "."), "tests", "e2e", "put-sqlite")
SUBS = ("cur", "new", "tmp")
MAX_LINKS = 60000  # of one file, on ext4
FROM = b"From a@example.net Mon Jan  1 00:00:00 2024\n"


def own(path):
    os.lchown(path, UID, GID)


def give_away(top):
    for directory, _, names in os.walk(top):
        own(directory)
        for name in names:
            own(os.path.join(directory, name))


def make_directory(path):
    os.makedirs(path, exist_ok=True)
    own(path)


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
        os.fchown(file.fileno(), UID, GID)


def name_of(number, data, hints):
    name = "%d.M%06dP7.test" % (1700000000 + number, number % 1000000)
    return name + (",S=%d,W=%d" % (len(data), len(wire(data))) if hints else "")


def maildir(path, count, octets, hints=True, first=1):
    """Adds so many messages."""
    for sub in ("",) + SUBS:
        make_directory(os.path.join(path, sub))
    for number in range(first, first + count):
        data = letter(number, octets)
        write(os.path.join(path, "cur", name_of(number, data, hints) + ":2,S"), data)


def linked_maildir(path, count, octets, hints=True):
    """The same, of one file for many messages: memory and time of a look count, not their
    blocks. As many as one likes, quickly."""
    for sub in ("",) + SUBS:
        make_directory(os.path.join(path, sub))
    data, source = letter(1, octets), None
    name = name_of(0, data, hints).partition(".test")[2]
    for number in range(1, count + 1):
        new = "%s/cur/%d.M%06dP7.test%s:2,S" % (path, 1700000000 + number, number % 1000000,
                                                name)
        if number % MAX_LINKS == 1:
            source = new
            write(source, data)
        else:
            os.link(source, new)


def linked_maildirs(top, prefix, users, count, octets):
    """Maildirs of many users, whose files are links, too."""
    pattern = os.path.join(top, "." + prefix)
    per_user = MAX_LINKS // count
    data = [letter(number, octets) for number in range(1, count + 1)]
    for user in range(users):
        path = os.path.join(top, "%s%d" % (prefix, user))
        for sub in ("",) + SUBS:
            make_directory(os.path.join(path, sub))
        if user % per_user == 0:
            sources = pattern + "%d" % user
            maildir(sources, count, octets)
            files = [(os.path.join(sources, "cur", name_of(n + 1, each, True) + ":2,S"),
                      name_of(n + 1, each, True) + ":2,S") for n, each in enumerate(data)]
        for source, name in files:
            os.link(source, os.path.join(path, "cur", name))


def deliver(path, octets, number=900000):
    """One message more, as a delivery agent does it."""
    data = letter(number, octets)
    temporary = os.path.join(path, "tmp", "delivery")
    write(temporary, data)
    os.rename(temporary, os.path.join(path, "new", name_of(number, data, False)))


def forget(path):
    """What servers have noted beside the mail."""
    for name in os.listdir(path):
        if name not in SUBS:
            with contextlib.suppress(NotADirectoryError):
                shutil.rmtree(os.path.join(path, name))
                continue
            os.unlink(os.path.join(path, name))


def mbox(path, count, octets):
    with open(path, "wb") as file:
        for number in range(1, count + 1):
            file.write(FROM + letter(number, octets) + b"\n")
    own(path)
    os.chmod(path, 0o600)


def database(path, user, count, octets):
    """By the module itself, in memory, where its promises cost nothing; then moved."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as quick, \
            tempfile.TemporaryFile() as message:
        message.write(letter(1, octets))
        message.seek(0)
        made = os.path.join(quick, "%n.db")
        subprocess.run([PUT, made, user, "m", str(count)], stdin=message,
                       stdout=subprocess.DEVNULL, check=True)
        assert os.listdir(quick) == [user + ".db"], os.listdir(quick)
        shutil.move(os.path.join(quick, user + ".db"), path)
    own(path)
