"""`manage.py token revoke --pepper N`."""

import json
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue
from tests.management.test_issue import problem, run, written
from tokens.management import by_pepper
from tokens.models import Notification, Token
from tokens.notifications.outbox import send_event_mails
from tokens.token_settings import TokenSettings

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Terminal(StringIO):
    """Standard input on a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def leaked(issue: Issue, teammate: User) -> set[str]:
    """Return the identifiers of three active tokens that use pepper 7.

    Other tokens have ended or use another pepper.
    """
    tokens = [issue()[0], issue()[0], issue(owner=teammate)[0], issue()[0], issue()[0]]
    revoked, expired = tokens[3:]
    revoked.revoke()
    Token.objects.filter(pk=expired.pk).update(expires_at=LONG_AGO)
    Token.objects.update(pepper=7)
    issue(name="by another pepper")
    return {token.identifier for token in tokens[:3]}


def revoked() -> set[str]:
    """Return the identifiers of the tokens that were revoked on the command line."""
    return {
        identifier
        for kind, identifier, who in written()
        if (kind, who) == ("revoked", "the command line")
    }


def test_each_token_is_revoked_with_an_event(
    leaked: set[str], monkeypatch: pytest.MonkeyPatch, token_settings: TokenSettings
) -> None:
    assert 7 not in token_settings.PEPPERS  # revoking does not need the pepper
    monkeypatch.setattr(by_pepper, "BATCH_OF_TOKENS", 1)
    before = revoked()
    out, err = run("revoke", "--pepper", "7", "--yes")
    assert out == (
        "3 tokens are revoked: requests with them fail now. Each owner is told in the next mail.\n"
    )
    assert err == ""
    assert revoked() - before == leaked
    assert Token.objects.active().get().name == "by another pepper"


@pytest.mark.django_db(transaction=True)  # notifications are made after the commit
def test_an_owner_is_told_in_one_mail(leaked: set[str]) -> None:
    Notification.objects.all().delete()
    run("revoke", "--pepper", "7", "--yes")
    send_event_mails(timezone.now())
    assert sorted(message.to[0] for message in mail.outbox) == [
        "owner@example.com",
        "teammate@example.com",
    ]


def test_for_scripts(leaked: set[str]) -> None:
    assert json.loads(run("revoke", "--pepper", "7", "--yes", "--json")[0]) == {
        "pepper": 7,
        "revoked": 3,
    }


def test_it_asks_on_a_terminal(
    leaked: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for answer in ("y\n", "\n", ""):
        monkeypatch.setattr("sys.stdin", Terminal(answer))
        assert problem("revoke", "--pepper", "7") == "Nothing was revoked."
        assert capsys.readouterr().err == (
            "This revokes 3 tokens of 2 people for good: requests with them fail from then on. "
            "Type yes to go on: "
        )
    assert Token.objects.active().count() == 4
    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    assert run("revoke", "--pepper", "7")[0].startswith("3 tokens are revoked")
    assert Token.objects.active().count() == 1


@pytest.mark.parametrize("stdin", [StringIO("yes\n"), None], ids=["a pipe", "closed"])
def test_without_a_terminal_it_wants_yes(
    leaked: set[str], monkeypatch: pytest.MonkeyPatch, stdin: Any
) -> None:
    monkeypatch.setattr("sys.stdin", stdin)
    assert problem("revoke", "--pepper", "7").endswith(
        "Add --yes to go on without a question. Nothing was revoked."
    )
    assert Token.objects.active().count() == 4


def test_it_says_what_else_to_know(
    issue: Issue, token_settings: TokenSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue()
    monkeypatch.setattr("sys.stdin", StringIO())
    new = "New tokens use this pepper too, until TOKEN_PEPPER_CURRENT names another pepper. "
    moved = (
        "Tokens that were used since TOKEN_PEPPER_CURRENT became 2 moved to that pepper, and are "
        "not revoked. "
    )
    assert new in problem("revoke", "--pepper", "1")
    token_settings.PEPPERS = {**token_settings.PEPPERS, 2: "q" * 40}
    token_settings.PEPPER_CURRENT = 2
    assert moved in problem("revoke", "--pepper", "1")


def test_wrong_arguments(leaked: set[str]) -> None:
    assert problem("revoke", "--pepper", "8", "--yes") == (
        "No working token uses pepper 8. "
        "`manage.py rehash_report` counts the tokens of each pepper."
    )
    one_of_two = "Give either identifiers of tokens, or --pepper with a number."
    assert problem("revoke") == problem("revoke", "x" * 24, "--pepper", "7") == one_of_two
    assert problem("revoke", "--pepper", "7", "--include-made") == (
        "--include-made goes with identifiers, not with --pepper."
    )
    for wrong in ("0", "x", "1:abc", "10000", "9" * 30):
        assert "argument --pepper: it takes the number of a pepper, from 1 to 9999." in problem(
            "revoke", "--pepper", wrong
        )
    assert Token.objects.active().count() == 4
