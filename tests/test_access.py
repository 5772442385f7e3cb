"""What a token may do, in words."""

import pytest

from tokens.access import by_resource, limit_in_words
from tokens.models import Scope


def test_resources_stay_together_whatever_order_the_database_gives() -> None:
    """PostgreSQL's collations pass over punctuation: there `a-b:read` can stand between two of `a`."""
    names = ["reports:write", "reports-eu:read", "invoices:write", "reports:export", "invoices:read", "reports:read"]
    groups = by_resource([Scope(name=name, words="") for name in names], {"reports:read", "reports:export"})
    assert [(group.name, [choice.scope.action for choice in group.choices], group.chosen) for group in groups] == [
        ("invoices", ["read", "write"], 0),
        ("reports", ["read", "write", "export"], 2),
        ("reports-eu", ["read"], 0),
    ]


@pytest.mark.parametrize(
    ("notation", "words"),
    [
        ("1000/hour", "1000 requests in an hour"),
        ("1/2 minutes", "1 request in 2 minutes"),
        ("1000/day;10/second", "10 requests in a second and 1000 requests in a day"),
    ],
)
def test_limits(notation: str, words: str) -> None:
    assert limit_in_words(notation) == words
