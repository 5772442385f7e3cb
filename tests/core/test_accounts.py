"""tokens/core/accounts.py: what any user model tells about a person."""

from types import SimpleNamespace
from typing import Any

import pytest

from tokens.core.accounts import name_of


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ({"get_username": lambda: "ada"}, "ada"),
        ({"get_username": lambda: "ada", "get_full_name": lambda: ""}, "ada"),
        ({"get_username": lambda: "ada", "get_full_name": lambda: "Ada King"}, "Ada King"),
    ],
    ids=["no full name", "an empty full name", "a full name"],
)
def test_name_of(names: dict[str, Any], shown: str) -> None:
    account: Any = SimpleNamespace(**names)
    assert name_of(account) == shown
