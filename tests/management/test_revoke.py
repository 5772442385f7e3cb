"""`manage.py token revoke`."""

import json

import pytest
import time_machine

from tests.conftest import Issue
from tests.management.test_issue import NOW, UNKNOWN, problem, run, written
from tests.records import program
from tokens.models import Token


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
    assert revocations == [
        ("revoked", each.identifier, "the command line") for each in (another, one)
    ]


def test_revoke_for_scripts(issue: Issue) -> None:
    token, _ = issue()
    for now in (True, False):
        facts = json.loads(run("revoke", token.identifier, "--json")[0])
        assert [(each["identifier"], each["status"], each["revoked_now"]) for each in facts] == [
            (token.identifier, "revoked", now)
        ]


def test_revoke_with_descendants(issue: Issue) -> None:
    maker, _ = issue()
    issue(actor=program(maker))
    said, _ = run("revoke", maker.identifier)
    assert "1 token made with it still works: --include-made revokes it too." in said
    (facts,) = json.loads(run("revoke", maker.identifier, "--include-made", "--json")[0])
    assert (facts["revoked_now"], facts["made_revoked"], facts["made_working"]) == (False, 1, 0)
    assert not Token.objects.active().exists()


def test_nothing_is_revoked_if_one_token_is_not_found(issue: Issue) -> None:
    token, _ = issue()
    assert problem("revoke", token.identifier, UNKNOWN) == (
        f"No token has the identifier {UNKNOWN}. An identifier is the first 24 characters of a "
        "token; `token list` shows all identifiers. Nothing was revoked."
    )
    token.refresh_from_db()
    assert token.revoked_at is None


@pytest.mark.parametrize("action", ["show", "renew", "revoke"])
def test_an_error_does_not_repeat_a_value(issue: Issue, action: str) -> None:
    token, value = issue()
    said = problem(action, value)
    assert said.startswith(
        "That is more than an identifier, and your shell may remember it. Give only the first 24"
    )
    assert token.identifier in said
    assert value[24:] not in said
    token.refresh_from_db()
    assert (token.revoked_at, token.renewed_at) == (None, None)


@pytest.mark.parametrize("place", [(), ("show", UNKNOWN), ("list",), ("create", "--json")])
def test_an_error_does_not_repeat_a_value_in_the_wrong_place(
    issue: Issue, place: tuple[str, ...]
) -> None:
    _, value = issue()
    said = problem(*place, value)
    assert said.startswith("Error: ")
    assert value[24:] not in said
