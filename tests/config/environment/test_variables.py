"""Settings from the environment: what each of them takes, and what is said of a wrong value."""

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment import secret_values, service_urls, variables
from config.environment.variables import setting
from tests.config.test_settings import SECRETS, manage
from tokens import token_settings
from tokens.core import setting_values


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (setting_values.boolean, "True", True),
        (setting_values.boolean, "0", False),
        (setting_values.whole_number(1, 64), "64", 64),
        (setting_values.split_list, " a.example , b.example,", ["a.example", "b.example"]),
        (
            variables.hosts,
            "a.example, .b.example,[::1],*",
            ["a.example", ".b.example", "[::1]", "*"],
        ),
        (setting_values.site_url, "https://tokens.example.com/", "https://tokens.example.com"),
        (setting_values.site_url, "http://localhost:8000", "http://localhost:8000"),
        (setting_values.site_url, "https://Tokens.Example.com", "https://tokens.example.com"),
        (setting_values.site_url, "HTTPS://TOKENS.example.com:443/", "https://tokens.example.com"),
        (setting_values.site_url, "http://localhost:80", "http://localhost"),
        (setting_values.site_url, "https://localhost:80", "https://localhost:80"),
        (setting_values.site_url, "http://[2001:DB8::1]:8000", "http://[2001:db8::1]:8000"),
        (setting_values.site_url, "https://Host.example/Tokens/", "https://host.example/Tokens"),
        (setting_values.site_url, "https://host:443/a/b-1_c.d", "https://host/a/b-1_c.d"),
        (setting_values.prefixes, "ab", ("ab",)),
        (setting_values.prefixes, " acme, tkn,", ("acme", "tkn")),
        (setting_values.chosen_pepper({1: "a", 12: "b"}), "12", 12),
        (setting_values.peppers, f"1:{'a' * 32}, 2:{'b' * 32}", {1: "a" * 32, 2: "b" * 32}),
        (variables.older_keys, f"{'a' * 32}, {'b' * 32},", ["a" * 32, "b" * 32]),
        (variables.older_keys, "", []),
        (setting_values.networks, "10.0.0.0/8,::1", [ip_network("10.0.0.0/8"), ip_network("::1")]),
        (service_urls.redis_url, "", ""),
        (service_urls.redis_url, "redis://host", "redis://host"),
        (service_urls.redis_url, "rediss://host:6380/1", "rediss://host:6380/1"),
        (service_urls.redis_url, "valkey://:a%40b@host/5", "redis://:a%40b@host/5"),
        (service_urls.redis_url, "valkeys://host", "rediss://host"),
        (service_urls.redis_url, "unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1"),
        (
            service_urls.redis_url,
            "redis+unix://:word@/run/redis.sock",
            "unix://:word@/run/redis.sock",
        ),
        (service_urls.redis_url, "redis+sentinel://a:1,b/main/2", "redis+sentinel://a:1,b/main/2"),
        (
            service_urls.redis_url,
            "valkeys+sentinel://me:word@a/main",
            "rediss+sentinel://me:word@a/main",
        ),
        (setting_values.token_environment, "live", "live"),
        (setting_values.token_environment, "", ""),
        (token_settings.rate_limit, "10/second; 1000 per hour", "10/second; 1000 per hour"),
        (variables.bearer_secret, "!" * 32, "!" * 32),
        (variables.bearer_secret, "", ""),
        (setting_values.days, "90", 90),
        (setting_values.days, "", None),
        (variables.mail_sender, "tokens@example.com", "tokens@example.com"),
        (variables.mail_sender, "Tokenry <tokenry@localhost>", "Tokenry <tokenry@localhost>"),
        (variables.mail_sender, "Büro IT <it@[192.0.2.2]>", "Büro IT <it@[192.0.2.2]>"),
        (
            variables.mail_sender,
            '"IT, Berlin" <it@example.com>',
            '"IT, Berlin" <it@example.com>',
        ),
        (setting_values.display_name, " Acme, Inc. ", "Acme, Inc."),
        (setting_values.display_name, "ü" * 60, "ü" * 60),
        (variables.mail_domain, "tokens.example.com", "tokens.example.com"),
        (variables.mail_domain, "192.0.2.2", "[192.0.2.2]"),
        (variables.mail_domain, "::1", "[IPv6:::1]"),
    ],
)
def test_parses(parse: Callable[[str], Any], text: str, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (setting_values.boolean, "maybe"),
        (setting_values.whole_number(1, 64), "0"),
        (setting_values.whole_number(1, 64), "65"),
        (setting_values.whole_number(1, 64), "four"),
        (setting_values.whole_number(1, 64), "²"),
        (setting_values.days, "0"),
        (setting_values.days, "90d"),
        (variables.mail_sender, "tokens.example.com"),
        (variables.mail_sender, "Tokenry"),
        (variables.mail_sender, "a@b.example, c@d.example"),
        (variables.mail_sender, "Tokenry <a@b.example> x"),
        (variables.mail_sender, "a@b@c"),
        (variables.mail_sender, "Tokenry\r\nBcc: x <a@b.example>"),
        (setting_values.display_name, ""),
        (setting_values.display_name, "  "),
        (setting_values.display_name, "a" * 61),
        (setting_values.display_name, "Acme\r\nBcc: x"),
        (setting_values.display_name, "Acme\x00"),
        (setting_values.display_name, "Acme\u202eKeys"),
        (setting_values.site_url, "tokens.example.com"),
        (setting_values.site_url, "https://to\u212aens.example.com"),
        (setting_values.site_url, "https://tokens.example.com//"),
        (setting_values.site_url, "https://tokens.example.com/a//b"),
        (setting_values.site_url, "https://tokens.example.com/a/../b"),
        (setting_values.site_url, "https://tokens.example.com/./a"),
        (setting_values.site_url, "https://tokens.example.com/a?b=c"),
        (setting_values.site_url, "https://tokens.example.com/?b"),
        (setting_values.site_url, "https://tokens.example.com?b"),
        (setting_values.site_url, "https://tokens.example.com/a#b"),
        (setting_values.site_url, "https://tokens.example.com/a%2Fb"),
        (setting_values.site_url, "https://tokens.example.com/a b"),
        (setting_values.site_url, "https://tokens.example.com/a;b"),
        (setting_values.site_url, "https://tokens.example.com/_a"),
        (setting_values.site_url, "https://tokens.example.com/\u00e4"),
        (setting_values.site_url, "https://tokens.example.com/a\n"),
        (setting_values.site_url, "https://tokens.example.com:port"),
        (setting_values.site_url, "ftp://tokens.example.com"),
        (setting_values.site_url, 'https://x"><script>'),
        (setting_values.site_url, "https://user:password@host"),
        (setting_values.site_url, "https://host:99999"),
        (variables.older_keys, f"{'a' * 32},short"),
        (setting_values.prefixes, "TKN"),
        (setting_values.prefixes, "a"),
        (setting_values.prefixes, "toolong"),
        (setting_values.prefixes, ","),
        (setting_values.prefixes, "tkn,acme,tkn"),
        (setting_values.prefixes, "tkn;acme"),
        (setting_values.chosen_pepper({1: "a", 12: "b"}), "2"),
        (setting_values.chosen_pepper({1: "a", 12: "b"}), "01"),
        (setting_values.chosen_pepper({1: "a", 12: "b"}), "new"),
        (setting_values.peppers, "secret"),
        (setting_values.peppers, "1:short"),
        (setting_values.peppers, f"1:{'a' * 32},1:{'b' * 32}"),
        (setting_values.peppers, f"0:{'a' * 32}"),
        (setting_values.networks, "10.0.0.0/33"),
        (setting_values.networks, "10.0.0.1/8"),
        (service_urls.redis_url, "localhost:6379"),
        (service_urls.redis_url, "memcached://host"),
        (service_urls.redis_url, "redis://host/first"),
        (service_urls.redis_url, "redis://host:99999"),
        (service_urls.redis_url, "redis://host:1,host:2"),
        (service_urls.redis_url, "redis://host?no_such_option=1"),
        (service_urls.redis_url, "redis://host?socket_timeout=soon"),
        (service_urls.redis_url, "unix://"),
        (service_urls.redis_url, "redis+sentinel://a:1,b:2"),
        (service_urls.redis_url, "redis+sentinel://a:1,b:2/"),
        (service_urls.redis_url, "redis+sentinel://a:1,,b:2/main"),
        (service_urls.redis_url, "redis+sentinel://a:first/main"),
        (service_urls.redis_url, "redis+sentinel://a:65536/main"),
        (service_urls.redis_url, "redis+sentinel://a/main/first"),
        (service_urls.redis_url, "redis+sentinel://a/main?no_such_option=1"),
        (service_urls.redis_url, "sentinel://a/main"),
        (setting_values.token_environment, "production"),
        (token_settings.rate_limit, "many"),
        (token_settings.rate_limit, "0/hour"),
        (token_settings.rate_limit, "10/fortnight"),
        (service_urls.database_url, "mysql://host/name"),
        (service_urls.database_url, "sqlite://"),
        (service_urls.database_url, "sqlite://host/name"),
        (service_urls.database_url, "postgres://host"),
        (variables.email_settings, "gopher://host"),
        (variables.bearer_secret, "m" * 31),
        (variables.bearer_secret, "m" * 31 + " m"),
        (variables.bearer_secret, "é" * 32),
        (variables.host, "a b"),
        (variables.hosts, "https://a.example"),
        (variables.hosts, " , "),
    ],
)
def test_refuses(parse: Callable[[str], Any], text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)


