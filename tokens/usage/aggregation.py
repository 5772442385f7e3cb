"""The usage of tokens that is in memory until it is written to the database, once a second.

For each token: numbers of requests, the last use, and the latest requests one by one. The size is
limited, however many requests come in a second.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from django.db import transaction
from django.db.models import Q

from tokens.models import (
    Count,
    DayCount,
    Digest,
    HourCount,
    ImportedToken,
    RecentRequest,
    RequirementCount,
    ScopeCount,
    Token,
    note_uses,
)
from tokens.usage.count_rows import Row
from tokens.usage.request_record import RequestRecord, ShownTexts

# Details are requests that are stored one by one, as a token's page shows them (50 of them). Other
# requests are only counted. These are limits for one write to the database.
MAX_DETAILS_PER_TOKEN = 50
MAX_DETAILS = 5000
# About the most rows, besides details, that one transaction writes.
MAX_ROWS_PER_SAVE = 1000
TABLES: tuple[type[Count], ...] = (DayCount, HourCount, ScopeCount, RequirementCount)
AN_HOUR = timedelta(hours=1)
time_of = attrgetter("at")


class RequestGroup:
    """Requests that are counted in the same rows: of one token, in one hour, with one result."""

    __slots__ = ("hour", "pk", "records")

    def __init__(self, pk: int, hour: datetime) -> None:
        self.pk, self.hour = pk, hour
        self.records: list[RequestRecord] = []


def group_records(records: Iterable[RequestRecord]) -> Collection[RequestGroup]:
    """Put requests that add to the same counts into groups. Leave out requests without a token.

    NOTE: To be fast, this only compares values that the records have already. Later work, such as
    to find the name of the client's program, is then done once for each group. The keys contain
    texts that clients have sent, in which there may be a token. So the keys are not kept.
    """
    groups: dict[tuple[Any, ...], RequestGroup] = {}
    hour: datetime | None = None
    for record in records:
        if record.token is None:
            continue
        if hour is None or not hour <= record.at < hour + AN_HOUR:
            hour = record.at.replace(minute=0, second=0, microsecond=0)
        key = (
            record.token.id, hour, record.address, record.agent, record.status, record.scopes,
            record.environment, record.problem is None, record.code,
        )  # fmt: skip
        found = groups.get(key)
        if found is None:
            found = groups[key] = RequestGroup(record.token.id, hour)
        found.records.append(record)
    return groups.values()


class RowSums(dict[tuple[Any, ...], list[Any]]):
    """What to add to the rows of one table that counts requests.

    For the key of each row: the number of requests, how many of them were refused, and the time of
    the latest.
    """

    def add(self, key: tuple[Any, ...], requests: int, refused: int, at: datetime) -> None:
        """Add these numbers to the numbers of the row `key`. `at` is the time of a request."""
        if sums := self.get(key):
            sums[0] += requests
            sums[1] += refused
            sums[2] = max(sums[2], at)
        else:
            self[key] = [requests, refused, at]


class TokenUsage:
    """The usage of one token that is not written to the database yet."""

    __slots__ = ("answered", "counts", "last_use", "refused", "upgrade")

    def __init__(self) -> None:
        self.counts = {table: RowSums() for table in TABLES}
        # The details, in two lists: many refused requests must not remove all answered ones.
        self.answered = deque[RequestRecord](maxlen=MAX_DETAILS_PER_TOKEN)
        self.refused = deque[RequestRecord](maxlen=MAX_DETAILS_PER_TOKEN)
        self.last_use: RequestRecord | None = None
        # A digest to store, and the key under which an imported token is found from then on.
        self.upgrade: tuple[Digest, str] | None = None

    @property
    def requests(self) -> int:
        """Return the number of requests. Each request is counted in one row of HourCount."""
        return sum(requests for requests, *_ in self.counts[HourCount].values())

    def note_use(self, use: RequestRecord | None) -> None:
        """Remember the request `use` as the token's last use, unless a later use is known."""
        if use and (self.last_use is None or self.last_use.at <= use.at):
            self.last_use = use

    @property
    def details(self) -> list[RequestRecord]:
        """Return the requests to store one by one, besides the counts."""
        return [*self.answered, *self.refused]


