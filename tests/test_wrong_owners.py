"""`manage.py check --database default` finds working tokens without a living owner."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue
from tests.teams import make_team
from tokens.checks import check_stored_data, wrong_owners
from tokens.models import Leaver, Token

WEEK = timedelta(days=7)


def off(token: Token) -> None:
    User.objects.filter(pk=token.owner_id).update(is_active=False)


def without_a_day(token: Token) -> None:
    off(token)
    Token.objects.update(outlives_owner=True)


def past_the_day(token: Token) -> None:
    without_a_day(token)
    Leaver.objects.create(pk=token.owner_id, until=timezone.now() + WEEK)


def wrong_account(token: Token) -> None:
    Token.objects.filter(pk=token.pk).update(team=make_team("billing-ci"))


def no_team(token: Token) -> None:
    Token.objects.filter(pk=token.pk).update(owner=make_team("billing-ci").account)


def team_off(token: Token) -> None:
    team = make_team("billing-ci")
    Token.objects.filter(pk=token.pk).update(owner=team.account, team=team)
    User.objects.filter(pk=team.account_id).update(is_active=False)


def of_another(token: Token, link: str) -> None:
    other = User.objects.create_user(email="other@example.com")
    Token.objects.filter(pk=token.pk).update(owner=other)
    maker = Token.objects.exclude(pk=token.pk).get()
    Token.objects.filter(pk=token.pk).update(**{link: maker})


WRONG: dict[str, Callable[[Token], Any]] = {
    "without a day on which they end": without_a_day,
    "was switched off, without": past_the_day,
    "but not of the account of this team": wrong_account,
    "but not of the team": no_team,
    "are of a team whose account is switched off": team_off,
    "were made with a token of another owner": lambda token: of_another(token, "made_by"),
    "replace a token of another owner": lambda token: of_another(token, "renewed_from"),
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_owner_is_found(issue: Issue, words: str) -> None:
    issue()
    token, _ = issue()
    assert not list(wrong_owners())
    WRONG[words](token)
    (error,) = [each for each in check_stored_data(["default"]) if each.id == "tokens.E009"]
    assert words in error.msg
    assert token.identifier in error.msg


@pytest.mark.parametrize("ended", ["revoked_at", "expires_at"])
def test_ended_tokens_do_not_count(issue: Issue, ended: str) -> None:
    token, _ = issue()
    without_a_day(token)
    Token.objects.update(**{ended: timezone.now()})
    assert not list(wrong_owners())


def test_a_switched_off_owner_is_no_fault(issue: Issue) -> None:
    """Requests with such tokens are refused."""
    off(issue()[0])
    assert not list(wrong_owners())
