"""Settings from the environment: each wrong value ends the start with one line that names it."""

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from config import environment
from config.environment import setting
from tests.run import patience

ROOT = Path(__file__).resolve().parent.parent
SECRETS = {"SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdef", "TOKEN_PEPPERS": "1:" + "p" * 40}


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (environment.boolean, "True", True),
        (environment.boolean, "0", False),
        (environment.whole_number(1, 64), "64", 64),
        (environment.names, " a.example , b.example,", ["a.example", "b.example"]),
        (environment.hosts, "a.example, .b.example,[::1],*", ["a.example", ".b.example", "[::1]", "*"]),
        (environment.site_url, "https://tokens.example.com/", "https://tokens.example.com"),
        (environment.site_url, "http://localhost:8000", "http://localhost:8000"),
        (environment.site_url, "https://Tokens.Example.com", "https://tokens.example.com"),
        (environment.site_url, "HTTPS://TOKENS.example.com:443/", "https://tokens.example.com"),
        (environment.site_url, "http://localhost:80", "http://localhost"),
        (environment.site_url, "https://localhost:80", "https://localhost:80"),
        (environment.site_url, "http://[2001:DB8::1]:8000", "http://[2001:db8::1]:8000"),
        (environment.token_prefix, "ab", "ab"),
        (environment.peppers, f"1:{'a' * 32}, 2:{'b' * 32}", {1: "a" * 32, 2: "b" * 32}),
        (environment.networks, "10.0.0.0/8,::1", [ip_network("10.0.0.0/8"), ip_network("::1")]),
        (environment.redis_url, "", ""),
        (environment.redis_url, "redis://host", "redis://host"),
        (environment.redis_url, "rediss://host:6380/1", "rediss://host:6380/1"),
        (environment.redis_url, "valkey://:a%40b@host/5", "redis://:a%40b@host/5"),
        (environment.redis_url, "valkeys://host", "rediss://host"),
        (environment.redis_url, "unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1"),
        (environment.redis_url, "redis+unix://:word@/run/redis.sock", "unix://:word@/run/redis.sock"),
        (environment.token_environment, "live", "live"),
        (environment.token_environment, "", ""),
        (environment.rate_limit, "10/second; 1000 per hour", "10/second; 1000 per hour"),
        (environment.bearer_secret, "!" * 32, "!" * 32),
        (environment.bearer_secret, "", ""),
        (environment.days, "90", 90),
        (environment.days, "", None),
        (environment.mail_sender, "tokens@example.com", "tokens@example.com"),
        (environment.mail_sender, "Tokenry <tokenry@localhost>", "Tokenry <tokenry@localhost>"),
        (environment.mail_sender, "Büro IT <it@[192.0.2.2]>", "Büro IT <it@[192.0.2.2]>"),
        (environment.mail_sender, '"IT, Berlin" <it@example.com>', '"IT, Berlin" <it@example.com>'),
        (environment.mail_domain, "tokens.example.com", "tokens.example.com"),
        (environment.mail_domain, "192.0.2.2", "[192.0.2.2]"),
        (environment.mail_domain, "::1", "[IPv6:::1]"),
    ],
)
def test_parses(parse: Callable[[str], Any], text: str, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (environment.boolean, "maybe"),
        (environment.whole_number(1, 64), "0"),
        (environment.whole_number(1, 64), "65"),
        (environment.whole_number(1, 64), "four"),
        (environment.whole_number(1, 64), "²"),
        (environment.days, "0"),
        (environment.days, "90d"),
        (environment.mail_sender, "tokens.example.com"),
        (environment.mail_sender, "Tokenry"),
        (environment.mail_sender, "a@b.example, c@d.example"),
        (environment.mail_sender, "Tokenry <a@b.example> x"),
        (environment.mail_sender, "a@b@c"),
        (environment.mail_sender, "Tokenry\r\nBcc: x <a@b.example>"),
        (environment.site_url, "tokens.example.com"),
        (environment.site_url, "https://tokens.example.com/path"),
        (environment.site_url, "https://tokens.example.com:port"),
        (environment.site_url, "ftp://tokens.example.com"),
        (environment.site_url, 'https://x"><script>'),
        (environment.site_url, "https://user:password@host"),
        (environment.site_url, "https://host:99999"),
        (environment.token_prefix, "TKN"),
        (environment.token_prefix, "a"),
        (environment.token_prefix, "toolong"),
        (environment.peppers, "secret"),
        (environment.peppers, "1:short"),
        (environment.peppers, f"1:{'a' * 32},1:{'b' * 32}"),
        (environment.peppers, f"0:{'a' * 32}"),
        (environment.networks, "10.0.0.0/33"),
        (environment.networks, "10.0.0.1/8"),
        (environment.redis_url, "localhost:6379"),
        (environment.redis_url, "memcached://host"),
        (environment.redis_url, "redis://host/first"),
        (environment.redis_url, "redis://host:99999"),
        (environment.redis_url, "redis://host:1,host:2"),
        (environment.redis_url, "redis://host?no_such_option=1"),
        (environment.redis_url, "redis://host?socket_timeout=soon"),
        (environment.redis_url, "unix://"),
        (environment.token_environment, "production"),
        (environment.rate_limit, "many"),
        (environment.rate_limit, "0/hour"),
        (environment.rate_limit, "10/fortnight"),
        (environment.database_url, "mysql://host/name"),
        (environment.database_url, "sqlite://"),
        (environment.database_url, "sqlite://host/name"),
        (environment.database_url, "postgres://host"),
        (environment.email_settings, "gopher://host"),
        (environment.bearer_secret, "m" * 31),
        (environment.bearer_secret, "m" * 31 + " m"),
        (environment.bearer_secret, "é" * 32),
        (environment.host, "a b"),
        (environment.hosts, "https://a.example"),
        (environment.hosts, " , "),
    ],
)
def test_refuses(parse: Callable[[str], Any], text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("postgres://me:a%23%2F%3F%40b@host:1/name", ("me", "a#/?@b", "host", 1, "name")),
        ("postgres://me@example.com:word@host/name", ("me@example.com", "word", "host", "", "name")),
        ("postgres://%2Fvar%2FRun%2Fpostgresql/name", ("", "", "/var/Run/postgresql", "", "name")),
        ("postgres://me:word@%2fvar%2frun:5433/name", ("me", "word", "/var/run", 5433, "name")),
        ("postgres:///name", ("", "", "", "", "name")),
        ("postgres://me:word@a:1,b:2/name", ("me", "word", "a,b", "1,2", "name")),
    ],
)
def test_databases(url: str, parts: tuple[object, ...]) -> None:
    found = environment.database_url(url)
    assert tuple(found[part] for part in ("USER", "PASSWORD", "HOST", "PORT", "NAME")) == parts


