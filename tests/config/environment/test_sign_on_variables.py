"""The variables OIDC_..., which make the settings of single sign-on."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from accounts.oidc.configuration import SignOn
from config.environment.sign_on_variables import issuer, read_sign_on
from tokens.core.setting_values import InvalidValue

NEEDED = {
    "OIDC_ISSUER": "https://id.example.com/realms/main",
    "OIDC_CLIENT_ID": "tokenry",
    "OIDC_CLIENT_SECRET": "of the client",
}


def read(monkeypatch: pytest.MonkeyPatch, **values: str) -> SignOn | None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return read_sign_on()


def test_off_by_default() -> None:
    assert read_sign_on() is None


def test_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, **NEEDED) == SignOn(
        "https://id.example.com/realms/main", "tokenry", "of the client", "id.example.com"
    )


def test_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(
        monkeypatch, **NEEDED, OIDC_NAME="Example ID", OIDC_GROUPS_CLAIM="groups", OIDC_ONLY="yes",
        OIDC_ALLOWED_DOMAINS="Example.com, example.org", OIDC_ALLOWED_GROUPS="ops,Site staff",
    )  # fmt: skip
    assert found is not None
    assert (found.name, found.groups_claim, found.only) == ("Example ID", "groups", True)
    assert found.allowed_domains == ("example.com", "example.org")
    assert found.allowed_groups == ("ops", "Site staff")


def test_the_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "of the client" not in repr(read(monkeypatch, **NEEDED))


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"OIDC_CLIENT_ID": "tokenry"}, "OIDC_ISSUER is not set, but OIDC_CLIENT_ID is"),
        ({"OIDC_ONLY": "true"}, "OIDC_ISSUER is not set, but OIDC_ONLY is"),
        (NEEDED | {"OIDC_CLIENT_ID": ""}, "OIDC_CLIENT_ID is not set"),
        (NEEDED | {"OIDC_CLIENT_SECRET": ""}, "OIDC_CLIENT_SECRET is not set"),
        (NEEDED | {"OIDC_ALLOWED_GROUPS": "ops"}, "OIDC_GROUPS_CLAIM is not set"),
        (NEEDED | {"OIDC_NAME": "x" * 41}, "OIDC_NAME is "),
        (NEEDED | {"OIDC_CLIENT_SECRET": "a\tb"}, "OIDC_CLIENT_SECRET is set to a value"),
    ],
)
def test_incomplete_or_wrong(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], named: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=named):
        read(monkeypatch, **values)


@pytest.mark.parametrize(
    "text",
    [
        "https://id.example.com", "https://id.example.com/", "https://id.example.com:8443/a/b",
        "http://localhost:3000", "http://127.0.0.1:3000/realms/x", "http://[::1]:80",
    ],
)  # fmt: skip
def test_issuers(text: str) -> None:
    assert issuer(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "id.example.com", "http://id.example.com", "ftp://localhost", "https://", "https://a b",
        "https://id.example.com?a=b", "https://id.example.com#a", "https://me@id.example.com",
        "https://[", "https://id.example.com/" + "x" * 180,
    ],
)  # fmt: skip
def test_what_is_no_issuer(text: str) -> None:
    with pytest.raises(InvalidValue, match="by https"):
        issuer(text)
