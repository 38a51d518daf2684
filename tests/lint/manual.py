# SPDX-License-Identifier: MIT
"""Reads manual pages (mdoc) as far as the lint has to: lists and their items."""

import re

MACROS = {"Ic", "Cm", "Va", "Fl", "Ar", "Li", "Sy", "Dv", "Pa", "No", "Ns", "Ta", "Xo", "Xc",
          "Fa", "Fn", "Op", "Oo", "Oc", "Pq", "Po", "Pc", "Ql", "Dq", "Qq", "Em", "Er", "Ev", "Nm"}


class Item:
    """head: the macros and words of its .It line; text: what follows, macros taken out."""

    def __init__(self, section, head):
        self.section = section
        self.head = head
        self.lines = []

    def words(self):
        return [word for word in self.head.split() if word not in MACROS]

    def name(self):
        words = self.words()
        return words[0].strip('",=:') if words else ""

    def text(self):
        return " ".join(self.words() + [plain(line) for line in self.lines])

    def holds(self, word):
        """Whether the word stands in the item by itself, quotes and full stop aside."""
        return re.search(r"(?<![\w./-])" + re.escape(word) + r"(?![\w/-])", self.text())


    def listed(self):
        """The words of the .Ic line behind a line that says "In": where it can be found."""
        for line, following in zip(self.lines, self.lines[1:]):
            if line == "In" and following.startswith(".Ic "):
                return set(re.findall(r"\w+", following[4:]))
        return set()


def plain(line):
    """A line of mdoc as words."""
    if line.startswith('.\\"'):
        return ""
    if line.startswith("."):
        line = " ".join(word for word in line[1:].split() if word not in MACROS)
    return line.replace("\\&", "").replace("\\(dq", '"').replace("\\-", "-").replace("\\e", "\\")


def items(page):
    """Every .It of a page. The text of a nested list belongs to the outer item, too."""
    found = []
    open_lists = []
    section = ""
    for line in page.splitlines():
        if line.startswith(".Sh ") or line.startswith(".Ss "):
            section = line[4:].strip('"')
        elif line.startswith(".Bl"):
            open_lists.append(None)
        elif line.startswith(".El") and open_lists:
            open_lists.pop()
        elif line.startswith(".It") and open_lists:
            item = Item(section, line[3:].strip())
            open_lists[-1] = item
            found.append(item)
        else:
            for item in open_lists:
                if item:
                    item.lines.append(line)
    return found


def command_line_options(page):
    """The options that items are about: {"-c", "--config", ...}."""
    found = set()
    for item in items(page):
        head = item.head
        found |= {"--" + name for name in re.findall(r"\bFl (?:Fl |-|\\-)([a-z][a-z-]+)", head)}
        found |= {"-" + name for name in re.findall(r"\bFl ([A-Za-z])\b", head)}
    return found


def help_options(text):
    """The same from the output of --help."""
    return set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+|-[A-Za-z])\b", text))


def missing_options(rows, page_items):
    """Options (name, default) without an item of their own, or with another default."""
    problems = []
    for name, default in rows:
        about = [item for item in page_items if item.name() == name]
        if not about:
            problems.append("%s is not described" % name)
        # A path depends on where popart is installed.
        elif default not in ("-", "") and not default.startswith("/") and \
                not any(item.holds(default) for item in about):
            problems.append("%s: the default is %s, the manual does not say so" %
                            (name, default))
    return problems


def fields(rows, page_items):
    """Log fields (name, events) without an item, or with one that names other events."""
    problems = []
    for name, events in rows:
        about = [item for item in page_items if item.name() == name]
        if len(about) != 1:
            problems.append("%s is described %d times" % (name, len(about)))
        for item in about:
            problems += ["%s: %s" % (name, event) for event in
                         sorted(item.listed().symmetric_difference(events))]
    return problems


def unknown_items(known, page_items, sections):
    """Items of the sections that are about something that does not exist."""
    return ["%s (under %s): there is no such thing" % (item.name(), item.section)
            for item in page_items
            if re.search(sections, item.section, re.I) and not item.head.startswith("Fl") and
            re.fullmatch(r"[a-z][a-z0-9_]*", item.name()) and item.name() not in known]


def members(page):
    """What the lists under "struct NAME" are about: {name: {member: parameters}}; parameters
    is None where it is no function."""
    found = {}
    for item in items(page):
        macro, _, rest = item.head.partition(" ")
        if not item.section.startswith("struct ") or macro not in ("Fa", "Fn"):
            continue
        about = found.setdefault(item.section[7:], {})
        words = rest.split()
        if macro == "Fn":
            about[words[0]] = len(words) - 1
        else:
            about.update((word, None) for word in words if word != ",")
    return found


def contract(page, structs, constants, macros, known):
    """The module interface: structs {name: {member: parameters}}, constants and macros that
    the page has to name, and all that it may name."""
    problems = []
    described = members(page)
    for struct, wanted in structs.items():
        found = described.get(struct, {})
        problems += ["struct %s: nothing says what %s is" % (struct, member)
                     for member in wanted if member not in found]
        problems += ["struct %s has no member %s" % (struct, member)
                     for member in found if member not in wanted]
        problems += ["%s of struct %s has %s parameters" % (member, struct, wanted[member])
                     for member in found
                     if member in wanted and found[member] != wanted[member]]
    problems += ["there is no struct " + struct for struct in described if struct not in structs]
    named = set(re.findall(r"\bPOPART_\w*[A-Z]\b", page))
    told = set(re.findall(r"\bPOPART_\w*[A-Z]\b",
                          "\n".join(re.findall(r"^\.(?:It )?(?:Dv|Fn) .*$", page, flags=re.M))))
    problems += ["nothing says what %s is" % name for name in constants + macros
                 if name not in told]
    return problems + ["there is no " + name for name in sorted(named - known)]
