"""Where the pages of sign-in lead on to, whatever their address asks for."""

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.conftest import signed_in
from tests.server import PASSWORD

TOKENS = "/settings/tokens/"
ELSEWHERE = [
    "http://[", "//evil.example/", "https://evil.example/", "javascript:alert(1)",
    "/\\evil.example/", "//127.0.0.1/x", "https://127.0.0.1/x", "https://localhost/x",
    "//localhost/x", "https://testserver/x", "https://tokens.example.com:8443/x",
    "https://me@tokens.example.com/x", "https://sub.tokens.example.com/x",
    "http://tokens.example.com/x",
]  # fmt: skip
HERE = ["/settings/profile/", "/admin/?a=b", "https://tokens.example.com/x"]
CASES = [*((asked, None) for asked in ELSEWHERE), *((asked, asked) for asked in HERE)]


@pytest.fixture(autouse=True)
def public(settings: Settings) -> None:
    """An installation that answers on the machine's own addresses too."""
    settings.SITE_URL = "https://tokens.example.com"
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost", "tokens.example.com", "testserver"]


@pytest.mark.parametrize(("asked", "leads_to"), CASES)
@pytest.mark.parametrize("host", ["tokens.example.com", "localhost", "testserver"])
def test_from_sign_in(owner: User, asked: str, leads_to: str | None, host: str) -> None:
    client = Client(headers={"Host": host, "Referer": f"https://{host}/"})
    assert client.get("/accounts/login/", {"next": asked}, secure=True).status_code == 200
    form = {"login": owner.email, "password": PASSWORD, "next": asked}
    assert client.post("/accounts/login/", form, secure=True)["Location"] == (leads_to or TOKENS)


@pytest.mark.parametrize(("asked", "leads_to"), CASES)
def test_from_confirm_and_sign_out(owner: User, asked: str, leads_to: str | None) -> None:
    client = signed_in(owner, seconds_ago=3600)
    confirmed = client.post(
        "/accounts/reauthenticate/", {"password": PASSWORD, "next": asked}, secure=True
    )
    assert confirmed["Location"] == (leads_to or TOKENS)
    assert client.post("/accounts/logout/", {"next": asked}, secure=True)["Location"] == (
        leads_to or "/accounts/login/"
    )


def test_to_the_port_of_the_site_alone(owner: User, settings: Settings) -> None:
    settings.SITE_URL = "http://localhost:8000"
    for asked, leads_to in [
        ("http://localhost:8000/x", "http://localhost:8000/x"),
        ("http://localhost:9000/x", TOKENS),
    ]:
        form = {"login": owner.email, "password": PASSWORD, "next": asked}
        assert Client().post("/accounts/login/", form)["Location"] == leads_to
