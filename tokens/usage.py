"""The recorder: each call is remembered here, and counted, logged and written down by a thread each second.

A request never writes. A killed process (kill -9) may lose its last second of this; a stopped one loses nothing.
"""

import atexit
import logging
import os
import threading
from collections import deque
from datetime import datetime, timedelta
from random import random
from typing import Any, Generic, TypeVar

from django.db import DataError, Error, IntegrityError, connection

from tokens import metrics, request_log
from tokens.call import Call
from tokens.models import Digest, Event, RecentRequest, Token
from tokens.signals import token_refused, token_used
from tokens.tally import Known, Tally

log = logging.getLogger(__name__)

FLUSH_SECONDS = 1.0
MOST_WAITING = 10_000  # calls; the next one has them added up at once
MOST_REPORTED = 50_000  # to the log and the metrics, each second
MOST_REFUSALS = 1000  # told to receivers, each second
MOST_GUESSES = 1000  # wrong passwords kept, each second
MOST_MET = 100_000  # tokens at an address, remembered by this process
RESOLUTION = timedelta(minutes=1)  # finer than this, last use tells nobody more and costs writes
TRIM_AFTER = 500  # calls of a token written down, on average

Item = TypeVar("Item")


class Pending(Generic[Item]):
    """What the thread is to do, in order. At most so many between two flushes; how many more came is counted."""

    def __init__(self, most: int) -> None:
        self.items: list[Item] = []
        self.dropped = 0
        self._most = most
        self._lock = threading.Lock()

    def add(self, item: Item) -> None:
        with self._lock:
            if len(self.items) < self._most:
                self.items.append(item)
            else:
                self.dropped += 1

    def take(self) -> tuple[list[Item], int]:
        """All of them and the number of those dropped; none is here any more."""
        with self._lock:
            taken = self.items, self.dropped
            self.items, self.dropped = [], 0
        return taken


class Recorder:
    """The calls since the last flush, and what else must not happen within a request."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque()
        self._tally = Tally()
        self._known = Known()
        self._met: dict[tuple[int, str], datetime] = {}
        self._unreported = Pending[Call](MOST_REPORTED)
        self._meetings = Pending[tuple[Token, Call]](MOST_MET)
        self._denials = Pending[tuple[Token, Call]](MOST_REFUSALS)
        self._guesses = Pending[tuple[str, datetime, dict[str, Any]]](MOST_GUESSES)
        self._lock = threading.Lock()  # of the tally and what it is made with
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def record(self, call: Call) -> None:
        """Remember `call`, which is answered."""
        self._calls.append(call)
        if len(self._calls) >= MOST_WAITING:
            self._add_up()
        if self._thread is None:
            self._start()

    def upgrade(self, token: Token, digest: Digest) -> None:
        """Have the row keep `digest`, of the newest pepper, in place of its older one."""
        with self._lock:
            self._tally.digests[token.pk] = digest  # written with the call that brought it

    def guess(self, email: str, at: datetime, origin: dict[str, Any]) -> None:
        """Have a wrong password for `email` written down, if there is such an account."""
        self._guesses.add((email, at, origin))
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stopping.wait(FLUSH_SECONDS):
            try:
                self.flush()
            except Exception:
                log.exception("usage could not be written")

    def stop(self) -> None:
        """End the thread and write the rest."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self.flush()

    def flush(self) -> None:
        """Write what is remembered. Counts come first: nobody may read the log, and who is told may take their time."""
        self._add_up()
        try:
            self._save()
            self._save_guesses()
        finally:
            self._report()
        self._send_signals()

    def _add_up(self) -> None:
        """Turn the calls that wait into counts and lines."""
        with self._lock:
            for _ in range(len(self._calls)):
                call = self._calls.popleft()
                self._unreported.add(call)
                if call.token is not None:
                    self._count(call, call.token)

    def _report(self) -> None:
        """Tell the log and the metrics."""
        calls, dropped = self._unreported.take()
        request_log.write(calls)
        metrics.observe(calls)
        if dropped:
            log.warning("%d more requests are missing in the log and the metrics", dropped)

    def _count(self, call: Call, token: Token) -> None:
        self._tally.add(call, self._known.key(call, token.pk))
        if call.denial is None:
            self._meet(call, token)
        else:
            self._denials.add((token, call))

    def _meet(self, call: Call, token: Token) -> None:
        """Note its last use: at most once a minute for each token at each address, and the first since a renewal at
        once. The first at an address since this process started is said by `token_used` too."""
        last = self._met.get((token.pk, call.address))
        if last and call.at - last < RESOLUTION and not (token.renewed_at and last <= token.renewed_at):
            return
        if len(self._met) >= MOST_MET:
            self._met.clear()
        self._met[token.pk, call.address] = call.at
        self._tally.uses[token.pk] = call
        if last is None:
            self._meetings.add((token, call))

    def _save(self) -> None:
        """What the database does not take now is kept for another try."""
        with self._lock:
            tally, self._tally = self._tally, Tally()
        metrics.observe_waiting(tally.requests)
        while part := tally.cut():
            try:
                written = part.save()
            except (DataError, IntegrityError):
                log.exception("%d counted requests are lost: the database will never take them", part.requests)
            except Error as error:
                connection.close()
                part.absorb(tally)
                log.warning("%d counted requests are kept for the next try: %s", part.requests, error)
                with self._lock:
                    part.absorb(self._tally)
                    self._tally = part
                return
            else:
                self._trim(written)
        metrics.observe_dropped(tally.dropped)
        if tally.dropped:
            log.info("%d requests are counted without details, which came too fast", tally.dropped)

    def _trim(self, written: dict[int, int]) -> None:
        """By chance, so that nothing is counted, and a server that is often started anew comes to it too."""
        for pk, calls in written.items():
            if random() * TRIM_AFTER < calls:  # noqa: S311  (no secret)
                try:
                    RecentRequest.trim(pk)
                except Error as error:
                    connection.close()
                    log.warning("requests could not be trimmed, which is tried again later: %s", error)

    def _save_guesses(self) -> None:
        """A second try at once is for a connection that was closed since; while the database is away, sign-in answers
        nobody."""
        guesses, _ = self._guesses.take()
        if not guesses:
            return
        for _ in range(2):
            try:
                Event.record_guesses(guesses)
            except Error as error:
                connection.close()
                log.warning("%d wrong passwords could not be written down: %s", len(guesses), error)
            else:
                return

    def _send_signals(self) -> None:
        for token, call in self._denials.take()[0]:
            token_refused.send_robust(sender=Token, token=token, denial=call.denial, use=call)
        for token, call in self._meetings.take()[0]:
            token_used.send_robust(sender=Token, token=token, use=call)


recorder = Recorder()
atexit.register(recorder.stop)
os.register_at_fork(after_in_child=lambda: Recorder.__init__(recorder))  # what is remembered is its parent's to write
