"""config/metrics.py: what is observed of pages, sign-ins, mails and daily jobs."""

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pyotp
import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import mails
from accounts import outbox as account_outbox
from accounts.models import Notification as AccountNotification
from accounts.models import User
from tests.conftest import Issue
from tests.scrape import Samples, samples
from tests.server import PASSWORD
from tokens.core import circuit_breaker
from tokens.models import Job, Notification, Token
from tokens.notifications import outbox
from tokens.token_settings import TokenSettings
from tokens.usage import metrics, prometheus

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"


@pytest.fixture(autouse=True)
def on(token_settings: TokenSettings) -> Iterator[None]:
    token_settings.METRICS = True
    prometheus.read_sources.cache_clear()
    yield
    prometheus.read_sources.cache_clear()


def now() -> Samples:
    prometheus.read_sources.cache_clear()
    return samples(prometheus.exposition().decode())


def grown(before: Samples, family: str) -> Samples:
    """What of `family` is more than it was, by its labels."""
    return {
        name.removeprefix(family): value - before.get(name, 0)
        for name, value in now().items()
        if name.startswith(f"{family}{{") and value != before.get(name, 0)
    }


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        (LOGIN, "account_login", "2xx"),
        ("/", "home", "3xx"),
        ("/accounts/password/reset/key/1-secret/", "account_reset_password_from_key", "2xx"),
        ("/settings/tokens/tkn_live_4mQ7wXb2ZpT9c1K/", "tokens:detail", "3xx"),
        ("/admin/accounts/user/", "admin:accounts_user_changelist", "3xx"),
        ("/nowhere/of/mine", "unknown", "4xx"),
    ],
)
def test_a_page_is_counted_by_its_route(path: str, route: str, status: str) -> None:
    before = now()
    Client().get(path)
    assert grown(before, "tokenry_page_requests_total") == {
        f"{{route={route},status={status}}}": 1
    }
    assert grown(before, "tokenry_page_seconds_count") == {"{}": 1}


def test_a_static_file_is_no_page() -> None:
    before = now()
    Client().get("/static/nothing.css")
    assert grown(before, "tokenry_page_requests_total") == {"{route=static,status=4xx}": 1}
    assert grown(before, "tokenry_page_seconds_count") == {}


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/verify", "/api/v1/token"])
def test_programs_and_probes_are_no_pages(path: str) -> None:
    before = now()
    Client().get(path)
    assert grown(before, "tokenry_page_requests_total") == {}


def test_nothing_of_pages_is_observed_while_nobody_may_ask(
    token_settings: TokenSettings, owner: User
) -> None:
    token_settings.METRICS = False
    before = now()
    Client().post(LOGIN, {"login": owner.email, "password": PASSWORD})
    metrics.observe_mail("tokens", sent=True)
    for family in ("tokenry_page_requests_total", "tokenry_sign_ins_total", "tokenry_mails_total"):
        assert grown(before, family) == {}


def test_sign_ins(owner: User) -> None:
    before = now()
    for password in [PASSWORD, *["wrong"] * 6]:
        Client().post(LOGIN, {"login": owner.email, "password": password})
    assert grown(before, "tokenry_sign_ins_total") == {
        "{result=succeeded}": 1, "{result=wrong_password}": 5, "{result=refused}": 1,
    }  # fmt: skip


def test_a_second_factor(owner: User) -> None:
    TOTP.activate(owner, pyotp.random_base32())
    client, before = Client(), now()
    client.post(LOGIN, {"login": owner.email, "password": PASSWORD})
    client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert grown(before, "tokenry_sign_ins_total") == {"{result=wrong_code}": 1}


