"""Files of all tokens and of all events: filtered, in batches, harmless, without secrets."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.administration.conftest import EVENTS, TOKENS, change
from tests.conftest import Issue, page_of
from tokens.administration import lists
from tokens.audit import log
from tokens.audit.export import safe_cell
from tokens.models import Event, ForeignCredential, ImportedToken, Source

FORMULA = '=HYPERLINK("https://example.org","click")\u202e'
NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)


def rows(answer: Any, form: str) -> list[dict[str, str]]:
    assert isinstance(answer, StreamingHttpResponse)
    text = answer.getvalue().decode("utf-8-sig")
    if form == "jsonl":
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_tokens(issue: Issue, teammate: User, auditor_client: Client, form: str) -> None:
    token, value = issue(name=FORMULA, scopes=["tokens:read"], description="x")
    change(token, last_used_at=NOON, last_used_address="192.0.2.1", created_at=NOON)
    ImportedToken.objects.add(
        ForeignCredential.of("a" * 40), owner=teammate, source=Source.KNOX, name="Old",
        environment="test", expires_at=NOON + timedelta(days=900),
    )  # fmt: skip
    User.objects.filter(pk=teammate.pk).update(is_active=False)
    answer = auditor_client.get(f"{TOKENS}export.{form}")
    assert answer["Content-Disposition"].startswith('attachment; filename="tokens-20')
    assert "no-store" in answer["Cache-Control"]
    old, first = rows(answer, form)
    assert first["name"] == (safe_cell(FORMULA) if form == "csv" else FORMULA)
    assert {key: first[key] for key in ("token", "owner", "status", "scopes", "created")} == {
        "token": token.identifier,
        "owner": "owner@example.com",
        "status": "active",
        "scopes": "tokens:read",
        "created": "2026-11-10T12:00:00.000000Z",
    }
    assert (old["imported_from"], old["owner_is_active"]) == ("knox", "no")
    text = auditor_client.get(f"{TOKENS}export.{form}").getvalue().decode()
    for secret in (value[24:], token.digest, old["token"] and "a" * 40):
        assert secret not in text


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["third c", "b", "a"]),
        ("?status=revoked", ["b"]),
        ("?q=third", ["third c"]),
        ("?scope=tokens:read", ["a"]),
        ("?scopes=none&status=working", ["third c"]),
        ("?o=1", ["third c", "b", "a"]),
    ],
)
def test_a_file_has_what_is_filtered(
    issue: Issue, admin_client: Client, query: str, names: list[str]
) -> None:
    issue(name="a", scopes=["tokens:read"])
    issue(name="b")[0].revoke()
    issue(name="third c")
    page = admin_client.get(TOKENS + query)
    assert f'href="{TOKENS}export.csv' in page.content.decode()
    found = rows(admin_client.get(f"{TOKENS}export.jsonl{query}"), "jsonl")
    assert [row["name"] for row in found] == names
    assert page.context["cl"].result_count == len(names)


@pytest.mark.parametrize("path", [TOKENS, EVENTS])
def test_a_long_list_counts_nothing_beside_its_filters(
    issue: Issue, admin_client: Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    issue()
    issue()
    for most, counts in ((2, True), (1, False)):
        monkeypatch.setattr(lists, "MAX_COUNTED_ROWS", most)
        assert ("Show counts" in page_of(admin_client.get(path))) is counts
        page = page_of(admin_client.get(f"{path}?_facets=True"))
        assert ("Hide counts" in page, "Any date (2)" in page) == (counts, counts)


def test_a_wrong_filter_leads_back(admin_client: Client) -> None:
    answer = admin_client.get(f"{TOKENS}export.csv?created_at__gte=x")
    assert (answer.status_code, answer["Location"]) == (302, f"{TOKENS}?e=1")


def test_a_file_is_only_read(admin_client: Client) -> None:
    assert admin_client.post(f"{TOKENS}export.csv").status_code == 405


def test_a_filter_that_is_not_offered(admin_client: Client) -> None:
    assert admin_client.get(f"{TOKENS}export.csv?digest__startswith=a").status_code == 400


@pytest.mark.parametrize("path", [TOKENS, EVENTS])
def test_in_batches(
    issue: Issue,
    admin_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: DjangoAssertNumQueries,
    path: str,
) -> None:
    for _ in range(5):
        issue()
    monkeypatch.setattr(log, "EXPORT_BATCH", 2)
    answer = admin_client.get(f"{path}export.jsonl")
    with django_assert_num_queries(4):  # batches of 2, 2, 1 and 0 rows
        assert len(rows(answer, "jsonl")) == 5


def test_a_file_has_a_maximum(
    issue: Issue, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        issue(name=name)
    assert "A file has the newest" not in page_of(admin_client.get(TOKENS))
    monkeypatch.setattr(log, "MAX_EXPORTED", 2)
    monkeypatch.setattr("tokens.administration.lists.MAX_EXPORTED", 2)
    found = rows(admin_client.get(f"{TOKENS}export.jsonl"), "jsonl")
    assert [row["name"] for row in found] == ["c", "b"]
    assert "A file has the newest 2 rows." in page_of(admin_client.get(TOKENS))


def test_events(issue: Issue, teammate: User, administrator: User, admin_client: Client) -> None:
    issue(name=FORMULA)
    theirs, _ = issue(owner=teammate)
    chosen = {"action": "revoke", "_selected_action": [theirs.pk], "confirmed": "yes"}
    admin_client.post(TOKENS, chosen, headers={"User-Agent": "Firefox"})
    revoked, *others, created = rows(admin_client.get(f"{EVENTS}export.csv"), "csv")
    assert (revoked["event"], revoked["owner"], revoked["actor"], revoked["address"]) == (
        "revoked", "teammate@example.com", "boss@example.com", "127.0.0.1",
    )  # fmt: skip
    assert revoked["user_agent"] == "Firefox"
    assert created["token_name"] == safe_cell(FORMULA)
    assert created["actor"] == "the command line"
    assert len(others) == 1


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 4),
        ("?owner=owner@example.com", 2),
        ("?owner=owner@example.co", 0),
        ("?actor=boss@example.com", 1),
        ("?address=192.0.2.1", 1),
        ("?token={token}", 2),
        ("?since=2026-11-11", 3),
        ("?until=2026-11-10", 1),
        ("?since=2026-11-10&until=2026-11-10", 1),
        ("?kind__exact=signed_in", 1),
        ("?kind__exact=created&owner=owner@example.com", 1),
        ("?since=2026-11-12&until=2026-11-10", 0),
        ("?address=nonsense", 0),
        ("?token=short", 0),
        ("?since=yesterday", 0),
    ],
)
def test_filters_of_events(
    issue: Issue, teammate: User, everybody: dict[str, Client], query: str, count: int
) -> None:
    administrator = User.objects.get(email="boss@example.com")
    token, _ = issue()
    Event._base_manager.update(at=NOON)
    token.revoke(None)
    Event.objects.create(kind="created", owner=teammate, address="192.0.2.1", user_agent="x")
    Event.objects.create(kind="signed_in", owner=teammate, actor=administrator, user_agent="")
    query = query.format(token=token.identifier)
    client = everybody["auditor"]
    answer = client.get(EVENTS + query)
    assert answer.context["cl"].result_count == count
    assert len(rows(client.get(f"{EVENTS}export.jsonl{query}"), "jsonl")) == count


def test_a_wrong_filter_of_events_says_so(admin_client: Client) -> None:
    page = page_of(admin_client.get(f"{EVENTS}?token=short&since=x&until=2026-11-10"))
    assert "Write the first 24 characters." in page
    assert "Write a date like 2026-11-24." in page
    assert 'maxlength="24"' in page


def test_the_form_keeps_other_filters(admin_client: Client) -> None:
    page = page_of(admin_client.get(f"{EVENTS}?kind__exact=created&q=a&owner=b"))
    form = page.split('class="details-filter"')[1].split("</form>")[0]
    assert '<input type="hidden" name="kind__exact" value="created">' in form
    assert '<input type="hidden" name="q" value="a">' in form
    assert form.count('name="owner"') == 1
