# SPDX-License-Identifier: MIT
"""The rules of the house that a program can check. Each takes the root of a tree and
returns a list of violations, "file:line: what"; an empty list is a clean tree."""

import os
import re
import subprocess

from tap import files, read

CODE = ["server", "modules", "include"]
EVERYWHERE = CODE + ["tests", "docs"]
MAX_COLUMNS = 96

LIBC = re.compile(r"(sys|netinet|net|arpa|linux)/[a-z0-9_]+\.h|"
                  r"(assert|ctype|dirent|endian|errno|execinfo|fcntl|ftw|getopt|grp|inttypes|libgen|"
                  r"limits|locale|malloc|netdb|poll|pthread|pwd|sched|semaphore|setjmp|signal|spawn|stdalign|"
                  r"stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdio_ext|stdlib|stdnoreturn|"
                  r"string|strings|sysexits|syslog|termios|threads|time|ucontext|unistd|wchar)\.h")

# directory: parts of the server that it may include, other headers that it may include.
MAY_INCLUDE = {
    "base": ([], ["popart/abi.h"]),
    "pop3": (["base"], ["popart/.*"]),
    "conf": (["base"], ["popart/conf.h", "libconfig.h"]),
    "host": (["base", "conf"], ["popart/.*", "(dlfcn|elf|link).h"]),
    "deliver": (["base", "conf", "host"], ["popart/.*"]),
    "net": (["base"], ["gnutls/.*"]),
    "ipc": (["base"], []),
    "worker": (["base", "pop3", "conf", "host", "net", "ipc"], ["popart/.*", "link.h"]),
    "master": (["base", "conf", "ipc"], []),
    "move": (["base", "host", "ipc", "net", "pop3"], ["popart/.*"]),
    "web": (["base"], ["microhttpd.h"]),
    "admin": (["base", "conf", "ipc"], ["popart/.*", "jansson.h", "microhttpd.h"]),
    "ctl": (["base", "conf", "host", "ipc", "move", "net", "web"],
            ["popart/.*", "curl/curl.h", "jansson.h"]),
    "check": (["base", "conf", "host"], ["popart/.*"]),
    "bin": (["base", "check", "pop3", "conf", "host", "deliver", "net", "ipc", "worker", "master", "move",
             "admin", "web", "ctl"],
            [".*"]),
}
MODULES_MAY_INCLUDE = {
    "secrets": ["argon2.h", "crypt.h", "gnutls/crypto.h", "gnutls/gnutls.h"],
    "sqlite": ["sqlite3.h"],
}
# Not a module, but a part of those that use it.
SHARED_BY_MODULES = "modules/secrets"
# The levels of the log are those that modules know.
MAY_INCLUDE_TOO = {"server/base/log.c": ["popart/host.h"],
                   "server/base/log_table.c": ["popart/host.h"]}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def includes(root, path):
    text = read(root, path)
    for match in INCLUDE.finditer(text):
        yield line_of(text, match.start()), match.group(1) == "<", match.group(2)


def server_include_allowed(path, angle, header):
    part = path.split("/")[1]
    parts, others = MAY_INCLUDE.get(part, ([], []))
    if not angle:
        return header.split("/")[0] in parts + [part]
    others = others + MAY_INCLUDE_TOO.get(path, [])
    return any(re.fullmatch(pattern, header) for pattern in others)


def module_include_allowed(root, path, angle, header):
    """<popart/module.h>, own files, shared ones, and the libraries that the module is there
    for."""
    own = os.path.join(*path.split("/")[:2])
    if angle:
        more = MODULES_MAY_INCLUDE.get(os.path.basename(own), [])
        return header in ["popart/module.h"] + more
    real = os.path.normpath(os.path.join(os.path.dirname(path), header))
    known = os.path.dirname(real) in (own, SHARED_BY_MODULES)
    return known and os.path.exists(os.path.join(root, real))


def include_order(root):
    """Who may include whom: docs/ARCHITECTURE.md, "Directories"."""
    problems = []
    for path in files(root, CODE, [".c", ".h"]):
        for line, angle, header in includes(root, path):
            if path.startswith("server/"):
                allowed = server_include_allowed(path, angle, header)
            elif path.startswith("modules/"):
                allowed = module_include_allowed(root, path, angle, header)
            else:
                allowed = not angle and "/" not in header
            if not allowed and not (angle and LIBC.fullmatch(header)):
                problems.append("%s:%d: may not include %s" % (path, line, header))
    return problems


def include_exists(root):
    """A header of ours is written as seen from server/, and is there."""
    problems = []
    for path in files(root, ["server"], [".c", ".h"]):
        for line, angle, header in includes(root, path):
            if not angle and not os.path.exists(os.path.join(root, "server", header)):
                problems.append("%s:%d: there is no server/%s" % (path, line, header))
    return problems


def master_loads_nothing(root):
    """No header that the master reaches, however far, is one of the loader's."""
    problems = []
    seen = set()
    queue = files(root, ["server/master"], [".c", ".h"])
    while queue:
        path = queue.pop()
        if path in seen or not os.path.exists(os.path.join(root, path)):
            continue
        seen.add(path)
        for line, angle, header in includes(root, path):
            if header == "dlfcn.h" or (not angle and header.startswith("host/")):
                problems.append("%s:%d: the master may not load modules" % (path, line))
            elif not angle:
                queue.append("server/" + header)
    return problems


