"""The last use of a token, which the recorder buffers."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.conftest import Issue, bearer
from tests.records import a_record
from tests.run import patience
from tokens.models import Token
from tokens.problems import problem
from tokens.signals import token_used
from tokens.token_settings import TokenSettings
from tokens.usage.recorder import Recorder, recorder
from tokens.usage.request_record import RequestRecord

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def last_use(token: Token) -> tuple[datetime | None, str | None]:
    token.refresh_from_db()
    return token.last_used_at, token.last_used_address


def test_a_request_writes_nothing_and_the_flush_does(
    issue: Issue, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token, _ = issue()
    with django_assert_num_queries(0):
        recorder.record(a_record(token, NOW, "192.0.2.1"))
    assert last_use(token) == (None, None)
    recorder.flush()
    assert last_use(token) == (NOW, "192.0.2.1")


def test_once_a_minute(issue: Issue) -> None:
    token, _ = issue()
    recorder.record(a_record(token, NOW, "192.0.2.1"))
    recorder.record(a_record(token, NOW + timedelta(seconds=59), "192.0.2.1"))
    recorder.flush()
    assert last_use(token) == (NOW, "192.0.2.1")
    recorder.record(a_record(token, NOW + timedelta(seconds=60), "192.0.2.1"))
    recorder.flush()
    assert last_use(token) == (NOW + timedelta(seconds=60), "192.0.2.1")
    # Another address is noted at once.
    recorder.record(a_record(token, NOW + timedelta(seconds=61), "192.0.2.2"))
    recorder.flush()
    assert last_use(token) == (NOW + timedelta(seconds=61), "192.0.2.2")


def test_the_latest_of_one_flush_wins(issue: Issue) -> None:
    """Whatever the order in which the requests ended, and whoever sent them."""
    token, _ = issue()
    for seconds, address in [(0, "192.0.2.1"), (90, "192.0.2.2"), (30, "192.0.2.3")]:
        recorder.record(a_record(token, NOW + timedelta(seconds=seconds), address))
    recorder.flush()
    assert last_use(token) == (NOW + timedelta(seconds=90), "192.0.2.2")
    # The same caller, of whom the first use is known.
    for seconds in (100, 200, 120):
        recorder.record(a_record(token, NOW + timedelta(seconds=seconds), "192.0.2.2"))
    recorder.flush()
    assert last_use(token)[0] == NOW + timedelta(seconds=200)


def test_the_first_use_since_the_renewal_is_noted(issue: Issue) -> None:
    token, _ = issue()
    recorder.record(a_record(token, NOW, "192.0.2.1"))
    recorder.record(a_record(token, NOW + timedelta(seconds=1), "192.0.2.1"))
    renewed = Token.objects.get(pk=token.pk)
    renewed.renewed_at = NOW + timedelta(seconds=2)
    recorder.record(a_record(renewed, NOW + timedelta(seconds=3), "192.0.2.1"))
    recorder.flush()
    assert last_use(token) == (NOW + timedelta(seconds=3), "192.0.2.1")


def test_the_first_use_at_an_address_is_told_once(issue: Issue) -> None:
    token, _ = issue()
    told: list[tuple[int, str, datetime]] = []

    def receive(token: Token, record: RequestRecord, **_: object) -> None:
        told.append((token.pk, record.address, record.at))

    later = NOW + timedelta(minutes=2)
    token_used.connect(receive)
    try:
        for at, address in [(NOW, "192.0.2.1"), (later, "192.0.2.1"), (NOW, "192.0.2.2")]:
            recorder.record(a_record(token, at, address))
            recorder.record(a_record(token, at, address, problem=problem.unavailable()))
        recorder.flush()
        recorder.record(a_record(token, later, "192.0.2.2"))
        recorder.flush()
    finally:
        token_used.disconnect(receive)
    assert told == [(token.pk, "192.0.2.1", NOW), (token.pk, "192.0.2.2", NOW)]


def test_the_latest_of_several_nodes_wins(issue: Issue) -> None:
    token, _ = issue()
    slow, quick = Recorder(), Recorder()
    slow.record(a_record(token, NOW, "192.0.2.1"))
    quick.record(a_record(token, NOW + timedelta(seconds=2), "192.0.2.2"))
    quick.flush()
    slow.flush()
    assert last_use(token) == (NOW + timedelta(seconds=2), "192.0.2.2")


def test_a_flush_that_fails_is_tried_again(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    token, _ = issue()
    recorder.record(a_record(token, NOW, "192.0.2.1"))

    def fail(*_: object) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as broken:
        broken.setattr("tokens.usage.aggregation.note_uses", fail)
        broken.setattr("tokens.usage.recorder.connection.close", lambda: None)
        recorder.flush()
    assert last_use(token) == (None, None)
    recorder.flush()
    assert last_use(token) == (NOW, "192.0.2.1")


def test_an_unknown_address_is_left_empty(issue: Issue) -> None:
    token, _ = issue()
    recorder.record(a_record(token, NOW, ""))
    recorder.flush()
    assert last_use(token) == (NOW, None)


def test_an_older_pepper_is_upgraded_on_use(issue: Issue, token_settings: TokenSettings) -> None:
    token, value = issue()
    token_settings.PEPPERS = {**token_settings.PEPPERS, 2: "q" * 40}
    token_settings.PEPPER_CURRENT = 2
    assert Client().get("/api/v1/token", headers=bearer(value)).status_code == 200
    recorder.flush()
    token.refresh_from_db()
    assert (token.pepper, token.is_proven_by(value)) == (2, True)
    token_settings.PEPPERS = {2: "q" * 40}
    assert Client().get("/api/v1/token", headers=bearer(value)).status_code == 200


def test_the_thread_flushes_survives_an_error_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run without the thread, except this test."""
    flushed: list[str] = []
    twice = threading.Event()
    recorder = Recorder()

    def flush() -> None:
        flushed.append(threading.current_thread().name)
        if len(flushed) == 1:
            raise ValueError("the first flush fails")
        twice.set()

    monkeypatch.setattr(recorder, "flush", flush)
    monkeypatch.setattr("tokens.usage.recorder.close_old_connections", lambda: 1 / 0)
    monkeypatch.setattr("tokens.usage.recorder.FLUSH_SECONDS", 0.01)
    recorder._thread = threading.Thread(target=recorder._run, name="usage")
    recorder._thread.start()
    assert twice.wait(timeout=patience(5))
    recorder.stop()
    assert not recorder._thread.is_alive()
    # The thread that calls `stop` writes the rest.
    assert flushed[-1] == threading.current_thread().name
    assert set(flushed[:-1]) == {"usage"}


def test_an_older_use_that_is_added_up_later_does_not_win(issue: Issue) -> None:
    """The request that fills the buffer adds up what waits, before the flush."""
    token, _ = issue()
    recorder = Recorder()
    recorder.record(a_record(token, NOW, address="192.0.2.1"))
    recorder._add_up()
    recorder.record(a_record(token, NOW - timedelta(seconds=9), address="192.0.2.2"))
    recorder.flush()
    token.refresh_from_db()
    assert last_use(token) == (NOW, "192.0.2.1")
