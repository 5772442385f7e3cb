"""Requests over time as bars: where each part of a bar stands, and what the picture says in words. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

STEP, WIDTH, HEIGHT = 10, 8, 100  # of a bar's place, of the bar in it, and of the whole picture
LEAST = 3  # of the height: one request among thousands can be seen


class Bar(NamedTuple):
    """The requests of one day or hour; `refused` are among them."""

    label: str
    requests: int
    refused: int

    @property
    def title(self) -> str:
        return f"{self.label}: {in_words(self.requests, self.refused)}"


class Shape(NamedTuple):
    """A bar in the picture: where its place begins, and the heights of the answered and, above them, of the refused."""

    bar: Bar
    place: int
    answered: float
    refused: float
    width: int = WIDTH

    @property
    def left(self) -> int:
        return self.place + (STEP - WIDTH) // 2

    @property
    def cut(self) -> float:
        """Where, from the top, the answered begin and the refused end."""
        return round(HEIGHT - self.answered, 1)

    @property
    def top(self) -> float:
        return round(HEIGHT - self.answered - self.refused, 1)


class Chart:
    """Bars side by side, in order of time; all of them are a `span`, such as “30 days”, and one is a “Day”."""

    def __init__(self, span: str, each: str, bars: Sequence[Bar]) -> None:
        self.span, self.each = span, each
        self.bars = bars
        self.requests = sum(bar.requests for bar in bars)
        self.refused = sum(bar.refused for bar in bars)
        self.answered = self.requests - self.refused
        self.busiest = max(bars, key=lambda bar: bar.requests)
        self.width, self.height, self.step = len(bars) * STEP, HEIGHT, STEP

    @property
    def title(self) -> str:
        """What somebody would say who sees it."""
        busiest = f"most on {self.busiest.label}: {self.busiest.requests:,}"
        return f"{in_words(self.requests, self.refused, f' in {self.span}')}; {busiest}"

    @property
    def shapes(self) -> list[Shape]:
        most = self.busiest.requests
        return [
            Shape(bar, n * STEP, *heights(bar.requests - bar.refused, bar.refused, most))
            for n, bar in enumerate(self.bars)
        ]

    @property
    def latest_first(self) -> Sequence[Bar]:
        return self.bars[::-1]


def heights(answered: int, refused: int, most: int) -> tuple[float, float]:
    """Of the two parts of a bar, where `most` requests fill the box. To scale, but no part is too small to be seen."""
    least_answered, least_refused = LEAST * bool(answered), LEAST * bool(refused)
    whole = max(HEIGHT * (answered + refused) / most, least_answered + least_refused) if most else 0
    upper = min(max(whole * refused / (answered + refused), least_refused), whole - least_answered) if refused else 0
    return round(whole - upper, 1), round(upper, 1)


def in_words(requests: int, refused: int, span: str = "") -> str:
    return f"{requests:,} request{'' if requests == 1 else 's'}{span}, {f'{refused:,}' if refused else 'none'} refused"
