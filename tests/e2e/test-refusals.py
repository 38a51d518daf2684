#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A module that cannot be used is told of in one line, with file, reason and remedy: by
popartd -t, at a start, and at a reload, after which everything goes on as before."""

import os
import re
import shutil
import subprocess

from harness import (MODULE_PATH, POPARTD, Pop, Scene, Skip, TIMEOUT, equal, main, need_root,
                     quoted, test)

BUILT = os.path.join(os.environ.get("TEST_BUILDDIR", "."), "tests", "abi", ".libs")


def above(path):
    while path != "/":
        yield path
        path = os.path.dirname(path)


class Bench:
    """A server with a log file, and a directory of modules to be refused."""

    def __init__(self, scene, planted="good", user=None):
        self.scene = scene
        self.environment = dict(os.environ, PLANTED=planted)
        self.modules = scene.directory("modules")
        for path in [POPARTD, *MODULE_PATH.split(":")] if user else []:
            if not all(os.stat(one).st_mode & 0o005 for one in above(path)):
                raise Skip("others cannot reach " + path)
        for name in ("planted", "hollow", "lacking"):
            shutil.copy(os.path.join(BUILT, name + ".so"), self.modules)
        os.chmod(self.path("planted"), 0o644)
        self.journal = os.path.join(scene.path, "journal")
        self.server = scene.server(environment=self.environment, expect={"reload_failed"},
                                   workers=1, user=user)
        self.good = self.server.configuration(scene.path)

    def path(self, name):
        return os.path.join(self.modules, name + ".so")

    def block(self, module=None, more=""):
        return "{ module = %s; name = \"wrong\"; journal = %s; %s }" % (
            quoted(module or self.path("planted")), quoted(self.journal), more)

    def with_block(self, block):
        text = self.good.replace("storage = ", "storage = ( %s, " % block, 1)
        return text.replace('mail/%n"; };', 'mail/%n"; } );')

    def started(self, text, check_finds):
        """What -t says, what a start says, and the lines of its log."""
        log = os.path.join(self.scene.path, "start.log")
        if os.path.exists(log):
            os.unlink(log)
        text = re.sub(r"log = \{", "log = { target = %s;" % quoted(log), text)
        path = self.scene.file("start.conf", text)
        for arguments in (["-t"], []):
            done = subprocess.run([POPARTD, *arguments, "-c", path], env=self.environment,
                                  capture_output=True, text=True, timeout=TIMEOUT, check=False)
            equal(done.returncode, 1 if check_finds or not arguments else 0,
                  "the exit status of %r" % arguments)
            yield done.stderr
        with open(log, encoding="utf-8") as file:
            for line in file:
                assert "event=worker_failed" not in line or " error " in line, line
                yield line

    def refuses(self, block, said, check_finds=True):
        """said: a regular expression for the whole message, without its place."""
        text = self.with_block(block)
        told = list(self.started(text, check_finds))
        pattern = re.compile(r"start\.conf:\d+: (%s)\n" % said)
        assert not check_finds or pattern.search(told[0]), "-t: " + told[0]
        assert pattern.search(told[1]), "start: " + told[1]
        logged = [line for line in told[2:] if "event=worker_failed" in line]
        equal(len(logged), 1, "lines of worker_failed")
        plain = logged[0].replace("\\\"", "\"")
        assert re.search(r"start\.conf:\d+: (%s)" % said, plain), plain
        self.server.write(text)
        lines = self.server.reload("reload_failed")
        equal(len(lines), 1, "lines of reload_failed")
        plain = lines[0].replace("\\\"", "\"")
        assert re.search(r"popart\.conf:\d+: (%s)" % said, plain), plain
        with Pop(self.server, "bob") as client:
            equal(client.stat()[0], 2, "messages: everything goes on")
            client.quit()

    def __enter__(self):
        self.scene.bob.fill(2)
        return self

    def __exit__(self, kind, value, trace):
        return self.server.__exit__(kind, value, trace)


@test("descriptors: magic, major, minor, name, missing functions")
def descriptors():
    for planted, said in (
            ("magic", r"magic is 0x54524150, not 0x50415254; .*"),
            ("major", r"api_major is \d+, this server has \d+; install .*"),
            ("minor", r"api_minor_min is \d+, this server has \d+; it needs a newer server"),
            ("name", r'name is "plated", not "planted" as the file\'s; rename .*'),
            ("no_start", "start is missing; the module must be mended"),
            ("no_close", r"storage\.close is missing; the module must be mended")):
        with Scene() as scene, Bench(scene, planted) as bench:
            file = re.escape(bench.path("planted"))
            bench.refuses(bench.block(), 'module "%s": %s: %s' % (file, file, said))


@test("files: none, no shared object, a foreign one, without the symbol or what it needs")
def files():
    with Scene() as scene, Bench(scene) as bench:
        def refuses(name, said):
            file = re.escape(bench.path(name))
            bench.refuses(bench.block(bench.path(name)),
                          'module "%s": %s: %s' % (file, file, said))

        refuses("plantd", 'there is no such file; did you mean "%s"\\?' %
                re.escape(bench.path("planted")))
        refuses("hollow", "symbol popart_module_entry is missing; .*")
        refuses("lacking", 'uses "popart_log", which .*; the server exports nothing, .*')
        scene.file("modules/text.so", "No shared object.\n", 0o644)
        refuses("text", "is a text; name the module's shared object")
        with open(bench.path("planted"), "rb") as file:
            octets = bytearray(file.read())
        half = octets[:len(octets) // 2]
        octets[18:20] = b"\4\0"
        for name, data in (("foreign", octets), ("half", half)):
            with open(bench.path(name), "wb") as file:
                file.write(data)
        refuses("foreign", "was built for .*, this server for .*; build it for this machine")
        refuses("half", "is cut off; copy it again")
        bench.refuses(bench.block("maildri"), 'module "maildri": there is no maildri.so in .*; '
                      'did you mean "maildir"\\?')


@test("who may write the file, its directory, a directory above")
def permissions():
    with Scene() as scene, Bench(scene) as bench:
        file = re.escape(bench.path("planted"))
        for path, mode, back in ((bench.path("planted"), 0o646, 0o644),
                                 (bench.modules, 0o777, 0o755), (scene.path, 0o757, 0o755)):
            os.chmod(path, mode)
            bench.refuses(bench.block(), 'module "%s": %s: .*may be written by everybody '
                          r'\(mode %04o\), .*; chmod go-w %s' % (file, file, mode,
                                                                re.escape(path)))
            os.chmod(path, back)
        # Who may rename what holds the server needs no module.
        built = os.path.join(os.path.dirname(POPARTD), ".libs", "popartd")
        own = shutil.copy(built if os.path.exists(built) else POPARTD, scene.directory("bin"))
        os.chmod(scene.path, 0o777)
        subprocess.run([own, "-t", "-c", scene.file("own.conf", bench.with_block(
            bench.block()))], env=bench.environment, timeout=TIMEOUT, check=True,
                       capture_output=True)
        os.chmod(scene.path, 0o755)


@test("a file that belongs to a stranger, or that the workers may not read or reach")
def strangers():
    need_root()
    with Scene() as scene, Bench(scene, user="nobody") as bench:
        file = re.escape(bench.path("planted"))
        os.chown(bench.path("planted"), 12345, -1)
        bench.refuses(bench.block(), 'module "%s": %s: the module belongs to uid 12345, who is '
                      "neither root nor the server's owner; chown root %s" % (file, file, file))
        os.chown(bench.path("planted"), 0, -1)
        for path, mode, said in (
                (bench.path("planted"), 0o600, r"may not read it \(mode 0600\); chmod a\+r %s"),
                (bench.modules, 0o700, r"may not search the directory .*; chmod a\+x %s")):
            before = os.stat(path).st_mode & 0o777
            os.chmod(path, mode)
            bench.refuses(bench.block(), 'module "%s": %s: uid 65534 %s' % (
                file, file, said % re.escape(path)))
            os.chmod(path, before)


@test("options: unknown, missing, senseless")
def options():
    with Scene() as scene, Bench(scene) as bench:
        bench.refuses(bench.block(more="anwser = 1;"),
                      'unknown key "anwser" in storage "wrong"; did you mean "answer"\\?')
        bench.refuses(bench.block().replace("journal = ", "path = ", 1),
                      'journal is missing in storage "wrong"; .*')
        bench.refuses(bench.block(more='path = "/srv/%x";'), "path: \"%x\" means nothing here; .*")


@test("check, start, thread_start: what the module says, or that it says nothing")
def start():
    with Scene() as scene, Bench(scene) as bench:
        bench.refuses(bench.block(more='check = 5; say = "both at once";'),
                      'storage "wrong": check: both at once: No such file or directory')
        bench.refuses(bench.block(more='start = -1; say = "cannot open it";'),
                      'storage "wrong": start: cannot open it: No such file or directory',
                      check_finds=False)
        bench.refuses(bench.block(more="start = -1;"),
                      r'storage "wrong": start failed \(io\) and the module does not say why; .*',
                      check_finds=False)
        bench.refuses(bench.block(more='thread_fails = 2; thread_status = -4; say = "too late";'),
                      'storage "wrong": thread_start: too late: No such file or directory',
                      check_finds=False)


@test("popartd --modules has a line for each that would be refused, and goes on")
def listing():
    with Scene() as scene, Bench(scene) as bench:
        scene.file("modules/text.so", "No shared object.\n", 0o644)
        said = subprocess.run(
            [POPARTD, "--modules", "--module-path", bench.modules + ":" + MODULE_PATH],
            env=bench.environment, capture_output=True, text=True, timeout=TIMEOUT,
            check=True).stdout.splitlines()
        equal([line.split(":", 2)[1].strip() for line in said if line.startswith("refused: ")],
              [bench.path(name) for name in ("hollow", "lacking", "text")], "what is refused")
        assert [line for line in said if line.startswith("planted 1.0 (auth, storage) ")], said
        assert [line for line in said if line.startswith("maildir ")], said
        nowhere = os.path.join(scene.path, "nowhere")
        done = subprocess.run([POPARTD, "--modules", "--module-path", nowhere],
                              capture_output=True, text=True, timeout=TIMEOUT, check=False)
        equal(done.returncode, 1, "exit status")
        assert "no modules in %s (%s: No such file" % (nowhere, nowhere) in done.stderr, \
            done.stderr


main()
