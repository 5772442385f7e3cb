"""The list of recent requests on the page of a token, and its filters.

The filters show only refused requests, only one caller, or only one class of HTTP status.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple
from urllib.parse import urlencode

from django.db.models import QuerySet

from tokens.core.pagination import decode_cursor, encode_cursor
from tokens.models import RecentRequest, Token
from tokens.pages.callers import Caller
from tokens.usage.request_record import agent_family

SHOWN_REQUESTS = 12
REFUSED_ONLY = "refused"
# The names of the classes of HTTP status. The key, their first digit, stands in the URL.
STATUS_CLASSES = {
    "2": "2xx Success", "3": "3xx Redirection", "4": "4xx Refused or wrong", "5": "5xx Failed",
}  # fmt: skip


class FilterChoice(NamedTuple):
    """A choice in a filter: `value` is its value in the URL, and `words` is its text on the page.

    `chosen` is True if the filter is set to this choice.
    """

    value: str
    words: str
    chosen: bool


class RequestList:
    """A page of the recent requests with a token that match the filters, newest first.

    `params` are the parameters of the URL. A filter with an unknown value is ignored. `callers`
    are the choices of the filter by caller. The number of queries does not depend on the number of
    requests. The filter by caller costs one more query.
    """

    def __init__(
        self, token: Token, params: Mapping[str, str], callers: Sequence[Caller] = ()
    ) -> None:
        self.token = token
        self.callers = {caller.key: caller for caller in callers if caller.key}
        self.params = {
            name: value
            for name, allowed in (
                ("show", {REFUSED_ONLY}),
                ("caller", self.callers),
                ("status", STATUS_CLASSES),
            )
            if (value := params.get(name, "")) in allowed
        }
        self.by = params.get("by", "")
        self.before = decode_cursor(params.get("before", ""))

    @property
    def is_filtered(self) -> bool:
        """Return True if a filter is set, or if this is not the first page."""
        return bool(self.params or self.before)

    @property
    def is_refused_only(self) -> bool:
        """Return True if the list shows only requests that Tokenry refused."""
        return "show" in self.params

    @cached_property
    def found(self) -> list[RecentRequest]:
        """Return the requests of this page, and one more if there are older ones: see `older`."""
        rows = self.token.recent_requests.all()
        if self.is_refused_only:
            rows = rows.filter(refused=True)
        if digit := self.params.get("status"):
            rows = rows.filter(status__gte=int(digit) * 100, status__lt=int(digit) * 100 + 100)
        if key := self.params.get("caller"):
            rows = self.from_caller(rows, self.callers[key])
        if self.before:
            at, pk = self.before
            rows = rows.filter(at__lte=at).exclude(at=at, pk__gte=pk)
        return list(rows[: SHOWN_REQUESTS + 1])

    def from_caller(
        self, rows: QuerySet[RecentRequest], caller: Caller
    ) -> QuerySet[RecentRequest]:
        """Return the requests among `rows` that `caller` sent.

        `rows` store the whole User-Agent header, but not the kind of program, such as "curl". So
        this reads all User-Agents that came from the address, and keeps those of the program.
        """
        same = self.token.recent_requests.filter(address=caller.address).order_by()
        agents = same.values_list("user_agent", flat=True).distinct()
        own = [agent for agent in agents if agent_family(agent) == caller.family]
        return rows.filter(address=caller.address, user_agent__in=own)

    @property
    def shown(self) -> list[RecentRequest]:
        """Return the requests of this page."""
        return self.found[:SHOWN_REQUESTS]

    @property
    def older(self) -> str:
        """Return the query string of the next page, or "" on the last page."""
        if len(self.found) <= SHOWN_REQUESTS:
            return ""
        last = self.shown[-1]
        return self.query(before=encode_cursor(last.at, last.pk))

    @property
    def newest(self) -> str:
        """Return the query string of the first page. Return "" if this is the first page."""
        return self.query() if self.before else ""

    @property
    def tabs(self) -> list[FilterChoice]:
        """Return the tabs “All” and “Refused”. The value of a tab is a query string."""
        return [
            FilterChoice(self.query(show=""), "All", not self.is_refused_only),
            FilterChoice(self.query(show=REFUSED_ONLY), "Refused", self.is_refused_only),
        ]

    @property
    def caller_choices(self) -> list[FilterChoice]:
        """Return the choices of the filter by caller."""
        chosen = self.params.get("caller")
        return [
            FilterChoice(key, caller.plain_words, key == chosen)
            for key, caller in self.callers.items()
        ]

    @property
    def status_choices(self) -> list[FilterChoice]:
        """Return the choices of the filter by class of HTTP status, such as 4xx."""
        chosen = self.params.get("status")
        return [
            FilterChoice(digit, words, digit == chosen) for digit, words in STATUS_CLASSES.items()
        ]

    @property
    def without_filters(self) -> str:
        """Return the query string of the list without filters. The period of the chart stays."""
        return f"?by={self.by}" if self.by else "?"

    def query(self, **changes: str) -> str:
        """Return the query string of the first page with the present filters and `changes`.

        `by`, the period of the chart above the list, stays as it is.
        """
        values = {"by": self.by, **self.params, **changes}
        return "?" + urlencode({name: value for name, value in values.items() if value})