PARSERS: dict[str, Callable[[str], Any]] = {
    "DATABASE_URL": environment.database_url,
    "REDIS_URL": environment.redis_url,
    "EMAIL_URL": environment.email_settings,
}
URLS = {
    "DATABASE_URL": "postgres://me:{}@host/name",
    "REDIS_URL": "redis://:{}@host/5",
    "EMAIL_URL": "smtp+tls://me:{}@host:587",
}


@pytest.mark.parametrize("name", URLS)
@pytest.mark.parametrize(
    "password", ["p4ss#w0rd", "p4ss/w0rd", "p4ss?w0rd", "p4ss@w0rd", "p4ss@w0rd/w0rd#w0rd:1", "p4ss[w0rd", "p4ss]w0rd"]
)
def test_a_password_that_is_not_encoded_is_refused_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, name: str, password: str
) -> None:
    monkeypatch.setenv(name, URLS[name].format(password))
    with pytest.raises(ImproperlyConfigured, match=f"^{name} is set to .*inside a name or password # is ") as raised:
        setting(name, "", PARSERS[name], secret=True)
    assert "p4ss" not in str(raised.value)
    assert "w0rd" not in str(raised.value)


def connection_of(url: str) -> dict[str, Any]:
    """Return what redis-py reads in a URL."""
    return Redis.from_url(url).connection_pool.connection_kwargs


@given(st.text(st.characters(exclude_categories=["C"])))
def test_every_password_can_be_encoded(password: str) -> None:
    encoded = quote(password, safe="")
    assert environment.database_url(URLS["DATABASE_URL"].format(encoded))["PASSWORD"] == password
    assert connection_of(environment.redis_url(URLS["REDIS_URL"].format(encoded))).get("password", "") == password


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


def test_the_message_names_the_variable_what_it_held_and_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_THREADS", "many")
    with pytest.raises(ImproperlyConfigured, match=r"^WEB_THREADS is 'many'; it takes a whole number from 1 to 9\.$"):
        setting("WEB_THREADS", "1", environment.whole_number(1, 9))


def test_a_secret_is_never_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    with pytest.raises(ImproperlyConfigured) as raised:
        setting("SECRET_KEY", "", environment.at_least(32), secret=True)
    assert "hunter2" not in str(raised.value)


def test_empty_means_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", " ")
    assert setting("PORT", lambda: "8000", environment.whole_number(1, 65535)) == 8000


