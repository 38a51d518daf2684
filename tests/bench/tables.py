# SPDX-License-Identifier: MIT
"""What was measured as rows of a table, next to the goals, on a terminal and in a document."""

import re
import statistics
import sys

HEAD = ["workload", "popart", "Dovecot", "another", "better by", "goal", "CPU popart",
        "CPU Dovecot", "better by", "goal", "spread"]
MET, MISSED = "met", "missed"


def progress(text):
    if sys.stderr.isatty():
        print("\r\033[K" + text, end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


def figure(value):
    return "%.0f" % value if value >= 100 else "%.3g" % value


class Series:
    """Values of the turns of one server."""

    def __init__(self, values=()):
        self.values = list(values)

    def add(self, value):
        self.values.append(value)

    def median(self):
        return statistics.median(self.values)

    def spread(self):
        """How far they lie apart, as a part of their median."""
        return (max(self.values) - min(self.values)) / self.median() if self.median() else 0.0


def ratio(ours, theirs, lower):
    """How many times as good ours is; lower: less is better. None: nothing to divide by."""
    a, b = (theirs, ours) if lower else (ours, theirs)
    return a / b if b else None


def times(value):
    return "-" if value is None else figure(value) + "x"


def verdict(value, goal):
    """At least goal times as good."""
    if goal is None or value is None:
        return ""
    return ">= %sx: %s" % (figure(goal), MET if value >= goal else MISSED)


def row(title, unit, ours, theirs, others=(), lower=False, goal=None, cost=None,
        cost_goal=None, against=None):
    """The cells. ours, theirs: Series; others: (name, Series) of each; cost: (unit, Series,
    Series); against: a goal against the others. None: there is none."""
    cells = [title, figure(ours.median()) + unit,
             figure(theirs.median()) + unit if theirs else "-",
             "; ".join("%s %s%s" % (name, figure(series.median()), unit)
                       for name, series in others)]
    better = ratio(ours.median(), theirs.median(), lower) if theirs else None
    seen, goals = [times(better)], [verdict(better, goal)]
    for name, series in others:
        than = ratio(ours.median(), series.median(), lower)
        seen.append("%s %s" % (name, times(than)))
        if against is not None:
            goals.append(name + " " + verdict(than, against))
    cells += ["; ".join(seen), "; ".join(filter(None, goals))]
    if cost:
        less = ratio(cost[1].median(), cost[2].median(), True)
        cells += [figure(cost[1].median()) + cost[0], figure(cost[2].median()) + cost[0],
                  times(less), verdict(less, cost_goal)]
    else:
        cells += [""] * 4
    all_series = [ours] + ([theirs] if theirs else []) + [series for _, series in others]
    return cells + [" / ".join("%.0f %%" % (100 * each.spread()) for each in all_series)]


def limited(title, shown, value, limit, unit="", theirs="-", another="", spread=""):
    """A row whose goal is a limit, not a ratio."""
    return [title, shown, theirs, another, "", "<= %s%s: %s" % (
        figure(limit), unit, MET if value <= limit else MISSED)] + [""] * 4 + [spread]


def failed(title, why):
    return [title, "failed: " + re.sub(r"[|\s]+", " ", str(why))[:240]] + [""] * (len(HEAD) - 2)


def markdown(rows, head=None):
    head = head or HEAD
    return "\n".join("| " + " | ".join(cells) + " |"
                     for cells in [head, ["---"] * len(head)] + rows)


def plain(rows, head=None):
    lines = [head or HEAD] + rows
    widths = [max(len(cells[i]) for cells in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(cell.rjust(width) if i else cell.ljust(width)
                               for i, (cell, width) in enumerate(zip(cells, widths))).rstrip()
                     for cells in lines)


def marks(name):
    return "<!-- bench: %s -->" % name, "<!-- end of %s -->" % name


def rows_between(text, name):
    """{title: cells} of the table that is there."""
    begin, end = marks(name)
    table = text.partition(begin)[2].partition(end)[0]
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")]
            for line in table.splitlines() if line.startswith("|")]
    return {cells[0]: cells for cells in rows[2:]}


def put(text, name, rows, order, about, head=None):
    """The document with these rows in its table: those of its own that were not measured
    now stay. order: all titles; about: the line below the table."""
    begin, end = marks(name)
    if begin not in text or end not in text:
        raise RuntimeError("the document has no %s ... %s" % (begin, end))
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2]
    known = rows_between(text, name)
    width = len(head or HEAD)
    known = {title: cells for title, cells in known.items()
             if title in order and len(cells) == width}
    known.update({cells[0]: cells for cells in rows})
    table = markdown([known[title] for title in order if title in known], head)
    return "%s%s\n%s\n\n%s\n%s%s" % (before, begin, table, about, end, after)


def write(path, name, rows, order, about, head=None):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text = put(text, name, rows, order, about, head)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
