#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Files that only their owner may reach (as_user), or a group (supplementary_groups)."""

import grp
import os
import pwd
import subprocess
import threading

from harness import (MODULE_PATH, PASSWORD, POPARTD, TIMEOUT, Pop, Refused, Scene, Server, Skip,
                     equal, letter, main, need_root, quoted, sanitized, status_of, test)

USERS = {"ann": 20001, "ben": 20002, "cy": 20003}
ACCOUNT = "nobody"  # it may reach nobody's mail


class Owned(Server):
    """auth is a passwd_file with uid and gid; as_user, unless told otherwise."""

    store = "as_user = true;"

    def configuration(self, directory):
        text = super().configuration(directory)
        start = text.index("auth = (")
        end = text.index(");", start)
        text = text[:start] + 'auth = ( { module = "passwd_file"; path = %s; }' % quoted(
            os.path.join(directory, "users")) + text[end:]
        return text.replace('module = "maildir";', 'module = "maildir"; ' + self.store)


def own(top, uid, gid, mode):
    for directory, _, files in os.walk(top):
        os.chown(directory, uid, gid)
        os.chmod(directory, mode)
        for name in files:
            os.chown(os.path.join(directory, name), uid, gid)
            os.chmod(os.path.join(directory, name), mode & 0o666)


def scene_of(**ids):
    """Everybody has three messages; ids: what the users file says of whom."""
    need_root()
    scene = Scene(*USERS)
    for name, uid in USERS.items():
        scene.mail[name].fill(3)
        own(scene.mail[name].path, uid, uid, 0o700)
    lines = ["%s:{PLAIN}%s:%s:\n" % (name, PASSWORD, ids.get(name, "%d:%d" % (uid, uid)))
             for name, uid in USERS.items()]
    os.chmod(scene.file("users", "".join(lines)), 0o644)
    return scene


def refused_login(server, name):
    with Pop(server) as client:
        client.cmd("USER " + name)
        return client.refused("PASS " + PASSWORD)


@test("as_user reaches mail that only its owner may, and what it writes is the owner's")
def owners():
    with scene_of() as scene, Owned(scene.path, user=ACCOUNT) as server:
        for _ in range(2):
            for name in USERS:
                with Pop(server, name) as client:
                    equal(len(client.all()), len(scene.mail[name].messages()), "messages")
                    client.cmd("DELE 1")
                    client.quit()
        for name, uid in USERS.items():
            equal(len(scene.mail[name].messages()), 1, "what is left of " + name)
            for directory, subs, files in os.walk(scene.mail[name].path):
                for entry in subs + files:
                    equal(os.lstat(os.path.join(directory, entry)).st_uid, uid, entry)


@test("without as_user the same mail is out of reach, and the client is told so")
def without():
    kind = type("Plain", (Owned,), {"store": ""})
    with scene_of() as scene, kind(scene.path, user=ACCOUNT,
                                   expect=["module_failed"]) as server:
        assert b"[SYS/" in refused_login(server, "ann")
        equal(len(scene.mail["ann"].messages()), 3, "messages")


