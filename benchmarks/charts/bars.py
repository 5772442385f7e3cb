"""The chart: the cost of a request with each package, as a multiple of the plain view's cost."""

from collections.abc import Iterator
from html import escape

from benchmarks.setups import HOT, OFF, SQLITE, Setup
from benchmarks.targets import Results

WIDTH, LEFT, RIGHT = 760, 190, 70
BAR, STEP, TITLE, PANEL = 18, 27, 66, 34
OURS, PEER, PLAIN = "#0f766e", "#a3adb9", "#d5dae1"
# The panels, and whose figures the peers have there: peers use no leases.
PANELS = {SQLITE: SQLITE, HOT: OFF, OFF: OFF}
WORDS = {
    SQLITE: "SQLite",
    HOT: "PostgreSQL + Redis, hot: one token, as fast as possible",
    OFF: "PostgreSQL + Redis, leases off: each request asks both",
}
BARS = [
    ("Tokenry", "tokenry", OURS),
    ("Tokenry, /verify", "verify", OURS),
    ("Tokenry in a DRF view", "drf-tokenry", OURS),
    ("drf-api-key", "drf-api-key", PEER),
    ("DRF authtoken", "drf-authtoken", PEER),
    ("knox", "drf-knox", PEER),
]
STYLE = (
    "text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1f2933}"
    ".title{font-size:16px;font-weight:600}.panel{font-weight:600}"
    ".note{fill:#52606d;font-size:12px}"
)


def chart(results: Results) -> str:
    """Return an SVG with its own white background, so that it can be read on any page."""
    panels = {setup: list(bars(results, setup)) for setup in PANELS}
    panels = {setup: found for setup, found in panels.items() if len(found) > 1}
    scale = (WIDTH - LEFT - RIGHT) / max(
        value for found in panels.values() for _, value, _ in found
    )
    height = TITLE + sum(PANEL + STEP * len(found) for found in panels.values()) + 16
    parts, top = [], TITLE
    for setup, found in panels.items():
        parts.append(f'<text class="panel" x="24" y="{top + 18}">{escape(WORDS[setup])}</text>')
        top += PANEL
        for bar in found:
            parts.append(drawn(top, scale, *bar))
            top += STEP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'aria-labelledby="t">'
        f'<title id="t">{escape(described(panels))}</title><style>{STYLE}</style>'
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8" fill="#fff" '
        'stroke="#d5dae1"/>'
        '<text class="title" x="24" y="32">What one authenticated request costs</text>'
        '<text class="note" x="24" y="52">Times a plain Django view, in process; shorter is '
        "better. Tokenry checks scope, limit and last use as well.</text>\n"
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def bars(results: Results, setup: Setup) -> Iterator[tuple[str, float, str]]:
    """Yield the label, the ratio and the colour of each bar."""
    yield "plain Django view", 1.0, PLAIN
    for words, case, colour in BARS:
        if series := results.get(setup if colour == OURS else PANELS[setup], case):
            yield words, series.ratio, colour


def drawn(top: int, scale: float, words: str, value: float, colour: str) -> str:
    """Return a bar with its label on the left and its value on the right."""
    width, middle = round(value * scale, 1), top + 13
    return (
        f'<text x="{LEFT - 10}" y="{middle}" text-anchor="end">{escape(words)}</text>'
        f'<rect x="{LEFT}" y="{top}" width="{width}" height="{BAR}" rx="3" fill="{colour}"/>'
        f'<text x="{LEFT + width + 8}" y="{middle}">{value:.1f}</text>'
    )


def described(panels: dict[Setup, list[tuple[str, float, str]]]) -> str:
    """Return the chart as text, for people who do not see it."""
    sentences = [
        f"{WORDS[setup]}: {', '.join(f'{words} {value:.1f}' for words, value, _ in found)}"
        for setup, found in panels.items()
    ]
    return f"Cost of one authenticated request, times a plain Django view. {'. '.join(sentences)}."
