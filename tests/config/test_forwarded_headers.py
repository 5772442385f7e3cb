"""Who the client is behind proxies, and by which scheme the client came."""

import pytest
from django.test import Client
from pytest_django import Settings

from config import middleware
from config.forwarded_headers import client_address, client_and_scheme, plain_address
from tokens.core.setting_values import networks

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.test_middleware")]


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.7, unknown", ""),
        ("10.0.0.1", "203.0.113.7:1234", "203.0.113.7"),
        ("10.0.0.1", "[2001:db8::1]:80", "2001:db8::1"),
        ("10.0.0.1", "fe80::1%eth0", ""),
        ("10.0.0.1", "fe80::1%" + "z" * 300, ""),
        ("10.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "6.6.6.6, ::ffff:10.0.0.2", "6.6.6.6"),
        ("10.0.0.1", "2001:DB8::1", "2001:db8::1"),
        ("192.0.2.1", "203.0.113.7", "192.0.2.1"),
        ("", "203.0.113.7", ""),
    ],
)
def test_the_client_behind_proxies(
    settings: Settings, peer: str, forwarded_for: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = networks("10.0.0.0/8")
    assert client_address(peer, forwarded_for) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("fe80::1%eth0", ""),
        ("", ""),
        ("unix:", ""),
        ("1.2.3.4:99999", "1.2.3.4"),
        ("1.2.3", ""),
    ],
)
def test_one_spelling_of_an_address(text: str, address: str) -> None:
    assert plain_address(text) == address


@pytest.mark.parametrize(
    ("peer", "seen"),
    [
        ("10.0.0.1", "203.0.113.7 https"),
        ("127.0.0.2", "127.0.0.2 http"),
        ("127.0.0.1", "127.0.0.1 http"),
    ],
)
def test_only_a_trusted_proxy_is_believed(settings: Settings, peer: str, seen: str) -> None:
    settings.TRUSTED_PROXIES = networks("10.0.0.0/8")
    response = Client(REMOTE_ADDR=peer).get(
        "/api/public",
        headers={"X-Forwarded-For": "6.6.6.6, 203.0.113.7", "X-Forwarded-Proto": "https"},
    )
    assert response.content.decode().endswith(seen)


SCHEMES = {
    "https": "https", "HTTPS": "https", "https,https": "https", "https, http": "https",
    " https ,http": "https", "http": "http", "http, https": "http", "": "http", "httpsx": "http",
    ", https": "http",
}  # fmt: skip


@pytest.mark.parametrize(("told", "scheme"), SCHEMES.items())
def test_the_first_proxy_tells_the_scheme_of_the_client(
    settings: Settings, told: str, scheme: str
) -> None:
    settings.TRUSTED_PROXIES = networks("10.0.0.0/8")
    settings.SECURE_SSL_REDIRECT = True
    client = Client(REMOTE_ADDR="10.0.0.1")
    assert (
        client.get("/api/public", headers={"X-Forwarded-Proto": told})
        .content.decode()
        .endswith(scheme)
    )
    page = client.get("/page", headers={"X-Forwarded-Proto": told})
    assert page.status_code == (200 if scheme == "https" else 301)


def test_a_proxy_that_is_not_trusted_is_told_of_once(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(middleware, "logged_peers", set())
    settings.TRUSTED_PROXIES = networks("10.0.0.0/8")
    for peer in [
        "192.0.2.1",
        "192.0.2.1",
        "10.0.0.1",
        *(f"198.51.100.{number}" for number in range(100)),
    ]:
        assert (
            Client(REMOTE_ADDR=peer)
            .get("/api/public", headers={"X-Forwarded-Proto": "https"})
            .status_code
            == 200
        )
    assert (
        caplog.text.count(
            "X-Forwarded-Proto from 192.0.2.1 is not believed: TRUSTED_PROXIES does not name"
        )
        == 1
    )
    assert "10.0.0.1 is" not in caplog.text
    assert caplog.text.count("is not believed") == 10


FORWARDED = {  # what comes, from 10.0.0.1, and whom and which scheme that tells
    "for=203.0.113.7;proto=https": ("203.0.113.7", "https"),
    'For="203.0.113.7:47011";PROTO=HTTPS;by=10.0.0.1;host=x': ("203.0.113.7", "https"),
    'for="[2001:db8:cafe::17]:4711"': ("2001:db8:cafe::17", ""),
    "for=6.6.6.6;proto=https, for=203.0.113.7": ("203.0.113.7", ""),
    "for=6.6.6.6, for=203.0.113.7;proto=https, for=10.0.0.2;proto=http": ("203.0.113.7", "https"),
    'for=", for="[2001:db8::1]";proto=https': (
        "2001:db8::1",
        "https",
    ),  # the client's quote is never closed
    'for="6.6.6.6\\", for=203.0.113.7': ("203.0.113.7", ""),
    "for=203.0.113.7, for=unknown": ("", ""),
    "for=203.0.113.7, for=_hidden;proto=https": ("", "https"),
    "proto=https": ("", "https"),
    'for="6.6.6.6, for=203.0.113.7"': ("", ""),
    'by="a;for=6.6.6.6";for=203.0.113.7': ("203.0.113.7", ""),
    'for=203.0.113.7;secret="x\\"y, for=6.6.6.6"': ("203.0.113.7", ""),
    "xfor=6.6.6.6;for=203.0.113.7": ("203.0.113.7", ""),
    'for=6.6.6.6, for="203.0.113.7': ("", ""),
    "": ("10.0.0.1", ""),
    ",,": ("10.0.0.1", ""),
    "nonsense": ("", ""),
}


@pytest.mark.parametrize(("header", "told"), FORWARDED.items())
def test_the_standard_header_is_read_from_the_right(
    settings: Settings, header: str, told: tuple[str, str]
) -> None:
    settings.TRUSTED_PROXIES = networks("10.0.0.0/8")
    assert client_and_scheme("10.0.0.1", header) == told
    assert client_and_scheme("192.0.2.1", header) == ("192.0.2.1", "")


@pytest.mark.parametrize(
    ("setting", "peer", "seen"),
    [
        ("x-forwarded-for", "10.0.0.1", "203.0.113.1 http"),
        ("forwarded", "10.0.0.1", "203.0.113.2 https"),
        ("x-forwarded-for", "192.0.2.1", "192.0.2.1 http"),
        ("forwarded", "192.0.2.1", "192.0.2.1 http"),
    ],
)
def test_one_header_is_read_and_the_other_is_not(
    settings: Settings, setting: str, peer: str, seen: str
) -> None:
    settings.TRUSTED_PROXIES = networks("10.0.0.0/8")
    settings.FORWARDED_HEADER = setting
    headers = {
        "X-Forwarded-For": "203.0.113.1",
        "X-Forwarded-Proto": "http",
        "Forwarded": "for=203.0.113.2;proto=https",
    }
    assert (
        Client(REMOTE_ADDR=peer)
        .get("/api/public", headers=headers)
        .content.decode()
        .endswith(seen)
    )
    headers = {
        "Forwarded" if setting == "x-forwarded-for" else "X-Forwarded-For": "for=203.0.113.3"
    }
    assert (
        Client(REMOTE_ADDR=peer)
        .get("/api/public", headers=headers)
        .content.decode()
        .endswith(f"{peer} http")
    )


def test_a_proxy_that_hides_the_client_leaves_its_address_unknown(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = networks("10.0.0.0/8")
    response = Client(REMOTE_ADDR="10.0.0.1").get(
        "/api/public", headers={"X-Forwarded-For": "unknown"}
    )
    assert response.content == b"AnonymousUser {}  http"
