"""Settings of a process: a wrong value ends the start with one line; some follow from others."""

import os
import socket
import subprocess
import sys

import pytest

from tests.run import ROOT, patience

SECRETS = {
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdef",
    "TOKEN_PEPPERS": "1:" + "p" * 40,
}


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
        ("LEGACY_SCHEMES", "Basic"),
        ("LEGACY_HEADERS", "Cookie"),
        ("TOKEN_PREFIX", "Token"),
        ("TOKEN_PEPPERS", "1:short"),
        ("SECRET_KEY_FALLBACKS", "short"),
        ("TOKEN_PEPPER_CURRENT", "2"),
        ("TRUSTED_PROXIES", "everyone"),
        ("WEB_WORKERS", "2"),
        ("MAX_TOKENS_PER_USER", "0"),
        ("EMAIL_URL", "pigeon://"),
        ("MAIL_FROM", "nobody"),
        ("METRICS_TOKEN", "short"),
        ("METRICS_ADDRESSES", "everyone"),
        ("PRODUCT_NAME", "a" * 61),
        ("PRODUCT_NAME", "Acme\nKeys"),
        ("ACCENT_COLOR", "#ffcc00"),
        ("LOGO", "/no/such/file.svg"),
        ("TOKENRY_SETTINGS", "/no/such/file.py"),
        ("OIDC_ISSUER", "http://id.example.com"),
        ("OIDC_CLIENT_ID", "x" * 192),
        ("OIDC_ONLY", "perhaps"),
        ("OIDC_ALLOWED_DOMAINS", "@example.com"),
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
        SITE_URL="https://tokens.example.com", ALLOWED_HOSTS="tokens.example.com",
        EMAIL_URL="smtp://mail.example.com",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr


def test_plain_http_warns_away_from_home() -> None:
    ended = manage("check", "--fail-level", "WARNING", SITE_URL="http://tokens.example.com")
    assert ended.returncode == 1
    assert "tokenry.W001" in ended.stderr


def test_the_name_in_site_url_is_always_allowed() -> None:
    code = "from django.conf import settings; print(settings.ALLOWED_HOSTS)"
    shown = manage(
        "shell",
        "--no-imports",
        "-c",
        code,
        SITE_URL="https://tokens.example.com",
        ALLOWED_HOSTS="10.0.0.5",
    )
    assert shown.stdout.strip() == "['10.0.0.5', 'tokens.example.com']"


@pytest.mark.parametrize(("changes", "seconds"), [({}, 75), ({"KEEPALIVE_SECONDS": "620"}, 620)])
def test_idle_connections_outlive_those_of_the_balancer(
    changes: dict[str, str], seconds: int
) -> None:
    shown = manage(
        "shell",
        "--no-imports",
        "-c",
        "from config.server import gunicorn; print(gunicorn.keepalive)",
        **changes,
    )
    assert shown.stdout.strip() == str(seconds), shown.stderr


@pytest.mark.parametrize(
    ("site", "set_to", "sender", "domain"),
    [
        (
            "https://tokens.example.com",
            "",
            "Tokenry <tokenry@tokens.example.com>",
            "tokens.example.com",
        ),
        (
            "https://tokens.example.com",
            "IT <it@example.com>",
            "IT <it@example.com>",
            "tokens.example.com",
        ),
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
    shown = manage(
        "shell", "--no-imports", "-c", code, SITE_URL=site, MAIL_FROM=set_to
    ).stdout.splitlines()
    assert shown[0] == f"{sender}|{sender}|{domain}"
    assert shown[1].endswith(f"@{domain}>")


def test_mails_come_from_the_product() -> None:
    code = (
        "from django.core.mail import EmailMessage;"
        "from email.header import decode_header, make_header;"  # Django 6 decodes it already
        "found = EmailMessage(to=['a@example.com']).message()['From'];"
        "print(make_header(decode_header(str(found))))"
    )
    for name, sender in {
        "Acme Keys": "Acme Keys <tokenry@localhost>",
        'Acme, "Keys"': '"Acme, \\"Keys\\"" <tokenry@localhost>',
        "Schlüssel": "Schlüssel <tokenry@localhost>",
    }.items():
        shown = manage("shell", "--no-imports", "-c", code, PRODUCT_NAME=name)
        assert shown.stdout.strip() == sender, shown.stderr


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
    assert f"PORT is {port}. The server can't listen there: Address already in use" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_librarys_words_about_a_secret_are_kept() -> None:
    ended = manage("check", DATABASE_URL="postgres://user:hunter/2@host/name")
    assert ended.returncode == 1
    assert "hunter" not in ended.stderr
    assert ended.stderr.startswith(
        "tokenry: DATABASE_URL is set to a value that can't be used; it takes "
    )
