"""Bars: to scale, none too small to be seen, none outside the picture; and their words."""

import pytest

from tokens.chart import HEIGHT, LEAST, STEP, Bar, Chart, heights


@pytest.mark.parametrize(
    ("answered", "refused", "most", "shown"),
    [
        (0, 0, 10, (0, 0)),
        (0, 0, 0, (0, 0)),
        (10, 0, 10, (100, 0)),
        (0, 10, 10, (0, 100)),
        (5, 5, 10, (50, 50)),
        (4, 1, 10, (40, 10)),
        (9_999, 1, 10_000, (97, 3)),  # one refused in ten thousand is there
        (1, 9_999, 10_000, (3, 97)),
        (1, 0, 10_000, (3, 0)),
        (0, 1, 10_000, (0, 3)),
        (1, 1, 10_000, (3, 3)),
        (1, 2, 3, (33.3, 66.7)),
    ],
)
def test_heights(answered: int, refused: int, most: int, shown: tuple[float, float]) -> None:
    assert heights(answered, refused, most) == shown


def test_shapes_stand_side_by_side_inside_the_picture() -> None:
    chart = Chart("3 days", "Day", [Bar("1 May", 10, 10), Bar("2 May", 0, 0), Bar("3 May", 7, 1)])
    assert (chart.width, chart.requests, chart.answered, chart.refused) == (3 * STEP, 17, 6, 11)
    assert [(shape.place, shape.left) for shape in chart.shapes] == [(0, 1), (10, 11), (20, 21)]
    for shape in chart.shapes:
        assert 0 <= shape.top <= shape.cut <= HEIGHT
        assert shape.left + shape.width < shape.place + STEP
    assert [(shape.top, shape.cut) for shape in chart.shapes] == [(0, 100), (100, 100), (30, 40)]
    assert min(shape.refused for shape in chart.shapes if shape.refused) >= LEAST


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([(1_204, 3), (9, 0)], "1,213 requests in 2 days, 3 refused; most on 1 May: 1,204"),
        ([(0, 0), (1, 0)], "1 request in 2 days, none refused; most on 2 May: 1"),
        ([(2, 0), (2_000, 1_500)], "2,002 requests in 2 days, 1,500 refused; most on 2 May: 2,000"),
    ],
)
def test_words(counts: list[tuple[int, int]], words: str) -> None:
    bars = [Bar(f"{n} May", *each) for n, each in enumerate(counts, 1)]
    assert Chart("2 days", "Day", bars).title == words
    assert bars[0].title.startswith(f"1 May: {counts[0][0]:,} request")


def test_the_table_begins_with_the_latest() -> None:
    chart = Chart("2 days", "Day", [Bar("1 May", 1, 0), Bar("2 May", 2, 1)])
    assert [bar.title for bar in chart.latest_first] == [
        "2 May: 2 requests, 1 refused",
        "1 May: 1 request, none refused",
    ]
