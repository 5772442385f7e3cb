"""A token moves to another owner with its value, and tokens that share a limit move together."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue, bearer
from tests.records import program
from tests.teams import make_team
from tokens.models import (
    Actor,
    Event,
    MadeWithWorkingToken,
    NothingToHandOver,
    Notification,
    OwnerAway,
    Scope,
    Team,
    Token,
    TokenLimitReached,
    TransferOffer,
)
from tokens.models.leaving import tokens_astray
from tokens.models.transfer import hand_over
from tokens.notifications.outbox import send_event_mails
from tokens.token_settings import TokenSettings

HOUR = timedelta(hours=1)


@pytest.fixture
def team(owner: User) -> Team:
    return make_team("billing-ci", owner)


def renewed(token: Token) -> Token:
    later = timezone.now() + timedelta(days=9)
    return Token.objects.renew(token, expires_at=later, overlap=HOUR)[0]


def whose(*tokens: Token) -> list[int]:
    return [Token.objects.get(pk=token.pk).owner_id for token in tokens]


def events_of(account: User) -> list[tuple[str, str, str]]:
    rows = Event.objects.filter(owner=account, kind__in=["handed_over", "received"])
    return list(rows.values_list("kind", "detail", "identifier"))


def test_the_value_works_on_and_acts_as_the_team(issue: Issue, team: Team) -> None:
    token, value = issue()
    assert hand_over([token], team.account) == [token]
    answer = Client().get("/verify", headers=bearer(value))
    assert (answer.status_code, answer["X-Auth-User"]) == (200, str(team.account.pk))
    kept = Token.objects.get(pk=token.pk)
    assert (kept.team_id, kept.digest, kept.form_nonce) == ("billing-ci", token.digest, None)


def test_both_sides_get_an_event_without_the_others_address(
    issue: Issue, owner: User, teammate: User, team: Team
) -> None:
    token, _ = issue()
    hand_over(hand_over([token], team.account, Actor(owner)), teammate)
    identifier = token.identifier
    assert events_of(owner) == [("handed_over", "to team:billing-ci", identifier)]
    assert events_of(team.account) == [
        ("handed_over", "to another person", identifier),
        ("received", "from another person", identifier),
    ]
    assert events_of(teammate) == [("received", "from team:billing-ci", identifier)]


def test_both_sides_get_a_mail(
    issue: Issue,
    teammate: User,
    administrator: User,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    token, _ = issue(name="CI")
    with django_capture_on_commit_callbacks(execute=True):
        moved = hand_over([token], teammate)
    with django_capture_on_commit_callbacks(execute=True):
        moved = hand_over(moved, administrator)  # so quickly that no mail is sent yet
    assert sent() == [
        ("boss@example.com", "“CI” was handed over to you"),
        ("owner@example.com", "“CI” was handed over"),
    ]
    Notification.objects.update(sent_at=timezone.now() - HOUR)
    with django_capture_on_commit_callbacks(execute=True):
        hand_over(moved, teammate)
    assert sent() == [
        ("boss@example.com", "“CI” was handed over"),
        ("teammate@example.com", "“CI” was handed over to you"),
    ]


def sent() -> list[tuple[str, Any]]:
    mail.outbox.clear()
    send_event_mails(timezone.now())
    return sorted((message.to[0], message.subject) for message in mail.outbox)


def test_a_predecessor_and_a_successor_move_too(issue: Issue, owner: User, team: Team) -> None:
    old, _ = issue()
    token = renewed(old)
    newest = renewed(token)
    other, _ = issue()
    assert hand_over([token], team.account) == [old, token, newest]
    assert whose(old, token, newest, other) == [team.account.pk] * 3 + [owner.pk]
    kept = Token.objects.get(pk=newest.pk)
    assert kept.renewed_from == token


def test_tokens_that_programs_made_move_too(issue: Issue, team: Team) -> None:
    maker, _ = issue()
    child, _ = issue(actor=program(maker))
    grandchild, _ = issue(actor=program(child))
    child.revoke()
    assert hand_over([maker], team.account) == [maker, grandchild]
    kept = Token.objects.get(pk=grandchild.pk)
    assert (kept.limit_key, kept.made_by) == (maker.identifier, maker)
    assert not any(found.exists() for found in tokens_astray().values())


def test_a_token_stays_with_the_working_token_that_made_it(
    issue: Issue, owner: User, team: Team
) -> None:
    """Else the program behind the maker could use the limit of another owner's token."""
    maker, _ = issue()
    child, _ = issue(actor=program(maker))
    successor = renewed(maker)
    with pytest.raises(MadeWithWorkingToken) as error:
        hand_over([child], team.account)
    assert error.value.maker in {maker, successor}
    assert whose(child) == [owner.pk]
    maker.revoke()
    successor.revoke()
    assert hand_over([child], team.account) == [child]
    kept = Token.objects.get(pk=child.pk)
    assert (kept.made_by, kept.limit_key) == (None, maker.identifier)


