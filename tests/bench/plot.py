# SPDX-License-Identifier: MIT
"""Plots as SVG, both axes logarithmic, readable on a light and on a dark page. A dashed line
rises as fast as what is shown to the right: what is linear runs along it."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 680, 380
LEFT, RIGHT, TOP, BOTTOM = 74, 170, 40, 52
CLASSES = ("one", "two", "three", "four")
STYLE = """
text { font: 13px sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: bold }
.grid { stroke: #8c959f; stroke-opacity: .35 }
.linear { stroke: #8c959f; stroke-dasharray: 3 4; fill: none }
.line { fill: none; stroke-width: 2 }
.again { stroke-dasharray: 7 4 }
.one { stroke: #0969da } circle.one, text.one { fill: #0969da; stroke: none }
.two { stroke: #bc4c00 } circle.two, text.two { fill: #bc4c00; stroke: none }
.three { stroke: #1a7f37 } circle.three, text.three { fill: #1a7f37; stroke: none }
.four { stroke: #8250df } circle.four, text.four { fill: #8250df; stroke: none }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.one { stroke: #79c0ff } circle.one, text.one { fill: #79c0ff }
.two { stroke: #ffa657 } circle.two, text.two { fill: #ffa657 }
.three { stroke: #7ee787 } circle.three, text.three { fill: #7ee787 }
.four { stroke: #d2a8ff } circle.four, text.four { fill: #d2a8ff }
}
"""


def count(value):
    return "{:,.0f}".format(value)


def decimal(value):
    """Octets, where the ticks are powers of ten."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= unit:
            return "%.3g %s" % (value / unit, name)
    return "%.3g B" % value


def octets(value):
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if value >= unit:
            return "%.3g %s" % (value / unit, name)
    return "%.3g B" % value


def milliseconds(value):
    if value >= 1000:
        return "%.3g s" % (value / 1000)
    return "%.3g ms" % value if value >= 1 else "%.3g us" % (value * 1000)


def decades(low, high, base=10):
    """Whole powers around what is shown."""
    first = math.floor(math.log(low, base) + 1e-9)
    last = math.ceil(math.log(high, base) - 1e-9)
    return first, max(last, first + 1)


class Axis:
    def __init__(self, values, begin, end, base=10):
        self.base = base
        self.first, self.last = decades(min(values), max(values), base)
        self.begin, self.end = begin, end

    def place(self, value):
        part = (math.log(value, self.base) - self.first) / (self.last - self.first)
        return self.begin + part * (self.end - self.begin)

    def ticks(self):
        every = -(-(self.last - self.first) // 9)
        return [float(self.base) ** power
                for power in range(self.first, self.last + 1, every)]


def text(x, y, words, kind="", anchor="start"):
    return '<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>' % (
        x, y, kind, anchor, escape(words))


def grid(x, y, x_format, y_format):
    parts = []
    for value in x.ticks():
        at = x.place(value)
        parts += ['<line class="grid" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>' % (
            at, TOP, at, HEIGHT - BOTTOM),
                  text(at, HEIGHT - BOTTOM + 18, x_format(value), anchor="middle")]
    for value in y.ticks():
        at = y.place(value)
        parts += ['<line class="grid" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/>' % (
            LEFT, at, WIDTH - RIGHT, at), text(LEFT - 8, at + 4, y_format(value), anchor="end")]
    return parts


def linear(x, y, start):
    """From the start, as far as the plot goes."""
    (x0, y0), x1 = start, float(x.base) ** x.last
    top = float(y.base) ** y.last
    x1 = min(x1, x0 * top / y0)
    return ['<path class="linear" d="M%.1f %.1f L%.1f %.1f"/>' % (
        x.place(x0), y.place(y0), x.place(x1), y.place(x1 / x0 * y0))]


def spaced(places, least=15):
    """Labels one below the other, none on another."""
    taken, found = [], {}
    for place, key in sorted((place, key) for key, place in places.items()):
        place = max([place] + [other + least for other in taken[-1:]])
        taken.append(place)
        found[key] = place
    return found


def chart(title, x_label, lines, x_format=count, y_format=milliseconds, x_base=10):
    """lines: [(name, [(x, y), ...], dashed)]. Of one colour are those whose names begin with
    the same word."""
    points = [point for _, line, _ in lines for point in line]
    x = Axis([point[0] for point in points], LEFT, WIDTH - RIGHT, x_base)
    y = Axis([point[1] for point in points], HEIGHT - BOTTOM, TOP)
    heads = list(dict.fromkeys(name.split()[0] for name, _, _ in lines))
    parts = grid(x, y, x_format, y_format) + [
        text(LEFT, 22, title, "title"),
        text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, x_label, anchor="middle")]
    parts += linear(x, y, max((line[0] for _, line, _ in lines),
                              key=lambda point: (-point[0], point[1])))
    labels = spaced({name: y.place(line[-1][1]) + 4 for name, line, _ in lines})
    for name, line, dashed in lines:
        colour = CLASSES[heads.index(name.split()[0]) % len(CLASSES)]
        parts.append('<path class="line %s%s" d="M%s"/>' % (
            colour, " again" if dashed else "", " L".join(
                "%.1f %.1f" % (x.place(a), y.place(b)) for a, b in line)))
        parts += ['<circle class="%s" cx="%.1f" cy="%.1f" r="3"/>' % (
            colour, x.place(a), y.place(b)) for a, b in line]
        parts.append(text(WIDTH - RIGHT + 10, labels[name], name, colour))
    return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" '
            'height="%d" role="img" aria-label="%s">\n<!-- SPDX-License-Identifier: MIT -->\n'
            '<style>%s</style>\n%s\n</svg>\n' % (
                WIDTH, HEIGHT, WIDTH, HEIGHT, escape(title, {'"': "&quot;"}), STYLE,
                "\n".join(parts)))
