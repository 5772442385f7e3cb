"""What a token may do, in words."""

from tokens.access import by_resource
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
