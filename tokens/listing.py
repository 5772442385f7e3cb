"""What the token list shows: filters, a search and a page, read from the address, and the tokens that match."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.paginator import Page, Paginator
from django.db.models import Count

from tokens.models import Environment, Status, Token, TokenQuerySet
from tokens.redaction import without_secrets

PAGE_SIZE = 25
USABLE = (Status.ACTIVE, Status.EXPIRING_SOON)
REVOKED = "revoked"
FILTERS = {
    "": ("All", (*USABLE, Status.EXPIRED)),
    "active": ("Active", USABLE),
    "expiring": ("Expiring soon", (Status.EXPIRING_SOON,)),
    "expired": ("Expired", (Status.EXPIRED,)),
    REVOKED: ("Revoked", (Status.REVOKED,)),
}


@dataclass(frozen=True, slots=True)
class FilterLink:
    """A filter above the list."""

    key: str
    label: str
    count: int
    query: str
    current: bool


class Listing:
    """One view of a person's tokens. Its number of queries does not depend on how many there are."""

    def __init__(self, user: AbstractBaseUser, params: dict[str, str]) -> None:
        typed = params.get("q", "").replace("\0", "").strip()[:100]
        self.search = without_secrets(typed)
        self.held_secret = self.search != typed
        self.filter = params["status"] if params.get("status") in FILTERS else ""
        self.environment = params["environment"] if params.get("environment") in Environment else ""
        self.page_number = params.get("page", "1")
        self.matching: TokenQuerySet = Token.objects.owned_by(user).with_status().search(self.search)

    @cached_property
    def counts(self) -> dict[tuple[str, str], int]:
        """How many of the tokens that match the search have each status in each environment."""
        each: Any = self.matching.order_by()  # more than a type checker knows: `with_status` annotated it
        groups = each.values_list("current_status", "environment").annotate(Count("pk"))
        return {(status, environment): count for status, environment, count in groups}

    def count(self, key: str, environment: str) -> int:
        """How many that filter finds in an environment, "" for all of them."""
        return sum(
            count
            for (status, lives_in), count in self.counts.items()
            if status in FILTERS[key][1] and environment in {"", lives_in}
        )

    @property
    def filters(self) -> list[FilterLink]:
        return [
            FilterLink(key, label, self.count(key, self.environment), self.query(status=key), key == self.filter)
            for key, (label, _) in FILTERS.items()
            if key != REVOKED
        ]

    @property
    def environments(self) -> list[FilterLink]:
        """A filter for each environment that occurs, and for all; nothing where there is nothing to choose."""
        occurring = {self.environment, *(environment for _, environment in self.counts)} - {""}
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
        tokens = self.matching.in_status(*FILTERS[key][1])
        if self.environment:
            tokens = tokens.filter(environment=self.environment)
        paginator = Paginator(tokens.order_by("-revoked_at", "-pk") if key == REVOKED else tokens, PAGE_SIZE)
        paginator.count = self.count(key, self.environment)  # known already: no second count
        return paginator

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
