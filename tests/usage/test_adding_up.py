"""Adding up: any order of requests, and any flushes between them, give the same rows."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.records import a_record
from tokens.models import DayCount, HourCount, RequirementCount, ScopeCount, Token
from tokens.problems import problem
from tokens.usage import aggregation
from tokens.usage.aggregation import UnsavedUsage
from tokens.usage.recorder import Recorder
from tokens.usage.request_record import RequestRecord

NOW = datetime(2026, 11, 22, 23, 59, tzinfo=UTC)
LACKS = problem.insufficient_scope(["reports:write"], [])
ADDRESSES, AGENTS = ["192.0.2.1", "192.0.2.2"], ["curl/8.5", "curl/9"]
REQUESTS = st.builds(
    lambda second, pk, status, problem, scopes, **facts: a_record(
        Token(id=pk, scope="a:read"),
        NOW + timedelta(seconds=second),
        status=status,
        problem=problem,
        scopes=scopes,
        **facts,
    ),
    second=st.sampled_from([-86_400, -1, 0, 59, 60, 61]),
    pk=st.sampled_from([1, 2]),
    status=st.sampled_from([200, 204, 404]),
    problem=st.sampled_from([None, LACKS, problem.address_not_allowed("192.0.2.1")]),
    scopes=st.sampled_from([(), ("a:read", "b:write"), ("b:write", "a:read")]),
    environment=st.sampled_from(["", "live"]),
    address=st.sampled_from(ADDRESSES),
    agent=st.sampled_from(AGENTS),
)
Table = dict[Any, list[Any]]


def added_up(records: list[RequestRecord], cuts: list[int]) -> tuple[dict[Any, Table], int]:
    """Return the rows of all tables, and how many requests have no details.

    The records are added up in parts, cut at `cuts`, as if each flush but the last failed.
    """
    unsaved, recorder = UnsavedUsage(), Recorder()
    edges = [0, *sorted(cuts), len(records)]
    for start, end in pairwise(edges):
        recorder._records.extend(records[start:end])
        recorder._add_up()
        unsaved.merge(recorder._usage)
        recorder._usage = UnsavedUsage()
    rows: dict[Any, Table] = {}
    parts = []
    while part := unsaved.remove_part():
        parts.append(part)
        for usage in part.tokens.values():
            for table, sums in usage.counts.items():
                rows.setdefault(table, {}).update(sums)
    assert unsaved.detail_count == 0
    return rows, sum(part.requests - part.detail_count for part in parts)


def one_by_one(records: list[RequestRecord]) -> dict[Any, Table]:
    """Return the rows of all tables, in the simplest way."""
    rows: dict[Any, Table] = {}
    for each in records:
        assert each.token
        pk, at, day, status = each.token.pk, each.at, each.at.date(), each.status // 100
        checked = each.scopes if each.code in {"", "insufficient_scope"} else ()
        required = (" ".join(sorted(each.scopes)), each.environment)
        keys: list[tuple[Any, Any]] = [
            (DayCount, (pk, day, each.address, each.family, status)),
            (HourCount, (pk, at.replace(minute=0, second=0), status)),
            (RequirementCount, (pk, day, each.address, each.family, *required)),
            *((ScopeCount, (pk, day, scope)) for scope in checked),
        ]
        for table, key in keys:
            requests, refused, last_at = rows.setdefault(table, {}).get(key, (0, 0, at))
            refused += each.problem is not None
            rows[table][key] = [requests + 1, refused, max(last_at, at)]
    return rows


@given(st.lists(REQUESTS, max_size=40), st.data())
@settings(max_examples=80, deadline=None)
def test_the_order_and_the_flushes_do_not_matter(made: list[RequestRecord], data: Any) -> None:
    """Each table has each request, in whatever order, and however flushes cut them."""
    cuts = data.draw(st.lists(st.integers(0, len(made)), max_size=3))
    with time_machine.travel(NOW + timedelta(days=2), tick=False):
        rows, dropped = added_up(data.draw(st.permutations(made)), cuts)
    assert {table: sums for table, sums in rows.items() if sums} == one_by_one(made)
    numbers = Counter((each.token and each.token.pk, each.problem is not None) for each in made)
    most = aggregation.MAX_DETAILS_PER_TOKEN
    assert dropped == sum(max(0, number - most) for number in numbers.values())


@pytest.mark.parametrize(
    "changed",
    [
        {"status": 404},
        {"scopes": ("a:read",)},
        {"environment": "live"},
        {"address": "192.0.2.2"},
        {"agent": "wget/1"},
        {"token": Token(id=2)},
        {"problem": LACKS},
        {"at": NOW + timedelta(minutes=1)},
        {"at": NOW - timedelta(minutes=1)},
    ],
    ids=" ".join,
)
def test_requests_that_differ_in_one_fact(changed: dict[str, Any]) -> None:
    records = [a_record(**{"token": Token(id=1), "at": NOW, **facts}) for facts in ({}, changed)]
    with time_machine.travel(NOW + timedelta(days=2), tick=False):
        rows, _ = added_up(records, [])
    assert {table: sums for table, sums in rows.items() if sums} == one_by_one(records)
