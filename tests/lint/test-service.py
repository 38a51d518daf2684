#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The files that a service is run with, by the programs that read them; where `make install`
puts them; and ADMIN.md against what it talks about."""

import os
import re
import shutil
import tempfile

from tap import BUILD, ROOT, Tap, read, run

UNIT = os.path.join(BUILD, "docs", "service", "popart.service")
EXPOSURE = 25  # tenths
SERVICE_FILES = {
    "lib/systemd/system/popart.service", "lib/systemd/system/popart.socket",
    "lib/sysusers.d/popart.conf", "lib/tmpfiles.d/popart.conf",
    "etc/logrotate.d/popart", "share/doc/popart/examples/popart.conf.example",
    "share/doc/popart/ADMIN.md"}


def shipped(*name):
    return os.path.join(ROOT, "docs", "service", *name)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def unit_text():
    """With a program that is there before it is installed."""
    text = read("/", UNIT)
    assert "/sbin/popartd" in text, text
    return re.sub(r"(?m)^(Exec\w+=)\S*/sbin/popartd", r"\1/bin/true", text)


def units(tap, top):
    name = "systemd-analyze verify: the units"
    analyze = tap.need(name, "systemd-analyze")
    if analyze is None:
        return

    def verify(text):
        """It reports mistakes by words alone, its status is 0."""
        unit = write(os.path.join(top, "units", "popart.service"), text)
        socket = shutil.copy(shipped("popart.socket"), os.path.dirname(unit))
        return run([analyze, "--man=no", "verify", unit, socket])

    def security(text):
        unit = write(os.path.join(top, "secure", "popart.service"), text)
        return run([analyze, "--no-pager", "security", "--offline=true",
                    "--threshold=%d" % EXPOSURE, unit])

    status, output = verify(unit_text())
    tap.check(name, [output or status] if status or output else [])
    status, output = verify(unit_text().replace("KillMode=", "KilMode="))
    tap.check("systemd-analyze verify finds what was planted",
              [] if "KilMode" in output else ["nothing found"])
    status, output = security(unit_text())
    tap.check("systemd-analyze security: at most %.1f" % (EXPOSURE / 10),
              [output] if status else [])
    status, output = security(unit_text().replace("ProtectSystem=", "#").replace(
        "PrivateMounts=", "#"))
    tap.check("systemd-analyze security finds a unit that is more exposed",
              [] if status else ["it does not"])


def account_and_directories(tap, top):
    name = "systemd-sysusers: the account"
    sysusers = tap.need(name, "systemd-sysusers")
    if sysusers is not None:
        status, output = run([sysusers, "--dry-run", "--root=" + top,
                              shipped("sysusers.d", "popart.conf")])
        tap.check(name, [] if status == 0 and "popart" in output else [output])
        bad = write(os.path.join(top, "bad.conf"), "u popart - POP3 server\n")
        tap.check("systemd-sysusers finds what was planted",
                  [] if run([sysusers, "--dry-run", "--root=" + top, bad])[0] else ["no"])

    name = "systemd-tmpfiles: the directories"
    tmpfiles = tap.need(name, "systemd-tmpfiles")
    if tmpfiles is None:
        return
    if os.geteuid() != 0:
        tap.skip(name, "needs root")
        return
    write(os.path.join(top, "etc", "passwd"), "root:x:0:0::/:/bin/sh\n")
    write(os.path.join(top, "etc", "group"), "root:x:0:\npopart:x:54321:\n")
    conf = re.sub(r"(?m)^d \S*/popart(?=[ /])", "d /etc/popart",
                  read(BUILD, "docs/service/tmpfiles.d/popart.conf"))
    status, output = run([tmpfiles, "--create", "--root=" + top,
                          write(os.path.join(top, "popart.conf"), conf)])
    problems = [output] if status else []
    for path, mode, gid in (("etc/popart", 0o755, 0), ("etc/popart/users", 0o750, 54321)):
        made = os.stat(os.path.join(top, path))
        if (made.st_mode & 0o7777, made.st_uid, made.st_gid) != (mode, 0, gid):
            problems.append("%s: %o %d:%d" % (path, made.st_mode, made.st_uid, made.st_gid))
    tap.check(name, problems)


def rotation(tap, top):
    name = "logrotate: the log file"
    logrotate = tap.need(name, "logrotate")
    if logrotate is None:
        return

    def look(text):
        # It reads no file that others than root may write, and needs its directory to be so.
        path = write(os.path.join(top, "rotate"), text)
        os.chmod(path, 0o644)
        return run([logrotate, "-d", "-s", os.path.join(top, "rotated"), path])

    text = read(ROOT, "docs/service/logrotate.d/popart")
    status, output = look(text)
    tap.check(name, [output] if status or "error" in output else [])
    status, output = look(text.replace("weekly", "weakly"))
    tap.check("logrotate finds what was planted", [] if "weakly" in output else [output])


def installed(top):
    return {os.path.relpath(os.path.join(path, name), top)
            for path, _, names in os.walk(top) for name in names}


def install(tap, top):
    """All of it below prefix, and nothing of the administrator's overwritten."""
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}

    def make(target):
        directories = ["systemdsystemunitdir=/usr/lib/systemd/system",
                       "sysusersdir=/usr/lib/sysusers.d", "tmpfilesdir=/usr/lib/tmpfiles.d"]
        return run(["make", "-s", "-C", BUILD, target, "DESTDIR=" + top, "prefix=/usr",
                    "sysconfdir=/usr/etc", "docdir=/usr/share/doc/popart"] + directories,
                   env=environment)

    targets = ("install-systemdsystemunitDATA", "install-dist_systemdsystemunitDATA",
               "install-dist_sysusersDATA", "install-tmpfilesDATA", "install-dist_examplesDATA",
               "install-dist_docDATA", "install-data-local")
    problems = ["%s: %s" % (target, output) for target in targets
                for status, output in [make(target)] if status]
    there = {path[len("usr/"):] for path in installed(top) if path.startswith("usr/")}
    problems += ["%s is not installed" % path for path in sorted(SERVICE_FILES - there)]
    problems += ["%s is outside of the prefix" % path for path in sorted(installed(top))
                 if not path.startswith("usr/")]
    tap.check("make install: every file has its place", problems)

    rotate = os.path.join(top, "usr/etc/logrotate.d/popart")
    write(rotate, "# mine\n")
    problems = [output for target in ("install-data-local", "uninstall-local")
                for status, output in [make(target)] if status]
    tap.check("make install leaves what the administrator has changed",
              problems if os.path.exists(rotate) and read("/", rotate) == "# mine\n"
              else ["it is gone"])
    shutil.copy(shipped("logrotate.d", "popart"), rotate)
    make("uninstall-local")
    tap.check("make uninstall removes what nobody has changed",
              ["it is there"] if os.path.exists(rotate) else [])


