"""The chart: what a request costs, by the number of requests a second of one token."""

from benchmarks.charts.bars import OURS, PEER
from benchmarks.charts.lines import Axis, Line, Mark, Plot, line_chart
from benchmarks.pacing import RATES, Paced
from benchmarks.setups import HOT, OFF

DEFAULT_LIMIT = 1000 / 3600  # requests a second
NOTE = (
    "Times a plain Django view. One process and one token, requests at random moments; "
    "lower is better."
)


def lease_chart(paced: Paced) -> str:
    """Return an SVG of the costs with leases and without."""
    series = {
        setup: [
            (rate, cost / paced.plain) for rate, cost in zip(RATES, costs, strict=True) if cost
        ]
        for setup, costs in paced.costs.items()
    }
    top = int(max(cost for points in series.values() for _, cost in points)) + 1
    lines = [
        Line("leases off", series[OFF], PEER, dots=True),
        Line("leases on", series[HOT], OURS, dots=True),
    ]
    words = [f"{line.name}: {spoken(line.points)}" for line in lines]
    return line_chart(
        Plot(
            title="A busy token is cheap",
            note=NOTE,
            described=f"What a request costs, times a plain Django view. {'. '.join(words)}.",
            across=Axis(
                RATES[0] / 1.3,
                RATES[-1],
                {rate: f"{rate:g}" for rate in RATES},
                "requests a second of one token in one process",
            ),
            up=Axis(0, top, {tick: f"{tick}" for tick in range(top + 1)}, "× plain view", False),
            lines=lines,
            marks=[Mark(DEFAULT_LIMIT, "default limit: 1000 an hour")],
        )
    )


def spoken(points: list[tuple[float, float]]) -> str:
    return ", ".join(f"{cost:.1f} at {rate:g} a second" for rate, cost in points)
