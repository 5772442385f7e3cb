"""What many calls come to: counts, last uses and the latest calls. It stays small however many there are."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable
from datetime import date, datetime
from itertools import islice, product
from typing import Any, NamedTuple

from django.db import transaction

from tokens.call import Call
from tokens.models import SCOPE_LENGTH, Count, DayCount, Digest, HourCount, RecentRequest, ScopeCount, Token, note_uses

MOST_LATEST = 50  # answered and refused calls of one token written down in one flush: as many as its page shows
MOST_DETAILS = 5000  # of all tokens
MOST_TOGETHER = 200  # counts written in one transaction
MOST_CALLERS = 100  # told apart for one token on one day, by this process; all others count together
MOST_SCOPES = 100  # beside its own that endpoints ask of one token on one day: gateways take any name
MOST_TOKENS = 10_000  # of which that is remembered; then it begins anew
TOGETHER = ("", "")


class Key(NamedTuple):
    """What calls have in common that are counted together."""

    token: int
    hour: datetime
    address: str
    family: str
    status_class: int
    scopes: tuple[str, ...]


TABLES: dict[type[Count], Callable[[Key], Iterable[tuple[Any, ...]]]] = {  # the rows that a key adds to
    DayCount: lambda key: [(key.token, key.hour.date(), key.address, key.family, key.status_class)],
    HourCount: lambda key: [(key.token, key.hour, key.status_class)],
    ScopeCount: lambda key: [(key.token, key.hour.date(), scope[:SCOPE_LENGTH]) for scope in key.scopes],
}


class Sums(dict[tuple[Any, ...], list[Any]]):
    """Requests, those of them refused, and the latest instant, by key."""

    def add(self, key: tuple[Any, ...], requests: int, refused: int, at: datetime) -> None:
        if sums := self.get(key):
            sums[0] += requests
            sums[1] += refused
            sums[2] = max(sums[2], at)
        else:
            self[key] = [requests, refused, at]


class Distinct:
    """What came with each token today, told apart up to a number."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._day: date | None = None
        self._of: dict[int, set[Hashable]] = {}

    def admits(self, day: date, pk: int, value: Hashable) -> bool:
        """Whether `value` is among the first that came."""
        if self._day is None or day > self._day or len(self._of) >= MOST_TOKENS:
            self._day, self._of = day, {}
        known = self._of.setdefault(pk, set())
        if value not in known and len(known) >= self._most:
            return False
        known.add(value)
        return True


class Known:
    """What counts of calls are told apart by: memory and tables stay small, whoever calls and whatever is asked for."""

    def __init__(self) -> None:
        self.callers = Distinct(MOST_CALLERS)
        self.scopes = Distinct(MOST_SCOPES)

    def key(self, call: Call, pk: int) -> Key:
        """What `call` counts as; without address and family, and without some scopes, once there are too many."""
        day, caller = call.at.date(), (call.address, call.family)
        if not self.callers.admits(day, pk, caller):
            caller = TOGETHER
        asked = call.scopes if call.denial is None or call.code == "insufficient_scope" else ()
        own = call.token.scopes if asked and call.token else ()  # of which the owner is told whether they were used
        scopes = tuple(s for s in dict.fromkeys(asked) if s in own or self.scopes.admits(day, pk, s))
        return Key(pk, call.at.replace(minute=0, second=0, microsecond=0), *caller, call.status // 100, scopes)


class Tally:
    """Calls added up between two flushes."""

    def __init__(self) -> None:
        self.counts = Sums()
        # By token, and answered and refused apart, so that neither drives out the other.
        self.latest: dict[tuple[int, bool], deque[Call]] = {}
        self.uses: dict[int, Call] = {}
        self.digests: dict[int, Digest] = {}
        self.details = self.dropped = 0

    def __bool__(self) -> bool:
        return bool(self.counts or self.digests)

    @property
    def requests(self) -> int:
        """How many there were."""
        return sum(requests for requests, *_ in self.counts.values())

    def add(self, call: Call, key: Key) -> None:
        """Count `call` under `key`."""
        self.counts.add(key, 1, int(call.denial is not None), call.at)
        self.keep(call, key.token)

    def keep(self, call: Call, pk: int) -> None:
        """Write `call` down with the next flush, in place of an older one of its token where there are too many."""
        latest = self.latest.setdefault((pk, call.denial is not None), deque(maxlen=MOST_LATEST))
        if len(latest) < MOST_LATEST and self.details < MOST_DETAILS:
            self.details += 1
            latest.append(call)
            return
        self.dropped += 1
        if len(latest) == MOST_LATEST:
            latest.append(call)

    def absorb(self, later: Tally) -> None:
        """Add what came after this one, which could not be written."""
        for key, sums in later.counts.items():
            self.counts.add(key, *sums)
        for (pk, _), calls in later.latest.items():
            for call in calls:
                self.keep(call, pk)
        self.uses |= later.uses
        self.digests |= later.digests
        self.dropped += later.dropped

    def cut(self) -> Tally:
        """Take off what is written at once: some counts, and all the rest that there is of their tokens. Locks on
        those are held for so long, and a statement of the database may take only so long."""
        part = Tally()
        for key in list(islice(self.counts, MOST_TOGETHER)):
            part.counts[key] = self.counts.pop(key)
        pks = {key[0] for key in part.counts} or set(self.digests)
        part.uses = {pk: self.uses.pop(pk) for pk in pks & self.uses.keys()}
        part.digests = {pk: self.digests.pop(pk) for pk in pks & self.digests.keys()}
        for place in self.latest.keys() & set(product(pks, (False, True))):
            part.latest[place] = self.latest.pop(place)
            part.details += len(part.latest[place])
        self.details -= part.details
        return part

    def save(self) -> dict[int, int]:
        """Write it, in one transaction. How many calls were written down, by token."""
        with transaction.atomic():
            alive = lock({key[0] for key in self.counts} | self.digests.keys())
            note_uses(last_use(pk, self.uses[pk]) for pk in sorted(alive & self.uses.keys()))
            for pk in sorted(alive & self.digests.keys()):
                Token.objects.filter(pk=pk).update(**self.digests[pk]._asdict())
            counts = [(Key(*key), sums) for key, sums in self.counts.items() if key[0] in alive]
            for model, keys in TABLES.items():
                rows = Sums()
                for key, sums in counts:
                    for each in keys(key):
                        rows.add(each, *sums)
                model.objects.add((*key, *sums) for key, sums in rows.items())
            latest = [(pk, call) for (pk, _), calls in self.latest.items() if pk in alive for call in calls]
            RecentRequest.write(detail(call, pk) for pk, call in latest)
        return Counter(pk for pk, _ in latest)


def lock(pks: Iterable[int]) -> set[int]:
    """The tokens of those keys that still exist, theirs until the transaction ends; in one order everywhere, so that
    nodes never wait for each other in a circle."""
    wanted = sorted(pks)
    tokens = Token.objects.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True)
    return {pk for start in range(0, len(wanted), 500) for pk in tokens.filter(pk__in=wanted[start : start + 500])}


def last_use(pk: int, use: Call) -> tuple[datetime, str | None, str, int]:
    """A row of `note_uses`."""
    return use.at, use.address or None, use.shown_agent, pk


def detail(call: Call, pk: int) -> tuple[Any, ...]:
    """The columns of RecentRequest.WRITTEN."""
    refused = call.denial is not None
    answer = (call.status, refused, call.code, call.reference, call.milliseconds)
    return (pk, call.at, call.shown_method, call.shown_path, *answer, call.address, call.shown_agent)