@test("many users at once, and no thread is left with somebody's ids")
def at_once():
    with scene_of() as scene, Owned(scene.path, user=ACCOUNT, threads=4) as server:
        wrong = []

        def visit(name):
            try:
                for _ in range(15):
                    with Pop(server) as client:
                        try:
                            client.login(name)
                        except Refused as refusal:
                            assert b"[IN-USE]" in refusal.args[0], refusal
                            continue
                        equal(len(client.all()), 3, "messages")
                        client.quit()
            except BaseException as error:
                wrong.append(error)

        threads = [threading.Thread(target=visit, args=(name,)) for name in list(USERS) * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong, wrong
        account = os.stat(os.path.join(scene.path, "run", "locks")).st_uid
        for pid in server.workers():
            for thread in os.listdir("/proc/%d/task" % pid):
                equal(status_of(int(thread), "Uid"), [str(account)] * 4, "ids of a thread")


@test("a worker keeps two capabilities for it, and without as_user none")
def capabilities():
    for store, caps in (("as_user = true;", 1 << 6 | 1 << 7), ("", 0)):
        kind = type("Kept", (Owned,), {"store": store})
        with scene_of() as scene, kind(scene.path, user=ACCOUNT) as server:
            for pid in server.workers():
                for which in ("CapPrm", "CapEff", "CapAmb"):
                    equal(int(status_of(pid, which)[0], 16), caps, which)
            if store:
                assert "as_user" in "".join(server.events("config")), "no warning in the log"


@test("no uid, no gid, a name or 0: refused, whatever the mail's mode, and the log says why")
def no_ids():
    for ids in ("", ":", "20001:", ":20001", "0:20001", "20001:0", "ann:ann", "-1:20001",
                "4294967295:20001", "20001x:20001"):
        ids = ids if ":" in ids else ids + ":"
        with scene_of(ann=ids) as scene, Owned(scene.path, user=ACCOUNT) as server:
            assert b"[SYS/PERM]" in refused_login(server, "ann"), ids
            assert any("gave no uid and gid" in line for line in server.events("module"))
            with Pop(server, "ben") as client:
                client.quit()


@test("another user's ids do not open the maildrop")
def others():
    with scene_of(ann="20002:20002") as scene, Owned(
            scene.path, user=ACCOUNT, expect=["module_failed"]) as server:
        refused_login(server, "ann")
        equal(len(scene.mail["ann"].messages()), 3, "messages")


@test("mbox: a spool of files that only their owners may read; indexes are the server's")
def spool():
    if "/mbox/" not in MODULE_PATH:
        raise Skip("built without mbox")
    with scene_of() as scene:
        mail = grp.getgrnam("mail").gr_gid
        directory, state = scene.directory("spool"), scene.directory("indexes")
        nobody = pwd.getpwnam(ACCOUNT)
        os.chown(directory, 0, mail)
        os.chmod(directory, 0o2775)
        os.chown(state, nobody.pw_uid, nobody.pw_gid)
        os.chmod(state, 0o700)
        for name, uid in USERS.items():
            path = scene.file("spool/" + name, "".join(
                "From a@example.net Thu Jan  1 00:00:%02d 2026\n%s\n" % (
                    number, letter(number).decode()) for number in range(3)))
            os.chown(path, uid, mail)
        kind = type("Spool", (Owned,), {"store": """as_user = true; module = "mbox"; """})
        kind.configuration = lambda self, to: Owned.configuration(self, to).replace(
            'module = "maildir"; as_user', 'as_user').replace(
                '/mail/%n"', '/spool/%%n"; state_dir = "%s"' % state)
        extra = 'supplementary_groups = [ "mail" ];'
        with kind(scene.path, user=ACCOUNT, extra=extra) as server:
            for left in (3, 2):
                for name in USERS:
                    with Pop(server, name) as client:
                        equal(len(client.all()), left, "messages")
                        client.cmd("DELE 1")
                        client.quit()
        for name, uid in USERS.items():
            status = os.stat(os.path.join(directory, name))
            equal((status.st_uid, status.st_mode & 0o777), (uid, 0o600), "the mailbox's owner")
        equal(sorted(os.listdir(directory)), sorted(USERS), "what is in the spool")
        found = [os.stat(os.path.join(state, name)).st_uid for name in os.listdir(state)]
        equal(found, [nobody.pw_uid] * len(USERS), "owners of the indexes")


@test("supplementary_groups reach what is a group's; one that is not there is an error")
def groups():
    kind = type("Grouped", (Owned,), {"store": ""})
    extra = 'supplementary_groups = [ "mail" ];'
    mail = grp.getgrnam("mail").gr_gid
    with scene_of() as scene:
        own(scene.mail["ann"].path, 20001, mail, 0o770)
        with kind(scene.path, user=ACCOUNT, extra=extra) as server:
            with Pop(server, "ann") as client:
                equal(len(client.all()), 3, "messages")
                client.quit()
            for pid in server.workers():
                assert str(mail) in status_of(pid, "Groups"), status_of(pid, "Groups")
        text = open(os.path.join(scene.path, "popart.conf"), encoding="utf-8").read()
        scene.file("popart.conf", text.replace('"mail" ]', '"no-such-group" ]'))
        check = subprocess.run([POPARTD, "-t", "-c", os.path.join(scene.path, "popart.conf")],
                               capture_output=True, text=True, timeout=TIMEOUT, check=False)
        equal(check.returncode, 1, "exit status")
        assert 'there is no group "no-such-group"' in check.stderr, check.stderr


@test("as_user is for a server that root starts")
def not_root():
    if sanitized():
        return  # its library cannot always be read by other accounts
    with scene_of() as scene:
        with Owned(scene.path, user=ACCOUNT):
            pass
        for path in (scene.path, os.path.join(scene.path, "run"),
                     os.path.join(scene.path, "popart.conf")):
            os.chown(path, 65534, -1)
        text = open(os.path.join(scene.path, "popart.conf"), encoding="utf-8").read()
        scene.file("popart.conf", text.replace('user = "nobody";', ""), mode=0o644)
        done = subprocess.run([POPARTD, "-t", "-c", os.path.join(scene.path, "popart.conf")],
                              capture_output=True, text=True, timeout=TIMEOUT, check=False,
                              user=65534, group=65534, extra_groups=[])
        equal(done.returncode, 1, "exit status")
        assert "only a server that root starts" in done.stderr, done.stderr


main()
