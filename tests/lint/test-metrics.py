#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The page of metrics as Prometheus's own tools read it, and what is written about it: the
manual, the dashboard, the alerts."""

import json
import os
import re
import shutil
import subprocess

from tap import BUILD, ROOT, Tap, read, run

PRINT = os.path.join(BUILD, "tests", "lint", "print-metrics")
MONITORING = os.path.join(ROOT, "docs", "monitoring")
NAME = re.compile(r"\bpopart_[a-z_]+")
LABEL = re.compile(r'(popart_[a-z_]+)\{([^}]*)\}')


def page(form):
    status, text = run([PRINT, form])
    if status != 0:
        raise SystemExit("Bail out! print-metrics: " + text)
    return text


def find_promtool():
    """Installed, or unpacked by autogen.sh."""
    unpacked = os.path.join(os.environ.get("MTA_ROOT") or "/nowhere", "usr", "bin")
    return shutil.which("promtool", path=os.environ.get("PATH", "") + ":" + unpacked)


def promtool(*arguments, stdin=""):
    done = subprocess.run([find_promtool()] + list(arguments), input=stdin, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.stdout.splitlines() if done.returncode else []


def samples(text):
    """name: labels that some sample has."""
    found = {}
    for line in text.splitlines():
        match = re.match(r"(popart_\w+)(\{.*\})? ", line)
        if match:
            found.setdefault(match.group(1), set()).update(
                re.findall(r'[{,](\w+)="', match.group(2) or ""))
    return found


def openmetrics(text):
    """What the parser does not like, and families that it does not find."""
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
    try:
        return {family.name: family for family in text_string_to_metric_families(text)}, []
    except ValueError as error:
        return {}, [str(error)]


def documented(text):
    """METRICS.md: rows of tables, | `name` | kind | labels | what |."""
    return {cells[0].strip("` "): cells[1:] for cells in
            (re.split(r"\s*\|\s*", line.strip("| ")) for line in text.splitlines()
             if line.startswith("| `popart_"))}


def in_manual(rows, found, text):
    """What is missing in METRICS.md, or is too much."""
    problems = []
    manual = documented(text)
    for name, kind, _, what in rows:
        sample = name + {"COUNTER": "_total", "INFO": "_info"}.get(kind, "")
        cells = manual.pop(sample, None)
        if cells is None:
            problems.append("%s is not described" % sample)
            continue
        labels = found.get(sample + ("_bucket" if kind == "HISTOGRAM" else ""), set()) - {"le"}
        told = set(re.findall(r"`(\w+)`", cells[1]))
        if cells[0] != kind.lower():
            problems.append("%s is a %s" % (sample, kind.lower()))
        if labels != told:
            problems.append("%s: its labels are %s" % (sample, sorted(labels)))
        if cells[2] != what:
            problems.append("%s: the code says: %s" % (sample, what))
    return problems + ["%s does not exist" % name for name in manual]


def used(name, text, found):
    """Names and labels that nothing has."""
    problems = ["%s: there is no %s" % (name, metric)
                for metric in sorted(set(NAME.findall(text)) - set(found))]
    for metric, labels in LABEL.findall(text):
        for label in re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*\\?"', labels):
            if label not in found.get(metric, set()) | {"job", "instance"}:
                problems.append("%s: %s has no label %s" % (name, metric, label))
    return problems


def with_tools(tap, text):
    if not find_promtool():
        for what in ("the page", "the alerts", "what the alerts do"):
            tap.skip(what + ", by promtool", "promtool is not installed (prometheus)")
        return
    tap.check("the page, by promtool", promtool("check", "metrics", stdin=text))
    tap.check("the alerts, by promtool",
              promtool("check", "rules", os.path.join(MONITORING, "popart-alerts.yaml")))
    tap.check("what the alerts do, by promtool",
              promtool("test", "rules", os.path.join(MONITORING, "test-alerts.yaml")))


def with_parser(tap, rows, text):
    try:
        import prometheus_client.openmetrics.parser  # noqa: F401 pylint: disable=unused-import
    except ImportError:
        tap.skip("OpenMetrics, by python3-prometheus-client", "it is not installed")
        return
    families, problems = openmetrics(text)
    problems += ["%s is missing" % row[0] for row in rows if row[0] not in families]
    tap.check("OpenMetrics, by python3-prometheus-client", problems)
    tap.check("the parser notices a missing end",
              [] if openmetrics(text.replace("# EOF\n", ""))[1] else ["it does not"])


def main():
    tap = Tap()
    text = page("text")
    rows = [line.split("\t") for line in page("rows").splitlines()]
    found = samples(text)
    with_tools(tap, text)
    with_parser(tap, rows, page("openmetrics"))
    manual = read(ROOT, "docs/METRICS.md")
    tap.check("METRICS.md has every metric as it is", in_manual(rows, found, manual))
    for name in ("popart-dashboard.json", "popart-alerts.yaml", "test-alerts.yaml"):
        tap.check(name + " uses what there is",
                  used(name, read(ROOT, os.path.join("docs/monitoring", name)), found))
    dashboard = json.loads(read(ROOT, "docs/monitoring/popart-dashboard.json"))
    tap.check("every panel of the dashboard asks for something",
              [panel["title"] for panel in dashboard["panels"] if not panel["targets"]])
    planted = 'popart_ghost_total popart_sessions{user="bob"} popart_locks{job="$job"}'
    tap.check("lint: a metric and a label that do not exist",
              [] if len(used("planted", planted, found)) == 2 else ["not found"])
    tap.check("lint: a metric without a description",
              [] if len(in_manual(rows[:1], found, "")) == 1 else ["not found"])
    tap.done()


main()
