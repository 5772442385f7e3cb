"""The token string."""

import re
import string
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.values import token_value
from tokens.authentication import credentials
from tokens.authentication.credentials import MalformedToken

GOOD = token_value()


def reason(text: str) -> str:
    with pytest.raises(MalformedToken) as raised:
        credentials.parse(text, ("tkn",))
    return str(raised.value)


@given(
    prefix=st.from_regex(r"[a-z0-9]{2,6}", fullmatch=True),
    environment=st.sampled_from(credentials.ENVIRONMENTS),
)
def test_what_is_generated_is_whole(prefix: str, environment: str) -> None:
    made = credentials.generate(prefix, environment)
    assert re.fullmatch(r"[0-9A-Za-z_]{73}", made.value)
    assert made.value.startswith(f"{prefix}_{environment}_")
    assert made.identifier == made.value[:24]
    assert credentials.parse(made.value, (prefix,)) == made


def test_two_are_never_alike() -> None:
    assert len({credentials.generate("tkn", "live").value for _ in range(1000)}) == 1000


def test_every_letter_of_the_alphabet_comes_up() -> None:
    seen = set("".join(credentials.generate("tkn", "live").value[9:67] for _ in range(300)))
    assert seen == set(string.digits + string.ascii_letters)


OTHER = (
    "another kind of credential, or its first characters are missing: "
    "tokens here begin with tkn_live_, tkn_test_ or tkn_dev_"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD[:-3], "incomplete: 70 of 73 characters"),
        (GOOD[:12], "incomplete: 12 of 73 characters"),
        (GOOD + "ab", "too long: 75 of 73 characters"),
        (GOOD[:40] + "-" + GOOD[41:], "mistyped: character 41 is one that tokens never contain"),
        (GOOD[:40] + "é" + GOOD[41:], "mistyped: character 41 is one that tokens never contain"),
        ("ghp_" + GOOD[4:], OTHER),
        ("tkn_prod_" + GOOD[9:], OTHER),
        (GOOD[5:], OTHER),
        ("", OTHER),
        (f'"{GOOD}"', "in quotes or brackets"),
        (f"<{GOOD}>", "in quotes or brackets"),
        ("$TOKENRY_TOKEN", "the name of a variable or a placeholder"),
        ("{{token}}", "the name of a variable or a placeholder"),
        ("<token>", "the name of a variable or a placeholder"),
    ],
)
def test_what_is_wrong(text: str, expected: str) -> None:
    assert reason(text) == expected


@given(position=st.integers(9, 72), letter=st.sampled_from(credentials.ALPHABET))
def test_one_changed_character_is_found(position: int, letter: str) -> None:
    if GOOD[position] != letter:
        assert (
            reason(GOOD[:position] + letter + GOOD[position + 1 :])
            == "mistyped: the checksum does not match"
        )


@given(st.text())
def test_garbage_is_refused_and_never_quoted(text: str) -> None:
    said = reason("tkn_live_" + text)
    assert len(text) < 12 or text not in said


def test_checksum_is_the_published_one() -> None:
    """Secret scanners can check the checksum: CRC-32 in base62 (0-9A-Za-z), six characters."""
    assert credentials.checksum("") == "000000"
    number = 0
    for letter in credentials.checksum("tkn_live_example"):
        number = number * 62 + (
            string.digits + string.ascii_uppercase + string.ascii_lowercase
        ).index(letter)
    assert number == zlib.crc32(b"tkn_live_example")


def test_mask_shows_the_identifier_alone() -> None:
    assert credentials.mask(GOOD[:24]) == GOOD[:24] + "•" * 49


def test_digest_depends_on_the_pepper_and_on_every_character() -> None:
    digest = credentials.digest(GOOD, "p" * 32)
    assert re.fullmatch(r"[0-9a-f]{64}", digest)
    assert credentials.verify(GOOD, "p" * 32, digest)
    assert not credentials.verify(GOOD, "q" * 32, digest)
    assert not credentials.verify(GOOD[:-1] + "!", "p" * 32, digest)


def test_digests_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """`==` stops at the first wrong digit, so its time would give a digest away."""
    compared: list[tuple[str, str]] = []

    def compare(left: str, right: str) -> bool:
        compared.append((left, right))
        return True

    monkeypatch.setattr("tokens.authentication.credentials.hmac.compare_digest", compare)
    assert credentials.verify(GOOD, "p" * 32, "0" * 64)
    assert compared == [(credentials.digest(GOOD, "p" * 32), "0" * 64)]


def test_repr_hides_the_value() -> None:
    made = credentials.generate("tkn", "live")
    assert made.identifier in repr(made)
    assert made.value[24:] not in repr(made)
