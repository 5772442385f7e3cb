"""To which rows a request adds, and that clients cannot make any number of rows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from tests.conftest import Issue, bearer
from tests.records import a_record
from tokens.models import (
    REQUIRED_SCOPES_LENGTH,
    DayCount,
    RequirementCount,
    Scope,
    ScopeCount,
    Token,
)
from tokens.problems import problem
from tokens.token_settings import TokenSettings
from tokens.usage import count_rows
from tokens.usage.count_rows import OTHER_CALLERS, OTHER_REQUIREMENTS, CountRows
from tokens.usage.recorder import Recorder, recorder

NOW = datetime(2026, 11, 22, 23, 59, tzinfo=UTC)
LACKS = problem.insufficient_scope(["reports:write"], [])


def keys(rows: CountRows, table: Any, pk: int = 1, **facts: Any) -> list[tuple[Any, ...]]:
    """Return the keys in `table` for a request, without the token and the day."""
    record = a_record(Token(scope="own:read"), **{"at": NOW, **facts})
    found = rows.rows(record, pk, record.at.replace(minute=0), record.family)
    return [key[2:] for each, key in found if each is table]


def requirement(rows: CountRows, **facts: Any) -> tuple[Any, ...]:
    (key,) = keys(rows, RequirementCount, **facts)
    return key


@pytest.mark.parametrize(
    ("facts", "scopes", "required"),
    [
        ({}, [], ("", "")),
        ({"scopes": ("b:x", "a:x", "b:x")}, ["b:x", "a:x"], ("a:x b:x", "")),
        ({"scopes": ("a:x",), "environment": "live"}, ["a:x"], ("a:x", "live")),
        ({"scopes": ("a:x",), "problem": LACKS}, ["a:x"], ("a:x", "")),
        ({"scopes": ("a:x",), "problem": problem.unavailable()}, [], ("a:x", "")),
        ({"scopes": ("a:x",), "status": 404, "code": "not_found"}, ["a:x"], ("a:x", "")),
        ({"scopes": ("a:" + "b" * 300,)}, ["a:" + "b" * 98], ("a:" + "b" * 300, "")),
        ({"scopes": ("a:" + "b" * REQUIRED_SCOPES_LENGTH,)}, ["a:" + "b" * 98], ("*", "")),
    ],
)
def test_what_the_endpoint_required(
    facts: dict[str, Any], scopes: list[str], required: tuple[str, str]
) -> None:
    rows = CountRows()
    assert keys(rows, ScopeCount, **facts) == [(scope,) for scope in scopes]
    assert requirement(rows, **facts) == ("192.0.2.1", "curl", *required)


def test_callers_are_counted_apart_up_to_a_limit_each_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(count_rows, "MAX_CALLERS_PER_DAY", 2)
    rows = CountRows()

    def named(address: str, at: datetime = NOW, pk: int = 1) -> tuple[str, str]:
        ((*caller, status_class),) = keys(rows, DayCount, pk, at=at, address=address)
        assert status_class == 2
        assert requirement(rows, pk=pk, at=at, address=address) == (*caller, "", "")
        return tuple(caller)

    assert [named("10.0.0.1"), named("10.0.0.2")] == [("10.0.0.1", "curl"), ("10.0.0.2", "curl")]
    assert named("10.0.0.3") == OTHER_CALLERS
    assert named("10.0.0.1") == ("10.0.0.1", "curl")
    assert named("10.0.0.3", pk=2) == ("10.0.0.3", "curl")
    assert named("10.0.0.3", NOW + timedelta(days=1)) == ("10.0.0.3", "curl")


def test_requirements_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A requirement over the limit is not taken for one that asks for less."""
    monkeypatch.setattr(count_rows, "MAX_REQUIREMENTS_PER_DAY", 2)
    rows = CountRows()
    for environment in ("", "live"):
        assert requirement(rows, scopes=("a:x",), environment=environment)[2:] == (
            "a:x",
            environment,
        )
    assert requirement(rows, scopes=("b:x",))[2:] == OTHER_REQUIREMENTS
    assert requirement(rows)[2:] == OTHER_REQUIREMENTS
    assert requirement(rows, scopes=("a:x",))[2:] == ("a:x", "")
    assert requirement(rows, scopes=("b:x",), pk=2)[2:] == ("b:x", "")


