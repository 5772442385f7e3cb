"""manage.py token create, renew and revoke"""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from tests.conftest import Issue, bearer, program
from tests.values import token_value
from tokens.models import Event, Scope, Token

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CREATE = ("create", "--user", "owner@example.com", "--name", "CI")
SCOPES = "tokens:introspect, tokens:read, tokens:renew, tokens:write"
UNKNOWN = "tkn_live_" + "0" * 15
WARNING = "Keep the value: you won't be able to see it again."


def run(*arguments: str) -> tuple[str, str]:
    """What it prints on standard output and on standard error."""
    out, err = StringIO(), StringIO()
    call_command("token", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def fault(*arguments: str) -> str:
    """Why it fails, in one line, having printed nothing else."""
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError) as failed:
        call_command("token", *arguments, stdout=out, stderr=err)
    assert (failed.value.returncode, out.getvalue(), err.getvalue()) == (1, "", "")
    assert len(str(failed.value).splitlines()) == 1
    return str(failed.value)


def written() -> list[tuple[str, str, str]]:
    """The events, the oldest first."""
    return [(event.kind, event.identifier, event.who) for event in reversed(Event.objects.all())]


@time_machine.travel(NOW, tick=False)
def test_create(owner: User) -> None:
    out, note = run(*CREATE)
    token = Token.objects.get()
    value = out.removesuffix("\n")
    assert token.is_proven_by(value)
    assert note == (
        f"Created {token.identifier}, “CI” of owner@example.com, for Production, until 2027-02-20 12:00:00 UTC.\n"
        f"{WARNING}\n"
    )
    assert (token.owner, token.environment, token.description) == (owner, "live", "")
    assert (token.scopes, token.allowed_addresses) == ([], [])
    assert written() == [("created", token.identifier, "the command line")]


@time_machine.travel(NOW, tick=False)
def test_create_with_everything(owner: User) -> None:
    out, note = run(
        *CREATE, "--environment", "dev", "--expires", "6m", "--scope", "tokens:renew", "tokens:read",
        "--scope", "tokens:read", "--address", "203.0.113.7", "--address", "10.0.0.0/8", "--description", "Nightly",
        "--json",
    )  # fmt: skip
    facts: dict[str, Any] = json.loads(out)
    value = facts.pop("token")
    token = Token.objects.get()
    assert note == ""
    assert token.is_proven_by(value)
    assert facts == {
        "identifier": value[:24], "name": "CI", "description": "Nightly", "environment": "dev",
        "scopes": ["tokens:read", "tokens:renew"], "allowed_addresses": ["203.0.113.7/32", "10.0.0.0/8"],
        "rate_limit": "1000/hour", "status": "active", "created_at": "2026-11-22T12:00:00Z",
        "expires_at": "2027-05-22T12:00:00Z", "last_used_at": None,
        "owner": {"id": owner.pk, "email": "owner@example.com"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            ["--user", "nobody@example.com"],
            "No account has the address nobody@example.com. Administration lists and invites people.",
        ),
        (["--expires", "5d"], "--expires is “5d”; it takes 30d, 90d, 6m, 1y or 4y."),
        (["--expires", ""], "--expires is “”; it takes 30d, 90d, 6m, 1y or 4y."),
        (["--environment", "prod"], "--environment is “prod”; it takes live, test or dev."),
        (
            ["--scope", "no:such", "tokens:read", "--scope", "nor:this"],
            f"owner@example.com can't give a token the scope no:such or nor:this. Those to choose from: {SCOPES}.",
        ),
        (["--address", "10.0.0.5/8"], "--address: 10.0.0.5/8 has host bits: did you mean 10.0.0.0/8?"),
        (["--name", " "], "--name: Give the token a name, so that you know it again: “Production API”, say."),
        (["--name", "a\nb"], "--name: This is one line of text, without control characters."),
        (["--name", "n" * 101], "--name: Ensure this value has at most 100 characters (it has 101)."),
        (["--name", "\udcff"], "What was typed is not all valid UTF-8."),
        (
            ["--description", token_value()],
            "--description: This looks like a token's value. Revoke that token if it is one, and try again.",
        ),
    ],
)
def test_create_refuses(owner: User, changes: list[str], words: str) -> None:
    assert fault(*CREATE, *changes) == words
    assert not Token.objects.exists()


