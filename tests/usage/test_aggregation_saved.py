"""Saving the usage: in parts, kept while the database is away, and without delaying the log."""

import gc
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import DataError, InterfaceError, InternalError, OperationalError, connection

from tests.conftest import Issue
from tests.records import a_record
from tests.run import patience
from tests.usage.test_aggregation import LACKS, NOW, counted, record
from tokens.models import (
    DayCount,
    Digest,
    HourCount,
    RecentRequest,
    RequirementCount,
    ScopeCount,
    Token,
)
from tokens.usage import aggregation
from tokens.usage.aggregation import UnsavedUsage
from tokens.usage.recorder import Recorder
from tokens.usage.request_record import CachedResults, ShownTexts


def test_a_failed_save_is_written_with_the_next(
    issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, _ = issue()
    recorder = Recorder()

    def fail(_: object) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as away:
        away.setattr(UnsavedUsage, "save", fail)
        away.setattr("tokens.usage.recorder.connection.close", lambda: None)
        for minute in range(3):
            record(recorder, *[a_record(token, NOW - timedelta(minutes=minute))] * 40)
            recorder.flush()
    record(recorder, a_record(token, NOW))
    recorder.flush()
    assert counted(DayCount) == counted(HourCount) == (121, 0)
    assert RecentRequest.objects.count() == aggregation.MAX_DETAILS_PER_TOKEN


# InternalError: a read-only replica.
@pytest.mark.parametrize("error", [OperationalError, InterfaceError, InternalError])
def test_requests_during_a_failed_save_are_kept_too(
    issue: Issue,
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
    caplog: pytest.LogCaptureFixture,
) -> None:
    tokens = [issue()[0] for _ in range(3)]
    recorder, save = Recorder(), UnsavedUsage.save
    late = a_record(tokens[2], NOW + timedelta(seconds=1), problem=LACKS)
    digest = Digest("f" * 64, 9)
    monkeypatch.setattr(aggregation, "MAX_ROWS_PER_SAVE", 1)
    monkeypatch.setattr(aggregation, "MAX_DETAILS", 3)
    caplog.set_level("DEBUG", "tokens.usage.recorder")
    record(recorder, *(a_record(tokens[number], NOW) for number in (0, 0, 1, 2)))

    def second_fails(part: UnsavedUsage) -> dict[int, int]:
        if DayCount.objects.exists():
            recorder.upgrade(tokens[2], digest)
            record(recorder, late)
            recorder._add_up()
            raise error("gone")
        return save(part)

    with monkeypatch.context() as away:
        away.setattr(UnsavedUsage, "save", second_fails)
        away.setattr("tokens.usage.recorder.connection.close", lambda: None)
        recorder.flush()
    assert "2 counted requests and more are kept" in caplog.text
    assert counted(DayCount) == (2, 0)
    recorder.flush()
    assert counted(DayCount) == counted(HourCount) == (5, 1)
    for token in tokens:
        token.refresh_from_db()
        assert token.last_used_at == NOW
    assert tokens[2].pepper == 9
    # 3 of the first flush, and 1 for which the second has room.
    assert RecentRequest.objects.count() == 4
    assert "1 requests are counted without details" in caplog.text
    assert caplog.text.count("all counted requests are written again") == 1


def test_only_the_part_with_invalid_data_is_lost(
    issue: Issue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = issue()[0], issue()[0]
    recorder, save = Recorder(), UnsavedUsage.save
    monkeypatch.setattr(aggregation, "MAX_ROWS_PER_SAVE", 1)

    def reject(part: UnsavedUsage) -> dict[int, int]:
        if bad.pk in part.tokens:
            raise DataError("too long")
        return save(part)

    monkeypatch.setattr(UnsavedUsage, "save", reject)
    record(recorder, a_record(bad), a_record(good), a_record(good))
    recorder.flush()
    assert counted(DayCount, token=good) == (2, 0)
    assert "1 requests are lost" in caplog.text
    recorder.flush()
    assert counted(DayCount) == (2, 0)


def test_more_tokens_than_one_save_or_one_query_takes(issue: Issue) -> None:
    some, _ = issue()
    same = {
        field.attname: getattr(some, field.attname)
        for field in Token._meta.concrete_fields
        if field.name != "id"
    }
    copies = [
        Token(**{**same, "identifier": f"tkn_live_{n:015}", "form_nonce": None})
        for n in range(1001)
    ]
    tokens = Token.objects.bulk_create(copies)
    recorder = Recorder()
    record(recorder, *(a_record(token, NOW) for token in tokens))
    recorder.flush()
    assert counted(DayCount) == (1001, 0)
    assert Token.objects.filter(last_used_at=NOW).count() == RecentRequest.objects.count() == 1001
    record(recorder, *(a_record(token, NOW) for token in tokens))
    recorder._add_up()
    recorder._usage.save()
    assert counted(DayCount) == (2002, 0)


def test_a_log_line_does_not_wait_for_the_database(
    issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("broken")

    written: list[Any] = []
    monkeypatch.setattr(UnsavedUsage, "save", fail)
    monkeypatch.setattr("tokens.usage.recorder.request_log.write_lines", written.extend)
    recorder = Recorder()
    record(recorder, a_record(issue()[0]))
    with pytest.raises(RuntimeError):
        recorder.flush()
    assert len(written) == 1


@pytest.mark.django_db(transaction=True)
def test_nodes_that_flush_at_the_same_time(issue: Issue) -> None:
    """They lock the same rows, met in different orders, and never each other."""
    tokens = [issue()[0] for _ in range(10)]
    recorders = [Recorder() for _ in range(4)]
    gate = Barrier(len(recorders))

    def flush(recorder: Recorder, mine: list[Token]) -> None:
        try:
            for second in range(5):
                for token in mine:
                    for address in ("192.0.2.1", "192.0.2.2"):
                        at = NOW + timedelta(minutes=second)
                        recorder.record(a_record(token, at, address, scopes=("a:x", "b:x")))
                gate.wait(timeout=patience(6))
                recorder.flush()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(recorders)) as pool:
        orders = [tokens, tokens[::-1], tokens[5:] + tokens[:5], tokens[::-1]]
        list(pool.map(flush, recorders, orders))
    for recorder in recorders:
        recorder.flush()  # what SQLite had no time for
    assert counted(DayCount) == counted(HourCount) == counted(RequirementCount) == (400, 0)
    assert counted(ScopeCount) == (800, 0)


def test_nothing_that_clients_sent_stays_in_memory(issue: Issue) -> None:
    """A path or a User-Agent may have a token in it."""
    token, value = issue()
    secret = value[24:]
    recorder = Recorder()
    record(recorder, a_record(token, NOW, path=f"/{value}", agent=f"a {value}"), a_record(token))
    recorder.flush()
    gc.collect()
    kept = [each for each in gc.get_objects() if type(each) in {ShownTexts, CachedResults}]
    assert kept == []
    columns = ["path", "user_agent", "token__last_used_agent"]
    texts = [text for row in RecentRequest.objects.values_list(*columns) for text in row]
    assert [text for text in texts if secret in text] == []
    assert f"/{value[:24]}•••" in texts
