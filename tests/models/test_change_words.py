"""What an event says about changed settings."""

import pytest

from tests.values import token_value
from tokens.models.change_words import MAX_CHANGE_LENGTH, change_in_words, limit_change

OLD = {"name": "A", "description": "", "scope": "a:read b:read", "addresses": ""}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"name": "B"}, "name: A → B"),
        ({"description": "For CI"}, "description: none → For CI"),
        ({"scope": "b:read c:read"}, "scopes: +c:read −a:read"),
        ({"addresses": "10.0.0.0/8"}, "allowed addresses: anywhere → 10.0.0.0/8"),
        (
            {"name": "B", "addresses": "10.0.0.0/8 192.0.2.7/32"},
            "name: A → B; allowed addresses: anywhere → 10.0.0.0/8, 192.0.2.7",
        ),
    ],
)
def test_words(changes: dict[str, str], words: str) -> None:
    assert change_in_words(OLD, {**OLD, **changes}) == words


def test_the_words_fit_into_an_event() -> None:
    new = {
        "name": "n" * 100,
        "description": "d" * 200,
        "scope": " ".join(f"s{n}:read" for n in range(90)),
        "addresses": " ".join(f"10.{n}.0.0/16" for n in range(90)),
    }
    words = change_in_words(OLD, new)
    assert len(words) <= MAX_CHANGE_LENGTH
    for label in ("name: A → n", "description: none → d", "scopes: +s0:read", "addresses: any"):
        assert label in words
    assert len(limit_change("1/day;" * 30, "2/day;" * 30)) <= MAX_CHANGE_LENGTH + 3


def test_a_secret_in_a_description_is_masked() -> None:
    value = token_value()
    assert value[24:] not in change_in_words(OLD, {**OLD, "description": value})


@pytest.mark.parametrize("name", ["B; scopes: +a:write", "B;"])
def test_a_name_does_not_look_like_another_change(name: str) -> None:
    for words in (
        change_in_words(OLD, {**OLD, "name": name}),
        change_in_words({**OLD, "name": name}, OLD),
    ):
        assert ";" not in words
