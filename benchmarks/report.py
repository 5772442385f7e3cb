"""Write the tables and the charts into docs/performance.md, between two marks."""

import os
import platform
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import django

from benchmarks.charts.bars import chart
from benchmarks.charts.leases import lease_chart
from benchmarks.inprocess import HOT_BATCH, SLOW_ROUNDS, Series, Subject, rate_of
from benchmarks.pacing import RATES
from benchmarks.setups import COLUMNS, HOT, KNOWN, OFF, SQLITE, TURNS, Setup
from benchmarks.targets import Results, targets
from benchmarks.workshop import ROOT

DOCS = ROOT / "docs"
PAGE = DOCS / "performance.md"
BEGIN, END = "<!-- {} writes from here -->\n", "<!-- to here -->\n"


class Row(NamedTuple):
    """A row of the table about requests in process: what inprocess.Subject takes."""

    words: str
    case: str
    size: int = 0
    prepared: bool = False
    hot: Setup = HOT  # of the column for it


ROWS = [
    Row("**Tokenry**: scope, limit, last use", "tokenry"),
    Row(f"… {KNOWN} tokens in turn", "tokenry", hot=TURNS),
    Row("… an owner of 1,000 tokens", "busy owner"),
    Row("… 100,000 tokens", "tokenry", 100_000),
    Row("… 1,000,000 tokens", "tokenry", 1_000_000),
    Row("… the work of the recorder's thread afterwards", "usage"),
    Row(f"… the same, {KNOWN} tokens in turn", "usage", hot=TURNS),
    Row("**Tokenry, `/verify`**", "verify"),
    Row(f"… {KNOWN} tokens in turn", "verify", hot=TURNS),
    Row("**Tokenry, `GET /api/v1/token`**", "current token"),
    Row(f"… {KNOWN} tokens in turn", "current token", hot=TURNS),
    Row("Tokenry answers 401: not a token of Tokenry", "garbage"),
    Row("… mistyped", "mistyped"),
    Row("… unknown", "unknown"),
    Row("… expired", "expired"),
    Row("… 429, too many failures", "too many"),
    Row("**Tokenry in the peers' view**", "drf-tokenry"),
    Row("drf-api-key", "drf-api-key"),
    Row("DRF authtoken", "drf-authtoken"),
    Row("knox", "drf-knox"),
    Row("… an owner of 1,000 tokens", "knox busy owner"),
    Row("… 100,000 tokens", "drf-knox", 100_000),
    Row("… 1,000,000 tokens", "drf-knox", 1_000_000),
    Row("with prepared statements: drf-api-key", "drf-api-key", prepared=True),
    Row("… DRF authtoken", "drf-authtoken", prepared=True),
    Row("… knox", "drf-knox", prepared=True),
]


IN_PROCESS = f"""\
The benchmark calls the application in process with prepared requests: what the server calls, with
all middleware of the product. The plain view has no middleware. Each batch of requests runs
directly after a batch of the plain view, and the fastest third of each batch counts. The table
shows the median of the ratio of the two, and in brackets its quartiles, over {{rounds}} rounds.
The database has 1,000 tokens of each kind, unless the row names another number. Connections to the
database persist in all cases.

- **SQLite** and **leases off** (`TOKEN_LEASES=off`): {KNOWN} tokens in turn. With leases off each
  request asks PostgreSQL and Redis.
- **Hot**: leases on, with one token, as fast as one thread can. Before a batch is measured,
  {HOT_BATCH["warm"]} requests renew the leases, which end in the pause after the batch before. The
  column "tokens × rate of each" says how fast that is. The rows "{KNOWN} tokens in turn" spread
  such traffic over {KNOWN} tokens. Their batches last a second, so that leases end as often as in
  steady traffic (in {{slow}} of the rounds).
- **The recorder's thread** is measured apart, because no request waits for it: its processor time
  for 2,000 requests that it writes together (in {{slow}} of the rounds).
- **The peers** run in a Django REST framework view without middleware, which favours them. They
  have no rate limit, and do not record usage. Tokenry runs in the same view, with its middleware,
  limit and usage. On PostgreSQL the targets take the peers' figures with prepared statements,
  which Django does not use by default."""
BY_RATE = """\
A lease helps only a process that meets the same token again within a fifth of a second. So leases
pay from about five requests a second of one token in one process: then half of them find a lease.
The default limit, 1000 an hour, is 0.28 a second: such a token gains only in bursts. Here one
process gets requests at random moments, with several tokens, each at a rate of its own, and sleeps
between the requests. The figure is the mean, because with leases some requests ask and others do
not; a request that the machine disturbed counts with twice the usual time at most. The plain view,
paced in the same way, takes {plain} µs."""
END_TO_END = """\
The server as shipped (gunicorn, four threads) under `wrk -t1 -c16`, which uses one token: the
requests a second of a row are the rate of that token, in all processes together. The server and
wrk share the same cores. The table shows medians over several rounds. `/verify` has no gateway in
front of it here."""


def number(value: float) -> str:
    """Return a number with three digits."""
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def cells(series: Series | None) -> list[str]:
    """Return the ratio with its quartiles, and the microseconds, or empty cells."""
    if series is None:
        return ["", ""]
    low, high = map(number, series.quartiles)
    return [
        f"**{number(series.ratio)}** ({low}–{high})",
        f"{median(series.microseconds):,.0f}",
    ]