def test_scopes_of_other_groups(owner: User) -> None:
    Scope.objects.create(name="reports:read", words="Read", group=Group.objects.create(name="Analysts"))
    assert fault(*CREATE, "--scope", "reports:read").endswith(
        f"the scope reports:read. Those to choose from: {SCOPES}."
    )
    owner.groups.add(Group.objects.get())
    assert Token.objects.get(identifier=run(*CREATE, "--scope", "reports:read")[0][:24]).scopes == ["reports:read"]


def test_limits_of_the_installation(issue: Issue, settings: Settings) -> None:
    token, _ = issue()
    settings.MAX_TOKENS_PER_USER = 1
    full = "owner@example.com has 1 active token, the most allowed. Revoke one first."
    assert fault(*CREATE) == full
    run("renew", token.identifier, "--overlap", "now")  # takes the place of the old one
    settings.MAX_TOKENS_PER_USER = 100
    settings.MAX_TOKEN_LIFETIME_DAYS = 40
    most = "Tokens live for 40 days at most here. Choose a shorter expiration. --expires takes 30d."
    for asked in ([*CREATE, "--expires", "90d"], ["renew", token.identifier, "--expires", "1y"]):
        assert fault(*asked) == most
    assert json.loads(run(*CREATE, "--json")[0])["expires_at"] < (timezone.now() + timedelta(31)).isoformat()
    settings.TOKEN_ENVIRONMENT = "test"
    assert run(*CREATE)[0].startswith("tkn_test_")
    assert fault(*CREATE, "--environment", "live") == "--environment is “live”; it takes test."


def test_renewing_needs_room(issue: Issue, settings: Settings) -> None:
    token, _ = issue(expires_at=timezone.now())
    issue()
    settings.MAX_TOKENS_PER_USER = 1
    assert fault("renew", token.identifier) == (
        "owner@example.com has 1 active token, the most allowed. Revoke one first."
    )


def test_an_account_that_is_switched_off(issue: Issue, owner: User) -> None:
    token, _ = issue()
    owner.is_active = False
    owner.save()
    off = "The account owner@example.com is switched off, so its tokens are refused. Switch it on first."
    assert fault(*CREATE) == fault("renew", token.identifier) == off
    run("revoke", token.identifier)


@time_machine.travel(NOW, tick=False)
def test_renew(issue: Issue) -> None:
    old, old_value = issue(description="Nightly", scopes=["tokens:read"], allowed_addresses=["127.0.0.0/8"])
    out, note = run("renew", old.identifier)
    new = Token.objects.get(renewed_from=old)
    value = out.removesuffix("\n")
    assert new.is_proven_by(value)
    assert note == (
        f"Renewed {old.identifier}, which works until 2026-11-23 12:00:00 UTC.\n"
        f"The new one is {new.identifier}, “Production API” of owner@example.com, for Production, "
        f"until 2027-02-20 12:00:00 UTC.\n{WARNING}\n"
    )
    assert (new.description, new.scopes, new.allowed_addresses) == ("Nightly", ["tokens:read"], ["127.0.0.0/8"])
    assert written()[1:] == [("renewed", old.identifier, "the command line")]
    for each in (old_value, value):
        assert Client().get("/api/v1/token", headers=bearer(each)).status_code == 200


@time_machine.travel(NOW, tick=False)
def test_renew_with_everything(issue: Issue) -> None:
    old, _ = issue()
    out, note = run("renew", old.identifier, "--expires", "1y", "--overlap", "7d", "--json")
    facts: dict[str, Any] = json.loads(out)
    assert note == ""
    assert Token.objects.get(renewed_from=old).is_proven_by(facts["token"])
    assert (facts["identifier"], facts["expires_at"]) == (facts["token"][:24], "2027-11-22T12:00:00Z")
    old.refresh_from_db()
    assert old.expires_at == NOW + timedelta(days=7)


