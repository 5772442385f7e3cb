"""What hangs on accounts that are about to be switched off or deleted: tokens, callers, teams."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from tokens.models import DayCount, Membership, Team, Token, TokenQuerySet
from tokens.pages.callers import Caller

MAX_SHOWN_TOKENS = 200
MAX_SHOWN_CALLERS_EACH = 3
USED_LATELY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class WorkingToken:
    """A working token, and its busiest callers of the last seven days."""

    token: Token
    callers: list[Caller]


class Goodbye:
    """The working tokens of `accounts`, and the teams that they alone manage."""

    def __init__(self, accounts: Sequence[Any]) -> None:
        self.accounts = accounts
        self.since = timezone.now() - USED_LATELY

    @property
    def tokens(self) -> TokenQuerySet:
        """Return the working tokens, those that were used last first."""
        owned = Token.objects.filter(owner__in=[account.pk for account in self.accounts])
        return owned.active().order_by("-last_used_at", "-pk")

    @cached_property
    def count(self) -> int:
        """Return how many tokens work."""
        return self.tokens.count()

    @cached_property
    def used(self) -> int:
        """Return how many of these tokens were used in the last seven days."""
        return self.tokens.filter(last_used_at__gte=self.since).count()

    @cached_property
    def shown(self) -> list[WorkingToken]:
        """Return the tokens that the page lists, with their callers, in two queries."""
        tokens = list(self.tokens.select_related("owner", "imported")[:MAX_SHOWN_TOKENS])
        rows: Any = DayCount.objects.filter(token__in=tokens, day__gte=self.since.date())
        sums = rows.values_list("token_id", "address", "family").annotate(Sum("requests"))
        callers: dict[int, list[Caller]] = defaultdict(list)
        for key, address, family, requests in sums.order_by("-requests__sum", "address"):
            if len(callers[key]) < MAX_SHOWN_CALLERS_EACH:
                callers[key].append(Caller(address, family, requests, 0, self.since))
        return [WorkingToken(token, callers[token.pk]) for token in tokens]

    @property
    def others(self) -> int:
        """Return how many tokens the page does not list."""
        return self.count - len(self.shown)

    @cached_property
    def teams(self) -> list[Team]:
        """Return the teams that have no active manager without these accounts."""
        gone = [account.pk for account in self.accounts]
        manages = Membership.objects.filter(role=Membership.Role.MANAGER, user__is_active=True)
        managed = Team.objects.filter(memberships__in=manages.filter(user__in=gone)).distinct()
        kept = manages.exclude(user__in=gone).values("team")
        return list(managed.exclude(pk__in=kept))

    @property
    def is_needed(self) -> bool:
        """Return True if something must be decided before the accounts go."""
        is_team = Team.objects.filter(account__in=[account.pk for account in self.accounts])
        return bool(self.count or self.teams or is_team.exists())
