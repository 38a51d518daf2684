#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""docs/ADMIN.md, "Five minutes": its own commands, typed by a machine. Only what would
change this one is different: files are in a directory of the test's, owners stay, the port is
another one, and there is no systemd and nothing to install."""

import os
import re
import signal
import socket
import subprocess

from harness import (HERE, MODULE_PATH, POPARTD, TIMEOUT, Scene, equal, eventually, main, need,
                     processes, test)

ROOT = os.path.abspath(os.path.join(HERE, os.pardir, os.pardir))
# What stands for programs that are not to do here what they do there.
STUBS = r"""
set -eu
stub() { :; }
for word in apt-get ./autogen.sh ./configure make systemd-sysusers systemd-tmpfiles; do
	alias "$word=stub"
done
# Without the owner, who may not exist here.
install() {
	for argument; do
		shift
		case $argument in
		-o | -g) skip=yes ;;
		*) [ "${skip-}" = yes ] || set -- "$@" "$argument"; skip= ;;
		esac
	done
	command install "$@"
}
deliver() { "${POPARTD%popartd}popart-deliver" -c "$TOP/etc/popart/popart.conf" "$@"; }
alias popart-deliver=deliver
control() { "${POPARTD%popartd}popartctl" -c "$TOP/etc/popart/popart.conf" "$@"; }
popartctl() { case "$*" in "user add"*) echo 'open sesame' | control "$@" ;; *) control "$@" ;; esac; }
popartd() { "$POPARTD" -c "$TOP/etc/popart/popart.conf" "$@"; }
systemctl() {
	echo "systemctl $*"
	case "$*" in
	"enable --now popart")
		"$POPARTD" -c "$TOP/etc/popart/popart.conf" >"$TOP/log" 2>&1 &
		echo $! >"$TOP/pid"
		until grep -q event=start "$TOP/log"; do
			kill -0 $! || { cat "$TOP/log"; exit 1; }
			sleep 0.05
		done ;;
	esac
}
"""


def commands():
    """The blocks of the chapter, one after the other."""
    with open(os.path.join(ROOT, "docs", "ADMIN.md"), encoding="utf-8") as file:
        chapter = re.search(r"^## Five minutes\n(.*?)^## ", file.read(), re.M | re.S).group(1)
    blocks = re.findall(r"^```sh\n(.*?)^```", chapter, re.M | re.S)
    equal(len(blocks), 7, "the blocks of commands")
    return "".join(blocks)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def moved(text, top, port):
    """The same for a server that is all below top."""
    for path in ("/etc/popart", "/var/vmail"):
        text = text.replace(path, top + path)
    text = re.sub(r"/usr/share/doc/popart/examples/(\S+)", top + r"/\1", text)
    # curl: the port is part of the address and of what is resolved.
    text = text.replace("pop.example.net:995:", "pop.example.net:%d:" % port)
    return text.replace("pop3s://pop.example.net/", "pop3s://pop.example.net:%d/" % port)


def example(top, port):
    """The installed example, for this place: nobody but this machine is let in."""
    with open(os.path.join(ROOT, "docs/service/popart.conf.example"), encoding="utf-8") as file:
        text = moved(file.read(), top, port)
    for old, new in (("*:995", "127.0.0.1:%d" % port), ("127.0.0.1:110", "127.0.0.1:0")):
        assert old in text, old
        text = text.replace(old, new)
    user = 'user = "root";\n' if os.geteuid() == 0 else ""
    return text + '%srun_dir = "%s/run";\nmodule_path = "%s";\nworkers = 2;\n' % (
        user, top, MODULE_PATH)


def end(top):
    with open(os.path.join(top, "pid"), encoding="ascii") as file:
        pid = int(file.read())
    os.kill(pid, signal.SIGTERM)
    eventually("the server ends", lambda: not os.path.exists("/proc/%d" % pid) or
               not processes(4, pid))


@test("ADMIN.md: five minutes, command by command, until the message is fetched")
def five_minutes():
    need("curl", "openssl")
    with Scene() as scene:
        port = free_port()
        top = scene.path
        for directory in ("etc/popart/users", "var"):
            os.makedirs(os.path.join(top, directory))
        scene.file("popart.conf.example", example(top, port))
        script = scene.file("script", STUBS + moved(commands(), top, port), 0o700)
        environment = dict(os.environ, TOP=top, POPARTD=POPARTD)
        try:
            done = subprocess.run(["sh", script], cwd=top, env=environment, timeout=TIMEOUT,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
            out, err = done.stdout.decode(), done.stderr.decode()
            equal(done.returncode, 0, "the exit status (%s%s)" % (out, err))
            for said in ("configuration ok", "systemctl daemon-reload",
                         "systemctl enable --now popart", "Subject: It works",
                         "Hello, Anna."):
                assert said in out, (said, out, err)
        finally:
            if os.path.exists(os.path.join(top, "pid")):
                end(top)
        with open(os.path.join(top, "log"), encoding="utf-8") as file:
            log = file.read()
        assert "event=delivered" in err, err
        assert 'event=login ' in log and 'user="anna@example.net"' in log, log
        equal(re.findall(r"event=(?:internal|module_failed|worker_died)", log), [], "alarms")


main()