def test_mails_of_accounts(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    before = now()
    account_outbox.queue(owner, "account/email/password_changed", owner.email)
    account_outbox.send_due()
    assert grown(before, "tokenry_mails_total") == {"{outbox=accounts,result=sent}": 1}
    account_outbox.queue(
        owner, mails.CONFIRM, "nobody@example.com"
    )  # nobody waits for that link: no mail is written
    account_outbox.send_due()
    assert grown(before, "tokenry_mails_total") == {"{outbox=accounts,result=sent}": 1}

    def refuse(*_: Any) -> int:
        raise TimeoutError("timed out")

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    account_outbox.queue(owner, "account/email/password_changed", owner.email)
    account_outbox.send_due()
    AccountNotification.objects.update(made_at=timezone.now() - timedelta(hours=1))
    AccountNotification.objects.create(user=owner, kind="old", to=owner.email, due_at=None)
    found = now()
    assert grown(before, "tokenry_mails_total")["{outbox=accounts,result=failed}"] == 1
    assert (
        found["tokenry_mails_waiting{outbox=accounts}"]
        == found["tokenry_mails_given_up{outbox=accounts}"]
        == 1
    )
    assert 3600 <= found["tokenry_mails_oldest_seconds{outbox=accounts}"] < 3700


def test_mails_of_tokens(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    token, _ = issue()
    Notification.objects.all().delete()
    at = timezone.now()
    for days, kind in (
        (0, Notification.Kind.CREATED),
        (8, Notification.Kind.RENEWED),
        (0, Notification.Kind.EXPIRES_30),
    ):
        Notification.objects.create(
            token=token, kind=kind, made_at=at - timedelta(days=days, hours=1)
        )
    before = now()
    assert (
        before["tokenry_mails_waiting{outbox=tokens}"]
        == before["tokenry_mails_given_up{outbox=tokens}"]
        == 1
    )
    assert 3600 <= before["tokenry_mails_oldest_seconds{outbox=tokens}"] < 3700
    outbox.send_event_mails(at)
    assert grown(before, "tokenry_mails_total") == {"{outbox=tokens,result=sent}": 1}
    found = now()
    assert (
        found["tokenry_mails_waiting{outbox=tokens}"]
        == found["tokenry_mails_oldest_seconds{outbox=tokens}"]
        == 0
    )


def job(name: str) -> float:
    return now()[f"tokenry_job_last_success_timestamp_seconds{{command={name}}}"]


def test_jobs_that_never_ran() -> None:
    assert {name: job(name) for name in Job.DAILY} == dict.fromkeys(Job.DAILY, 0)


@pytest.mark.parametrize("command", ["prune", "send_expiry_reminders"])
def test_jobs_say_when_they_succeeded(command: str, settings: Settings) -> None:
    settings.MAILS_ARE_PRINTED = False
    began = timezone.now().timestamp()
    call_command(command, "--dry-run", stdout=StringIO())
    assert job(command) == 0
    call_command(command, stdout=StringIO())
    first = job(command)
    assert began <= first <= timezone.now().timestamp()
    call_command(command, stdout=StringIO())
    assert job(command) > first


def test_reminders_that_failed_are_no_success(
    issue: Issue, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAILS_ARE_PRINTED = False
    Token.objects.filter(pk=issue()[0].pk).update(expires_at=timezone.now() - timedelta(hours=1))

    def refuse(*_: Any) -> int:
        raise TimeoutError("timed out")

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    with pytest.raises(CommandError):
        call_command("send_expiry_reminders", stdout=StringIO(), stderr=StringIO())
    assert job("send_expiry_reminders") == 0


def test_a_breaker_that_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = circuit_breaker.CircuitBreaker(OSError, (OSError,), 0.0, service="test")
    metrics.observe_breakers()
    assert now()["tokenry_breaker_open{service=test}"] == 0
    for _ in range(circuit_breaker.FAILURES_TO_OPEN):
        with pytest.raises(circuit_breaker.ServiceUnavailable), guard:
            raise OSError("gone")
    metrics.observe_breakers()
    assert now()["tokenry_breaker_open{service=test}"] == 1
    guard.close()
    metrics.observe_breakers()
    assert now()["tokenry_breaker_open{service=test}"] == 0
