"""Last use, buffered."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from tests.conftest import Issue, a_call, bearer
from tests.run import patience
from tokens.models import Token
from tokens.usage import Recorder, recorder

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def last_use(token: Token) -> tuple[datetime | None, str | None]:
    token.refresh_from_db()
    return token.last_used_at, token.last_used_address


def test_a_request_writes_nothing_and_the_flush_does(
    issue: Issue, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token, _ = issue()
    with django_assert_num_queries(0):
        recorder.record(a_call(token, NOW, "192.0.2.1"))
    assert last_use(token) == (None, None)
    recorder.flush()
    assert last_use(token) == (NOW, "192.0.2.1")


def test_once_a_minute(issue: Issue) -> None:
    token, _ = issue()
    recorder.record(a_call(token, NOW, "192.0.2.1"))
    recorder.record(a_call(token, NOW + timedelta(seconds=59), "192.0.2.1"))
    recorder.flush()
    assert last_use(token) == (NOW, "192.0.2.1")
    recorder.record(a_call(token, NOW + timedelta(seconds=60), "192.0.2.1"))
    recorder.flush()
    assert last_use(token) == (NOW + timedelta(seconds=60), "192.0.2.1")
    recorder.record(a_call(token, NOW + timedelta(seconds=61), "192.0.2.2"))  # another address is news
    recorder.flush()
    assert last_use(token) == (NOW + timedelta(seconds=61), "192.0.2.2")


def test_the_latest_of_several_nodes_wins(issue: Issue) -> None:
    token, _ = issue()
    slow, quick = Recorder(), Recorder()
    slow.record(a_call(token, NOW, "192.0.2.1"))
    quick.record(a_call(token, NOW + timedelta(seconds=2), "192.0.2.2"))
    quick.flush()
    slow.flush()
    assert last_use(token) == (NOW + timedelta(seconds=2), "192.0.2.2")


def test_a_flush_that_fails_is_tried_again(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    token, _ = issue()
    recorder.record(a_call(token, NOW, "192.0.2.1"))

    def fail(*_: object) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as broken:
        broken.setattr("tokens.tally.note_uses", fail)
        broken.setattr("tokens.usage.connection.close", lambda: None)
        recorder.flush()
    assert last_use(token) == (None, None)
    recorder.flush()
    assert last_use(token) == (NOW, "192.0.2.1")


def test_an_unknown_address_is_left_empty(issue: Issue) -> None:
    token, _ = issue()
    recorder.record(a_call(token, NOW, ""))
    recorder.flush()
    assert last_use(token) == (NOW, None)


def test_an_older_pepper_is_upgraded_on_use(issue: Issue, settings: Settings) -> None:
    token, value = issue()
    settings.TOKEN_PEPPERS = {**settings.TOKEN_PEPPERS, 2: "q" * 40}
    assert Client().get("/api/v1/token", headers=bearer(value)).status_code == 200
    recorder.flush()
    token.refresh_from_db()
    assert (token.pepper, token.is_proven_by(value)) == (2, True)
    settings.TOKEN_PEPPERS = {2: "q" * 40}
    assert Client().get("/api/v1/token", headers=bearer(value)).status_code == 200


def test_the_thread_writes_survives_a_fault_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a recorder's own, and tests have it for none but this one."""
    flushed: list[str] = []
    twice = threading.Event()
    recorder = Recorder()

    def flush() -> None:
        flushed.append(threading.current_thread().name)
        if len(flushed) == 1:
            raise ValueError("a fault of the first flush")
        twice.set()

    monkeypatch.setattr(recorder, "flush", flush)
    monkeypatch.setattr("tokens.usage.FLUSH_SECONDS", 0.01)
    recorder._thread = threading.Thread(target=recorder._run, name="usage")
    recorder._thread.start()
    assert twice.wait(timeout=patience(5))
    recorder.stop()
    assert not recorder._thread.is_alive()
    assert flushed[-1] == threading.current_thread().name  # the rest is written by whoever stops it
    assert set(flushed[:-1]) == {"usage"}
