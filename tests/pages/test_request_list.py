"""The recent requests of a token: all or refused, by caller and status, a page at a time."""

from datetime import timedelta
from urllib.parse import parse_qsl

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.pages.conftest import HOUR, NOW, REFUSED, record
from tokens.models import RecentRequest, Token
from tokens.pages.request_list import SHOWN_REQUESTS, RequestList
from tokens.pages.usage_report import Report

pytestmark = pytest.mark.usefixtures("clock")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def listed(token: Token, **params: str) -> RequestList:
    return RequestList(token, params, Report(token).callers.shown)


@pytest.fixture
def used(token: Token) -> Token:
    """Return a token with one request of each kind, each with its own path."""
    record(token, path="/a")
    record(token, NOW - HOUR, path="/b", problem=REFUSED)
    record(token, NOW - 2 * HOUR, path="/c", status=404, code="not_found")
    record(token, NOW - 3 * HOUR, path="/d", agent=FIREFOX)
    record(token, NOW - 4 * HOUR, path="/e", address="192.0.2.2", status=500)
    return token


@pytest.mark.parametrize(
    ("params", "paths"),
    [
        ({}, "abcde"),
        ({"show": "refused"}, "b"),
        ({"status": "4"}, "bc"),
        ({"status": "5"}, "e"),
        ({"status": "3"}, ""),
        ({"caller": "192.0.2.1 curl"}, "abc"),
        ({"caller": "192.0.2.1 Firefox"}, "d"),
        ({"caller": "192.0.2.2 curl", "status": "5"}, "e"),
        ({"caller": "192.0.2.1 curl", "status": "4", "show": "refused"}, "b"),
        ({"caller": "192.0.2.9 curl"}, "abcde"),  # no caller of this token
        ({"caller": "\0", "status": "9", "show": "all", "before": "x"}, "abcde"),
    ],
)
def test_filters(used: Token, params: dict[str, str], paths: str) -> None:
    shown = listed(used, **params).shown
    assert "".join(request.path.lstrip("/") for request in shown) == paths


def test_choices_name_what_is_chosen(used: Token) -> None:
    requests = listed(used, caller="192.0.2.2 curl", status="5", by="hour")
    assert [choice.words for choice in requests.caller_choices if choice.chosen] == [
        "192.0.2.2 (curl)"
    ]
    assert [choice.value for choice in requests.status_choices if choice.chosen] == ["5"]
    everything, refused = requests.tabs
    assert (everything.chosen, refused.chosen) == (True, False)
    assert refused.value == "?by=hour&caller=192.0.2.2+curl&status=5&show=refused"
    assert requests.without_filters == "?by=hour"


def test_pages_show_each_request_once(token: Token) -> None:
    """All requests have the same time."""
    record(token, times=2 * SHOWN_REQUESTS + 1)
    query, seen = "", []
    for left in (True, True, False):
        requests = listed(token, **dict(parse_qsl(query.lstrip("?"))))
        seen += [request.pk for request in requests.shown]
        assert bool(requests.newest) == bool(query)
        query = requests.older
        assert bool(query) == left
    assert seen == list(RecentRequest.objects.filter(token=token).values_list("pk", flat=True))


@pytest.mark.parametrize(("params", "queries"), [({}, 1), ({"caller": "192.0.2.1 curl"}, 2)])
def test_queries_do_not_grow(
    token: Token,
    params: dict[str, str],
    queries: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for much in (False, True):
        for n in range(90 if much else 1):
            record(token, NOW - timedelta(minutes=n), agent=f"curl/{n}")
        requests = listed(token, **params)
        with django_assert_num_queries(queries):
            _ = (requests.shown, requests.older, requests.tabs, requests.caller_choices)