def guide(tap):
    text = read(ROOT, "docs/ADMIN.md")
    blocks = re.findall(r"^```conf\n(.*?)^```", text, re.M | re.S)
    tap.check("ADMIN.md shows the example that is installed",
              [] if read(ROOT, "docs/service/popart.conf.example") in blocks
              else ["another one"])
    events = set(re.findall(r'LOG_EVENT\(\w+, "(\w+)"', read(ROOT, "server/base/log_events.h")))
    told = set(re.findall(r"event=(\w+)", text))
    tap.check("ADMIN.md names events that exist", sorted(told - events) if told else ["none"])
    rows = "".join(read(ROOT, "server/conf/" + name) for name in ("rows.c", "certificates.c", "block.c"))
    keys = set(re.findall(r"`(\w+_\w+)`", text)) - {"allow_nets"}  # Dovecot's
    tap.check("ADMIN.md names keys that exist",
              sorted(key for key in keys if '"%s"' % key not in rows))
    anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
               for title in re.findall(r"^#+ (.*)$", text, re.M)}
    links = re.findall(r"\]\(#([\w-]+)\)", text)
    tap.check("ADMIN.md: every link leads somewhere",
              sorted(set(links) - anchors) if links else ["no links"])


def main():
    tap = Tap()
    for part in (units, account_and_directories, rotation, install):
        with tempfile.TemporaryDirectory() as top:
            part(tap, top)
    guide(tap)
    tap.done()


main()