def test_ended_tokens_stay_behind_without_a_link(issue: Issue, owner: User, team: Team) -> None:
    old, _ = issue()
    token = renewed(old)
    Token.objects.filter(pk=old.pk).update(expires_at=timezone.now())
    made, _ = issue(actor=program(token))
    made.revoke()
    assert hand_over([token], team.account) == [token]
    assert whose(old, made) == [owner.pk] * 2
    assert Token.objects.get(pk=token.pk).renewed_from is None
    assert Token.objects.get(pk=made.pk).made_by is None


@pytest.mark.parametrize("ended", ["revoked_at", "expires_at"])
def test_an_ended_token_is_not_handed_over(issue: Issue, team: Team, ended: str) -> None:
    token, _ = issue()
    Token.objects.filter(pk=token.pk).update(**{ended: timezone.now()})
    with pytest.raises(NothingToHandOver):
        hand_over([token], team.account)


def test_the_receiver_needs_room(
    issue: Issue, owner: User, team: Team, token_settings: TokenSettings
) -> None:
    tokens = [issue(name=str(number))[0] for number in range(3)]
    token_settings.MAX_TOKENS_PER_USER = 2
    with pytest.raises(TokenLimitReached):
        hand_over(tokens, team.account)
    assert whose(*tokens) == [owner.pk] * 3
    assert len(hand_over(tokens[:2], team.account)) == 2


def test_the_receiver_is_active(issue: Issue, teammate: User) -> None:
    token, _ = issue()
    User.objects.filter(pk=teammate.pk).update(is_active=False)
    with pytest.raises(OwnerAway):
        hand_over([token], teammate)


def test_scopes_that_the_receiver_lacks_stay_and_do_not_count(
    issue: Issue, owner: User, team: Team
) -> None:
    group = Group.objects.create(name="Finance")
    owner.groups.add(group)
    Scope.objects.create(name="pay:write", words="Pay", group=group)
    token, value = issue(scopes=["pay:write"])
    assert Client().get("/verify?scope=pay:write", headers=bearer(value)).status_code == 200
    hand_over([token], team.account)
    refused = Client().get("/verify?scope=pay:write", headers=bearer(value))
    assert refused.json()["code"] == "insufficient_scope"
    kept = Token.objects.get(pk=token.pk)
    assert (kept.scopes, kept.has_restricted_scopes) == (["pay:write"], True)


def test_an_open_offer_ends(issue: Issue, owner: User, teammate: User, team: Team) -> None:
    token, _ = issue()
    TransferOffer.objects.create(token=token, asked_by=owner, email="x@y.z", receiver=teammate)
    hand_over([token], team.account)
    assert not TransferOffer.objects.exists()


def test_the_former_owner_changes_nothing_any_more(issue: Issue, team: Team) -> None:
    """A page that had read the token before it moved must not change it afterwards."""
    token, _ = issue()
    before = Token.objects.get(pk=token.pk)
    hand_over([token], team.account)
    with pytest.raises(Token.DoesNotExist):
        before.revoke()
    with pytest.raises(Token.DoesNotExist):
        renewed(before)
    with pytest.raises(Token.DoesNotExist):
        before.change(name="mine", description="", scopes=[], allowed_addresses=[])
    assert Token.objects.get(pk=token.pk).is_renewable
