"""The orders of the token list. tests/views/test_token_list_order.py tests them on the page."""

import pytest

from tokens.pages.token_order import SORTS, SortableToken, in_order


def place(
    pk: int, status: str = "active", replaces: int | None = None, name: str = ""
) -> SortableToken:
    return SortableToken(pk, replaces, status, name)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("newest", [4, 2, 1, 5, 3]),
        ("expires", [4, 2, 1, 3, 5]),  # the database sorted from the first expiry to the last
        ("used", [4, 2, 1, 5, 3]),
        ("name", [2, 4, 1, 3, 5]),
    ],
)
def test_expired_tokens_come_last(sort: str, expected: list[int]) -> None:
    places = [
        place(5, "expired", name="bravo"),
        place(4, name="Charlie"),
        place(3, "expired", name="alpha"),
        place(2, name="Bravo"),
        place(1, name="delta"),
    ]
    assert in_order(places, sort) == expected


def test_capital_letters_and_others_are_alike() -> None:
    names = ["Éa", "éb", "Za", "éa", "a"]
    places = [place(number, name=name) for number, name in enumerate(names)]
    assert in_order(places, "name") == [4, 2, 0, 3, 1]


@pytest.mark.parametrize("sort", SORTS)
def test_a_retiring_token_stands_under_its_successor(sort: str) -> None:
    places = [
        place(1, "retiring"),
        place(2, name="a"),
        place(3, "retiring", replaces=1),
        place(4, "expiring", replaces=3),
    ]
    assert in_order(places, sort) in ([2, 4, 3, 1], [4, 3, 1, 2])


def test_a_retiring_token_stands_alone_where_its_successor_is_not_shown() -> None:
    assert in_order([place(3), place(1, "retiring")], "newest") == [3, 1]
    assert in_order([place(2, "expired", replaces=1), place(1, "retiring")], "newest") == [1, 2]


def test_an_expired_predecessor_comes_last() -> None:
    assert in_order([place(3), place(2, replaces=1), place(1, "expired")], "newest") == [3, 2, 1]


def test_a_token_may_be_renewed_a_thousand_times() -> None:
    chain = [place(pk, "retiring", replaces=pk - 1) for pk in range(2_000, 0, -1)]
    assert in_order(chain, "newest") == [*range(2_000, 0, -1)]
