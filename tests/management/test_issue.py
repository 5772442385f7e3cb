"""`manage.py token create` and `renew`."""

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

from accounts.models import User
from tests.conftest import Issue, bearer
from tests.values import token_value
from tokens.models import Event, Scope, Token
from tokens.token_settings import TokenSettings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CREATE = ("create", "--user", "owner@example.com", "--name", "CI")
SCOPES = "tokens:introspect, tokens:read, tokens:renew, tokens:write"
UNKNOWN = "tkn_live_" + "0" * 15
WARNING = "Keep the value: you won't be able to see it again."


def run(*arguments: str) -> tuple[str, str]:
    """Run the command. Return what it prints on standard output and on standard error."""
    out, err = StringIO(), StringIO()
    call_command("token", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def problem(*arguments: str) -> str:
    """Run a command that fails. Return the error, which is one line and the only output."""
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError) as failed:
        call_command("token", *arguments, stdout=out, stderr=err)
    assert (failed.value.returncode, out.getvalue(), err.getvalue()) == (1, "", "")
    assert len(str(failed.value).splitlines()) == 1
    return str(failed.value)


def written() -> list[tuple[str, str, str]]:
    """Return the events, oldest first."""
    return [(event.kind, event.identifier, event.who) for event in reversed(Event.objects.all())]


@time_machine.travel(NOW, tick=False)
def test_create(owner: User) -> None:
    out, note = run(*CREATE)
    token = Token.objects.get()
    value = out.removesuffix("\n")
    assert token.is_proven_by(value)
    assert note == (
        f"Created {token.identifier}, “CI” of owner@example.com, for Production, "
        f"until 2027-02-20 12:00:00 UTC.\n{WARNING}\n"
    )
    assert (token.owner, token.environment, token.description) == (owner, "live", "")
    assert (token.scopes, token.allowed_addresses) == ([], [])
    assert written() == [("created", token.identifier, "the command line")]


@time_machine.travel(NOW, tick=False)
def test_create_with_everything(owner: User) -> None:
    out, note = run(
        *CREATE, "--environment", "dev", "--expires", "6m",
        "--scope", "tokens:renew", "tokens:read", "--scope", "tokens:read",
        "--address", "203.0.113.7", "--address", "10.0.0.0/8",
        "--description", "Nightly", "--json",
    )  # fmt: skip
    facts: dict[str, Any] = json.loads(out)
    value = facts.pop("token")
    token = Token.objects.get()
    assert note == ""
    assert token.is_proven_by(value)
    assert facts == {
        "identifier": value[:24], "name": "CI", "description": "Nightly", "environment": "dev",
        "scopes": ["tokens:read", "tokens:renew"], "pending_scopes": [],
        "allowed_addresses": ["203.0.113.7/32", "10.0.0.0/8"],
        "rate_limit": "1000/hour", "status": "active", "created_at": "2026-11-22T12:00:00Z",
        "expires_at": "2027-05-22T12:00:00Z", "last_used_at": None, "owner_leaves_at": None,
        "owner": {"id": owner.pk, "email": "owner@example.com"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            ["--user", "nobody@example.com"],
            "No account has the email nobody@example.com. Administration lists all accounts.",
        ),
        (["--expires", "5d"], "--expires is “5d”; it takes 30d, 90d, 6m, 1y or 4y."),
        (["--expires", ""], "--expires is “”; it takes 30d, 90d, 6m, 1y or 4y."),
        (["--environment", "prod"], "--environment is “prod”; it takes live, test or dev."),
        (
            ["--scope", "no:such", "tokens:read", "--scope", "nor:this"],
            "owner@example.com can't give a token the scope no:such or nor:this. "
            f"Scopes to choose from: {SCOPES}.",
        ),
        (
            ["--address", "10.0.0.5/8"],
            "--address: 10.0.0.5/8 has host bits: did you mean 10.0.0.0/8?",
        ),
        (
            ["--name", " "],
            "--name: Give the token a name that you recognise, for example “Production API”.",
        ),
        (["--name", "a\nb"], "--name: This is one line of text, without control characters."),
        (
            ["--name", "n" * 101],
            "--name: Ensure this value has at most 100 characters (it has 101).",
        ),
        (["--name", "\udcff"], "What was typed is not all valid UTF-8."),
        (
            ["--description", token_value()],
            "--description: This looks like a token's value. "
            "Revoke that token if it is one, and try again.",
        ),
    ],
)
def test_create_refuses(owner: User, changes: list[str], words: str) -> None:
    assert problem(*CREATE, *changes) == words
    assert not Token.objects.exists()