class UnsavedUsage:
    """The usage of all tokens that is not written to the database yet."""

    def __init__(self) -> None:
        self.tokens = defaultdict[int, TokenUsage](TokenUsage)  # by the token's primary key
        self.detail_count = 0

    def __bool__(self) -> bool:
        return bool(self.tokens)

    @property
    def requests(self) -> int:
        """Return the number of requests of all tokens."""
        return sum(usage.requests for usage in self.tokens.values())

    def count(self, pk: int, rows: Iterable[Row], records: Sequence[RequestRecord]) -> None:
        """Count requests of the token with the primary key `pk`.

        Each of `records` is counted in all of `rows`, which are rows of tables with counts.
        """
        counts, requests, at = self.tokens[pk].counts, len(records), max(map(time_of, records))
        refused = 0 if records[0].problem is None else requests
        for table, key in rows:
            counts[table].add(key, requests, refused, at)

    def add_details(self, records: Iterable[RequestRecord]) -> None:
        """Remember requests, to store them one by one. Ignore requests without a token.

        If a token has too many, remove its oldest. If all tokens together have too many, ignore
        further requests.
        """
        for record in records:
            if record.token is None:
                continue
            usage = self.tokens[record.token.id]
            details = usage.answered if record.problem is None else usage.refused
            if len(details) == details.maxlen:
                details.append(record)
            elif self.detail_count < MAX_DETAILS:
                self.detail_count += 1
                details.append(record)

    def merge(self, later: UnsavedUsage) -> None:
        """Add the usage in `later`, because this usage could not be written to the database yet.

        Both are then written together.
        """
        for pk, usage in later.tokens.items():
            merged = self.tokens[pk]
            for table, sums in usage.counts.items():
                for key, numbers in sums.items():
                    merged.counts[table].add(key, *numbers)
            self.add_details(usage.details)
            merged.note_use(usage.last_use)
            merged.upgrade = usage.upgrade or merged.upgrade

    def remove_part(self) -> UnsavedUsage:
        """Remove the usage of some tokens, and return it, to be written in one transaction.

        Each part is small. A transaction locks its tokens until its end, so it must be short, and
        the database stops statements that take too long.
        """
        part, rows = UnsavedUsage(), 0
        while self.tokens and rows < MAX_ROWS_PER_SAVE:
            pk = next(iter(self.tokens))
            part.tokens[pk] = usage = self.tokens.pop(pk)
            part.detail_count += len(usage.details)
            rows += 1 + sum(map(len, usage.counts.values()))
        self.detail_count -= part.detail_count
        return part

    def save(self) -> dict[int, int]:
        """Write all usage to the database in one transaction, except that of deleted tokens.

        Return for each token, by its primary key, the number of requests that were stored one by
        one. Raise django.db.Error if nothing could be written.
        """
        with transaction.atomic():
            usages = {pk: self.tokens[pk] for pk in sorted(lock_tokens(self.tokens))}
            note_uses(
                last_use_row(pk, usage.last_use) for pk, usage in usages.items() if usage.last_use
            )
            for pk, usage in usages.items():
                if usage.upgrade:
                    store_upgrade(pk, *usage.upgrade)
            for table in TABLES:
                table.objects.add(
                    (*key, *numbers)
                    for usage in usages.values()
                    for key, numbers in usage.counts[table].items()
                )
            shown = ShownTexts()
            RecentRequest.write(
                recent_request_row(record, pk, shown)
                for pk, usage in usages.items()
                for record in usage.details
            )
        return {pk: len(usage.details) for pk, usage in usages.items()}


def store_upgrade(pk: int, digest: Digest, imported_key: str) -> None:
    """Store the digest of a token, if the stored one is older. See `Recorder.upgrade`."""
    older = Q(pepper__lt=digest.pepper) | Q(digest="")
    Token.objects.filter(older, pk=pk).update(**digest._asdict())
    if imported_key:
        ImportedToken.objects.upgrade(pk, imported_key)


def lock_tokens(pks: Iterable[int]) -> set[int]:
    """Lock the rows of tokens until the transaction ends. Return the keys of those that exist.

    `pks` are the tokens' primary keys.

    NOTE: Two machines may write usage of the same tokens at the same time. Both lock the tokens in
    the same order, so one waits for the other, and there is no deadlock. `no_key` lets other
    transactions insert rows that refer to a token, such as events, meanwhile.
    """
    wanted = sorted(pks)
    tokens = (
        Token.objects.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True)
    )
    return {
        pk
        for start in range(0, len(wanted), 500)
        for pk in tokens.filter(pk__in=wanted[start : start + 500])
    }


def last_use_row(pk: int, use: RequestRecord) -> tuple[datetime, str | None, str, int]:
    """Return the values that `note_uses` takes, to store the last use of the token `pk`."""
    return use.at, use.address or None, use.shown_agent, pk


def recent_request_row(record: RequestRecord, pk: int, shown: ShownTexts) -> tuple[Any, ...]:
    """Return the values of a new row of RecentRequest: a request of the token `pk`.

    They are in the order of RecentRequest.WRITTEN. `shown` masks tokens in texts of the client.
    """
    return (
        pk,
        record.at,
        shown.methods[record.method],
        shown.paths[record.path],
        record.status,
        record.problem is not None,
        record.code,
        record.reference,
        record.milliseconds,
        record.address,
        shown.agents[record.agent],
    )
