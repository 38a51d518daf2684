#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the benchmarks make of their figures: goals, tables in a document, plots."""

import os
import sys
from xml.etree import ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "e2e"))
# pylint: disable=wrong-import-position
import growth  # noqa: E402
import plot  # noqa: E402
import tables  # noqa: E402
from harness import equal, main, test  # noqa: E402
from tables import Series  # noqa: E402

OURS, THEIRS = Series([90, 100, 120]), Series([10, 11, 9])


@test("more is better, or less, and a goal is met or missed")
def _():
    cells = tables.row("login", "/s", OURS, THEIRS, goal=10,
                       cost=(" ms", Series([2]), Series([10])), cost_goal=6)
    equal(cells, ["login", "100/s", "10/s", "", "10x", ">= 10x: met", "2 ms", "10 ms", "5x",
                  ">= 6x: missed", "30 % / 20 %"])
    equal(tables.row("visit", " ms", THEIRS, OURS, lower=True, goal=11)[4:6],
          ["10x", ">= 11x: missed"])
    equal(len(cells), len(tables.HEAD), "columns")


@test("a third server has a goal of its own")
def _():
    cells = tables.row("visit", " ms", THEIRS, OURS, [("popa3d", Series([8]))], lower=True,
                       against=1)
    equal(cells[3:6], ["popa3d 8 ms", "10x; popa3d 0.8x", "popa3d >= 1x: missed"])


@test("two more without goals")
def _():
    cells = tables.row("fetch", " MB/s", OURS, THEIRS,
                       [("echo", Series([200])), ("files", Series([50, 150]))])
    equal(cells[3:6] + cells[10:], ["echo 200 MB/s; files 100 MB/s", "10x; echo 0.5x; files 1x",
                                    "", "30 % / 20 % / 0 % / 100 %"])


@test("no other server is there, or it has done nothing")
def _():
    equal(tables.row("login", "/s", OURS, None, goal=8)[1:6], ["100/s", "-", "", "-", ""])
    equal(tables.row("login", "/s", OURS, Series([0]), goal=8)[4:6], ["-", ""])


@test("a limit")
def _():
    equal(tables.limited("memory", "2 KiB", 2, 1.5, " KiB")[5], "<= 1.5 KiB: missed")
    equal(tables.limited("memory", "1 KiB", 1, 1.5, " KiB")[5], "<= 1.5 KiB: met")


@test("rows in a document: new ones replace their own, others stay, in their order")
def _():
    def cells(title, value):
        return [title, value] + [""] * (len(tables.HEAD) - 2)
    text = "before\n%s\n%s\nafter\n" % tables.marks("all")
    order = ["one", "two", "three"]
    text = tables.put(text, "all", [cells("three", "3"), cells("one", "1")], order, "first")
    text = tables.put(text, "all", [cells("two", "2"), cells("three", "33")], order, "second")
    equal([(row[0], row[1]) for row in tables.rows_between(text, "all").values()],
          [("one", "1"), ("two", "2"), ("three", "33")])
    assert text.startswith("before\n") and text.endswith("\nafter\n"), text
    assert "second" in text and "first" not in text, text
    for bad in ("nothing", "some"):
        try:
            tables.put("nothing", bad, [], [], "")
        except RuntimeError:
            continue
        raise AssertionError("put into a document without the marks")


@test("what fails keeps its row")
def _():
    cells = tables.failed("login", "no | answer\nof it")
    equal(cells[:2], ["login", "failed: no answer of it"])
    equal(len(cells), len(tables.HEAD), "columns")


@test("the steepest way is found, wherever it is")
def _():
    flat = [(1, 5.0), (10, 5.0), (100, 4.0)]
    linear = [(10, 1.0), (100, 10.0), (1000, 100.0)]
    late = linear + [(10000, 10000.0)]
    equal(growth.exponent(flat), 0.0, "flat")
    assert abs(growth.exponent(linear) - 1) < 1e-9
    assert abs(growth.exponent(late) - 1.5) < 1e-9
    equal(growth.exponent([(1, 1.0)]), 0.0, "one point")
    equal(growth.exponent([(1, 1.0), (10, 1.0), (11, 2.0), (100, 10.0)]), 1.0, "a step")
    for points, word in ((flat, tables.MET), (linear, tables.MET), (late, tables.MISSED)):
        equal(growth.judged("x", "y", points, plot.count, plot.milliseconds)[-1], word)


@test("a plot is well-formed, and its points are inside")
def _():
    image = plot.chart("A & B", "\"n\" <", [
        ("popart first", [(10, 0.2), (100, 3), (1000000, 40000)], False),
        ("popart next", [(10, 0.1), (1000000, 0.1)], True), ("Dovecot", [(10, 7)], False)])
    root = ElementTree.fromstring(image)
    circles = [each for each in root.iter() if each.tag.endswith("}circle")]
    equal(len(circles), 6, "points")
    for circle in circles:
        assert plot.LEFT <= float(circle.get("cx")) <= plot.WIDTH - plot.RIGHT
        assert plot.TOP <= float(circle.get("cy")) <= plot.HEIGHT - plot.BOTTOM
    assert "prefers-color-scheme: dark" in image
    labels = sorted(plot.spaced({"a": 10.0, "b": 11.0, "c": 12.0}).values())
    assert all(b - a >= 14 for a, b in zip(labels, labels[1:])), labels


main()
