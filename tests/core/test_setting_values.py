"""Parsers of the settings that say where imported tokens may come."""

from typing import Any

import pytest

from tokens.core.setting_values import InvalidValue, legacy_headers, legacy_schemes


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("", ()),
        ("Token", ("token",)),
        ("Token, Api-Key,Bearer", ("token", "api-key", "bearer")),
        (["Token"], ("token",)),
        (("token",), ("token",)),  # parsed already
    ],
)
def test_schemes(value: Any, found: tuple[str, ...]) -> None:
    assert legacy_schemes(value) == found


@pytest.mark.parametrize("value", ["Basic", "Token key", "Token:", "-token", 1, "a" * 51])
def test_wrong_schemes(value: Any) -> None:
    with pytest.raises(InvalidValue, match="a list of"):
        legacy_schemes(value)


@pytest.mark.parametrize(
    ("value", "found"),
    [("", ()), ("X-Api-Key", ("X-Api-Key",)), (["X-Api-Key", "X-Key"], ("X-Api-Key", "X-Key"))],
)
def test_headers(value: Any, found: tuple[str, ...]) -> None:
    assert legacy_headers(value) == found


@pytest.mark.parametrize(
    "value", ["Authorization", "cookie", "Bearer", "X_Api_Key", "X-Api-Key:", {"X": 1}]
)
def test_wrong_headers(value: Any) -> None:
    with pytest.raises(InvalidValue, match="a list of"):
        legacy_headers(value)
