"""The table and the chart in docs/, between two marks, so that what people wrote around them stays."""

import os
import platform
import sqlite3
from collections.abc import Iterator
from statistics import median

import django

from benchmarks.chart import chart
from benchmarks.inprocess import Series
from benchmarks.targets import NAMES, Results, targets
from benchmarks.workshop import ROOT

PAGE = ROOT / "docs/performance.md"
PICTURE = ROOT / "docs/performance.svg"
BEGIN, END = "<!-- make bench writes from here -->\n", "<!-- to here -->\n"

# Words, case, number of tokens (0: the fewest), statements prepared by the server
ROWS = [
    ("**Tokenry**: scope, limit, last use", "tokenry", 0, False),
    ("… an owner of 1,000 tokens", "busy owner", 0, False),
    ("… 100,000 tokens", "tokenry", 100_000, False),
    ("… 1,000,000 tokens", "tokenry", 1_000_000, False),
    ("… without the limit", "no limit", 0, False),
    ("… without usage", "no usage", 0, False),
    ("… without either", "neither", 0, False),
    ("… its usage: what a thread does afterwards", "record", 0, False),
    ("Tokenry refuses: no token of ours", "garbage", 0, False),
    ("… mistyped", "mistyped", 0, False),
    ("… unknown", "unknown", 0, False),
    ("… expired", "expired", 0, False),
    ("… 429, too many failures", "too many", 0, False),
    ("drf-api-key", "drf-api-key", 0, False),
    ("DRF authtoken", "drf-authtoken", 0, False),
    ("knox", "drf-knox", 0, False),
    ("… an owner of 1,000 tokens", "knox busy owner", 0, False),
    ("… 100,000 tokens", "drf-knox", 100_000, False),
    ("… 1,000,000 tokens", "drf-knox", 1_000_000, False),
    ("Tokenry in the peers' view", "drf-tokenry", 0, False),
    ("… without the limit, which no peer has", "drf-tokenry no limit", 0, False),
    ("Prepared statements for all: Tokenry in the peers' view", "drf-tokenry", 0, True),
    ("… without the limit", "drf-tokenry no limit", 0, True),
    ("… drf-api-key", "drf-api-key", 0, True),
    ("… DRF authtoken", "drf-authtoken", 0, True),
    ("… knox", "drf-knox", 0, True),
]


def number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def cells(series: Series | None) -> list[str]:
    if series is None:
        return ["", "", ""]
    low, high = series.quartiles
    return [f"**{number(series.ratio)}**", f"{number(low)}–{number(high)}", f"{median(series.microseconds):,.0f}"]


def row(*columns: str) -> str:
    return f"| {' | '.join(columns)} |"


def cost_table(results: Results) -> Iterator[str]:
    titles = {
        database: f"{name}: not measured, {results.without[database]}" if database in results.without else name
        for database, name in NAMES.items()
    }
    yield row("answered by", *(f"{title}: × plain | quartiles | µs" for title in titles.values()), "queries")
    yield row("---", *["--:"] * 7)
    plain = f"{median(results.plain.microseconds):,.0f}"
    yield row("plain Django view", *["1", "", plain] * 2, "0")
    for words, case, size, prepared in ROWS:
        found = [results.get(database, case, size, prepared=prepared) for database in NAMES]
        if any(found):
            queries = max(series.queries for series in found if series)
            yield row(words, *cells(found[0]), *cells(found[1]), f"{queries:g}")


def rate_table(results: Results) -> Iterator[str]:
    if "end to end" in results.without:
        yield f"End to end: not measured, {results.without['end to end']}."
        return
    yield row("served", "processes", "of the plain view's rate", "lowest–highest", "requests/s", "p50 ms", "p99 ms")
    yield row("---", *["--:"] * 6)
    for what, rates in results.endtoend.items():
        name = f"Tokenry, {NAMES[what.store.database]}" if what.store else "plain Django view"
        yield row(
            name, str(what.workers), f"**{rates.ratio:.2f}**", f"{min(rates.ratios):.2f}–{max(rates.ratios):.2f}",
            f"{median(rates.per_second):,.0f}", f"{median(rates.p50):.1f}", f"{median(rates.p99):.0f}",
        )  # fmt: skip


def target_table(results: Results) -> Iterator[str]:
    yield row("held to", "", "measured", "")
    yield row("---", "---", "--:", "---")
    for target in targets(results):
        yield row(target.words, target.wanted, target.shown, target.verdict)


def environment() -> str:
    return (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, Django {django.get_version()}, "
        f"SQLite {sqlite3.sqlite_version}"
    )


def text(results: Results) -> str:
    rounds = len(next(iter(results.inprocess.values())).ratios)
    parts = [
        f"Written by `make bench` on {environment()}.",
        "![Cost of a request, as multiples of a plain Django view's](performance.svg)",
        "### In process",
        "Django's own handler, called with requests made beforehand. Each batch stands straight after one of the plain "
        f"view, and the quickest third of either counts; medians of the ratio of the two over {rounds} interleaved "
        "rounds, and its quartiles. Tokens go round among a hundred; there are 1,000 of each kind where no other "
        "number stands. Connections persist for all. The peers stand in a Django REST framework view without "
        "middleware, which favours them; they count no limit and remember no use.",
        "\n".join(cost_table(results)),
        "### End to end",
        "The shipped server (gunicorn, four threads) under `wrk -t1 -c16`, on the same cores as the load; medians of "
        "interleaved rounds.",
        "\n".join(rate_table(results)),
        "### What it is held to",
        "\n".join(target_table(results)),
    ]
    return "\n\n".join(parts) + "\n"


def write(results: Results) -> None:
    """Replace what stands between the marks, and the picture."""
    before, begin, rest = PAGE.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} lacks its marks: {BEGIN.strip()} and {END.strip()}")
    PAGE.write_text(f"{before}{begin}\n{text(results)}\n{end}{after}")
    PICTURE.write_text(chart(results))
