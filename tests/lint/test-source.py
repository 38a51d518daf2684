#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The sources against the rules of the house, and the rules against planted violations."""

import glob
import os
import tempfile

import rules
from tap import BUILD, ROOT, Tap, run

TREE_RULES = [rules.include_order, rules.include_exists, rules.master_loads_nothing,
              rules.licence, rules.layout, rules.forbidden_functions, rules.no_struct_typedefs,
              rules.page_is_text]

SPDX = "/* SPDX-License-Identifier: MIT */\n"

# rule, file, its text, and how many violations it holds. Zero: it must pass.
PLANTED = [
    (rules.include_order, "server/base/a.c", '#include "pop3/session.h"\n', 1),
    (rules.include_order, "server/base/a.c", "#include <popart/module.h>\n", 1),
    (rules.include_order, "server/base/log.c", "#include <popart/host.h>\n", 0),
    (rules.include_order, "server/base/a.c", "#include <gnutls/gnutls.h>\n", 1),
    (rules.include_order, "server/base/a.c", '#include <string.h>\n#include "base/view.h"\n', 0),
    (rules.include_order, "server/pop3/a.c", '# include "net/tls.h"\n', 1),
    (rules.include_order, "server/net/a.c", "#include <gnutls/gnutls.h>\n", 0),
    (rules.include_order, "server/net/a.c", '#include "worker/conn.h"\n', 1),
    (rules.include_order, "server/worker/a.c", "#include <gnutls/gnutls.h>\n", 1),
    (rules.include_order, "server/master/a.c", '#include "host/host.h"\n', 1),
    (rules.include_order, "server/master/a.c", "#include <dlfcn.h>\n", 1),
    (rules.include_order, "server/ipc/a.h", '#include "conf/conf.h"\n', 1),
    (rules.include_order, "server/unheard/a.h", '#include "base/view.h"\n', 1),
    (rules.include_order, "modules/x/x.c", '#include "base/view.h"\n', 1),
    (rules.include_order, "modules/x/x.c", '#include "../y/y.h"\n', 1),
    (rules.include_order, "modules/x/x.c", '#include "../secrets/y.h"\n', 1),
    (rules.include_order, "modules/secrets/y.c", '#include "y.c"\n', 0),
    (rules.include_order, "modules/secrets/y.c", '#include "../x/x.h"\n', 1),
    (rules.include_order, "modules/x/x.c", "#include <popart/session.h>\n", 1),
    (rules.include_order, "modules/x/x.c", "#include <popart/module.h>\n", 0),
    (rules.include_order, "modules/x/x.c", '#include "x.c"\n', 0),
    (rules.include_order, "include/popart/a.h", "#include <libconfig.h>\n", 1),
    (rules.include_order, "include/popart/a.h", '#include "abi.h"\n#include <stdint.h>\n', 0),
    (rules.include_exists, "server/base/a.c", '#include "view.h"\n', 1),
    (rules.include_exists, "server/base/a.c", '#include "base/a.c"\n', 0),
    (rules.master_loads_nothing, "server/master/a.c", '#include "host/load.h"\n', 1),
    (rules.master_loads_nothing, "server/master/a.c", "#include <dlfcn.h>\n", 1),
    (rules.master_loads_nothing, "server/master/a.c", "#include <stdio.h>\n", 0),
    (rules.licence, "server/base/a.c", "#include <stdio.h>\n", 1),
    (rules.licence, "server/base/a.c", SPDX + "#include <stdio.h>\n", 0),
    (rules.licence, "tests/e2e/a.py", "#!/usr/bin/python3\nprint()\n", 1),
    (rules.licence, "tests/e2e/a.py", "#!/usr/bin/python3\n# SPDX-License-Identifier: MIT\n", 0),
    (rules.layout, "server/base/a.c", "\t" * 11 + "123456789\n", 1),
    (rules.layout, "server/base/a.c", "\t" * 11 + "12345678\n", 0),
    (rules.layout, "server/base/a.c", 'LOG_EVENT(A_B, "a", INFO, "%s")\n' % ("x" * 90), 0),
    (rules.layout, "server/base/a.c", "int a; \n", 1),
    (rules.layout, "server/base/a.c", "int a;\t\nint b;", 2),
    (rules.forbidden_functions, "modules/x/x.c", "strcpy(a, b);\n", 1),
    (rules.forbidden_functions, "modules/x/x.c", "a = atoi (b) + system(c);\n", 2),
    (rules.forbidden_functions, "modules/x/x.c", "/* gets(a) */ snprintf(a, 1, \"gets(\");\n", 0),
    (rules.page_is_text, "server/web/page/a.js", SPDX + "a.innerHTML = b; eval(c);\n", 2),
    (rules.page_is_text, "server/web/page/a.html", SPDX + '<p style="x" onclick="y">', 2),
    (rules.page_is_text, "server/web/page/a.css", "a { background: url(https://b/c) }\n", 2),
    (rules.page_is_text, "server/web/page/a.js", SPDX + 'const a = "http://www.w3.org/2000/svg";\n', 0),
    (rules.no_struct_typedefs, "include/popart/a.h", "typedef struct a { int b; } c;\n", 1),
    (rules.no_struct_typedefs, "include/popart/a.h", "typedef struct a c;\n", 1),
    (rules.no_struct_typedefs, "include/popart/a.h", "typedef const struct a *entry(void);\n", 0),
]


def planted(tap):
    for rule, path, text, expected in PLANTED:
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, os.path.dirname(path)))
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
            found = rule(root)
        name = "%s finds %d in %s: %s" % (rule.__name__, expected, path, text.strip()[:40])
        name = name.replace("\n", " ").replace("#", "")
        tap.check(name, [] if len(found) == expected else ["found instead:"] + found)
    found = rules.top_entries(["server", ".ci", "README.md", "notes.txt", "src"])
    tap.check("top_entries finds two", [] if len(found) == 2 else found)


def top(tap):
    entries = rules.tracked_top_entries(ROOT)
    name = "the top of the tree holds what belongs there"
    if entries is None:
        tap.check(name + " (no git here: nothing to see)", [])
    else:
        tap.check(name, rules.top_entries(entries))


OBJECT = ("0000000000000000 l     O .bss\t0000000000000004 counter\n"
          "0000000000000000 l     O .data.rel.ro.local\t0000000000000010 table\n"
          "0000000000000000 g     O .data\t0000000000000004 .hidden state\n"
          "0000000000000000 l     O .bss\t0000000000000001 __odr_asan.table\n"
          "0000000000000000 l    d  .bss\t0000000000000000 .bss\n")


def globals_(tap):
    """No variable of the server or of a module outlives the call that it belongs to."""
    found = rules.writable_data(OBJECT)
    tap.check("writable_data finds two", [] if len(found) == 2 else found)

    name = "no mutable globals in server and modules"
    objdump = tap.need(name, "objdump")
    if objdump is None:
        return
    objects = sorted(path for part in ("server", "modules") for where in ("", ".libs")
                     for path in glob.glob(os.path.join(BUILD, part, "*", where, "*.o")))
    problems = [] if objects else ["no objects found in " + BUILD]
    for path in objects:
        status, output = run([objdump, "-t", path])
        if status != 0:
            problems.append(output)
        problems += ["%s: %s" % (os.path.relpath(path, BUILD), variable)
                     for variable in rules.writable_data(output)]
    tap.check(name, problems)


def main():
    tap = Tap()
    for rule in TREE_RULES:
        tap.check((rule.__doc__ or rule.__name__).split("\n")[0].rstrip("."), rule(ROOT))
    top(tap)
    globals_(tap)
    planted(tap)
    tap.done()


main()
