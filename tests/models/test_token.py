"""Token and Event: issue, revoke, status, peppers and searches."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.conftest import Issue
from tokens.authentication import credentials
from tokens.models import (
    Actor,
    Event,
    FormAlreadySent,
    MissingPepper,
    Scope,
    Status,
    Token,
    TokenLimitReached,
)
from tokens.token_settings import TokenSettings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def test_issue_keeps_the_digest_and_never_the_value(issue: Issue) -> None:
    token, value = issue()
    assert token.identifier == value[:24]
    assert token.is_proven_by(value)
    assert value[24:] not in str(Token.objects.filter(pk=token.pk).values())


def test_issue_writes_its_event(issue: Issue, owner: User) -> None:
    token, _ = issue(actor=Actor(owner, address="127.0.0.1", user_agent="Firefox" * 100))
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


def test_two_owners_may_use_the_same_nonce(issue: Issue, teammate: User) -> None:
    issue(form_nonce="n" * 22)
    issue(form_nonce="n" * 22, owner=teammate)
    assert Token.objects.count() == 2


def test_the_limit_counts_only_active_tokens(issue: Issue, token_settings: TokenSettings) -> None:
    token_settings.MAX_TOKENS_PER_USER = 2
    issue(expires_at=timezone.now() - TICK)
    issue()[0].revoke()
    issue()
    issue()
    with pytest.raises(TokenLimitReached):
        issue()


def test_a_form_sent_twice_at_the_limit_is_already_sent(
    issue: Issue, token_settings: TokenSettings
) -> None:
    token_settings.MAX_TOKENS_PER_USER = 1
    issue(form_nonce="n" * 22)
    with pytest.raises(FormAlreadySent):
        issue(form_nonce="n" * 22)


def test_revoke_returns_true_only_the_first_time(issue: Issue) -> None:
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
        assert (
            not Token.objects.with_status()
            .in_status(*(other for other in Status if other != status))
            .exists()
        )
        assert Token.objects.active().exists() == (status in {Status.ACTIVE, Status.EXPIRING_SOON})


def test_older_peppers_still_verify(issue: Issue, token_settings: TokenSettings) -> None:
    token, value = issue()
    token_settings.PEPPERS = {**token_settings.PEPPERS, 2: "q" * 40}
    token_settings.PEPPER_CURRENT = 2
    assert token.is_proven_by(value)
    newer, newer_value = issue()
    assert newer.pepper == 2
    assert newer.is_proven_by(newer_value)
    assert newer.digest == credentials.digest(newer_value, "q" * 40)


def test_without_its_pepper_the_value_of_an_active_token_cannot_be_checked(
    issue: Issue, token_settings: TokenSettings
) -> None:
    token, value = issue()
    token_settings.PEPPERS = {2: "q" * 40}
    with pytest.raises(MissingPepper, match="1"):
        token.is_proven_by(value)
    token.revoke()
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


def test_a_deleted_account_leaves_its_events_without_its_person(
    issue: Issue, owner: User, teammate: User
) -> None:
    actor = Actor(owner, address="127.0.0.1", user_agent="Firefox")
    token, _ = issue(actor=actor)
    issue(owner=teammate, actor=actor)
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
    with django_assert_max_num_queries(9):
        issue(form_nonce="n" * 22)


def test_remove_scopes_keeps_what_was_changed_meanwhile(issue: Issue, owner: User) -> None:
    Scope.objects.bulk_create(Scope(name=name) for name in ("a:read", "b:read", "c:read"))
    seen, _ = issue(scopes=["a:read", "b:read"])
    other = Token.objects.get(pk=seen.pk)
    other.change(
        name="New",
        description="",
        scopes=["a:read", "b:read", "c:read"],
        allowed_addresses=["10.0.0.0/8"],
    )
    assert seen.remove_scopes(["b:read", "x:read"]) == ["b:read"]
    kept = Token.objects.get(pk=seen.pk)
    assert (kept.name, kept.scopes, kept.allowed_addresses) == (
        "New",
        ["a:read", "c:read"],
        ["10.0.0.0/8"],
    )
    assert Event.objects.filter(kind="changed").latest("pk").detail == "scopes: −b:read"
