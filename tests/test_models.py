"""Tokens and events."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import transaction
from django.test import RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from tests.conftest import Issue
from tokens import credential
from tokens.models import Event, FormAlreadySent, Scope, Status, Token, TokenLimitReached

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def test_issue_keeps_the_digest_and_never_the_value(issue: Issue) -> None:
    token, value = issue()
    assert token.identifier == value[:24]
    assert token.is_proven_by(value)
    assert value[24:] not in str(Token.objects.filter(pk=token.pk).values())


def test_issue_writes_its_event(issue: Issue, owner: User) -> None:
    request = RequestFactory().post("/", headers={"User-Agent": "Firefox" * 100})
    request.user = owner
    token, _ = issue(request=request)
    event = Event.objects.get()
    assert (event.kind, event.token, event.owner, event.actor) == ("created", token, owner, owner)
    assert (event.identifier, event.token_name) == (token.identifier, token.name)
    assert (event.address, len(event.user_agent)) == ("127.0.0.1", 200)


@pytest.mark.django_db(transaction=True)
def test_no_token_without_its_event(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Event, "record", classmethod(lambda *_: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        issue()
    assert not Token.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_no_revocation_without_its_event(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    token, _ = issue()
    monkeypatch.setattr(Event, "record", classmethod(lambda *_: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        token.revoke()
    token.refresh_from_db()
    assert token.revoked_at is None


def test_a_form_makes_one_token(issue: Issue) -> None:
    first, _ = issue(form_nonce="n" * 22)
    with pytest.raises(FormAlreadySent) as raised:
        issue(form_nonce="n" * 22)
    assert raised.value.token == first
    assert Token.objects.count() == 1


def test_a_nonce_is_the_owners_alone(issue: Issue, teammate: User) -> None:
    issue(form_nonce="n" * 22)
    issue(form_nonce="n" * 22, owner=teammate)
    assert Token.objects.count() == 2


def test_the_limit_counts_active_tokens_alone(issue: Issue, settings: Settings) -> None:
    settings.MAX_TOKENS_PER_USER = 2
    issue(expires_at=timezone.now() - TICK)
    issue()[0].revoke()
    issue()
    issue()
    with pytest.raises(TokenLimitReached):
        issue()


def test_a_form_sent_twice_at_the_limit_is_already_sent(issue: Issue, settings: Settings) -> None:
    settings.MAX_TOKENS_PER_USER = 1
    issue(form_nonce="n" * 22)
    with pytest.raises(FormAlreadySent):
        issue(form_nonce="n" * 22)


def test_revoke_says_whether_it_was_this_call(issue: Issue) -> None:
    token, _ = issue()
    same = Token.objects.get(pk=token.pk)
    assert token.revoke() is True
    assert same.revoke() is False
    assert [event.kind for event in Event.objects.all()] == ["revoked", "created"]


@pytest.mark.parametrize(
    ("left", "revoked", "status"),
    [
        (timedelta(days=90), False, Status.ACTIVE),
        (timedelta(days=14) + TICK, False, Status.ACTIVE),
        (timedelta(days=14), False, Status.EXPIRING_SOON),
        (TICK, False, Status.EXPIRING_SOON),
        (timedelta(0), False, Status.EXPIRED),
        (-TICK, False, Status.EXPIRED),
        (timedelta(days=90), True, Status.REVOKED),
        (-TICK, True, Status.REVOKED),
    ],
)
def test_status(issue: Issue, left: timedelta, revoked: bool, status: Status) -> None:
    with time_machine.travel(NOW, tick=False):
        token, _ = issue(expires_at=NOW + left)
        if revoked:
            token.revoke()
        assert token.status == status
        assert Token.objects.with_status().in_status(status).exists()
        assert not Token.objects.with_status().in_status(*(other for other in Status if other != status)).exists()
        assert Token.objects.active().exists() == (status in {Status.ACTIVE, Status.EXPIRING_SOON})


def test_older_peppers_still_verify(issue: Issue, settings: Settings) -> None:
    token, value = issue()
    settings.TOKEN_PEPPERS = {**settings.TOKEN_PEPPERS, 2: "q" * 40}
    assert token.is_proven_by(value)
    newer, newer_value = issue()
    assert newer.pepper == 2
    assert newer.is_proven_by(newer_value)
    assert newer.digest == credential.digest(newer_value, "q" * 40)


def test_without_its_pepper_a_token_is_not_proven(issue: Issue, settings: Settings) -> None:
    token, value = issue()
    settings.TOKEN_PEPPERS = {2: "q" * 40}
    assert not token.is_proven_by(value)


def test_events_are_append_only(issue: Issue) -> None:
    issue()
    event = Event.objects.get()
    for change in (
        event.save,
        event.delete,
        Event.objects.all().delete,
        lambda: Event.objects.update(kind="revoked"),
        lambda: Event.objects.bulk_update([event], ["kind"]),
    ):
        with pytest.raises(TypeError, match="append-only"), transaction.atomic():
            change()
    assert Event.objects.get() == event


def test_a_deleted_account_leaves_its_events_without_its_person(issue: Issue, owner: User, teammate: User) -> None:
    request = RequestFactory().post("/", headers={"User-Agent": "Firefox"})
    request.user = owner
    token, _ = issue(request=request)
    issue(owner=teammate, request=request)
    owner.delete()
    assert not Token.objects.filter(pk=token.pk).exists()
    assert Event.objects.count() == 2
    for event in Event.objects.all():
        assert (event.actor, event.address, event.user_agent) == (None, None, "")


def test_search(issue: Issue) -> None:
    token, _ = issue(name="Nightly import")
    issue(name="Deploy")
    assert list(Token.objects.search("IMPORT")) == [token]
    assert list(Token.objects.search(token.identifier[10:])) == [token]
    assert Token.objects.search("").count() == 2


def test_issue_takes_a_fixed_number_of_queries(
    issue: Issue, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(7):
        issue(form_nonce="n" * 22)


def test_dropping_scopes_keeps_what_was_changed_meanwhile(issue: Issue, owner: User) -> None:
    Scope.objects.bulk_create(Scope(name=name) for name in ("a:read", "b:read", "c:read"))
    seen, _ = issue(scopes=["a:read", "b:read"])
    other = Token.objects.get(pk=seen.pk)
    other.change(name="New", description="", scopes=["a:read", "b:read", "c:read"], allowed_addresses=["10.0.0.0/8"])
    assert seen.drop(["b:read", "x:read"]) == ["b:read"]
    kept = Token.objects.get(pk=seen.pk)
    assert (kept.name, kept.scopes, kept.allowed_addresses) == ("New", ["a:read", "c:read"], ["10.0.0.0/8"])
    assert Event.objects.filter(kind="changed").latest("pk").detail == "scopes"
