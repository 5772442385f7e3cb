"""The recorder: a background thread that once a second counts, logs and stores API requests.

NOTE: A request only puts its record into memory. So it is fast, and is answered even if the
database accepts no writes. If the process is killed (kill -9), the usage of the last second may be
lost. If it is stopped in the normal way, everything is written first. Tokens and events are stored
at once and not here. Only events of wrong passwords are stored here, and may be lost.
"""

import atexit
import logging
import os
import threading
from collections import deque
from collections.abc import Collection
from datetime import datetime, timedelta
from random import random
from typing import Any

from django.db import DataError, Error, IntegrityError, close_old_connections, connection
from django.utils import timezone

from tokens.core.running_tests import is_test_run
from tokens.models import Digest, Event, RecentRequest, Token
from tokens.rate_limits.counters import return_unspent_quota
from tokens.signals import token_refused, token_used
from tokens.usage import metrics, request_log
from tokens.usage.aggregation import RequestGroup, UnsavedUsage, group_records, time_of
from tokens.usage.bounded_buffer import BoundedBuffer
from tokens.usage.count_rows import CountRows
from tokens.usage.request_record import RequestRecord, ShownTexts

log = logging.getLogger(__name__)

FLUSH_SECONDS = 1.0
# If so many records wait for the thread, a request counts them itself, so that memory is limited.
MAX_WAITING_RECORDS = 10_000
MAX_UNREPORTED_RECORDS = 50_000  # each second, for the log and the metrics
MAX_REFUSED_SIGNALS = 1000  # each second
MAX_WRONG_PASSWORDS = 1000  # each second
# This process remembers the last use of so many pairs of a token and an IP address.
MAX_REMEMBERED_USES = 100_000
# A token's last use is stored at most once in this time, to save writes.
LAST_USE_RESOLUTION = timedelta(minutes=1)
# On average, after so many new requests of a token its old ones are deleted.
TRIM_AFTER = 500


