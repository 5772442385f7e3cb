"""The chart: bars to scale, a round scale, marks, and its text."""

import pytest

from tokens.pages.chart import (
    HEIGHT,
    MAX_LINES,
    MIN_HEIGHT,
    STEP,
    Bar,
    Chart,
    Mark,
    heights,
    scale,
)

EDITED = Mark("pencil", "Changed")
RENEWED = Mark("refresh-cw", "Renewed")


@pytest.mark.parametrize(
    ("requests", "refused", "top", "shown"),
    [
        (0, 0, 10, (0, 0)),
        (10, 0, 10, (100, 0)),
        (10, 10, 10, (100, 100)),
        (10, 5, 10, (100, 50)),
        (5, 1, 10, (50, 10)),
        (10_000, 30, 10_000, (100, 0.3)),  # 0.3 % refused is 0.3 % of the bar
        (1, 0, 10_000, (MIN_HEIGHT, 0)),  # one request can be seen
        (2, 1, 10_000, (MIN_HEIGHT, MIN_HEIGHT / 2)),
    ],
)
def test_heights(requests: int, refused: int, top: int, shown: tuple[float, float]) -> None:
    assert heights(requests, refused, top) == shown


@pytest.mark.parametrize(
    ("maximum", "lines"),
    [
        (0, [1, 0]),
        (1, [1, 0]),
        (2, [2, 1, 0]),
        (3, [3, 2, 1, 0]),
        (4, [4, 2, 0]),
        (7, [10, 5, 0]),
        (100, [100, 50, 0]),
        (5_231, [6_000, 4_000, 2_000, 0]),
        (1_000_001, [1_500_000, 1_000_000, 500_000, 0]),
    ],
)
def test_the_scale_is_round(maximum: int, lines: list[int]) -> None:
    assert scale(maximum) == lines
    assert lines[0] >= maximum
    assert len(lines) <= MAX_LINES + 1


def test_shapes_stand_side_by_side_inside_the_picture() -> None:
    chart = Chart("3 days", "Day", [Bar("1 May", 10, 10), Bar("2 May", 0, 0), Bar("3 May", 7, 1)])
    assert (chart.width, chart.requests, chart.answered, chart.refused) == (3 * STEP, 17, 6, 11)
    assert [(shape.place, shape.left) for shape in chart.shapes] == [(0, 1), (10, 11), (20, 21)]
    for shape in chart.shapes:
        assert 0 <= shape.top <= HEIGHT
        assert shape.refused <= shape.height
        assert shape.left + shape.width < shape.place + STEP
    assert [shape.top for shape in chart.shapes] == [0, 100, 30]
    assert (chart.scale, chart.lines) == ([10, 5, 0], [0, 50])


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([(1_204, 3), (9, 0)], "1,213 requests in 2 days, 3 refused; most on 1 May: 1,204"),
        ([(0, 0), (1, 0)], "1 request in 2 days, none refused; most on 2 May: 1"),
        (
            [(2, 0), (2_000, 1_500)],
            "2,002 requests in 2 days, 1,500 refused; most on 2 May: 2,000",
        ),
    ],
)
def test_words(counts: list[tuple[int, int]], words: str) -> None:
    bars = [Bar(f"{n} May", *each) for n, each in enumerate(counts, 1)]
    assert Chart("2 days", "Day", bars).title == words
    assert bars[0].title.startswith(f"1 May: {counts[0][0]:,} request")


def test_a_bar_says_what_happened_and_that_it_is_unfinished() -> None:
    bar = Bar("2 May", 2, 1, "2 May", (EDITED, RENEWED), True)
    assert bar.title == "2 May, so far: 2 requests, 1 refused. Changed. Renewed"


def test_the_legend_has_each_mark_once() -> None:
    bars = [Bar("1 May", 1, 0, "", (EDITED,)), Bar("2 May", 2, 2, "", (EDITED, RENEWED))]
    chart = Chart("2 days", "Day", bars)
    assert chart.marks == [EDITED, RENEWED]
    assert chart.most_refused.label == "2 May"


def test_the_table_begins_with_the_latest() -> None:
    chart = Chart("2 days", "Day", [Bar("1 May", 1, 0), Bar("2 May", 2, 1)])
    assert [bar.title for bar in chart.latest_first] == [
        "2 May: 2 requests, 1 refused",
        "1 May: 1 request, none refused",
    ]
