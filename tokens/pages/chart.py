"""A bar chart of the requests with a token: its bars, scale, marks and text.

The template draws the chart as SVG with the positions that this module computes. Lengths are units
of the SVG. The functions are pure: they read no database and no clock.
"""

from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

STEP = 10  # from one bar to the next
BAR_WIDTH = 8
HEIGHT = 100
# The least height of a bar with a request: about one pixel. Otherwise a single request, beside
# days with thousands, would be invisible.
MIN_HEIGHT = 1
MAX_LINES = 3  # of the scale, above the axis


class Mark(NamedTuple):
    """A mark below a bar: something that happened to the token in that day or hour.

    `icon` is the name of a Lucide icon. `words` is the event as text.
    """

    icon: str
    words: str


class Bar(NamedTuple):
    """The numbers that one bar of the chart shows: the requests of one day or hour.

    `requests` includes the `refused` ones. `tick` is the label below the bar, or "".
    `is_unfinished` is True for the current day or hour, whose count still grows.
    """

    label: str
    requests: int
    refused: int
    tick: str = ""
    marks: tuple[Mark, ...] = ()
    is_unfinished: bool = False

    @property
    def title(self) -> str:
        """Return what the bar shows as one line of text, marks included, for the tooltip."""
        so_far = ", so far" if self.is_unfinished else ""
        marks = "".join(f". {mark.words}" for mark in self.marks)
        return f"{self.label}{so_far}: {bar_in_words(self.requests, self.refused)}{marks}"


class Shape(NamedTuple):
    """A bar with its position and size in the SVG.

    The upper part of the bar, `refused` units high, shows the refused requests. `place` is the
    left edge of the column in which the bar stands.
    """

    bar: Bar
    place: int
    height: float
    refused: float
    width: int = BAR_WIDTH

    @property
    def left(self) -> int:
        """Return the distance of the bar from the left edge of the chart."""
        return self.place + (STEP - BAR_WIDTH) // 2

    @property
    def top(self) -> float:
        """Return the distance of the upper end of the bar from the top of the chart."""
        return round(HEIGHT - self.height, 2)


class Chart:
    """A bar chart of requests over time. `bars` are in order of time.

    `span` names the whole time, such as “30 days”. `unit` names the time of one bar, such as
    “Hour”.
    """

    def __init__(self, span: str, unit: str, bars: Sequence[Bar]) -> None:
        self.span, self.unit = span, unit
        self.bars = bars
        self.requests = sum(bar.requests for bar in bars)
        self.refused = sum(bar.refused for bar in bars)
        self.answered = self.requests - self.refused
        self.busiest = max(bars, key=lambda bar: bar.requests)
        self.most_refused = max(bars, key=lambda bar: bar.refused)
        self.width, self.height = len(bars) * STEP, HEIGHT
        self.scale = scale(self.busiest.requests)

    @property
    def title(self) -> str:
        """Return a summary of the chart in words, for screen readers."""
        busiest = f"most on {self.busiest.label}: {self.busiest.requests:,}"
        return f"{bar_in_words(self.requests, self.refused, f' in {self.span}')}; {busiest}"

    @property
    def shapes(self) -> list[Shape]:
        """Return the bars with their positions and sizes in the SVG."""
        return [
            Shape(bar, n * STEP, *heights(bar.requests, bar.refused, self.scale[0]))
            for n, bar in enumerate(self.bars)
        ]

    @property
    def lines(self) -> list[float]:
        """Return where to draw the lines of the scale: their distances from the top of the chart.

        The line for 0 is left out, because the axis is there.
        """
        return [round(HEIGHT * (1 - value / self.scale[0]), 2) for value in self.scale[:-1]]

    @property
    def marks(self) -> list[Mark]:
        """Return each kind of mark that the chart has once, for the legend."""
        return list({mark.icon: mark for bar in self.bars for mark in bar.marks}.values())

    @property
    def latest_first(self) -> Sequence[Bar]:
        """Return the bars for the table below the chart, latest first."""
        return self.bars[::-1]


def scale(maximum: int) -> list[int]:
    """Return the numbers of the scale beside the chart, from the top number down to 0.

    The numbers are round and have equal distances. The top number is at least `maximum`, the most
    requests in one bar. At most MAX_LINES numbers are above 0.
    """
    steps = (digit * 10**power for power in count() for digit in (1, 2, 5))
    step = next(step for step in steps if maximum <= step * MAX_LINES)
    lines = max(-(-maximum // step), 1)
    return [step * line for line in range(lines, -1, -1)]


def heights(requests: int, refused: int, top: int) -> tuple[float, float]:
    """Return the height of a bar, and the height of its upper, refused part.

    A bar with `top` requests fills the chart, and the heights of other bars are in proportion. But
    a bar with a request has at least MIN_HEIGHT. The refused part has no minimum, because a mark
    below the axis shows that the bar has refused requests.
    """
    if not requests:
        return 0, 0
    whole = max(HEIGHT * requests / top, MIN_HEIGHT)
    return round(whole, 2), round(whole * refused / requests, 2)


def bar_in_words(requests: int, refused: int, span: str = "") -> str:
    """Return the numbers as text, such as “2,000 requests in 30 days, 3 refused”.

    `span` stands after the number of requests, and begins with a space.
    """
    noun = "request" if requests == 1 else "requests"
    return f"{requests:,} {noun}{span}, {f'{refused:,}' if refused else 'none'} refused"