class Recorder:
    """Collects records of answered requests, and writes them in a background thread.

    NOTE: Requests append to `_records` without a lock, because `deque.append` and `popleft` are
    atomic. What is made from the records (`_usage`, `_count_rows`, `_remembered_uses`) is changed
    only with `_lock`, by the thread or by a request that finds too many records. Nobody holds the
    lock during a query, so that no request waits for the database.
    """

    def __init__(self) -> None:
        self._records: deque[RequestRecord] = deque()
        self._usage = UnsavedUsage()
        self._count_rows = CountRows()
        self._remembered_uses: dict[tuple[int, str], datetime] = {}
        self._unreported = BoundedBuffer[RequestRecord](MAX_UNREPORTED_RECORDS)
        self._first_uses = BoundedBuffer[RequestRecord](MAX_REMEMBERED_USES)
        self._refused = BoundedBuffer[RequestRecord](MAX_REFUSED_SIGNALS)
        self._wrong_passwords = BoundedBuffer[tuple[str, datetime, dict[str, Any]]](
            MAX_WRONG_PASSWORDS
        )
        self._save_failed = False
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def record(self, record: RequestRecord) -> None:
        """Put the record of an answered request into memory. The thread counts and stores it."""
        self._records.append(record)
        if len(self._records) >= MAX_WAITING_RECORDS:
            self._add_up()
        if self._thread is None:
            self._start()

    def upgrade(self, token: Token, digest: Digest, imported_key: str = "") -> None:
        """Let the thread replace the token's hash by `digest`, made with the current pepper.

        An imported token is found by `imported_key` from then on. Call `record` too.
        """
        with self._lock:
            self._usage.tokens[token.pk].upgrade = digest, imported_key

    def record_wrong_password(self, email: str, at: datetime, origin: dict[str, Any]) -> None:
        """Let the thread store an event, if there is an account with this e-mail address.

        `at` is the time. `origin` has the event's columns that say who sent the wrong password.
        """
        self._wrong_passwords.add((email, at, origin))
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        """Start the thread, if it does not run. Call this after a fork, which ends threads."""
        with self._lock:
            if self._thread is None and not is_test_run():
                self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        """Write what is in memory each second, until `stop` is called. Log errors, and go on."""
        while not self._stopping.wait(FLUSH_SECONDS):
            try:
                return_unspent_quota()  # first, because flush() is slow while the database fails
                try:
                    self.flush()
                finally:
                    close_old_connections()  # as Django does at the end of a request
            except Exception:
                log.exception("usage could not be written")

    def stop(self) -> None:
        """End the thread, write the rest, and give unused requests back to the rate limits."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self.flush()
        return_unspent_quota(idle_seconds=0)

    def flush(self) -> None:
        """Write everything in memory to the database and the log, and send signals.

        The database is first, because the log may block, and receivers of signals may be slow.
        """
        self._add_up()
        try:
            self._save()
            self._save_wrong_passwords()
        finally:
            self._report()
        self._send_signals()

    def _add_up(self) -> None:
        """Count the requests that wait in memory, and put them into buffers for log and signals.

        If the clock was set back, a record's time may be in the future. Then replace it by now.
        """
        now = timezone.now()
        with self._lock:
            records = [self._records.popleft() for _ in range(len(self._records))]
            for record in records:
                record.at = min(record.at, now)
            self._unreported.extend(records)
            self._refused.extend([record for record in records if record.problem and record.token])
            groups = group_records(records)
            self._count(groups)
            self._usage.add_details(records)
            self._note_uses(groups)

    def _count(self, groups: Collection[RequestGroup]) -> None:
        families = ShownTexts().families
        for group in groups:
            latest = group.records[-1]
            rows = self._count_rows.rows(latest, group.pk, group.hour, families[latest.agent])
            self._usage.count(group.pk, rows, group.records)

    def _note_uses(self, groups: Collection[RequestGroup]) -> None:
        """Remember the last use of each token, to store the time later. `groups` has requests."""
        latest: dict[int, RequestRecord] = {}
        for group in groups:
            # Only the last use is stored, so not each request of a group must be looked at.
            for record in (group.records[0], max(group.records, key=time_of)):
                if self._is_new_use(record, group.pk):
                    known = latest.get(group.pk)
                    if known is None or known.at <= record.at:
                        latest[group.pk] = record
        for pk, record in latest.items():
            self._usage.tokens[pk].note_use(record)

    def _is_new_use(self, record: RequestRecord, pk: int) -> bool:
        """Return True if the request must be stored as the last use of the token `pk`.

        NOTE: To write after each request would take too much time. So for each token and IP
        address a use is stored once a minute. The first use after the token was renewed is stored
        at once, because the page of a renewed token shows if a program still uses the old one.
        `abs` is for a clock that was set back. When this process sees a token at an IP address for
        the first time, it also sends the signal `token_used` later.
        """
        if record.problem or not record.token:
            return False
        last, renewed_at = self._remembered_uses.get((pk, record.address)), record.token.renewed_at
        if (
            last
            and abs(record.at - last) < LAST_USE_RESOLUTION
            and not (renewed_at and last <= renewed_at)
        ):
            return False
        if len(self._remembered_uses) >= MAX_REMEMBERED_USES:
            self._remembered_uses.clear()
        self._remembered_uses[pk, record.address] = record.at
        if last is None:
            self._first_uses.add(record)
        return True

    def _report(self) -> None:
        """Write the requests that wait to the request log, and count them in the metrics."""
        records, dropped = self._unreported.take()
        request_log.write_lines(records)
        metrics.observe(records)
        metrics.observe_breakers()
        if dropped:
            log.warning("%d more requests are missing in the log and the metrics", dropped)

    def _save(self) -> None:
        """Store the usage, in parts. If the database fails, keep the rest for the next second."""
        with self._lock:
            usage, self._usage = self._usage, UnsavedUsage()
        metrics.observe_waiting(usage.requests)
        dropped = 0
        while part := usage.remove_part():
            try:
                written = part.save()
            except (DataError, IntegrityError):
                log.exception("%d requests are lost: the database never takes them", part.requests)
            except Error as error:
                connection.close()
                part.merge(usage)
                self._log_outcome(part.requests, error)
                with self._lock:
                    part.merge(self._usage)
                    self._usage = part
                break
            else:
                dropped += part.requests - part.detail_count
                self._trim(written)
        else:  # no part failed
            self._log_outcome(0)
        self._report_dropped(dropped)

    def _report_dropped(self, dropped: int) -> None:
        metrics.observe_dropped(dropped)
        if dropped:
            log.debug("%d requests are counted without details, which came too fast", dropped)

    def _log_outcome(self, waiting: int, error: Error | None = None) -> None:
        """Log when the database begins to fail, and when it works again, but not each second.

        `waiting` is the number of requests that could not be stored.
        """
        if error and not self._save_failed:
            message = "%d counted requests and more are kept until they can be written: %s"
            log.warning(message, waiting, error)
        elif self._save_failed and not error:
            log.warning("all counted requests are written again")
        self._save_failed = bool(error)

    def _trim(self, written: dict[int, int]) -> None:
        """Delete old requests of some of these tokens. `written` has the number of new requests.

        Tokens with many new requests are chosen more often. A random choice needs no counters.
        """
        for pk, requests in written.items():
            if random() * TRIM_AFTER < requests:  # noqa: S311
                try:
                    RecentRequest.trim(pk)
                except Error as error:
                    connection.close()
                    log.warning("requests are trimmed later, because this failed: %s", error)

    def _save_wrong_passwords(self) -> None:
        """Store events of wrong passwords. After an error, try once more on a new connection.

        Then give up: while the database fails, nobody can sign in, even with a right password.
        """
        wrong_passwords, _ = self._wrong_passwords.take()
        if not wrong_passwords:
            return
        for _ in range(2):
            try:
                Event.record_wrong_passwords(wrong_passwords)
            except Error as error:
                connection.close()
                message = "%d wrong passwords could not be written down: %s"
                log.warning(message, len(wrong_passwords), error)
            else:
                return

    def _send_signals(self) -> None:
        for record in self._refused.take()[0]:
            token_refused.send_robust(
                sender=Token, token=record.token, problem=record.problem, record=record
            )
        for record in self._first_uses.take()[0]:
            token_used.send_robust(sender=Token, token=record.token, record=record)


def stop_at_exit() -> None:
    if recorder._thread:  # noqa: SLF001  # tests have none, and write nothing
        recorder.stop()


recorder = Recorder()
atexit.register(stop_at_exit)
# A forked process begins without records, because its parent writes those that it has.
os.register_at_fork(after_in_child=lambda: Recorder.__init__(recorder))
