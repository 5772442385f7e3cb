"""Addresses of databases, of Redis and of mail servers."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from config.environment import service_urls, variables
from config.environment.variables import setting


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("postgres://me:a%23%2F%3F%40b@host:1/name", ("me", "a#/?@b", "host", 1, "name")),
        (
            "postgres://me@example.com:word@host/name",
            ("me@example.com", "word", "host", "", "name"),
        ),
        ("postgres://%2Fvar%2FRun%2Fpostgresql/name", ("", "", "/var/Run/postgresql", "", "name")),
        ("postgres://me:word@%2fvar%2frun:5433/name", ("me", "word", "/var/run", 5433, "name")),
        ("postgres:///name", ("", "", "", "", "name")),
        ("postgres://me:word@a:1,b:2/name", ("me", "word", "a,b", "1,2", "name")),
    ],
)
def test_databases(url: str, parts: tuple[object, ...]) -> None:
    found = service_urls.database_url(url)
    assert tuple(found[part] for part in ("USER", "PASSWORD", "HOST", "PORT", "NAME")) == parts


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", (None, None, None)),
        ("?pgbouncer=session", ("session", False, False)),
        ("?pgbouncer=transaction", ("transaction", True, True)),
        ("?pgbouncer=transaction,prepared&sslmode=require", ("transaction", True, False)),
    ],
)
def test_a_database_behind_pgbouncer(query: str, expected: tuple[object, ...]) -> None:
    found = service_urls.database_url(f"postgres://host/name{query}")
    names = ("PGBOUNCER", "DISABLE_SERVER_SIDE_CURSORS", "DISABLE_PREPARED_STATEMENTS")
    assert tuple(found.get(name) for name in names) == expected
    assert "pgbouncer" not in found.get("OPTIONS", {})


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            "DATABASE_URL",
            "postgres://me:hunter2@host/name?pgbouncer=on",
            "pgbouncer=transaction, ",
        ),
        (
            "DATABASE_URL",
            "postgres://me:hunter2@host/name?pgbouncer=[1]",
            "pgbouncer=transaction, ",
        ),
        ("REDIS_URL", "redis://:hunter2@h1:7000,h2:7001", "a Redis Cluster is not supported"),
        ("REDIS_URL", "redis://:hunter2@h1,h2:7001", "a Redis Cluster is not supported"),
        ("REDIS_URL", "redis+cluster://:hunter2@h1:7000", "a Redis Cluster is not supported"),
        ("REDIS_URL", "redis+sentinel://:hunter2@h1:7000,h2:7001", "/service/number"),
    ],
)
def test_one_line_says_what_would_be_right(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, words: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(ImproperlyConfigured, match=f"^{name} is set to .*{words}") as raised:
        setting(name, "", PARSERS[name], secret=True)
    assert "hunter2" not in str(raised.value)


PARSERS: dict[str, Callable[[str], Any]] = {
    "DATABASE_URL": service_urls.database_url,
    "REDIS_URL": service_urls.redis_url,
    "EMAIL_URL": variables.email_settings,
}
URLS = {
    "DATABASE_URL": "postgres://me:{}@host/name",
    "REDIS_URL": "redis://:{}@host/5",
    "EMAIL_URL": "smtp+tls://me:{}@host:587",
}


@pytest.mark.parametrize("name", URLS)
@pytest.mark.parametrize(
    "password",
    [
        "p4ss#w0rd",
        "p4ss/w0rd",
        "p4ss?w0rd",
        "p4ss@w0rd",
        "p4ss@w0rd/w0rd#w0rd:1",
        "p4ss[w0rd",
        "p4ss]w0rd",
    ],
)
def test_a_password_that_is_not_encoded_is_refused_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, name: str, password: str
) -> None:
    monkeypatch.setenv(name, URLS[name].format(password))
    with pytest.raises(
        ImproperlyConfigured, match=f"^{name} is set to .*inside a name or password # is "
    ) as raised:
        setting(name, "", PARSERS[name], secret=True)
    assert "p4ss" not in str(raised.value)
    assert "w0rd" not in str(raised.value)


def connection_of(url: str) -> dict[str, Any]:
    """Return what redis-py reads in a URL."""
    return Redis.from_url(url).connection_pool.connection_kwargs


@given(st.text(st.characters(exclude_categories=["C"])))
def test_every_password_can_be_encoded(password: str) -> None:
    encoded = quote(password, safe="")
    assert service_urls.database_url(URLS["DATABASE_URL"].format(encoded))["PASSWORD"] == password
    assert (
        connection_of(service_urls.redis_url(URLS["REDIS_URL"].format(encoded))).get(
            "password", ""
        )
        == password
    )


@given(st.sampled_from(sorted(URLS)), st.text("#/?@:[]%ab"))
def test_no_password_is_cut_in_two(name: str, password: str) -> None:
    try:
        found = PARSERS[name](URLS[name].format(password))
    except ValueError:
        return
    if name == "DATABASE_URL":
        assert (found["HOST"], found["NAME"]) == ("host", "name")
    elif name == "REDIS_URL":
        assert connection_of(found)["host"] == "host"
