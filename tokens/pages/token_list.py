"""The list of a person's tokens: reads filters, search and page from the URL, finds the tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import Count
from django.utils import timezone

from tokens.core.redaction import without_secrets
from tokens.models import Environment, Status, Token, TokenQuerySet
from tokens.pages.page_owner import PageOwner
from tokens.pages.sparkline import Sparkline, sparklines
from tokens.pages.token_order import SORTS, SortableToken, in_order

PAGE_SIZE = 25
WORKING_STATUSES = (Status.ACTIVE, Status.EXPIRING_SOON, Status.RETIRING)
REVOKED = "revoked"
DEFAULT_SORT = "newest"
EXPIRES_SOON = timedelta(days=7)


class Filter(NamedTuple):
    """A filter of the list: it shows tokens whose status is one of `statuses`.

    If `unused` is True, the filter shows only those that were not used for 90 days.
    """

    label: str
    statuses: tuple[Status, ...]
    unused: bool = False

    def shows(self, status: str, unused: bool) -> bool:
        """Return True if the filter shows a token with this status.

        `unused` is True if the token was not used for 90 days.
        """
        return status in self.statuses and (unused or not self.unused)


# The key is the value in the URL. Each token that “All” shows is also shown by exactly one of
# “Active”, “Expiring soon”, “Retiring” and “Expired”, so these numbers add up to that of “All”.
FILTERS = {
    "": Filter("All", (*WORKING_STATUSES, Status.EXPIRED)),
    "active": Filter("Active", (Status.ACTIVE,)),
    "expiring": Filter("Expiring soon", (Status.EXPIRING_SOON,)),
    "retiring": Filter("Retiring", (Status.RETIRING,)),
    "expired": Filter("Expired", (Status.EXPIRED,)),
    "unused": Filter("Unused for 90 days", WORKING_STATUSES, unused=True),
    REVOKED: Filter("Revoked", (Status.REVOKED,)),
}


@dataclass(frozen=True, slots=True)
class FilterLink:
    """A link above the list that sets a filter.

    `key` is the filter's value in the URL, `query` the whole query string. `count` is the number
    of tokens that the filter shows. `current` is True if the filter is set now.
    """

    key: str
    label: str
    count: int
    query: str
    current: bool


class ListedToken(NamedTuple):
    """A row of the list. `sparkline` is a small chart of the token's requests, if there were any.

    `is_under_successor` is True if the row above shows the token that replaced this one.
    """

    token: Token
    sparkline: Sparkline | None
    is_under_successor: bool


class Listing:
    """What the list of tokens shows: the owner's tokens that match the search and the filters.

    `params` are the parameters of the URL. The number of queries does not grow with the number of
    tokens.
    """

    def __init__(self, owner: PageOwner, params: dict[str, str]) -> None:
        self.owner = owner
        typed = params.get("q", "").replace("\0", "").strip()[:100]
        self.search = without_secrets(typed)
        self.search_had_secret = self.search != typed
        self.filter = params["status"] if params.get("status") in FILTERS else ""
        environment = params.get("environment", "")
        self.environment = environment if environment in Environment else ""
        self.sort = params["sort"] if params.get("sort") in SORTS else DEFAULT_SORT
        self.page_number = params.get("page", "1")
        self.matching: TokenQuerySet = (
            Token.objects.owned_by(owner.account).with_status().with_unused().search(self.search)
        )

    @cached_property
    def counts(self) -> dict[tuple[str, str, bool], int]:
        """Return how many tokens match the search, by status, environment, and whether unused."""
        matching: Any = self.matching.order_by()  # the type checker does not know the annotations
        groups = matching.values_list("current_status", "environment", "unused").annotate(
            Count("pk")
        )
        return {
            (status, environment, unused): count for status, environment, unused, count in groups
        }

    @cached_property
    def expire_this_week(self) -> int:
        """Return how many active tokens expire within seven days. Renewed tokens do not count."""
        active = Token.objects.owned_by(self.owner.account).active().filter(renewed_at=None)
        return active.filter(expires_at__lte=timezone.now() + EXPIRES_SOON).count()

    def count(self, key: str, environment: str) -> int:
        """Return how many tokens the filter `key` shows in `environment` ("" for all of them)."""
        return sum(
            count
            for (status, token_environment, unused), count in self.counts.items()
            if FILTERS[key].shows(status, unused) and environment in {"", token_environment}
        )

    @property
    def filters(self) -> list[FilterLink]:
        """Return the links of the filters by status.

        The page shows “Revoked” elsewhere. “Retiring” has a link only if it shows tokens or is
        chosen.
        """
        return [
            FilterLink(key, entry.label, count, self.query(status=key), key == self.filter)
            for key, entry in FILTERS.items()
            if key != REVOKED
            if (count := self.count(key, self.environment))
            or key != "retiring"
            or self.filter == "retiring"
        ]

    @property
    def environments(self) -> list[FilterLink]:
        """Return a link for each environment with tokens, and a link for all environments.

        The result is empty if all tokens have one environment, unless the filter is set.
        """
        used_environments = {
            self.environment,
            *(environment for _, environment, _ in self.counts),
        } - {""}
        if len(used_environments) < 2 and not self.environment:
            return []
        return [
            FilterLink(
                key,
                label,
                self.count(self.filter, key),
                self.query(environment=key),
                key == self.environment,
            )
            for key, label in [("", "Any environment"), *Environment.choices]
            if key in {"", *used_environments}
        ]

    @property
    def sorts(self) -> list[tuple[str, str]]:
        """Return the orders to choose from. Each is its name in the URL and its label."""
        return [(key, entry.label) for key, entry in SORTS.items()]

    @cached_property
    def page(self) -> Page[int]:
        """Return the primary keys of the tokens on the page that the URL names.

        If the list has no such page, return the nearest page.
        """
        return self.paginator(self.filter).get_page(self.page_number)

    @cached_property
    def rows(self) -> list[ListedToken]:
        """Return the rows of this page."""
        return listed_tokens(list(self.page))

    @cached_property
    def revoked(self) -> list[ListedToken]:
        """Return the rows of the latest revoked tokens, which are folded below the list.

        The result is empty if the list itself shows revoked tokens.
        """
        if self.filter == REVOKED or not self.revoked_count:
            return []
        tokens = self.find(REVOKED).select_related("imported").order_by("-revoked_at", "-pk")
        return [ListedToken(token, None, is_under_successor=False) for token in tokens[:PAGE_SIZE]]

    @property
    def revoked_count(self) -> int:
        """Return how many revoked tokens match the search and the filter by environment."""
        return self.count(REVOKED, self.environment)

    @property
    def revoked_query(self) -> str:
        """Return the query string of the list that shows only revoked tokens."""
        return self.query(status=REVOKED)

    def find(self, key: str) -> TokenQuerySet:
        """Return the tokens that the filter `key` shows in the chosen environment."""
        tokens = self.matching.in_status(*FILTERS[key].statuses)
        if FILTERS[key].unused:
            tokens = tokens.unused()
        return tokens.filter(environment=self.environment) if self.environment else tokens

    def paginator(self, key: str) -> Paginator[int]:
        """Return the paginator of the filter `key`. Its objects are primary keys of tokens.

        NOTE: This reads all matching tokens, but only four columns. The database alone cannot sort
        them, because a retiring token stands under its successor. Revoked tokens may be very many
        and need no such order, so there the database returns only one page.
        """
        tokens = self.find(key)
        keys: Any
        if key == REVOKED:
            keys = tokens.order_by("-revoked_at", "-pk").values_list("pk", flat=True)
        else:
            found: Any = tokens.order_by(*SORTS[self.sort].columns).values_list(
                *SortableToken._fields
            )
            keys = in_order(map(SortableToken._make, found), self.sort)
        paginator = Paginator(keys, PAGE_SIZE)
        # The count is known already. This line saves the query with which the paginator would
        # count.
        paginator.count = self.count(key, self.environment)
        return paginator

    @property
    def revocable(self) -> bool:
        """Return True if this page shows a token that the person can select and revoke."""
        return any(row.token.is_revocable for row in self.rows)

    @property
    def is_empty(self) -> bool:
        """Return True if the owner has no tokens, not even revoked ones."""
        return not self.search and not self.counts

    @property
    def previous(self) -> str | None:
        """Return the query string of the previous page, or None on the first page."""
        if not self.page.has_previous():
            return None
        return self.query(page=self.page.previous_page_number())

    @property
    def next(self) -> str | None:
        """Return the query string of the next page, or None on the last page."""
        return self.query(page=self.page.next_page_number()) if self.page.has_next() else None

    def query(self, **changes: object) -> str:
        """Return the query string of page 1 with the present search and filters, and `changes`."""
        params = {
            "owner": self.owner.slug,
            "q": self.search,
            "status": self.filter,
            "environment": self.environment,
            "sort": "" if self.sort == DEFAULT_SORT else self.sort,
        } | changes
        return "?" + urlencode({key: value for key, value in params.items() if value})


def listed_tokens(pks: list[int]) -> list[ListedToken]:
    """Return a row for each token with one of these primary keys, in the same order.

    This takes two queries. A token that was deleted meanwhile has no row.
    """
    tokens: Any = Token.objects.filter(pk__in=pks).select_related("imported").with_successor()
    by_pk = {token.pk: token for token in tokens}
    drawn = sparklines(by_pk)
    ordered = [by_pk[pk] for pk in pks if pk in by_pk]
    above = ["", *(token.identifier for token in ordered)]
    return [
        ListedToken(
            token, drawn.get(token.pk), bool(previous) and token.successor_identifier == previous
        )
        for token, previous in zip(ordered, above, strict=False)
    ]
