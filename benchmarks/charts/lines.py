"""A line chart as SVG, in the style of bars.py, with a logarithmic axis from left to right."""

import math
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from benchmarks.charts.bars import STYLE

WIDTH, HEIGHT = 760, 430
LEFT, RIGHT, TOP, BOTTOM = 84, 150, 74, 56
GRID, TEXT = "#e6e9ee", "#52606d"


class Line(NamedTuple):
    """A line through `points`, with its name at the right end, moved down by `shift` pixels."""

    name: str
    points: list[tuple[float, float]]
    colour: str
    dashes: str = ""
    dots: bool = False
    shift: int = 0


class Mark(NamedTuple):
    """A vertical line at `at`, with words at its top."""

    at: float
    words: str


class Axis(NamedTuple):
    """The range of an axis, its ticks with their labels, and its title."""

    low: float
    high: float
    ticks: dict[float, str]
    title: str
    is_logarithmic: bool = True

    def part(self, value: float) -> float:
        """Return where `value` lies between the ends: from 0 to 1."""
        if self.is_logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


class Plot(NamedTuple):
    """All that a line chart shows. `described` is the chart as text, for people who do not see."""

    title: str
    note: str
    described: str
    across: Axis
    up: Axis
    lines: list[Line]
    marks: list[Mark]

    def x(self, value: float) -> float:
        return round(LEFT + self.across.part(value) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - self.up.part(value) * (HEIGHT - TOP - BOTTOM), 1)


def line_chart(plot: Plot) -> str:
    """Return an SVG with its own white background, so that it can be read on any page."""
    parts = [*axes(plot), *marks(plot), *lines(plot)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-labelledby="t">'
        f'<title id="t">{escape(plot.described)}</title><style>{STYLE}</style>'
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="8" fill="#fff" '
        'stroke="#d5dae1"/>'
        f'<text class="title" x="24" y="32">{escape(plot.title)}</text>'
        f'<text class="note" x="24" y="52">{escape(plot.note)}</text>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def axes(plot: Plot) -> Iterator[str]:
    """Yield the grid with its labels, and the titles of the axes."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    for value, words in plot.up.ticks.items():
        y = plot.y(value)
        yield f'<path d="M{LEFT} {y}H{right}" stroke="{GRID}"/>'
        yield f'<text class="note" x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{words}</text>'
    for value, words in plot.across.ticks.items():
        x = plot.x(value)
        yield f'<path d="M{x} {TOP}V{bottom}" stroke="{GRID}"/>'
        yield f'<text class="note" x="{x}" y="{bottom + 18}" text-anchor="middle">{words}</text>'
    middle = (TOP + bottom) // 2
    yield (
        f'<text class="note" x="{(LEFT + right) // 2}" y="{bottom + 40}" text-anchor="middle">'
        f"{escape(plot.across.title)}</text>"
    )
    yield (
        f'<text class="note" transform="translate(24 {middle}) rotate(-90)" text-anchor="middle">'
        f"{escape(plot.up.title)}</text>"
    )


def marks(plot: Plot) -> Iterator[str]:
    for mark in plot.marks:
        x = plot.x(mark.at)
        yield f'<path d="M{x} {TOP}V{HEIGHT - BOTTOM}" stroke="{TEXT}" stroke-dasharray="2 4"/>'
        yield f'<text class="note" x="{x + 6}" y="{TOP + 12}">{escape(mark.words)}</text>'


def lines(plot: Plot) -> Iterator[str]:
    for line in plot.lines:
        places = [(plot.x(x), plot.y(y)) for x, y in line.points]
        path = "L".join(f"{x} {y}" for x, y in places)
        dashes = f' stroke-dasharray="{line.dashes}"' if line.dashes else ""
        yield (
            f'<path d="M{path}" fill="none" stroke="{line.colour}" stroke-width="2.5" '
            f'stroke-linejoin="round"{dashes}/>'
        )
        if line.dots:
            yield "".join(
                f'<circle cx="{x}" cy="{y}" r="3.5" fill="{line.colour}"/>' for x, y in places
            )
        x, y = places[-1]
        yield f'<text x="{x + 10}" y="{y + 4 + line.shift}">{escape(line.name)}</text>'
