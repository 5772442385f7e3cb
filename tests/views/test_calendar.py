"""GET /settings/tokens/calendar.ics and .../<identifier>/calendar.ics, read by two parsers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
import vobject
from django.test import Client
from django.utils import timezone
from icalendar import Calendar

from accounts.models import User
from tests.conftest import Issue, page_of
from tests.notifications.test_emails import HOSTILE
from tokens.core.text import one_line
from tokens.models import Token
from tokens.views import calendar

ALL = "/settings/tokens/calendar.ics"
METHODS = ["get", "head", "post", "put", "patch", "delete", "options"]


def path(token: Token) -> str:
    return f"{token.get_absolute_url()}calendar.ics"


def events(content: bytes) -> list[Any]:
    return list(Calendar.from_ical(content.decode()).walk("VEVENT"))


def test_one_token(issue: Issue, owner_client: Client) -> None:
    token, value = issue(
        name="CI, pipeline; \\n",
        environment="test",
        expires_at=datetime(2030, 2, 28, 9, 30, tzinfo=UTC),
    )
    response = owner_client.get(path(token))
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="{token.identifier}.ics"'
    assert "no-store" in response["Cache-Control"]
    (event,) = events(response.content)
    assert event["uid"] == f"{token.identifier}@localhost"
    assert event["summary"] == "API token “CI, pipeline; \\n” expires"
    assert event["dtstart"].dt == token.expires_at
    assert event["url"] == f"http://localhost:8000{token.get_absolute_url()}"
    assert [alarm["trigger"].dt for alarm in event.walk("VALARM")] == [
        timedelta(-7),
        timedelta(-1),
    ]
    assert [alarm["action"] for alarm in event.walk("VALARM")] == ["DISPLAY", "DISPLAY"]
    assert value[24:].encode() not in response.content
    assert token.digest.encode() not in response.content


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_in_two_parsers(issue: Issue, owner_client: Client, name: str) -> None:
    token, _ = issue(name=name)
    content = owner_client.get(path(token)).content
    summary = f"API token “{one_line(name)}” expires"
    (event,) = events(content)
    assert event["summary"] == summary
    assert "\u202e".encode() not in content
    lines = content.split(b"\r\n")
    assert lines[-1] == b""
    assert not any(b"\n" in line or b"\r" in line or len(line) > 75 for line in lines)
    other = vobject.readOne(content.decode()).vevent
    assert other.summary.value == summary
    assert other.uid.value == f"{token.identifier}@localhost"
    assert other.dtstart.value == token.expires_at.replace(microsecond=0)
    assert [alarm.trigger.value for alarm in other.valarm_list] == [timedelta(-7), timedelta(-1)]


def test_the_uid_stays(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    before = events(owner_client.get(path(token)).content)[0]["uid"]
    Token.objects.update(name="other", expires_at=timezone.now() + timedelta(5))
    assert events(owner_client.get(path(token)).content)[0]["uid"] == before


def test_a_change_makes_a_later_version(issue: Issue, owner_client: Client) -> None:
    """Calendars replace an event by one with a higher SEQUENCE (RFC 5545 section 3.8.7.4)."""
    made = datetime(2026, 11, 22, 12, tzinfo=UTC)
    with time_machine.travel(made, tick=False):
        token, _ = issue(expires_at=made + timedelta(30))
        (first,) = events(owner_client.get(path(token)).content)
    with time_machine.travel(made + timedelta(days=1), tick=False):
        Token.objects.renew(token, expires_at=made + timedelta(60), overlap=timedelta(hours=24))
        (second,) = events(owner_client.get(path(token)).content)
    assert (first["created"].dt, first["last-modified"].dt, first["sequence"]) == (made, made, 0)
    assert (second["created"].dt, second["last-modified"].dt) == (made, made + timedelta(days=1))
    assert second["sequence"] == 24 * 3600
    assert first["uid"] == second["uid"]
    assert second["dtstart"].dt == made + timedelta(days=2)


def test_each_event_has_an_end(issue: Issue, owner_client: Client) -> None:
    issue()
    for event in events(owner_client.get(ALL).content):
        assert event["dtend"].dt > event["dtstart"].dt


def test_all_of_them_are_one_query(
    issue: Issue, owner_client: Client, django_assert_num_queries: Any
) -> None:
    for _ in range(3):
        issue()
    with django_assert_num_queries(3):  # session, person, tokens
        owner_client.get(ALL)


def test_all_of_them(issue: Issue, owner_client: Client, teammate: User) -> None:
    issue(name="kept")
    issue(name="theirs", owner=teammate)
    issue(name="over", expires_at=timezone.now() - timedelta(1))
    issue(name="gone")[0].revoke()
    retiring, _ = issue(name="old")
    Token.objects.renew(
        retiring, expires_at=timezone.now() + timedelta(30), overlap=timedelta(hours=1)
    )
    response = owner_client.get(ALL)
    assert sorted(event["summary"] for event in events(response.content)) == [
        "API token “kept” expires",
        "API token “old” expires",
    ]
    assert len(vobject.readOne(response.content.decode()).vevent_list) == 2


def test_none_at_all(owner_client: Client) -> None:
    """A calendar without tokens is valid: it has a component (RFC 5545 section 3.4)."""
    content = owner_client.get(ALL).content
    assert events(content) == []
    (component,) = Calendar.from_ical(content.decode()).subcomponents
    assert component.name == "VTIMEZONE"
    assert b"METHOD" not in content  # which would promise an event (RFC 5546 section 3.2.1)
    assert vobject.readOne(content.decode()).vtimezone


@pytest.mark.parametrize(
    "changes", [{"revoked_at": timezone.now()}, {"expires_at": timezone.now()}]
)
def test_nothing_of_one_that_is_over(
    issue: Issue, owner_client: Client, changes: dict[str, Any]
) -> None:
    token, _ = issue()
    Token.objects.update(**changes)
    assert owner_client.get(path(token)).status_code == 404
    assert "Add to calendar" not in owner_client.get(token.get_absolute_url()).content.decode()


@pytest.mark.parametrize("method", METHODS)
def test_teammate(issue: Issue, teammate_client: Client, method: str) -> None:
    assert getattr(teammate_client, method)(path(issue()[0])).status_code == 404


@pytest.mark.parametrize("method", METHODS)
def test_stranger(issue: Issue, stranger_client: Client, method: str) -> None:
    for address in (path(issue()[0]), ALL):
        response = getattr(stranger_client, method)(address)
        assert (response.status_code, response["Location"]) == (
            302,
            f"/accounts/login/?next={address}",
        )


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_only_to_read(issue: Issue, owner_client: Client, method: str) -> None:
    for address in (path(issue()[0]), ALL):
        assert getattr(owner_client, method)(address).status_code == 405


def test_links(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    assert (
        f'href="{path(token)}">Add to calendar'
        in owner_client.get(token.get_absolute_url()).content.decode()
    )


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ([90], None),
        ([7.01], None),
        ([6.9], "1 token expires this week."),
        ([1, 6, 8], "2 tokens expire this week."),
        ([-1], None),
    ],
)
def test_banner(issue: Issue, owner_client: Client, days: list[float], words: str | None) -> None:
    for left in days:
        issue(expires_at=timezone.now() + timedelta(left))
    page = page_of(owner_client.get("/settings/tokens/"))
    assert ("this week." in page) == (words is not None)
    if words:
        assert words in page
        assert f'href="{ALL}">Add to calendar' in page
        assert 'href="/settings/tokens/?status=expiring">Review' in page


def test_many_tokens_are_those_that_expire_first(
    issue: Issue, owner_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendar, "MAX_CALENDAR_EVENTS", 2)
    for days in (3, 1, 2):
        issue(name=f"In {days}", expires_at=timezone.now() + timedelta(days=days))
    found = [event["summary"] for event in events(owner_client.get(ALL).content)]
    assert found == ["API token “In 1” expires", "API token “In 2” expires"]