def test_a_generated_secret_is_private_and_the_same_for_all(tmp_path: Path) -> None:
    path = tmp_path / "var" / "secret"
    made = iter(range(100))
    with ThreadPoolExecutor(20) as pool:
        read = set(pool.map(lambda _: environment.generated_once(path, lambda: f"secret {next(made)}"), range(20)))
    assert read == {path.read_text()}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def manage(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    settings = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "ENV_FILE": os.devnull,
        **SECRETS,
        **changes,
    }
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env=settings, capture_output=True, text=True, timeout=patience(20), check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "perhaps"),
        ("PORT", "http"),
        ("SITE_URL", "example.com"),
        ("DATABASE_URL", "oracle://x/y"),
        ("TOKEN_PREFIX", "Token"),
        ("TOKEN_PEPPERS", "1:short"),
        ("TRUSTED_PROXIES", "everyone"),
        ("WEB_WORKERS", "2"),
        ("MAX_TOKENS_PER_USER", "0"),
        ("EMAIL_URL", "pigeon://"),
        ("MAIL_FROM", "nobody"),
        ("METRICS_TOKEN", "short"),
        ("METRICS_ADDRESSES", "everyone"),
    ],
)
def test_a_wrong_value_ends_the_start_with_one_line(name: str, value: str) -> None:
    ended = manage("check", **{name: value})
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"tokenry: {name} is ")
    assert ended.stderr.count("\n") == 1


def test_production_settings_pass_the_deployment_check() -> None:
    ended = manage(
        "check", "--deploy", "--fail-level", "WARNING",
        SITE_URL="https://tokens.example.com", ALLOWED_HOSTS="tokens.example.com", EMAIL_URL="smtp://mail.example.com",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr


def test_plain_http_warns_away_from_home() -> None:
    ended = manage("check", "--fail-level", "WARNING", SITE_URL="http://tokens.example.com")
    assert ended.returncode == 1
    assert "tokenry.W001" in ended.stderr


def test_the_name_in_site_url_is_always_allowed() -> None:
    code = "from django.conf import settings; print(settings.ALLOWED_HOSTS)"
    shown = manage("shell", "--no-imports", "-c", code, SITE_URL="https://tokens.example.com", ALLOWED_HOSTS="10.0.0.5")
    assert shown.stdout.strip() == "['10.0.0.5', 'tokens.example.com']"


@pytest.mark.parametrize(("changes", "seconds"), [({}, 75), ({"KEEPALIVE_SECONDS": "620"}, 620)])
def test_idle_connections_outlive_those_of_the_balancer(changes: dict[str, str], seconds: int) -> None:
    shown = manage("shell", "--no-imports", "-c", "from config import gunicorn; print(gunicorn.keepalive)", **changes)
    assert shown.stdout.strip() == str(seconds), shown.stderr


@pytest.mark.parametrize(
    ("site", "set_to", "sender", "domain"),
    [
        ("https://tokens.example.com", "", "Tokenry <tokenry@tokens.example.com>", "tokens.example.com"),
        ("https://tokens.example.com", "IT <it@example.com>", "IT <it@example.com>", "tokens.example.com"),
        ("http://192.0.2.2:8000", "", "Tokenry <tokenry@[192.0.2.2]>", "[192.0.2.2]"),
        ("http://[::1]:8000", "", "Tokenry <tokenry@[IPv6:::1]>", "[IPv6:::1]"),
    ],
)
def test_who_sends_mails(site: str, set_to: str, sender: str, domain: str) -> None:
    code = (
        "from django.conf import settings; from django.core.mail.utils import DNS_NAME;"
        "from django.core.mail import EmailMessage;"
        "print(settings.DEFAULT_FROM_EMAIL, settings.SERVER_EMAIL, DNS_NAME, sep='|');"
        "print(EmailMessage(to=['a@example.com']).message()['Message-ID'])"
    )
    shown = manage("shell", "--no-imports", "-c", code, SITE_URL=site, MAIL_FROM=set_to).stdout.splitlines()
    assert shown[0] == f"{sender}|{sender}|{domain}"
    assert shown[1].endswith(f"@{domain}>")


def test_a_database_that_does_not_answer_is_one_line() -> None:
    ended = manage("migrate", DATABASE_URL="postgres://nobody@127.0.0.1:1/none")
    assert ended.returncode == 1
    assert ended.stderr.startswith("tokenry: the database that DATABASE_URL names can't be used: ")
    assert ended.stderr.count("\n") == 1


def test_a_taken_port_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = manage("serve", PORT=port)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert f"PORT is {port}; no listening there: Address already in use" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_librarys_words_about_a_secret_are_kept() -> None:
    ended = manage("check", DATABASE_URL="postgres://user:hunter/2@host/name")
    assert ended.returncode == 1
    assert "hunter" not in ended.stderr
    assert ended.stderr.startswith("tokenry: DATABASE_URL is set to a value that can't be used; it takes ")
