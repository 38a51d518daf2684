# SPDX-License-Identifier: MIT
"""A room of its own for a benchmark: the program runs itself again in new mount, network and
process namespaces. There Debian's packages of the other servers are, with their accounts,
beside what the machine has; port 110 is free, no other network is there, and whatever is
mounted, started or written below /etc goes when the program ends. The machine keeps nothing
but the packages' files below the build directory."""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys

INSIDE = "POPART_BENCH_ROOM"
CACHE = os.path.abspath(os.path.join(os.environ.get("TEST_BUILDDIR", "."), "tests", "bench",
                                     "peers"))
ROOT = os.path.join(CACHE, "root")
ACCOUNTS = ("dovecot", "dovenull", "popa3d")
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def say(text):
    print("bench: " + text, file=sys.stderr, flush=True)


def run(*command, **more):
    return subprocess.run(command, check=True, encoding="utf-8", **more)


def has_dovecot():
    return os.access("/usr/sbin/dovecot", os.X_OK) and os.path.exists("/usr/lib/dovecot/pop3")


def names_missing():
    """The packages to fetch. popa3d refuses to be installed beside another POP3 server."""
    names = ["popa3d"]
    if not has_dovecot():
        simulated = run("apt-get", "-qq", "--print-uris", "install", "--no-install-recommends",
                        "dovecot-pop3d", stdout=subprocess.PIPE)
        names += [line.split()[1].partition("_")[0] for line in simulated.stdout.splitlines()]
    return sorted(set(names))


def unpack_all(directory):
    for name in sorted(os.listdir(directory)):
        if name.endswith(".deb"):
            run("dpkg-deb", "-x", os.path.join(directory, name), ROOT)
    # /lib is a link to /usr/lib where they are to be used.
    for name in ("bin", "sbin", "lib"):
        old = os.path.join(ROOT, name)
        if os.path.isdir(old):
            shutil.copytree(old, os.path.join(ROOT, "usr", name), symlinks=True,
                            dirs_exist_ok=True)


def fetch():
    """Unpacks what is missing below the build directory, once."""
    if os.path.exists(os.path.join(CACHE, "done")):
        return
    shutil.rmtree(CACHE, ignore_errors=True)
    os.makedirs(ROOT)
    try:
        names = names_missing()
        say("fetching and unpacking " + " ".join(names))
        run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *names, cwd=CACHE,
            stdout=subprocess.DEVNULL)
        unpack_all(CACHE)
        with open(os.path.join(CACHE, "done"), "w", encoding="ascii"):
            pass
    except (OSError, subprocess.CalledProcessError) as error:
        say("%s; apt-get update may be due. Going on without them" % error)


def enter():
    """Comes back inside the room, or where there can be none, at once: see has_room."""
    if INSIDE in os.environ:
        furnish()
        return
    if os.geteuid() != 0:
        sys.exit("bench: run it as root: servers change to the accounts of their processes")
    fetch()
    if subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "true"],
                      check=False).returncode != 0:
        say("no namespaces here: only servers that are installed are measured")
        return
    os.execvpe("unshare", ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child",
                           "--mount-proc", sys.executable, "-B", *sys.argv],
               dict(os.environ, **{INSIDE: "1"}))


def has_room():
    return INSIDE in os.environ


def mount(*words):
    run("mount", *words)


def overlay(over, top, writable):
    lower = os.path.join(ROOT, over.strip("/"))
    layers = "lowerdir=" + (lower + ":" if os.path.isdir(lower) else "") + over
    if writable:
        for sub in ("upper", "work"):
            os.makedirs(os.path.join(top, over.strip("/"), sub))
        layers += ",upperdir=%s/upper,workdir=%s/work" % ((os.path.join(top, over.strip("/")),)
                                                          * 2)
    elif not os.path.isdir(lower):
        return
    mount("-t", "overlay", "-o", layers, "overlay", over)


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))


def end(number, _):
    sys.exit(128 + number)


def furnish():
    signal.signal(signal.SIGTERM, end)  # the first process of a namespace would not hear it
    loopback_up()
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/mnt")
    overlay("/etc", "/mnt", True)
    if not has_dovecot():
        overlay("/usr", "/mnt", False)
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/var/lib")
    os.mkdir("/var/lib/popa3d", 0o755)
    with open("/etc/passwd", encoding="utf-8") as file:
        known = {line.partition(":")[0] for line in file}
    for number, name in enumerate(ACCOUNTS):
        if name not in known:
            add_account(name, 64100 + number, 64100 + number)


def append(path, line):
    with open(path, "a", encoding="utf-8") as file:
        file.write(line + "\n")


def add_account(name, uid, gid, secret="*"):
    """In the room only. Several names may have one uid."""
    append("/etc/passwd", "%s:x:%d:%d::/nonexistent:/bin/sh" % (name, uid, gid))
    append("/etc/shadow", "%s:%s:19000:0:99999:7:::" % (name, secret))
    with open("/etc/group", encoding="utf-8") as file:
        if not any(line.split(":")[2:3] == [str(gid)] for line in file):
            append("/etc/group", "%s:x:%d:" % (name, gid))


@contextlib.contextmanager
def mounted_over(directory, over):
    """directory is seen at over, too."""
    mount("--bind", directory, over)
    try:
        yield
    finally:
        run("umount", over)


def has_popa3d():
    return has_room() and os.access(popa3d(), os.X_OK)


def popa3d():
    return os.path.join(ROOT, "usr", "sbin", "popa3d")
