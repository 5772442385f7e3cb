"""“Whose is this?”: a pasted value, identifier or reference leads to the token."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client

from accounts.models import User
from tests.administration.conftest import OVERVIEW, change
from tests.conftest import Issue, page_of, signed_in
from tests.records import a_record
from tests.values import SECRET, token_value
from tokens.administration import whose
from tokens.administration.whose import find_whose
from tokens.models import Event, ForeignCredential, ImportedToken, RecentRequest, Source
from tokens.problems import problem
from tokens.token_settings import TokenSettings


@pytest.mark.parametrize(
    ("text", "words", "proven"),
    [
        ("{value}", whose.RIGHT_VALUE, True),
        ("Authorization: Bearer {value}", whose.RIGHT_VALUE, True),
        ('curl -H "Authorization: Bearer {value}" https://example.com', whose.RIGHT_VALUE, True),
        ("  {value}\n", whose.RIGHT_VALUE, True),
        ("{identifier}", whose.PUBLIC_BEGINNING, False),
        ("{identifier}•••••", whose.INCOMPLETE_VALUE, False),
        ("{value:.70}", whose.INCOMPLETE_VALUE, False),
        ("{wrong}", whose.WRONG_VALUE, False),
    ],
)
@pytest.mark.parametrize("state", ["active", "revoked"])
def test_a_token_is_found(issue: Issue, text: str, words: str, proven: bool, state: str) -> None:
    token, value = issue()
    if state == "revoked":
        token.revoke()
    wrong = token_value(letters=token.identifier[9:])
    answer = find_whose(text.format(value=value, identifier=token.identifier, wrong=wrong))
    assert (answer.token, answer.words, answer.is_proven) == (token, words, proven)


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        (token_value(), "No token here begins like this."),
        ("0123456789abcdef", "No stored request has this reference."),
        ("urn:tokenry:denial:0123456789abcdef", "No stored request has this reference."),
        ("Hello", "There is neither a token nor a reference"),
        ("expired_token", "There is neither a token nor a reference"),
    ],
)
def test_unknown(issue: Issue, admin_client: Client, text: str, beginning: str) -> None:
    issue()
    answer = admin_client.post(OVERVIEW, {"pasted": text})
    assert answer.status_code == 200
    assert answer.context["answer"].token is None
    assert answer.context["answer"].words.startswith(beginning)
    assert "Unknown here" in page_of(answer)


def test_a_reference(issue: Issue, admin_client: Client, recorded: Any) -> None:
    token, _ = issue(name="Deploy")
    refused = problem.address_not_allowed("192.0.2.1")
    recorded(a_record(token, datetime.now(UTC), "192.0.2.1", problem=refused))
    request = RecentRequest.objects.get()
    answer = admin_client.post(OVERVIEW, {"pasted": f"urn:tokenry:denial:{request.reference}"})
    assert answer.context["answer"].token == token
    page = page_of(answer)
    for words in (whose.BY_REFERENCE, "Deploy", "address_not_allowed", "from 192.0.2.1"):
        assert words in page


def test_the_old_value_of_an_imported_token(owner: User, token_settings: TokenSettings) -> None:
    token_settings.LEGACY_SCHEMES = ("Token",)
    value = "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b"
    token = ImportedToken.objects.add(
        ForeignCredential.of(value), owner=owner, source=Source.DRF_AUTHTOKEN, name="Old",
        environment="live", expires_at=datetime.now(UTC) + timedelta(days=9),
    )  # fmt: skip
    answer = find_whose(f"Token {value}")
    assert (answer.token, answer.is_proven) == (token, True)
    assert find_whose(f"{value[:-1]}0").token is None


def test_a_missing_pepper_proves_nothing(issue: Issue) -> None:
    token, value = issue()
    change(token, pepper=77)
    answer = find_whose(value)
    assert (answer.token, answer.words) == (token, whose.UNCHECKED_VALUE)
    assert not answer.is_proven


def test_what_the_answer_shows(issue: Issue, teammate: User, admin_client: Client) -> None:
    token, value = issue(owner=teammate, name="Deploy")
    used = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    change(token, last_used_at=used, last_used_address="203.0.113.7")
    User.objects.filter(pk=teammate.pk).update(is_active=False)
    page = page_of(admin_client.post(OVERVIEW, {"pasted": value}))
    for words in (
        "This is “<bdi>Deploy</bdi>” of <bdi>teammate@example.com</bdi>",
        ">Active<",
        "(switched off)",
        "24 Nov 2026, 09:30 UTC from 203.0.113.7",
        f'href="/admin/tokens/token/{token.pk}/change/"',
        f'href="/admin/accounts/user/{teammate.pk}/change/"',
        f'href="/admin/tokens/event/?token={token.identifier}"',
        f'href="/admin/tokens/token/{token.pk}/revoke/"',
    ):
        assert words in page, words


@pytest.mark.parametrize("text", [f"x{SECRET}", token_value(), "{value}", "{value:.60}"])
def test_the_text_is_nowhere_afterwards(
    issue: Issue, administrator: User, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    _, value = issue()
    text = text.format(value=value)
    secret = text[24:] or text
    client = signed_in(administrator)
    events = Event.objects.count()
    with caplog.at_level(logging.DEBUG):
        answer = client.post(OVERVIEW, {"pasted": text})
    assert answer.status_code == 200
    assert secret not in answer.content.decode()
    assert secret not in str(answer.headers)
    assert secret not in caplog.text
    assert "no-store" in answer["Cache-Control"]
    assert Event.objects.count() == events
    assert not LogEntry.objects.exists()
    assert secret not in str(list(Session.objects.values_list("session_data", flat=True)))
    assert secret not in str(dict(client.session))
    assert mail.outbox == []


def test_an_error_report_has_no_pasted_text(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(pasted: str) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("tokens.administration.tokens.find_whose", fail)
    admin_client.raise_request_exception = False
    answer = admin_client.post(OVERVIEW, {"pasted": "hunter2hunter2"})
    assert answer.status_code == 500
    assert "hunter2" not in answer.content.decode() + caplog.text


def test_nothing_is_read_from_the_address(issue: Issue, admin_client: Client) -> None:
    token, _ = issue()
    answer = admin_client.get(OVERVIEW, {"pasted": token.identifier})
    assert answer.context["answer"] is None


def test_an_empty_question(admin_client: Client) -> None:
    answer = admin_client.post(OVERVIEW, {"pasted": ""})
    assert answer.status_code == 422
    assert "Paste what was sent" in page_of(answer)


def test_a_question_needs_no_confirmation(issue: Issue, administrator: User) -> None:
    """A change would: the sign-in was an hour ago."""
    token, _ = issue()
    client = signed_in(administrator, seconds_ago=3600)
    assert client.post(OVERVIEW, {"pasted": token.identifier}).status_code == 200
    assert client.post("/admin/tokens/token/", {"action": "revoke"}).status_code == 302
