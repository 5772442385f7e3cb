"""GET /settings/activity/"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.conftest import Issue, page_of, signed_in
from tokens.models import AccountKind, Event

PATH = "/settings/activity/"
HTMX = {"HX-Request": "true", "HX-Target": "activity"}
NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)


def shown(client: Client, query: str = "") -> list[Any]:
    """Return the kinds of the events on the page."""
    response = client.get(PATH + query)
    assert response.status_code == 200, response.context["activity"].form.errors
    return [event.kind for event in response.context["activity"].page.events]


def test_owner(issue: Issue, owner: User) -> None:
    with time_machine.travel(NOON, tick=False):
        token, value = issue(name="Deploy")
        signed_in(owner).post(
            f"{token.get_absolute_url()}revoke/", headers={"User-Agent": "Firefox"}
        )
        page = page_of(signed_in(owner).get(PATH))
    for words in (
        "Revoked",
        "Created",
        "Deploy",
        token.identifier,
        "by you",
        "by the command line",
        "127.0.0.1",
        "Firefox",
        "<h2>Today</h2>",
        '"10 Nov 2026, 12:00:00 UTC">12:00:00 UTC</time>',
    ):
        assert words in page
    assert page.index('Revoked <a href="') < page.index('Created <a href="')
    assert "Only this token" in page
    assert value[24:] not in page


def test_an_export_is_named_after_the_persons_day(owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(time_zone="Asia/Tokyo")
    with time_machine.travel(datetime(2026, 11, 28, 17, 15, tzinfo=UTC)):  # the 29th in Tokyo
        file = signed_in(owner).get(f"{PATH}export.csv")
    assert 'filename="activity-2026-11-29.csv"' in file["Content-Disposition"]


def test_what_a_change_was(issue: Issue, owner_client: Client) -> None:
    issue()[0].set_rate_limit("10/minute")
    page = owner_client.get(PATH).content.decode()
    assert "Rate limit changed" in page
    assert "10/minute" in page


def test_a_change_has_its_old_and_new_values(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    token.change(name="New; <b>", description="", scopes=[], allowed_addresses=["10.0.0.0/8"])
    page = page_of(owner_client.get(PATH))
    assert "<bdi>allowed addresses: anywhere → 10.0.0.0/8</bdi>" in page
    assert "→ New" in page
    assert "<b>" not in page


CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)


def test_repeated_wrong_passwords_are_one_marked_entry(owner: User) -> None:
    with time_machine.travel(NOON, tick=False):
        origin = {"address": "192.0.2.6", "user_agent": CHROME}
        times = [NOON - timedelta(seconds=seconds) for seconds in range(5)]
        Event.record_wrong_passwords([(owner.email, at, origin) for at in times])
        page = page_of(signed_in(owner).get(PATH))
    assert page.count('<li class="alarm">') == 1
    assert "Wrong password, 5 times" in page
    assert f'<span title="{CHROME}"><bdi>Chrome on Linux</bdi></span>' in page
    assert page.count("from 192.0.2.6") == 1
    for time in ("12:00:00", "11:59:59", "11:59:56"):
        assert f"10 Nov 2026, {time} UTC</time>" in page


def test_from_where_an_administrator_works_is_not_told(
    issue: Issue, administrator: User, owner_client: Client
) -> None:
    token, _ = issue()
    action = {"action": "revoke", "_selected_action": [token.pk], "confirmed": "yes"}
    signed_in(administrator).post(
        "/admin/tokens/token/", action, REMOTE_ADDR="203.0.113.9", HTTP_USER_AGENT="Lynx"
    )
    page = owner_client.get(PATH).content.decode()
    assert "by an administrator" in page
    for query in ("?q=203.0.113.9", "?q=lynx"):
        assert shown(owner_client, query) == []
    for kind in ("csv", "jsonl"):
        page += owner_client.get(f"{PATH}export.{kind}").getvalue().decode()
    for secret in ("203.0.113.9", "Lynx", administrator.email):
        assert secret not in page


def test_teammate(issue: Issue, teammate_client: Client) -> None:
    token, _ = issue(name="Deploy")
    page = teammate_client.get(PATH).content.decode()
    assert "Deploy" not in page
    assert "No events yet" in page
    assert shown(teammate_client, f"?token={token.identifier}") == []
    assert shown(teammate_client, "?q=Deploy") == []


def test_stranger(stranger_client: Client) -> None:
    assert stranger_client.get(PATH)["Location"] == f"/accounts/login/?next={PATH}"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", [PATH, f"{PATH}export.csv", f"{PATH}export.jsonl"])
def test_it_is_only_read(issue: Issue, owner_client: Client, method: str, path: str) -> None:
    issue()
    before = list(Event.objects.values())
    assert getattr(owner_client, method)(path).status_code == 405
    assert list(Event.objects.values()) == before


@pytest.fixture
def eventful(issue: Issue, owner: User, administrator: User) -> str:
    """Return the identifier of a token with events.

    It was created at noon on the 10th and limited by an administrator a day later. There is also a
    sign-in on the 12th.
    """
    with time_machine.travel(NOON, tick=False):
        token, _ = issue(name="Deploy")
    for day, actor, kind in (
        (1, administrator, Event.Kind.LIMITED),
        (2, owner, AccountKind.SIGNED_IN),
    ):
        columns = (
            {"token": token, "token_name": "Deploy", "identifier": token.identifier}
            if day == 1
            else {}
        )
        Event.objects.create(
            owner=owner, actor=actor, kind=kind, at=NOON + timedelta(days=day), **columns
        )
    return token.identifier


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("", ["signed_in", "limited", "created"]),
        ("?kind=limited", ["limited"]),
        ("?kind=revoked", []),
        ("?token=IDENTIFIER", ["limited", "created"]),
        ("?by=you", ["signed_in"]),
        ("?by=administrator", ["limited"]),
        ("?by=nobody", ["created"]),
        ("?since=2026-11-11", ["signed_in", "limited"]),
        ("?until=2026-11-11", ["limited", "created"]),
        ("?since=2026-11-11&until=2026-11-11", ["limited"]),
        ("?since=2000-01-01&until=2999-12-31", ["signed_in", "limited", "created"]),
        ("?q=dePLOY", ["limited", "created"]),
        ("?q=rate+limit", ["limited"]),
        ("?q=nothing-like-it", []),
        ("?q=deploy&by=nobody&kind=created&token=IDENTIFIER&since=2026-11-10", ["created"]),
        ("?before=x", ["signed_in", "limited", "created"]),
        ("?before=99999999999999999-999999999999999999", ["signed_in", "limited", "created"]),
        ("?before=0-0", []),
        ("?after=99999999999999999-1", []),
    ],
)
def test_filters_and_search(
    eventful: str, owner_client: Client, query: str, kinds: list[str]
) -> None:
    assert shown(owner_client, query.replace("IDENTIFIER", eventful)) == kinds


def test_days_are_the_persons(eventful: str, owner: User) -> None:
    """Noon in UTC is the next day in Kiritimati, 14 hours ahead."""
    User.objects.filter(pk=owner.pk).update(time_zone="Pacific/Kiritimati")
    client, day = signed_in(owner), "?since=2026-11-11&until=2026-11-11"
    assert shown(client, day) == ["created"]
    for form, lines in (("csv", 2), ("jsonl", 1)):
        assert client.get(f"{PATH}export.{form}{day}").getvalue().count(b"\n") == lines


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("?since=yesterday", "since", "Write a date like 2026-11-24."),
        ("?since=0001-01-01", "since", "greater than or equal to"),
        ("?until=9999-12-31", "until", "less than or equal to"),
        ("?since=2026-11-12&until=2026-11-11", "until", "This day is before the first one."),
        ("?kind=nonsense", "kind", "nonsense is not one of the available choices"),
        ("?by=nonsense", "by", "nonsense is not one of the available choices"),
        ("?token=nonsense", "token", "Enter a valid value."),
        ("?q=%00", "q", "Null characters are not allowed."),
        (f"?q={'x' * 101}", "q", "at most 100 characters"),
    ],
)
def test_a_wrong_filter_is_said_beside_it(
    eventful: str, owner_client: Client, query: str, field: str, words: str
) -> None:
    response = owner_client.get(PATH + query)
    assert response.status_code == 422
    assert list(response.context["activity"].form.errors) == [field]
    page = response.content.decode()
    assert words in page
    assert "Correct the filter above" in page
    assert eventful not in page
    assert owner_client.get(f"{PATH}export.csv{query}")["Location"].startswith(f"{PATH}?")


def test_filters_stay_on_the_way_through(issue: Issue, owner_client: Client) -> None:
    for _ in range(26):
        issue(name="Deploy")
    page = owner_client.get(f"{PATH}?q=deploy&kind=created")
    assert 'value="deploy"' in page.content.decode()
    assert '<option value="created" selected>' in page.content.decode()
    older = page.context["activity"].page.older
    assert older.startswith("?q=deploy&kind=created&before=")
    assert (
        f'{PATH}export.csv?q=deploy&amp;kind=created"'
        in owner_client.get(PATH + older).content.decode()
    )


def test_a_token_in_the_search_leaves_the_address(issue: Issue, owner_client: Client) -> None:
    token, value = issue()
    for path in (PATH, f"{PATH}export.csv", f"{PATH}export.jsonl"):
        assert owner_client.get(path, {"q": value})["Location"] == f"{path}?q={token.identifier}"
    assert shown(owner_client, f"?q={token.identifier}") == ["created"]


def test_htmx_gets_filters_and_list_alone(issue: Issue, owner_client: Client) -> None:
    issue()
    page = owner_client.get(PATH, headers=HTMX).content.decode()
    assert page.startswith("\n<section") or page.lstrip().startswith("<section")
    assert "<html" not in page


def test_pages(
    issue: Issue, owner_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """Paging forth and back shows each event once, also if many have the same time."""
    with time_machine.travel(timezone.now(), tick=False):
        for _ in range(60):
            issue()
    everything = [event.pk for event in Event.objects.all()]
    query, ways = "", []
    for _ in range(3):
        with django_assert_num_queries(5):  # session, user, page, teams, approver
            page = owner_client.get(PATH + query).context["activity"].page
        ways.append((query, [event.pk for event in page.events]))
        query = page.older
    assert query is None
    assert [pk for _, page in ways for pk in page] == everything
    newer = page.newer
    page = owner_client.get(PATH + newer).context["activity"].page
    assert [event.pk for event in page.events] == ways[1][1]
    page = owner_client.get(PATH + page.newer).context["activity"].page
    assert [event.pk for event in page.events] == ways[0][1]
    assert (page.newer, page.older) == (None, ways[1][0])