def row(*columns: str) -> str:
    return f"| {' | '.join(columns)} |"


def cost_table(results: Results) -> Iterator[str]:
    """Yield the lines of the table about requests in process."""
    titles = [
        f"{setup.name}: not measured, {results.without[setup.database]}"
        if setup.database in results.without
        else setup.name
        for setup in COLUMNS
    ]
    sqlite, hot, off = (f"{title}: × plain | µs" for title in titles)
    yield row("answered by", sqlite, hot, "tokens × rate of each", off, "queries")
    yield row("---", *["--:"] * 8)
    plain = ["1", f"{median(results.plain.microseconds):,.0f}"]
    yield row("plain Django view", *plain, *plain, "", *plain, "0")
    for words, case, size, prepared, hot_setup in ROWS:
        setups = [hot_setup] if hot_setup == TURNS else COLUMNS
        found = {
            setup: series
            for setup in setups
            if (series := results.get(setup, case, size, prepared=prepared))
        }
        if not found:
            continue
        hottest = found.get(hot_setup)
        rate = rate_of(Subject(hot_setup, case), hottest) if hottest else 0
        asking = [series.queries for setup, series in found.items() if setup in (SQLITE, OFF)]
        yield row(
            words,
            *cells(found.get(SQLITE)),
            *cells(hottest),
            f"{hot_setup.tokens} × {number(rate)}/s" if rate else "",
            *cells(found.get(OFF)),
            f"{max(asking):g}" if asking and case != "usage" else "",
        )


def rate_table(results: Results) -> Iterator[str]:
    """Yield the lines of the table about the server under load."""
    if "end to end" in results.without:
        yield f"End to end: not measured, {results.without['end to end']}."
        return
    yield row(
        "server",
        "processes",
        "rate / rate of the plain view",
        "lowest–highest",
        "requests/s",
        "p50 ms",
        "p99 ms",
    )
    yield row("---", *["--:"] * 6)
    for what, rates in results.endtoend.items():
        path = f"`/{what.path.partition('?')[0]}`"
        name = f"Tokenry {path}, {what.setup.name}" if what.setup else "plain Django view"
        yield row(
            name,
            str(what.workers),
            f"**{rates.ratio:.2f}**",
            f"{min(rates.ratios):.2f}–{max(rates.ratios):.2f}",
            f"{median(rates.per_second):,.0f}",
            f"{median(rates.p50):.1f}",
            f"{median(rates.p99):.0f}",
        )


def pace_table(results: Results) -> Iterator[str]:
    """Yield the lines of the table about the cost by the rate of one token."""
    if not results.paced:
        yield f"By rate: not measured, {results.without['postgresql']}."
        return
    plain, costs = results.paced
    yield row("requests a second of one token in one process", *(f"{rate:g}" for rate in RATES))
    yield row("---", *["--:"] * len(RATES))
    for setup, words in ((OFF, "leases off: × plain"), (HOT, "leases on: × plain")):
        yield row(words, *(number(cost / plain) if cost else "" for cost in costs[setup]))


def target_table(results: Results) -> Iterator[str]:
    """Yield the lines of the table about targets."""
    yield row("target", *(setup.name for setup in COLUMNS))
    yield row("---", *["--:"] * len(COLUMNS))
    for words, limits in targets(results):
        yield row(words, *(limits[s].shown if s in limits else "" for s in COLUMNS))


def processor() -> str:
    """Return the processor's name, as Linux knows it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def environment() -> str:
    """Return the machine and the versions."""
    return (
        f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"Django {django.get_version()}, SQLite {sqlite3.sqlite_version}"
    )


def text(results: Results) -> str:
    """Return the generated part of docs/performance.md."""
    rounds = len(next(iter(results.inprocess.values())).ratios)
    parts = [
        f"Written by `make bench` on {environment()}. The ratios depend on the processor too.",
        "![Cost of a request, as multiples of a plain Django view's](performance.svg)",
        "### Targets",
        "Hot figures are of one token, at the rate that stands with each.",
        "\n".join(target_table(results)),
        "### In process",
        IN_PROCESS.format(rounds=rounds, slow=-(-rounds // SLOW_ROUNDS)),
        "\n".join(cost_table(results)),
        "### By the rate of a token",
        BY_RATE.format(plain=f"{results.paced.plain:,.0f}") if results.paced else "",
        "![Cost of a request, by the requests a second of one token](leases.svg)",
        "\n".join(pace_table(results)),
        "### End to end",
        END_TO_END,
        "\n".join(rate_table(results)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def replace_part(page: Path, command: str, text: str) -> None:
    """Replace the part of the page between the marks that name `command`."""
    mark = BEGIN.format(command)
    before, begin, rest = page.read_text().partition(mark)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} lacks its marks: {mark.strip()} and {END.strip()}")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def write(results: Results) -> None:
    """Replace the generated part of the page, and the charts."""
    replace_part(PAGE, "make bench", text(results))
    (DOCS / "performance.svg").write_text(chart(results))
    if results.paced:
        (DOCS / "leases.svg").write_text(lease_chart(results.paced))
