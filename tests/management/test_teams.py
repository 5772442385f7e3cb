"""`manage.py team create` and `list`, and `--owner team:SLUG` of `manage.py token`."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.conftest import Issue, bearer
from tokens.models import Event, Membership, Team, Token
from tokens.models.event_types import AccountKind

pytestmark = pytest.mark.django_db
OWNER, TEAMMATE = "owner@example.com", "teammate@example.com"
NO_TEAMS = "There are no teams here, because TOKENRY['TEAM_USER'] is not set."


def run(*arguments: str) -> tuple[str, str]:
    """Run a command. Return what it prints on standard output and on standard error."""
    out, err = StringIO(), StringIO()
    call_command(*arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def problem(*arguments: str) -> str:
    with pytest.raises(CommandError) as failed:
        run(*arguments)
    assert len(str(failed.value).splitlines()) == 1
    return str(failed.value)


@pytest.fixture
def team(owner: User, teammate: User) -> Team:
    members = {owner: Membership.Role.MANAGER, teammate: Membership.Role.MEMBER}
    return Team.make("billing-ci", "Billing", members)


@pytest.mark.parametrize(
    ("arguments", "roles"),
    [
        (["--member", OWNER], {OWNER: "manager"}),
        (["--member", OWNER, TEAMMATE], {OWNER: "manager", TEAMMATE: "member"}),
        (["--member", OWNER, "--manager", TEAMMATE], {OWNER: "member", TEAMMATE: "manager"}),
        (["--manager", OWNER], {OWNER: "manager"}),
        (["--manager", OWNER, "--member", OWNER], {OWNER: "manager"}),
        (["--member", OWNER.upper(), "--member", OWNER], {OWNER: "manager"}),
        (["--manager", OWNER, "--manager", TEAMMATE], {OWNER: "manager", TEAMMATE: "manager"}),
    ],
)
def test_create(owner: User, teammate: User, arguments: list[str], roles: dict[str, str]) -> None:
    out, err = run("team", "create", "billing-ci", *arguments)
    assert f"Made the team billing-ci with {len(roles)} member" in out
    assert err == ""
    team = Team.objects.get()
    assert (team.pk, team.name) == ("billing-ci", "billing-ci")
    assert dict(team.memberships.values_list("user__email", "role")) == roles
    events = Event.objects.filter(kind=AccountKind.TEAM_JOINED).exclude(owner=team.account)
    assert {(event.owner.email, event.who) for event in events} == {  # type: ignore[union-attr]
        (email, "the command line") for email in roles
    }


def test_create_as_json(owner: User) -> None:
    out, _ = run("team", "create", "ci", "--name", "Our CI", "--member", OWNER, "--json")
    made = json.loads(out)
    assert made.pop("created_at")
    assert made == {
        "slug": "ci",
        "name": "Our CI",
        "members": [{"user": OWNER, "role": "manager", "is_active": True}],
        "working_tokens": 0,
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ci"], "Name at least one person"),
        (["ci", "--member", OWNER, "nobody@example.com"], "No account has the email nobody@"),
        (["ci", "--member", "off@example.com"], "The account off@example.com is switched off."),
        (["ci", "--member", "billing-ci@teams.invalid"], "is the account of a team"),
        (["billing-ci", "--member", OWNER], "is taken"),
        (["Billing", "--member", OWNER], "small letters and digits"),
        (["ci", "--name", "n" * 101, "--member", OWNER], "at most 100 characters"),
    ],
)
def test_nothing_is_made(owner: User, team: Team, arguments: list[str], words: str) -> None:
    User.objects.create_user(email="off@example.com", is_active=False)
    accounts = User.objects.count()
    assert words in problem("team", "create", *arguments)
    assert (Team.objects.count(), User.objects.count()) == (1, accounts)
    assert Membership.objects.count() == 2


def test_list(team: Team, issue: Issue, owner: User) -> None:
    issue(owner=team.account)
    issue(owner=team.account)[0].revoke()
    issue()
    out, err = run("team", "list")
    assert [line.split() for line in out.splitlines()] == [
        ["SLUG", "NAME", "MANAGERS", "MEMBERS", "WORKING", "TOKENS"],
        ["billing-ci", "Billing", OWNER, "2", "1"],
    ]
    assert err == ""
    User.objects.filter(pk=owner.pk).update(is_active=False)
    out, err = run("team", "list")
    assert out.splitlines()[1].split() == ["billing-ci", "Billing", "none", "2", "1"]
    assert err == "Without a manager who can sign in: billing-ci.\n"
    [listed] = json.loads(run("team", "list", "--json")[0])
    assert (listed["slug"], listed["working_tokens"]) == ("billing-ci", 1)


def test_list_of_nothing(db: None) -> None:
    assert run("team", "list") == ("No teams.\n", "")
    assert json.loads(run("team", "list", "--json")[0]) == []


def test_a_token_of_a_team(team: Team) -> None:
    out, note = run("token", "create", "--owner", "team:billing-ci", "--name", "CI")
    value = out.removesuffix("\n")
    token = Token.objects.get()
    assert (token.owner_id, token.team_id) == (team.account_id, "billing-ci")
    assert f"{token.identifier}, “CI” of team:billing-ci, for Production" in note
    answer = Client().get("/api/v1/token", headers=bearer(value))
    assert answer.json()["owner"] == "team:billing-ci"
    assert "owner:             team:billing-ci" in run("token", "show", token.identifier)[0]
    out, note = run("token", "renew", token.identifier, "--json")
    assert json.loads(out)["owner"] == "team:billing-ci"
    run("token", "revoke", token.identifier)
    token.refresh_from_db()
    assert token.revoked_at


def test_list_of_tokens(team: Team, issue: Issue) -> None:
    issue(name="Mine")
    issue(name="Ours", owner=team.account)

    def listed(*arguments: str) -> list[tuple[str, Any]]:
        facts = json.loads(run("token", "list", *arguments, "--json")[0])
        return [(each["name"], each["owner"]) for each in facts]

    assert listed("--owner", "team:billing-ci") == [("Ours", "team:billing-ci")]
    assert [name for name, _ in listed("--user", OWNER)] == ["Mine"]
    assert {name for name, _ in listed()} == {"Mine", "Ours"}
    assert "team:billing-ci" in run("token", "list")[0]


@pytest.mark.parametrize(
    ("owner_option", "words"),
    [
        (
            "team:billing-c1",
            "No team has the short name billing-c1. Did you mean team:billing-ci?",
        ),
        ("team:zzz", "No team has the short name zzz. `team list` shows all teams."),
        (OWNER, f"--owner is “{OWNER}”; it takes team:SLUG. For a person: --user."),
        ("", "--owner is “”; it takes team:SLUG. For a person: --user."),
    ],
)
def test_wrong_owners(team: Team, owner_option: str, words: str) -> None:
    assert problem("token", "create", "--owner", owner_option, "--name", "CI") == words
    assert problem("token", "list", "--owner", owner_option) == words
    assert not Token.objects.exists()


def test_exactly_one_owner(team: Team) -> None:
    both = ["--user", OWNER, "--owner", "team:billing-ci"]
    assert "not allowed with" in problem("token", "create", "--name", "CI", *both)
    assert "is required" in problem("token", "create", "--name", "CI")
    assert "not allowed with" in problem("token", "list", *both)


def test_the_errors_name_the_team(team: Team) -> None:
    create = ["token", "create", "--owner", "team:billing-ci", "--name", "CI"]
    assert "team:billing-ci can't give a token the scope no:such" in problem(
        *create, "--scope", "no:such"
    )
    User.objects.filter(pk=team.account_id).update(is_active=False)
    assert problem(*create).startswith("The account team:billing-ci is switched off")


@pytest.mark.parametrize(
    "arguments",
    [
        ("team", "create", "ci", "--member", OWNER),
        ("team", "list"),
        ("token", "create", "--owner", "team:billing-ci", "--name", "CI"),
        ("token", "list", "--owner", "team:billing-ci"),
    ],
)
def test_no_teams_here(owner: User, settings: Settings, arguments: tuple[str, ...]) -> None:
    settings.TOKENRY = {**settings.TOKENRY, "TEAM_USER": None}
    assert problem(*arguments) == NO_TEAMS
