"""When and from where each token was last used, and what was refused: remembered here, written by a thread each second.

A request never writes. A killed process (kill -9) may lose its last second of this; a stopped one loses nothing.
"""

import atexit
import logging
import threading
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import Error, connection, transaction
from django.db.models import Q

from tokens.denial import Denial
from tokens.models import Digest, Event, Token
from tokens.redaction import redact
from tokens.signals import token_refused, token_used

log = logging.getLogger(__name__)
refusals = logging.getLogger("tokens.refusals")

FLUSH_SECONDS = 1.0
MOST_REFUSALS = 1000  # lines in the log, each second
MOST_GUESSES = 1000  # wrong passwords kept, each second
MOST_MET = 100_000  # tokens at an address, remembered by this process
RESOLUTION = timedelta(minutes=1)  # finer than this, last use tells nobody more and costs writes


class Use(NamedTuple):
    """One use of a token: when, the client's address where it is known, and what it calls itself."""

    at: datetime
    address: str | None
    agent: str = ""


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
    """The latest use of each token, and the refusals, since the last flush."""

    def __init__(self) -> None:
        self._uses: dict[int, Use] = {}
        self._digests: dict[int, Digest] = {}
        self._met: dict[tuple[int, str | None], datetime] = {}
        self._meetings = Pending[tuple[Token, Use]](MOST_MET)
        self._denials = Pending[tuple[Token, Denial, Use]](MOST_REFUSALS)
        self._refusals = Pending[str](MOST_REFUSALS)
        self._guesses = Pending[tuple[str, datetime, dict[str, Any]]](MOST_GUESSES)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def record(self, token: Token, use: Use) -> None:
        """Remember `use`: at most once a minute for each token at each address, and the first since a renewal at once.

        The first at an address since this process started is said by `token_used` too.
        """
        last = self._met.get((token.pk, use.address))
        if last and use.at - last < RESOLUTION and not (token.renewed_at and last <= token.renewed_at):
            return
        with self._lock:
            if len(self._met) >= MOST_MET:
                self._met.clear()
            self._met[token.pk, use.address] = use.at
            self._uses[token.pk] = use
        if last is None:
            self._meetings.add((token, use))
        self._have_a_thread()

    def upgrade(self, token: Token, digest: Digest) -> None:
        """Have the row keep `digest`, of the newest pepper, in place of its older one."""
        with self._lock:
            self._digests[token.pk] = digest
        self._have_a_thread()

    def deny(self, token: Token, denial: Denial, use: Use) -> None:
        """Have `token_refused` sent: not here, because its receivers may take their time."""
        self._denials.add((token, denial, use))
        self._have_a_thread()

    def refuse(self, line: str) -> None:
        """Have the log say `line`. A flood of them is cut short, and the log says by how much."""
        self._refusals.add(line)
        self._have_a_thread()

    def guess(self, email: str, at: datetime, origin: dict[str, Any]) -> None:
        """Have a wrong password for `email` written down, if there is such an account."""
        self._guesses.add((email, at, origin))
        self._have_a_thread()

    def _have_a_thread(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():  # a forked process has none of its own
                self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Write what is remembered."""
        self._log_refusals()
        self._save_uses()
        self._save_guesses()
        self._send_signals()  # last, because receivers may take their time

    def _send_signals(self) -> None:
        for token, denial, use in self._denials.take()[0]:
            token_refused.send_robust(sender=Token, token=token, denial=denial, use=use)
        for token, use in self._meetings.take()[0]:
            token_used.send_robust(sender=Token, token=token, use=use)

    def _save_guesses(self) -> None:
        """They are not kept for another try: sign-in answers nobody while the database is away."""
        guesses, _ = self._guesses.take()
        if not guesses:
            return
        try:
            Event.record_guesses(guesses)
        except Error as error:
            connection.close()
            log.warning("%d wrong passwords could not be written down: %s", len(guesses), error)

    def _log_refusals(self) -> None:
        lines, dropped = self._refusals.take()
        for line in lines:
            refusals.info(line)
        if dropped:
            refusals.warning("%d more requests were refused", dropped)

    def _save_uses(self) -> None:
        """In one transaction; they are kept where the database does not answer."""
        with self._lock:
            uses, self._uses = self._uses, {}
            digests, self._digests = self._digests, {}
        if not uses and not digests:
            return
        try:
            with transaction.atomic():
                for pk in sorted(uses.keys() | digests.keys()):  # in one order everywhere, so that nodes never deadlock
                    if pk in uses:
                        self._save_use(pk, uses[pk])
                    if pk in digests:
                        Token.objects.filter(pk=pk).update(**digests[pk]._asdict())
        except Error as error:
            connection.close()
            log.warning("last use of %d tokens is kept for the next try: %s", len(uses), error)
            with self._lock:
                self._uses = uses | self._uses
                self._digests = digests | self._digests

    @staticmethod
    def _save_use(pk: int, use: Use) -> None:
        earlier = Q(last_used_at=None) | Q(last_used_at__lt=use.at)
        Token.objects.filter(earlier, pk=pk).update(
            last_used_at=use.at, last_used_address=use.address, last_used_agent=redact(use.agent)[:200]
        )

    def stop(self) -> None:
        """End the thread and write the rest."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self.flush()

    def _run(self) -> None:
        while not self._stopping.wait(FLUSH_SECONDS):
            try:
                self.flush()
            except Exception:
                log.exception("last use could not be written")


recorder = Recorder()
atexit.register(recorder.stop)
