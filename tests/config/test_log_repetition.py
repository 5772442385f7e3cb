"""config/log_repetition.py: what stays of a log while a service is away."""

import logging
from types import SimpleNamespace

import pytest
from django.db import OperationalError
from redis import ConnectionError as RedisAway

from config import log_repetition
from config.log_repetition import QUIET_SECONDS, OutageFilter, RepetitionFilter


class Clock:
    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(log_repetition, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


def record(
    message: str, error: Exception | None = None, name: str = "django.request"
) -> logging.LogRecord:
    found = (type(error), error, None) if error else None
    return logging.LogRecord(name, logging.ERROR, "", 0, "%s", (message,), found)


def test_pages_that_an_outage_stops_are_one_line_a_minute(clock: Clock) -> None:
    outages, passed = OutageFilter(), []
    for second in range(90):
        clock.now += 1
        error = OperationalError("gone\nat length") if second % 2 else RedisAway("gone")
        line = record("Service Unavailable: /", error)
        if outages.filter(line):
            passed.append(line)
    assert [line.getMessage() for line in passed] == [
        "Service Unavailable: /: gone (said once a minute)"
    ] * 2
    assert not any(line.exc_info for line in passed)


def test_faults_of_ours_keep_their_traceback(clock: Clock) -> None:
    outages = OutageFilter()
    for error in (None, ValueError("ours")):
        line = record("Internal Server Error: /", error)
        assert outages.filter(line)
        assert bool(line.exc_info) == bool(error)


def test_each_message_of_one_library_once_a_minute(clock: Clock) -> None:
    once = RepetitionFilter("opentelemetry")
    lines = [
        record("away", name="opentelemetry.exporter"),
        record("away", name="tokens.usage.recorder"),
    ]
    assert [once.filter(line) for line in lines * 2] == [True, True, False, True]
    clock.now += QUIET_SECONDS
    assert all(once.filter(line) for line in lines)
