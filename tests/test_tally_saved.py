"""Counts on their way into the database: in pieces, kept while it is away, and never in the log's way."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError, InterfaceError, InternalError, OperationalError

from tests.conftest import Issue, a_call
from tests.test_tally import LACKS, NOW, counted, record
from tokens import tally
from tokens.models import DayCount, Digest, HourCount, RecentRequest, Token
from tokens.tally import Known, Tally
from tokens.usage import Recorder


def test_what_the_database_did_not_take_comes_with_the_next(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    token, _ = issue()
    recorder = Recorder()

    def fail(_: object) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as away:
        away.setattr(Tally, "save", fail)
        away.setattr("tokens.usage.connection.close", lambda: None)
        for minute in range(3):
            record(recorder, *[a_call(token, NOW - timedelta(minutes=minute))] * 40)
            recorder.flush()
    record(recorder, a_call(token, NOW))
    recorder.flush()
    assert counted(DayCount) == counted(HourCount) == (121, 0)
    assert RecentRequest.objects.count() == tally.MOST_LATEST


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, InternalError])  # the last: a read-only replica
def test_what_comes_while_a_save_fails_stays_too(
    issue: Issue, monkeypatch: pytest.MonkeyPatch, error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    tokens = [issue()[0] for _ in range(3)]
    recorder, save, late = Recorder(), Tally.save, a_call(tokens[2], NOW + timedelta(seconds=1), denial=LACKS)
    digest = Digest("f" * 64, 9)
    monkeypatch.setattr(tally, "MOST_TOGETHER", 1)
    monkeypatch.setattr(tally, "MOST_DETAILS", 3)
    record(recorder, *[a_call(tokens[0], NOW)] * 2, a_call(tokens[1], NOW), a_call(tokens[2], NOW))

    def second_fails(part: Tally) -> dict[int, int]:
        if DayCount.objects.exists():
            recorder.upgrade(tokens[2], digest)
            record(recorder, late)
            recorder._add_up()
            raise error("gone")
        return save(part)

    with monkeypatch.context() as away:
        away.setattr(Tally, "save", second_fails)
        away.setattr("tokens.usage.connection.close", lambda: None)
        recorder.flush()
    assert "2 counted requests are kept" in caplog.text
    assert counted(DayCount) == (2, 0)
    recorder.flush()
    assert counted(DayCount) == counted(HourCount) == (5, 1)
    for token in tokens:
        token.refresh_from_db()
        assert token.last_used_at == NOW
    assert tokens[2].pepper == 9
    assert RecentRequest.objects.count() == 4  # three of the first flush; of the second there was room for one more
    assert "1 requests are counted without details" in caplog.text


def test_what_the_database_will_never_take_goes_alone(
    issue: Issue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = issue()[0], issue()[0]
    recorder, save = Recorder(), Tally.save
    monkeypatch.setattr(tally, "MOST_TOGETHER", 1)

    def refuse(part: Tally) -> dict[int, int]:
        if bad.pk in {key[0] for key in part.counts}:
            raise DataError("too long")
        return save(part)

    monkeypatch.setattr(Tally, "save", refuse)
    record(recorder, a_call(bad), a_call(good), a_call(good))
    recorder.flush()
    assert counted(DayCount, token=good) == (2, 0)
    assert "1 counted requests are lost" in caplog.text
    recorder.flush()
    assert counted(DayCount) == (2, 0)


def test_more_tokens_than_are_written_or_asked_for_together(issue: Issue) -> None:
    some, _ = issue()
    same = {field.attname: getattr(some, field.attname) for field in Token._meta.concrete_fields if field.name != "id"}
    copies = [Token(**{**same, "identifier": f"tkn_live_{n:015}", "form_nonce": None}) for n in range(1001)]
    tokens = Token.objects.bulk_create(copies)
    recorder = Recorder()
    record(recorder, *(a_call(token, NOW) for token in tokens))
    recorder.flush()
    assert counted(DayCount) == (1001, 0)
    assert Token.objects.filter(last_used_at=NOW).count() == RecentRequest.objects.count() == 1001
    part = Tally()
    for token in tokens:
        part.add(a_call(token, NOW), Known().key(a_call(token, NOW), token.pk))
    part.save()
    assert counted(DayCount) == (2002, 0)


def test_a_log_line_does_not_wait_for_the_database(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("broken")

    written: list[Any] = []
    monkeypatch.setattr(Tally, "save", fail)
    monkeypatch.setattr("tokens.usage.request_log.write", written.extend)
    recorder = Recorder()
    record(recorder, a_call(issue()[0]))
    with pytest.raises(RuntimeError):
        recorder.flush()
    assert len(written) == 1