@pytest.mark.parametrize(("left", "overlap"), [(timedelta(days=1), "now"), (timedelta(0), "24h")])
def test_renew_without_an_overlap(issue: Issue, left: timedelta, overlap: str) -> None:
    old, _ = issue(expires_at=timezone.now() + left)
    _, note = run("renew", old.identifier, "--overlap", overlap)
    assert note.startswith(f"Renewed {old.identifier}, which does not work any more.\n")


def test_renew_refuses(issue: Issue) -> None:
    revoked, old = issue()[0], issue()[0]
    revoked.revoke()
    assert fault("renew", revoked.identifier) == (
        f"{revoked.identifier} is revoked, which nothing undoes. Create another token."
    )
    assert fault("renew", old.identifier, "--overlap", "2h") == "--overlap is “2h”; it takes now, 1h, 24h or 7d."
    assert fault("renew", old.identifier, "--expires", "2h") == "--expires is “2h”; it takes 30d, 90d, 6m, 1y or 4y."
    new = run("renew", old.identifier)[0][:24]
    assert fault("renew", old.identifier) == (
        f"{old.identifier} was renewed already, by {new}. Renew that one; or, if its value was lost, revoke it and "
        "renew this one again."
    )
    run("revoke", new)
    run("renew", old.identifier)


@time_machine.travel(NOW, tick=False)
def test_revoke(issue: Issue) -> None:
    one, another = issue()[0], issue()[0]
    another.revoke()
    assert run("revoke", one.identifier, another.identifier, one.identifier) == (
        f"{one.identifier} is revoked: requests with it fail from now on.\n"
        f"{another.identifier} was revoked already, on 2026-11-22 12:00:00 UTC.\n",
        "",
    )
    revocations = [event for event in written() if event[0] == "revoked"]
    assert revocations == [("revoked", each.identifier, "the command line") for each in (another, one)]


def test_revoke_for_scripts(issue: Issue) -> None:
    token, _ = issue()
    for now in (True, False):
        facts = json.loads(run("revoke", token.identifier, "--json")[0])
        assert [(each["identifier"], each["status"], each["revoked_now"]) for each in facts] == [
            (token.identifier, "revoked", now)
        ]


def test_revoke_with_what_was_made_with_it(issue: Issue) -> None:
    maker, _ = issue()
    issue(request=program(maker))
    said, _ = run("revoke", maker.identifier)
    assert "1 token made with it still works: --include-made revokes it too." in said
    (facts,) = json.loads(run("revoke", maker.identifier, "--include-made", "--json")[0])
    assert (facts["revoked_now"], facts["made_revoked"], facts["made_working"]) == (False, 1, 0)
    assert not Token.objects.active().exists()


def test_one_that_is_missing_saves_the_others(issue: Issue) -> None:
    token, _ = issue()
    assert fault("revoke", token.identifier, UNKNOWN) == (
        f"No token has the identifier {UNKNOWN}. It is a token's first 24 characters; `token list` shows them all. "
        "Nothing was revoked."
    )
    token.refresh_from_db()
    assert token.revoked_at is None


@pytest.mark.parametrize("action", ["show", "renew", "revoke"])
def test_a_whole_token_comes_back_nowhere(issue: Issue, action: str) -> None:
    token, value = issue()
    said = fault(action, value)
    assert said.startswith("That is more than an identifier, and your shell may remember it. Give the first 24")
    assert token.identifier in said
    assert value[24:] not in said
    token.refresh_from_db()
    assert (token.revoked_at, token.renewed_at) == (None, None)


@pytest.mark.parametrize("place", [(), ("show", UNKNOWN), ("list",), ("create", "--json")])
def test_nor_from_the_wrong_place(issue: Issue, place: tuple[str, ...]) -> None:
    _, value = issue()
    said = fault(*place, value)
    assert said.startswith("Error: ")
    assert value[24:] not in said
