"""What the token list shows: filters, a search and a page, read from the address, and the tokens that match."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.paginator import Page, Paginator
from django.db.models import Count
from django.utils import timezone

from tokens.models import Environment, Status, Token, TokenQuerySet
from tokens.redaction import without_secrets

PAGE_SIZE = 25
MOST_NAMED = 10  # of the tokens made with one
USABLE = (Status.ACTIVE, Status.EXPIRING_SOON)
WORKING = (*USABLE, Status.RETIRING)
REVOKED = "revoked"
WEEK = timedelta(days=7)


class Filter(NamedTuple):
    """Its label, and the tokens that it finds: those in a status, and of them all, or the unused alone."""

    label: str
    statuses: tuple[Status, ...]
    unused: bool = False

    def finds(self, status: str, unused: bool) -> bool:
        return status in self.statuses and (unused or not self.unused)


FILTERS = {
    "": Filter("All", (*WORKING, Status.EXPIRED)),
    "active": Filter("Active", USABLE),
    "expiring": Filter("Expiring soon", (Status.EXPIRING_SOON,)),
    "retiring": Filter("Retiring", (Status.RETIRING,)),
    "expired": Filter("Expired", (Status.EXPIRED,)),
    "unused": Filter("Unused for 90 days", WORKING, unused=True),
    REVOKED: Filter("Revoked", (Status.REVOKED,)),
}


@dataclass(frozen=True, slots=True)
class FilterLink:
    """A filter above the list."""

    key: str
    label: str
    count: int
    query: str
    current: bool


class Made(NamedTuple):
    """Tokens that programs made with others and that still work: how many, and the first of them.

    Ending them with their makers is proposed unless each maker was renewed: then a rotation ends, and nothing leaked.
    """

    total: int
    shown: list[Token]
    proposed: bool

    @property
    def others(self) -> int:
        return self.total - len(self.shown)

    @classmethod
    def with_tokens(cls, user: AbstractBaseUser, makers: Collection[Token]) -> Made:
        """Return those of `user` that were made with `makers`, however indirectly."""
        found = Token.objects.owned_by(user).made_with(makers).active()
        first = list(found.order_by("pk")[: MOST_NAMED + 1])
        total = len(first) if len(first) <= MOST_NAMED else found.count()
        return cls(total, first[:MOST_NAMED], any(not maker.renewed_at for maker in makers))


class Listing:
    """One view of a person's tokens. Its number of queries does not depend on how many there are."""

    def __init__(self, user: AbstractBaseUser, params: dict[str, str]) -> None:
        self.user = user
        typed = params.get("q", "").replace("\0", "").strip()[:100]
        self.search = without_secrets(typed)
        self.held_secret = self.search != typed
        self.filter = params["status"] if params.get("status") in FILTERS else ""
        self.environment = params["environment"] if params.get("environment") in Environment else ""
        self.page_number = params.get("page", "1")
        self.matching: TokenQuerySet = Token.objects.owned_by(user).with_status().with_use().search(self.search)

    @cached_property
    def counts(self) -> dict[tuple[str, str, bool], int]:
        """How many of the tokens that match the search have each status in each environment, unused and not."""
        each: Any = self.matching.order_by()  # more than a type checker knows: `with_status` annotated it
        groups = each.values_list("current_status", "environment", "unused").annotate(Count("pk"))
        return {(status, environment, unused): count for status, environment, unused, count in groups}

    @cached_property
    def expire_this_week(self) -> int:
        """How many of all the person's tokens, those with a successor aside."""
        active = Token.objects.owned_by(self.user).active().filter(renewed_at=None)
        return active.filter(expires_at__lte=timezone.now() + WEEK).count()

    def count(self, key: str, environment: str) -> int:
        """How many that filter finds in an environment, "" for all of them."""
        return sum(
            count
            for (status, lives_in, unused), count in self.counts.items()
            if FILTERS[key].finds(status, unused) and environment in {"", lives_in}
        )

    @property
    def filters(self) -> list[FilterLink]:
        return [
            FilterLink(key, entry.label, count, self.query(status=key), key == self.filter)
            for key, entry in FILTERS.items()
            if key != REVOKED
            if (count := self.count(key, self.environment)) or key != "retiring" or self.filter == "retiring"
        ]

    @property
    def environments(self) -> list[FilterLink]:
        """A filter for each environment that occurs, and for all; nothing where there is nothing to choose."""
        occurring = {self.environment, *(environment for _, environment, _ in self.counts)} - {""}
        if len(occurring) < 2 and not self.environment:
            return []
        return [
            FilterLink(key, label, self.count(self.filter, key), self.query(environment=key), key == self.environment)
            for key, label in [("", "Any environment"), *Environment.choices]
            if key in {"", *occurring}
        ]

    @cached_property
    def page(self) -> Page[Token]:
        return self.paginator(self.filter).get_page(self.page_number)

    @cached_property
    def revoked(self) -> Page[Token] | None:
        """The latest revoked tokens, folded away below the others."""
        if self.filter == REVOKED or not self.count(REVOKED, self.environment):
            return None
        return self.paginator(REVOKED).page(1)

    @property
    def revoked_query(self) -> str:
        return self.query(status=REVOKED)

    def paginator(self, key: str) -> Paginator[Token]:
        tokens = self.matching.in_status(*FILTERS[key].statuses)
        if FILTERS[key].unused:
            tokens = tokens.unused()
        if self.environment:
            tokens = tokens.filter(environment=self.environment)
        paginator = Paginator(tokens.order_by("-revoked_at", "-pk") if key == REVOKED else tokens, PAGE_SIZE)
        paginator.count = self.count(key, self.environment)  # known already: no second count
        return paginator

    @property
    def revocable(self) -> bool:
        """Whether this page shows a token that can be selected to be revoked."""
        return any(token.is_revocable for token in self.page)

    @property
    def is_empty(self) -> bool:
        """Whether the person has no token at all, not even a revoked one."""
        return not self.search and not self.counts

    @property
    def previous(self) -> str | None:
        return self.query(page=self.page.previous_page_number()) if self.page.has_previous() else None

    @property
    def next(self) -> str | None:
        return self.query(page=self.page.next_page_number()) if self.page.has_next() else None

    def query(self, **changes: object) -> str:
        """The query string of this view with `changes` made to it; a change starts at page 1."""
        wanted = {"q": self.search, "status": self.filter, "environment": self.environment} | changes
        return "?" + urlencode({key: value for key, value in wanted.items() if value})
