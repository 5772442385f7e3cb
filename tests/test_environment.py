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

import pytest
from django.core.exceptions import ImproperlyConfigured

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
        (environment.token_prefix, "ab", "ab"),
        (environment.peppers, f"1:{'a' * 32}, 2:{'b' * 32}", {1: "a" * 32, 2: "b" * 32}),
        (environment.networks, "10.0.0.0/8,::1", [ip_network("10.0.0.0/8"), ip_network("::1")]),
        (environment.redis_url, "rediss://host:6380/1", "rediss://host:6380/1"),
        (environment.token_environment, "live", "live"),
        (environment.token_environment, "", ""),
        (environment.rate_limit, "10/second; 1000 per hour", "10/second; 1000 per hour"),
        (environment.bearer_secret, "!" * 32, "!" * 32),
        (environment.bearer_secret, "", ""),
        (environment.days, "90", 90),
        (environment.days, "", None),
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
    settings = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **SECRETS, **changes}
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