def test_scopes_of_other_groups(owner: User) -> None:
    Scope.objects.create(
        name="reports:read", words="Read", group=Group.objects.create(name="Analysts")
    )
    assert problem(*CREATE, "--scope", "reports:read").endswith(
        f"the scope reports:read. Scopes to choose from: {SCOPES}."
    )
    owner.groups.add(Group.objects.get(name="Analysts"))
    assert Token.objects.get(
        identifier=run(*CREATE, "--scope", "reports:read")[0][:24]
    ).scopes == ["reports:read"]


def test_limits_of_the_installation(issue: Issue, token_settings: TokenSettings) -> None:
    token, _ = issue()
    token_settings.MAX_TOKENS_PER_USER = 1
    full = "owner@example.com has 1 active token, the most allowed. Revoke one first."
    assert problem(*CREATE) == full
    run("renew", token.identifier, "--overlap", "now")  # replaces the old token
    token_settings.MAX_TOKENS_PER_USER = 100
    token_settings.MAX_TOKEN_LIFETIME_DAYS = 40
    too_long = (
        "Tokens live for 40 days at most here. Choose a shorter expiration. --expires takes 30d."
    )
    for asked in ([*CREATE, "--expires", "90d"], ["renew", token.identifier, "--expires", "1y"]):
        assert problem(*asked) == too_long
    assert (
        json.loads(run(*CREATE, "--json")[0])["expires_at"]
        < (timezone.now() + timedelta(31)).isoformat()
    )
    token_settings.ENVIRONMENT = "test"
    assert run(*CREATE)[0].startswith("tkn_test_")
    assert problem(*CREATE, "--environment", "live") == "--environment is “live”; it takes test."


def test_renewing_needs_room(issue: Issue, token_settings: TokenSettings) -> None:
    token, _ = issue(expires_at=timezone.now())
    issue()
    token_settings.MAX_TOKENS_PER_USER = 1
    assert problem("renew", token.identifier) == (
        "owner@example.com has 1 active token, the most allowed. Revoke one first."
    )


def test_an_account_that_is_switched_off(issue: Issue, owner: User) -> None:
    token, _ = issue()
    owner.is_active = False
    owner.save()
    off = (
        "The account owner@example.com is switched off, so its tokens are refused. "
        "Switch it on first."
    )
    assert problem(*CREATE) == problem("renew", token.identifier) == off
    run("revoke", token.identifier)


@time_machine.travel(NOW, tick=False)
def test_renew(issue: Issue) -> None:
    old, old_value = issue(
        description="Nightly", scopes=["tokens:read"], allowed_addresses=["127.0.0.0/8"]
    )
    out, note = run("renew", old.identifier)
    new = Token.objects.get(renewed_from=old)
    value = out.removesuffix("\n")
    assert new.is_proven_by(value)
    assert note == (
        f"Renewed {old.identifier}, which works until 2026-11-23 12:00:00 UTC.\n"
        f"The new token is {new.identifier}, “Production API” of owner@example.com, for "
        f"Production, until 2027-02-20 12:00:00 UTC.\n{WARNING}\n"
    )
    assert (new.description, new.scopes, new.allowed_addresses) == (
        "Nightly",
        ["tokens:read"],
        ["127.0.0.0/8"],
    )
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
    assert (facts["identifier"], facts["expires_at"]) == (
        facts["token"][:24],
        "2027-11-22T12:00:00Z",
    )
    old.refresh_from_db()
    assert old.expires_at == NOW + timedelta(days=7)


@pytest.mark.parametrize(("left", "overlap"), [(timedelta(days=1), "now"), (timedelta(0), "24h")])
def test_renew_without_an_overlap(issue: Issue, left: timedelta, overlap: str) -> None:
    old, _ = issue(expires_at=timezone.now() + left)
    _, note = run("renew", old.identifier, "--overlap", overlap)
    assert note.startswith(f"Renewed {old.identifier}, which no longer works.\n")


def test_renew_refuses(issue: Issue) -> None:
    revoked, old = issue()[0], issue()[0]
    revoked.revoke()
    assert problem("renew", revoked.identifier) == (
        f"{revoked.identifier} is revoked, which can't be undone. Create another token."
    )
    assert (
        problem("renew", old.identifier, "--overlap", "2h")
        == "--overlap is “2h”; it takes now, 1h, 24h or 7d."
    )
    assert (
        problem("renew", old.identifier, "--expires", "2h")
        == "--expires is “2h”; it takes 30d, 90d, 6m, 1y or 4y."
    )
    new = run("renew", old.identifier)[0][:24]
    assert problem("renew", old.identifier) == (
        f"{old.identifier} was renewed already: {new} replaces it. Renew {new}. If the value of "
        f"that token was lost, revoke that token, and renew {old.identifier} again."
    )
    run("revoke", new)
    run("renew", old.identifier)
