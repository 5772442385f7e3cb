"""The keys under which an imported token is found by its value."""

from hashlib import sha256, sha512

import pytest

from tokens.authentication import imported_values
from tokens.authentication.imported_values import ImportedCredential, possible_keys

HEX = "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b"


def hex256(text: bytes) -> str:
    return sha256(text).hexdigest()


def hex512(text: bytes) -> str:
    return sha512(text).hexdigest()


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (HEX, f"sha256:{hex256(HEX.encode())}"),
        (HEX, f"sha512:{hex512(HEX.encode())}"),  # knox since 5, drf-api-key
        (HEX, f"sha512:{hex512(bytes.fromhex(HEX))}"),  # knox until 4
        ("12|secret", f"sanctum:12:{hex256(b'secret')}"),
        ("12|secret", f"sha256:{hex256(b'12|secret')}"),
        ("Ab3.secret.more", "prefix:Ab3"),
    ],
)
def test_keys(value: str, key: str) -> None:
    assert key in possible_keys(value)


def test_no_other_keys() -> None:
    assert len(possible_keys("neither hexadecimal nor in parts")) == 2
    assert f"sha256:{hex256(b'secret')}" not in possible_keys("12|secret")


@pytest.mark.parametrize("digest", ["ABCDEF", "abcdef"])
def test_digests_in_capital_letters_are_the_same(digest: str) -> None:
    assert imported_values.hash_key("sha256", digest) == "sha256:abcdef"
    assert imported_values.sanctum_key("7", digest) == "sanctum:7:abcdef"


def test_no_representation_shows_the_value() -> None:
    assert "secret" not in repr(ImportedCredential("secret"))
