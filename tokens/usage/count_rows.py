"""Find the rows in the database in which a request is counted, and limit how many rows there are.

NOTE: Each IP address, program and list of scopes of a token gets a row of its own. Clients choose
their IP address and User-Agent, and sometimes, through a gateway, the scopes. Without a limit they
could fill the memory and the tables. Above the limit, all further requests are counted in one row,
such as that for other callers.
"""

from collections.abc import Hashable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from tokens.models import (
    REQUIRED_SCOPES_LENGTH,
    SCOPE_LENGTH,
    Count,
    DayCount,
    HourCount,
    RequirementCount,
    ScopeCount,
)
from tokens.usage.request_record import RequestRecord

# All these limits are for one token on one day, in this process. A caller is an IP address and a
# program. A requirement is what an endpoint requires: scopes and an environment.
MAX_CALLERS_PER_DAY = 100
# Scopes that endpoints require, but the token does not have. A gateway can ask for any name.
MAX_OTHER_SCOPES_PER_DAY = 100
MAX_REQUIREMENTS_PER_DAY = 100
MAX_REQUIREMENTS_OF_CALLERS_PER_DAY = 200
MAX_REMEMBERED_TOKENS = 10_000
# The values in rows for requests above the limits. "*" is not the name of a scope.
OTHER_CALLERS = ("", "")
OTHER_REQUIREMENTS = ("*", "")
DAY = timedelta(days=1)

# A table (model), and the values that identify a row of it.
Row = tuple[type[Count], tuple[Any, ...]]


class DailyValues:
    """Remembers the first `limit` different values of each token on a day, such as its callers."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._day: date | None = None
        self._values: dict[int, set[Hashable]] = {}

    def admits(self, day: date, pk: int, value: Hashable) -> bool:
        """Return True if `value` is one of the first `limit` values of the token on that day.

        `pk` is the token's primary key. All values are forgotten when a new day begins, and when
        there are too many tokens. They are also forgotten if `day` is more than a day earlier than
        the last: then the clock was wrong before.
        """
        if (
            self._day is None
            or not self._day - DAY <= day <= self._day
            or len(self._values) >= MAX_REMEMBERED_TOKENS
        ):
            self._day, self._values = day, {}
        known = self._values.setdefault(pk, set())
        if value not in known and len(known) >= self._limit:
            return False
        known.add(value)
        return True


class CountRows:
    """Finds the rows in which requests are counted, and limits how many there are each day."""

    def __init__(self) -> None:
        self._callers = DailyValues(MAX_CALLERS_PER_DAY)
        self._scopes = DailyValues(MAX_OTHER_SCOPES_PER_DAY)
        self._requirements = DailyValues(MAX_REQUIREMENTS_PER_DAY)
        self._requirements_of_callers = DailyValues(MAX_REQUIREMENTS_OF_CALLERS_PER_DAY)

    def rows(self, record: RequestRecord, pk: int, hour: datetime, family: str) -> Iterator[Row]:
        """Yield the rows in which the request `record` is counted: tables and keys.

        `pk` is the primary key of the request's token. `hour` is the beginning of the hour of the
        request. `family` is the name of the client's program, such as "curl".
        """
        day, status_class = hour.date(), record.status // 100
        caller = (record.address, family)
        if not self._callers.admits(day, pk, caller):
            caller = OTHER_CALLERS
        yield DayCount, (pk, day, *caller, status_class)
        yield HourCount, (pk, hour, status_class)
        for scope in self._counted_scopes(record, pk, day):
            yield ScopeCount, (pk, day, scope[:SCOPE_LENGTH])
        yield RequirementCount, (pk, day, *self._requirement(record, pk, day, caller))

    def _counted_scopes(self, record: RequestRecord, pk: int, day: date) -> list[str]:
        """Return the scopes to count: those that the endpoint required, if they were checked.

        A scope that the token has is always counted, so that its page shows which scopes are not
        used. Other scopes are counted up to the limit.
        """
        if record.problem is not None and record.code != "insufficient_scope":
            return []
        own = record.token.scopes if record.token else ()
        return [
            scope
            for scope in dict.fromkeys(record.scopes)
            if scope in own or self._scopes.admits(day, pk, scope)
        ]

    def _requirement(
        self, record: RequestRecord, pk: int, day: date, caller: tuple[str, str]
    ) -> tuple[str, str, str, str]:
        """Return the key of the row that counts what the endpoint required of this caller.

        The key has the caller's address and program, the required scopes, and the environment.
        Above the limits it has the values for other callers or other requirements. Refused
        requests are counted too. Only a hash of each key is remembered, because scopes can be
        long.
        """
        requirement = (" ".join(sorted(set(record.scopes))), record.environment)
        is_long = len(requirement[0]) > REQUIRED_SCOPES_LENGTH
        if is_long or not self._requirements.admits(day, pk, hash(requirement)):
            requirement = OTHER_REQUIREMENTS
        found = (*caller, *requirement)
        if not self._requirements_of_callers.admits(day, pk, hash(found)):
            return (*OTHER_CALLERS, *requirement)
        return found