def licence(root):
    """Every file says under which licence it is, in its first line (second after #!)."""
    problems = []
    for path in files(root, EVERYWHERE, [".c", ".h", ".cc", ".rs", ".mk", ".sh", ".py", ".pl"]):
        lines = read(root, path).split("\n", 2)
        first = lines[1] if lines[0].startswith("#!") and len(lines) > 1 else lines[0]
        mark = "SPDX-License-Identifier: MIT"
        good = ("/* %s */" if path.endswith((".c", ".h")) else
                "// %s" if path.endswith((".cc", ".rs")) else "# %s") % mark
        if first != good:
            problems.append("%s:1: begins without %s" % (path, good))
    return problems


X_MACRO_ROW = re.compile(r'[A-Z]+_[A-Z]+\([A-Z0-9_]+, "|LOG_FIELD\("')


def columns(line):
    width = 0
    for char in line:
        width = width // 8 * 8 + 8 if char == "\t" else width + 1
    return width


def layout(root):
    """No line of C over 96 columns, no blanks at its end, a newline at the end of file."""
    problems = []
    for path in files(root, CODE + ["tests"], [".c", ".h", ".mk", ".sh", ".py"]):
        text = read(root, path)
        for number, line in enumerate(text.split("\n"), 1):
            # The rows of an X-macro table stay on one line each.
            exempt = not path.endswith((".c", ".h")) or X_MACRO_ROW.match(line)
            if columns(line) > MAX_COLUMNS and not exempt:
                problems.append("%s:%d: %d columns" % (path, number, columns(line)))
            if line != line.rstrip():
                problems.append("%s:%d: blanks at the end of the line" % (path, number))
        if text and not text.endswith("\n"):
            problems.append("%s: no newline at the end" % path)
    return problems


FORBIDDEN = re.compile(r"\b(strcpy|strcat|strncpy|strncat|sprintf|vsprintf|gets|strtok|atoi|atol|"
                       r"atoll|system|popen|tmpnam|mktemp|alloca)\s*\(")
NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def without_comments(text):
    """Comments and literals become blanks, so that lines keep their numbers."""
    return NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def forbidden_functions(root):
    """Functions that cannot be used safely, or that start a shell."""
    problems = []
    for path in files(root, CODE + ["docs"], [".c", ".h"]):
        text = without_comments(read(root, path))
        for match in FORBIDDEN.finditer(text):
            problems.append("%s:%d: %s is forbidden" %
                            (path, line_of(text, match.start()), match.group(1)))
    return problems


STRUCT_TYPEDEF = re.compile(r"\btypedef\s+(const\s+)?(struct|union)\s+\w*\s*(\{|\w+\s*;)")


def no_struct_typedefs(root):
    """struct stays visible where it is used."""
    problems = []
    for path in files(root, CODE, [".c", ".h"]):
        text = without_comments(read(root, path))
        for match in STRUCT_TYPEDEF.finditer(text):
            problems.append("%s:%d: typedef of a struct" % (path, line_of(text, match.start())))
    return problems


NOT_TEXT = re.compile(r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|eval|Function)"
                      r"\b|https?://(?!www\.w3\.org/)|\bstyle=|\son[a-z]+=")


def page_is_text(root):
    """What the page shows came from the network, so it is only ever set as text; and there is
    nothing in it that its Content-Security-Policy forbids, or that is elsewhere."""
    problems = []
    for path in files(root, ["server/web/page"], [".js", ".html", ".css", ".svg"]):
        text = read(root, path)
        for match in NOT_TEXT.finditer(text):
            problems.append("%s:%d: %s is forbidden" %
                            (path, line_of(text, match.start()), match.group().strip()))
        if "SPDX-License-Identifier: MIT" not in text[:400]:
            problems.append("%s:1: no licence" % path)
    return problems


TOP = {"server", "modules", "include", "tests", "docs", "autogen.sh", "Makefile.am",
       "configure.ac", "README.md", "LICENSE", "NEWS"}


def top_entries(entries):
    """What belongs at the top of the tree, besides dot files."""
    return ["%s: does not belong at the top" % entry
            for entry in sorted(set(entries)) if entry[0] != "." and entry not in TOP]


def tracked_top_entries(root):
    """None where git cannot tell (a dist tarball)."""
    if not os.path.exists(os.path.join(root, ".git")):
        return None
    try:
        command = ["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z"]
        listing = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return [name.split("/")[0] for name in listing.decode().split("\0") if name]


def writable_data(objdump_output):
    """Variables in sections that are written to: "symbol (section)"."""
    found = []
    for line in objdump_output.splitlines():
        match = re.match(r"[0-9a-f]+ .{7} (\.t?bss\S*|\.t?data\S*|\*COM\*)\s+([0-9a-f]+)\s+"
                         r"(?:\.hidden )?(\S+)$", line)
        if not match or int(match.group(2), 16) == 0:
            continue
        section, symbol = match.group(1), match.group(3)
        if symbol.startswith("__odr_asan."):
            continue  # AddressSanitizer's own
        if not section.startswith(".data.rel.ro") and symbol != section:
            found.append("%s (%s)" % (symbol, section))
    return found
