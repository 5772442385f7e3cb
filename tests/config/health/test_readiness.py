"""Whether a process can serve: each check by itself, and who waits for the checks."""

import logging
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage, staticfiles_storage
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from redis import RedisError

from config.health import readiness
from config.health.readiness import FRESH_SECONDS, WAIT_SECONDS, Readiness, UnreadTokens
from tests.conftest import Issue
from tests.run import patience
from tokens.models import Token
from tokens.rate_limits import counters
from tokens.rate_limits.memory import MemoryCounters

Checks = Mapping[str, Callable[[], str]]


class Inline(Executor):
    """Does at once what it is given."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except ValueError as error:
            done.set_exception(error)
        return done


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(readiness, "time", clock)
    return clock


class Counted:
    """A check that is counted, and says what it is told."""

    def __init__(self) -> None:
        self.runs = 0
        self.says: str | Exception = ""

    def __call__(self) -> str:
        self.runs += 1
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def test_many_probes_have_one_check_run(clock: Clock) -> None:
    check = Counted()
    asked = Readiness({"x": check}, Inline())
    for _ in range(100):
        assert asked.failing() == {}
    assert check.runs == 1
    check.says = "fails."
    clock.now += FRESH_SECONDS
    assert [asked.failing() for _ in range(100)] == [{"x": "fails."}] * 100
    assert check.runs == 2


def test_changes_are_logged_and_nothing_else(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    check = Counted()
    asked = Readiness({"x": check}, Inline())
    with caplog.at_level(logging.INFO, "config.health.readiness"):
        for says in ("", "", "full.", "full again.", "", ""):
            check.says = says
            asked.failing()
            clock.now += FRESH_SECONDS
    assert caplog.messages == ["not ready: x: full.", "ready again"]


def test_a_check_that_fails_in_an_unforeseen_way_is_not_ready(clock: Clock) -> None:
    check = Counted()
    check.says = ValueError("why")
    asked = Readiness({"fine": Counted(), "x": check}, Inline())
    assert asked.failing() == {"x": "the check fails: ValueError('why')"}
    check.says = ""
    clock.now += FRESH_SECONDS
    assert asked.failing() == {}


@pytest.fixture
def hanging() -> Iterator[tuple[Event, Checks]]:
    """A check that hangs until the event is set."""
    goes_on = Event()
    yield goes_on, {"x": lambda: "" if goes_on.wait(patience(20)) else "never"}
    goes_on.set()


def test_a_check_that_hangs_is_named_and_holds_no_second_request(
    hanging: tuple[Event, Checks], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = []

    def wait(futures: list[Future[Any]], seconds: float) -> None:
        waited.append(seconds)
        clock.now += seconds

    goes_on, checks = hanging
    with ThreadPoolExecutor(1) as thread:
        asked = Readiness(checks, thread)
        goes_on.set()
        assert asked.failing() == {}
        goes_on.clear()
        monkeypatch.setattr(readiness, "wait", wait)
        clock.now += FRESH_SECONDS
        named = {"x": f"no answer within {WAIT_SECONDS} seconds."}
        assert [asked.failing() for _ in range(3)] == [named] * 3
        assert waited == [WAIT_SECONDS]
        goes_on.set()
        monkeypatch.setattr(readiness, "wait", lambda futures, _: futures[0].result(patience(20)))
        clock.now += FRESH_SECONDS + WAIT_SECONDS + 1
        assert asked.failing() == {}


@pytest.mark.django_db
def test_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        readiness, "close_old_connection", lambda: None
    )  # this test is in a transaction
    assert {name: check() for name, check in readiness.CHECKS.items()} == dict.fromkeys(
        readiness.CHECKS, ""
    )


@pytest.mark.django_db
def test_nothing_more_is_asked_of_a_database_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> str:
        raise OperationalError("gone\nDETAIL: none")

    later = Counted()
    monkeypatch.setattr(readiness, "DATABASE_CHECKS", [fail, later])
    monkeypatch.setattr(connection, "close", lambda: None)
    monkeypatch.setattr(readiness, "close_old_connection", lambda: None)
    assert readiness.database() == "does not answer as it should: gone"
    assert later.runs == 0


@pytest.mark.django_db
def test_a_migration_that_is_not_applied() -> None:
    MigrationRecorder(connection).record_unapplied("tokens", "0003_api_scopes")
    assert readiness.migrations_are_applied().startswith(
        "lacks 1 migrations, tokens.0003_api_scopes the first: run "
    )


@pytest.mark.django_db
def test_a_database_that_is_ahead_of_the_code_is_fine() -> None:
    MigrationRecorder(connection).record_applied("tokens", "9999_of_the_next_release")
    assert readiness.migrations_are_applied() == ""


def test_the_migrations_are_those_that_django_finds() -> None:
    assert readiness.known_migrations() == set(MigrationLoader(None).disk_migrations)


@pytest.mark.django_db
def test_a_pepper_that_is_missing(issue: Issue, clock: Clock) -> None:
    token, _ = issue()
    look = UnreadTokens()
    assert look() == ""
    Token.objects.filter(pk=token.pk).update(pepper=7)
    assert look() == ""
    clock.now += readiness.TOKENS_SECONDS
    assert look().startswith(
        "TOKEN_PEPPERS lacks number 7, which working tokens need: put the value back"
    )


@pytest.mark.services
def test_counters_that_take_no_write(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(MemoryCounters):
        def probe(self) -> None:
            raise RedisError("OOM command not allowed")

    monkeypatch.setitem(counters.shared_counters, "counters", Full())
    assert readiness.redis().startswith("takes no write: OOM command not allowed. Check REDIS_URL")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA user_version = 5")
    return path


def test_a_file_that_takes_writes_stays_as_it_is(file: Path) -> None:
    assert readiness.write_to_sqlite(file) == ""
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (5,)


def test_a_long_writer_is_no_fault(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert readiness.write_to_sqlite(file) == ""


def test_a_file_that_is_gone_or_none(file: Path) -> None:
    file.write_text("no database " * 100)
    assert "takes no writes: file is not a database" in readiness.write_to_sqlite(file)
    file.unlink()
    assert "takes no writes: unable to open database file" in readiness.write_to_sqlite(file)
    assert not file.exists()


@pytest.fixture
def collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "page.css").write_text("p {}")
    (tmp_path / "page.55e7cbb9ba48.css").write_text("p {}")
    (tmp_path / "staticfiles.json").write_text(
        '{"paths": {"page.css": "page.55e7cbb9ba48.css"}, "version": "1.1"}'
    )
    storage = ManifestStaticFilesStorage(location=tmp_path, base_url="/static/")
    monkeypatch.setattr(staticfiles_storage, "_wrapped", storage)
    return tmp_path


def test_static_files(collected: Path) -> None:
    assert readiness.static_files() == ""
    for name in ("staticfiles.json", "page.55e7cbb9ba48.css"):
        shutil.move(collected / name, collected / "away")
        assert readiness.static_files().startswith(f"lack {name}, or it can't be read")
        shutil.move(collected / "away", collected / name)
    assert readiness.static_files() == ""


def test_static_files_that_were_not_there_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = ManifestStaticFilesStorage(location=tmp_path, base_url="/static/")
    monkeypatch.setattr(staticfiles_storage, "_wrapped", storage)
    assert readiness.static_files().startswith("were not collected when this server started: run ")
