"""Names on one line, and aligned tables."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokens.core.text import display_width, format_table, one_line

FAMILY = "👨‍👩‍👧"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("CI pipeline", "CI pipeline"),
        ("a\r\nBcc: evil@example.com", "a Bcc: evil@example.com"),
        ("\x1b[31mred\x07", "[31mred"),
        ("abc\u202ecba", "abccba"),
        ("a\u2028b", "a b"),
        ("\r\n", "(no name)"),
        (FAMILY, FAMILY),
        ("=HYPERLINK(1)", "=HYPERLINK(1)"),
        ("é ü", "é ü"),
    ],
)
def test_one_line(name: str, line: str) -> None:
    assert one_line(name) == line


@given(st.text(max_size=200), st.integers(2, 120))
def test_any_text(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert 0 < len(line) <= max(limit, 9)
    assert line.splitlines() == [line]
    assert not any(
        unicodedata.category(c) in {"Cc", "Cs"} or unicodedata.bidirectional(c) in {"RLO", "LRO"}
        for c in line
    )
    assert one_line(line, limit) == line


def test_a_table_is_straight() -> None:
    lines = format_table(["NAME", "X"], [["日本", "1"], ["long name", "2"]]).splitlines()
    assert lines == ["NAME       X", "日本       1", "long name  2"]
    assert {display_width(line) for line in lines} == {12}
