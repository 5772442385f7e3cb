"""The usage on the page of a token: callers, numbers, and refused requests."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.conftest import Issue, bearer
from tests.records import a_record
from tokens.models import Scope, Token
from tokens.pages.request_list import SHOWN_REQUESTS
from tokens.problems import problem
from tokens.usage.recorder import recorder

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def words(client: Client, token: Token, query: str = "") -> str:
    """Return the text of the page."""
    page = client.get(token.get_absolute_url() + query).content.decode()
    return html.unescape(
        re.sub(r"\s+", " ", re.sub(r"</?(?:a|bdi|code|span|strong|time)\b[^>]*>", "", page))
    )


def record(
    token: Token, at: datetime = NOW, times: int = 1, address: str = "192.0.2.1", **facts: object
) -> None:
    for _ in range(times):
        recorder.record(a_record(token, at, address, **facts))
    recorder.flush()


@pytest.fixture
def token(issue: Issue) -> Token:
    """Return an old token in an installation that has counted for even longer."""
    Scope.objects.bulk_create(Scope(name=name, words=name) for name in ("a:read", "a:write"))
    token, _ = issue(scopes=["a:read", "a:write"])
    record(issue(name="Other")[0], NOW - timedelta(days=60))
    Token.objects.filter(pk=token.pk).update(created_at=NOW - timedelta(days=100))
    return token


def test_the_chart_and_its_table_say_the_same(token: Token, owner_client: Client) -> None:
    record(token, NOW - timedelta(days=3), times=1_001)
    record(token, times=2, problem=problem.address_not_allowed("192.0.2.1"))
    page = words(owner_client, token)
    title = "1,003 requests in 30 days, 2 refused; most on Sat 21 Nov: 1,001"
    assert f"<title>{title}</title>" in page
    assert page.count('<input class="hide" type="radio" name="bar"') == 30
    assert " Tue 24 Nov, so far: 2 requests, 2 refused. Created " in page
    assert page.count('<rect class="answered" x=') == 1
    assert page.count('<rect class="answered unfinished" x="291"') == 1
    assert page.count('<rect class="refused" x="291"') == 1
    assert "2 refused, most on Tue 24 Nov (2)" in page
    assert "<caption>Requests in 30 days, the latest first</caption>" in page
    assert (
        '<th scope="row">Sat 21 Nov</th> <td class="number">1,001</td> <td class="number">0</td>'
        in page
    )
    assert page.count('<th scope="row">') == 30
    assert " style=" not in page


def test_by_hour(token: Token, owner_client: Client) -> None:
    record(token, NOW - timedelta(days=3), times=5)
    record(token, times=2)
    page = words(owner_client, token, "?by=hour")
    assert (
        "<title>2 requests in 48 hours, none refused; most on 24 Nov, 12:00 UTC: 2</title>" in page
    )
    assert page.count('<input class="hide" type="radio" name="bar"') == 48


@pytest.mark.parametrize(("query", "said"), [("", "30 days"), ("?by=hour", "48 hours")])
def test_unused(token: Token, owner_client: Client, query: str, said: str) -> None:
    page = words(owner_client, token, query)
    assert f"No requests in the last {said}." in page
    for missing in (
        "<table",
        "Callers",
        'id="requests"',
        "are counted since",
        "<figure",
    ):
        assert missing not in page


def test_not_called_unused_before_anything_was_counted(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    record(issue(name="Other")[0], NOW - timedelta(days=4))
    Token.objects.filter(pk=token.pk).update(created_at=NOW - timedelta(days=100))
    page = words(owner_client, token)
    assert "No requests since 20 Nov 2026. Counting started on that day." in page
    assert "No requests in the last" not in page
    record(token)
    assert "Requests with this token are counted since 20 Nov 2026." in words(owner_client, token)


def test_callers(token: Token, owner_client: Client) -> None:
    record(token, NOW - timedelta(hours=2), times=1_200, agent="python-requests/2.32.3")
    record(token, times=3, address="", agent="", problem=problem.address_not_allowed(""))
    page = words(owner_client, token)
    assert " 192.0.2.1 1,200 " in page
    assert "python-requests 99% last seen 2 hours ago" in page
    assert " other callers (counted together) 3 " in page
    assert " 0.2% 3 refused last seen just now" in page
    for n in range(10):
        record(token, times=4, address=f"203.0.113.{n}")
    assert "And 2 others, with fewer requests." in words(owner_client, token)


def test_a_refusal_has_its_reference_on_the_page(issue: Issue, owner_client: Client) -> None:
    token, value = issue(allowed_addresses=["203.0.113.7/32"])
    headers = {**bearer(value), "User-Agent": "curl/8.5"}
    reference = (
        Client().get("/api/v1/token", headers=headers).json()["instance"].rpartition(":")[2]
    )
    recorder.flush()
    page = words(owner_client, token)
    refused = page.split('id="requests"')[1].split("</section>")[0]
    assert "<td> 403 </td> <td> GET /api/v1/token <small> 24 Nov, 12:30:00 UTC" in refused
    assert f"127.0.0.1 curl address_not_allowed Why {reference} </small>" in refused
    link = f'href="/settings/tokens/troubleshoot/?reference={reference}"'
    assert link in owner_client.get(token.get_absolute_url()).content.decode()


def test_a_failure_of_the_view_is_no_refusal(token: Token, owner_client: Client) -> None:
    record(token, status=404, code="not_found", reference="f" * 16)
    page = words(owner_client, token)
    assert " not_found Why ffffffffffffffff </small>" in page
    assert "not_found" not in words(owner_client, token, "?show=refused")


def test_older_requests_are_on_the_next_page(token: Token, owner_client: Client) -> None:
    record(token, NOW - timedelta(minutes=5), path="/api/oldest?secret=1")
    assert "GET /api/oldest <small>" in words(owner_client, token)
    record(token, times=SHOWN_REQUESTS)
    assert "/api/oldest" not in words(owner_client, token)
    response = owner_client.get(token.get_absolute_url())
    assert "/api/oldest" in words(owner_client, token, response.context["requests"].older)


def test_the_filters_of_the_requests(token: Token, owner_client: Client) -> None:
    record(token, path="/api/fine")
    record(token, path="/api/failed", status=500, address="192.0.2.2")
    page = words(owner_client, token, "?status=5&caller=192.0.2.2+curl&by=hour")
    assert "/api/failed" in page
    assert "/api/fine" not in page
    assert '<option value="5" selected>5xx Failed</option>' in page
    assert '<option value="192.0.2.2 curl" selected>192.0.2.2 (curl)</option>' in page
    assert '<input type="hidden" name="by" value="hour">' in page
    assert "No recent request matches." in words(owner_client, token, "?status=3")


@pytest.mark.parametrize(
    ("callers", "said"),
    [
        ({"203.0.113.9": 3}, "3 requests used this revoked token today from 203.0.113.9 (curl)."),
        ({"203.0.113.9": 1}, "1 request used this revoked token today from 203.0.113.9 (curl)."),
        (
            {"203.0.113.9": 3, "203.0.113.8": 1},
            "4 requests used this revoked token today"
            " from 203.0.113.9 (curl) and 203.0.113.8 (curl).",
        ),
        (
            {f"203.0.113.{n}": n for n in (5, 4, 3, 2, 1)},
            "15 requests used this revoked token today"
            " from 203.0.113.5 (curl), 203.0.113.4 (curl), 203.0.113.3 (curl) and 2 others.",
        ),
    ],
)
def test_who_still_uses_a_revoked_token(
    token: Token, owner_client: Client, callers: dict[str, int], said: str
) -> None:
    with time_machine.travel(NOW - timedelta(seconds=1), tick=False):
        token.revoke()
    assert "this revoked token today" not in words(owner_client, token)
    refused = problem.invalid_token("revoked_token", NOW, NOW, None)
    for address, times in callers.items():
        record(token, NOW, times, address, problem=refused)
    assert said in words(owner_client, token)


def test_who_still_uses_a_replaced_token(token: Token, owner_client: Client) -> None:
    Token.objects.filter(pk=token.pk).update(renewed_at=NOW - timedelta(hours=1))
    record(token, NOW - timedelta(hours=2))
    record(token)
    assert "Still in use: today from 192.0.2.1 (curl)." in words(owner_client, token)


def test_scopes_granted_and_used(token: Token, owner_client: Client) -> None:
    record(token, scopes=("a:read",))
    link = f'<a href="{token.get_absolute_url()}narrow/">Remove unused scopes</a>'
    assert "Granted 2, used 1 in 30 days: Remove unused scopes" in words(owner_client, token)
    assert link in owner_client.get(token.get_absolute_url()).content.decode()
    record(token, scopes=("a:write",))
    assert "Granted 2, used 2 in 30 days" in words(owner_client, token)
    assert link not in owner_client.get(token.get_absolute_url()).content.decode()


@pytest.mark.parametrize("query", ["", "?by=hour"])
def test_as_many_queries_for_much_as_for_nothing(
    token: Token,
    owner_client: Client,
    query: str,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for much in (False, True):
        if much:
            for n in range(25):
                record(token, NOW - timedelta(days=n), times=3, address=f"192.0.2.{n}")
        # session, user, token, owner, made tokens, scopes, held scopes, events; five of the
        # report, and the totals if the chart has hours; the requests
        with django_assert_num_queries(14 if query else 13):
            owner_client.get(token.get_absolute_url() + query)


def test_teammate_and_stranger(
    token: Token, teammate_client: Client, stranger_client: Client
) -> None:
    record(token, path="/api/private")
    for query in ("", "?by=hour"):
        response = teammate_client.get(token.get_absolute_url() + query)
        assert response.status_code == 404
        assert "/api/private" not in response.content.decode()
        assert stranger_client.get(token.get_absolute_url() + query).status_code == 302
