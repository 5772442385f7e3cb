"""The scopes on the form."""

from tokens.models import Scope
from tokens.pages.scope_choices import by_resource


def test_the_scopes_of_a_resource_stay_together() -> None:
    """PostgreSQL may sort without punctuation: `a-b:read` between two scopes of `a`."""
    names = [
        "reports:write",
        "reports-eu:read",
        "invoices:write",
        "reports:export",
        "invoices:read",
        "reports:read",
    ]
    groups = by_resource(
        [Scope(name=name, words="") for name in names], {"reports:read", "reports:export"}
    )
    assert [
        (group.name, [choice.scope.action for choice in group.choices], group.chosen)
        for group in groups
    ] == [
        ("invoices", ["read", "write"], 0),
        ("reports", ["read", "write", "export"], 2),
        ("reports-eu", ["read"], 0),
    ]