def test_a_requirement_stays_known_when_its_callers_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(count_rows, "MAX_REQUIREMENTS_OF_CALLERS_PER_DAY", 1)
    rows = CountRows()
    assert requirement(rows, scopes=("a:x",)) == ("192.0.2.1", "curl", "a:x", "")
    assert requirement(rows, scopes=("b:x",)) == (*OTHER_CALLERS, "b:x", "")
    assert requirement(rows, scopes=("a:x",)) == ("192.0.2.1", "curl", "a:x", "")


def test_a_flood_makes_a_bounded_number_of_rows() -> None:
    rows, made = CountRows(), set()
    for number in range(30_000):
        made.add(
            requirement(
                rows, address=f"10.0.0.{number % 173}", scopes=(f"a:x{number % 331}",)
            )
        )  # fmt: skip
    limit = count_rows.MAX_REQUIREMENTS_OF_CALLERS_PER_DAY + count_rows.MAX_REQUIREMENTS_PER_DAY
    assert len(made) <= limit + 1


def test_required_scopes_are_bounded_too(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway can ask forward auth for any scope."""
    monkeypatch.setattr(count_rows, "MAX_OTHER_SCOPES_PER_DAY", 3)
    token, _ = issue()
    recorder = Recorder()
    asked = tuple(f"made:up{number}" for number in range(50))
    recorder.record(a_record(token, NOW, scopes=asked, problem=LACKS))
    recorder.record(a_record(token, NOW, scopes=("a:" + "b" * 300,)))
    recorder.flush()
    assert list(ScopeCount.objects.order_by("pk").values_list("scope", flat=True)) == list(
        asked[:3]
    )
    assert sum(DayCount.objects.values_list("requests", flat=True)) == 2


def test_the_scopes_of_the_token_are_always_counted_and_once(
    issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner learns which scopes are used, whatever a client has a gateway ask for."""
    monkeypatch.setattr(count_rows, "MAX_OTHER_SCOPES_PER_DAY", 1)
    Scope.objects.create(name="reports:read")
    token, _ = issue(scopes=["reports:read"])
    recorder = Recorder()
    recorder.record(
        a_record(token, NOW, scopes=("made:up0", "made:up1", "reports:read", "reports:read"))
    )
    recorder.flush()
    rows = ScopeCount.objects.order_by("scope").values_list("scope", "requests")
    assert list(rows) == [("made:up0", 1), ("reports:read", 1)]


@pytest.mark.parametrize(
    ("here", "path", "required"),
    [
        ("", "/verify?scope=b:x&scope=a:x", ("a:x b:x", "")),
        ("", "/verify?environment=test", ("", "test")),
        ("live", "/verify?scope=a:x", ("a:x", "live")),
        ("live", "/verify?environment=test", ("", "test")),
        ("live", "/api/v1/token", ("", "live")),
        ("live", "/api/v1/tokens", ("tokens:read", "live")),
    ],
)
def test_what_requests_required(
    issue: Issue, token_settings: TokenSettings, here: str, path: str, required: tuple[str, str]
) -> None:
    """Also those that were refused, because the token lacks the scope or is of another kind."""
    token_settings.ENVIRONMENT = here
    _, value = issue()
    Client(REMOTE_ADDR="192.0.2.7").get(path, headers={**bearer(value), "User-Agent": "curl/8.5"})
    recorder.flush()
    row = RequirementCount.objects.values_list(
        "address", "family", "scopes", "environment", "requests"
    )
    assert list(row) == [("192.0.2.7", "curl", *required, 1)]