def test_the_message_names_the_variable_what_it_held_and_what_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEB_THREADS", "many")
    with pytest.raises(
        ImproperlyConfigured,
        match=r"^WEB_THREADS is 'many'; it takes a whole number from 1 to 9\.$",
    ):
        setting("WEB_THREADS", "1", setting_values.whole_number(1, 9))


def test_a_secret_is_never_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    with pytest.raises(ImproperlyConfigured) as raised:
        setting("SECRET_KEY", "", variables.at_least(32), secret=True)
    assert "hunter2" not in str(raised.value)


def test_empty_means_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", " ")
    assert setting("PORT", lambda: "8000", setting_values.whole_number(1, 65535)) == 8000


def test_a_generated_secret_is_private_and_the_same_for_all(tmp_path: Path) -> None:
    path = tmp_path / "var" / "secret"
    made = iter(range(100))
    with ThreadPoolExecutor(20) as pool:
        read = set(
            pool.map(
                lambda _: secret_values.generated_once(path, lambda: f"secret {next(made)}"),
                range(20),
            )
        )
    assert read == {path.read_text()}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(("changes", "current"), [({}, "2"), ({"TOKEN_PEPPER_CURRENT": "1"}, "1")])
def test_the_highest_pepper_is_current_unless_one_is_named(
    changes: dict[str, str], current: str
) -> None:
    code = "from django.conf import settings; print(settings.TOKENRY['PEPPER_CURRENT'])"
    both = f"1:{'p' * 40},2:{'q' * 40}"
    shown = manage("shell", "--no-imports", "-c", code, TOKEN_PEPPERS=both, **changes)
    assert shown.stdout.strip() == current, shown.stderr


def test_a_pepper_in_place_of_its_number_is_not_quoted() -> None:
    ended = manage("check", TOKEN_PEPPER_CURRENT=SECRETS["TOKEN_PEPPERS"])
    assert ended.stderr == (
        "tokenry: TOKEN_PEPPER_CURRENT is set to a value that can't be used;"
        " it takes the number of a pepper: 1.\n"
    )
