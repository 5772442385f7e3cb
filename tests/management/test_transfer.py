"""`manage.py token transfer`."""

import json

import pytest

from accounts.models import User
from tests.conftest import Issue
from tests.management.test_issue import UNKNOWN, problem, run
from tests.records import program
from tests.teams import make_team
from tokens.models import Event, Token
from tokens.token_settings import TokenSettings

TEAM = "team:billing-ci"


@pytest.fixture(autouse=True)
def team(owner: User) -> None:
    make_team("billing-ci", owner)


def owners() -> set[str]:
    return {token.owner.email for token in Token.objects.select_related("owner")}


def test_one_token_to_a_team(issue: Issue) -> None:
    token, _ = issue(name="CI")
    assert run("transfer", token.identifier, "--to", TEAM) == (
        f"{token.identifier}  CI\n1 token is handed over to {TEAM}. "
        "The values are the same as before.\n",
        "",
    )
    assert owners() == {"billing-ci@teams.invalid"}
    assert {event.who for event in Event.objects.filter(kind="received")} == {"the command line"}


def test_everything_of_a_person_to_a_person(issue: Issue, teammate: User) -> None:
    maker, _ = issue(name="maker")
    issue(name="child", actor=program(maker))
    issue(name="ended")[0].revoke()
    facts = json.loads(
        run("transfer", "--from", "owner@example.com", "--to", teammate.email, "--json")[0]
    )
    assert [(each["name"], each["owner"]["email"]) for each in facts] == [
        ("maker", teammate.email),
        ("child", teammate.email),
    ]
    assert Token.objects.get(name="ended").owner.email == "owner@example.com"


def test_a_dry_run_changes_nothing(issue: Issue) -> None:
    issue(name="CI")
    out = run("transfer", "--from", "owner@example.com", "--to", TEAM, "--dry-run")[0]
    assert out.endswith(f"CI\n1 token would be handed over to {TEAM}.\n")
    assert owners() == {"owner@example.com"}
    assert not Event.objects.filter(kind="received").exists()


def test_what_is_wrong(issue: Issue, teammate: User, token_settings: TokenSettings) -> None:
    token, _ = issue()
    one, everything = (token.identifier,), ("--from", "owner@example.com")
    either = "Give either the identifier of a token, or --from with its owner."
    assert problem("transfer", "--to", TEAM) == either
    assert problem("transfer", *one, *everything, "--to", TEAM) == either
    assert "There is no team x." in problem("transfer", *one, "--to", "team:x")
    assert "No account has" in problem("transfer", *one, "--to", "x@example.com")
    assert "No token has the identifier" in problem("transfer", UNKNOWN, "--to", TEAM)
    assert "No token of" in problem("transfer", "--from", teammate.email, "--to", TEAM)
    assert "is the owner already" in problem("transfer", *one, "--to", "owner@example.com")
    token_settings.MAX_TOKENS_PER_USER = 1
    issue_to_team()
    assert "Nothing was handed over." in problem("transfer", *one, "--to", TEAM)
    token.revoke()
    assert "no longer works" in problem("transfer", *one, "--to", TEAM)
    assert token.identifier in {each.identifier for each in Token.objects.all()}


def issue_to_team() -> None:
    team = User.objects.get(email="billing-ci@teams.invalid")
    later = Token.objects.get().expires_at
    Token.objects.issue(owner=team, name="x", environment="live", expires_at=later)
