"""What the overview page of Django admin shows: numbers, and links to the lists behind them.

The page takes four queries, however many tokens there are, one more for its callers, and one
more for teams.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import Count, Q
from django.urls import reverse

from tokens.administration.teams import WITHOUT_MANAGER
from tokens.administration.token_filters import (
    WORKING,
    AccountFilter,
    ApprovalFilter,
    ConditionFilter,
    LifetimeFilter,
    NoApproverFilter,
    OriginFilter,
    PolicyFilter,
    ScopesFilter,
    UseFilter,
    calls,
    refusals,
    week_start,
)
from tokens.models import KEPT_REFUSED, Environment, Status, Team, Token
from tokens.pages.callers import Caller, Callers, busiest_callers
from tokens.pages.token_list import WORKING_STATUSES
from tokens.problems.problem import TYPES
from tokens.token_settings import token_settings

MAX_SHOWN_CALLERS = 5
COUNTED: dict[str, type[ConditionFilter]] = {
    "unused": UseFilter,
    "over_policy": LifetimeFilter,
    "broken_policy": PolicyFilter,
    "waiting": ApprovalFilter,
    "no_approver": NoApproverFilter,
    "no_scopes": ScopesFilter,
    "owners_away": AccountFilter,
    "imported_left": OriginFilter,
}
WORDS = {
    "unused": "not used for 90 days",
    "over_policy": "longer than the maximum",
    "broken_policy": "that break a policy",
    "waiting": "with scopes that wait for approval",
    "no_approver": "whose approvers are away: superusers may approve",
    "no_scopes": "without scopes",
    "owners_away": "of accounts that are switched off",
    "imported_left": "imported, not yet replaced",
}


@dataclass(frozen=True, slots=True)
class Number:
    """A number of tokens or teams. `link` is the list that shows exactly these."""

    label: str
    count: int
    link: str


class StatusRow(NamedTuple):
    """The numbers of tokens of one status: in each environment, and in all of them."""

    label: str
    numbers: list[Number]


class Refusals(NamedTuple):
    """How many requests were refused this week for a cause, and the number of their tokens."""

    code: str
    title: str
    requests: int
    tokens: Number


class CallerRow(NamedTuple):
    """A caller with its requests of this week, and the number of tokens that it used."""

    caller: Caller
    tokens: Number


class Overview:
    """The numbers of the overview.

    `list_path` is the path of the list of tokens. `site` is the name of the administration site.
    """

    def __init__(self, list_path: str, site: str = "admin") -> None:
        self.list_path, self.site = list_path, site
        self.since: datetime = week_start()

    def number(self, label: str, count: int, **filters: str) -> Number:
        """Return a number with the link to the list that has these filters."""
        chosen = {key: value for key, value in filters.items() if value}
        return Number(label, count, f"{self.list_path}?{urlencode(chosen)}")

    @cached_property
    def counts(self) -> dict[tuple[str, str], dict[str, int]]:
        """Return how many tokens there are by status and environment, in one query.

        The keys are "tokens" for all of them, and those of COUNTED.
        """
        never = Q(pk__in=[])
        conditions = {key: entry.condition() for key, entry in COUNTED.items()}
        sums: dict[str, Any] = {
            key: Count("pk", filter=condition)
            for key, condition in conditions.items()
            if condition != never
        }
        tokens: Any = Token.objects.with_status().order_by()
        groups = tokens.values("current_status", "environment").annotate(
            tokens=Count("pk"), **sums
        )
        return {(row.pop("current_status"), row.pop("environment")): row for row in groups}

    def total(self, key: str, statuses: tuple[str, ...], environment: str = "") -> int:
        """Return the sum of `counts` over some statuses, in one environment or in all ("")."""
        return sum(
            row.get(key, 0)
            for (status, found), row in self.counts.items()
            if status in statuses and environment in {"", found}
        )

    @property
    def environments(self) -> list[str]:
        """Return the headings of the table of statuses."""
        return [*Environment.labels, "All"]

    @property
    def statuses(self) -> list[StatusRow]:
        """Return the rows of the table of statuses."""
        return [
            StatusRow(
                status.label,
                [
                    self.number(
                        label,
                        self.total("tokens", (status,), environment),
                        status=status,
                        environment__exact=environment,
                    )
                    for environment, label in [*Environment.choices, ("", "All")]
                ],
            )
            for status in Status
        ]

    @property
    def attention(self) -> list[Number]:
        """Return the numbers of working tokens that somebody should look at."""
        expiring = self.total("tokens", (Status.EXPIRING_SOON,))
        return [
            self.number("expiring within 14 days", expiring, status=Status.EXPIRING_SOON),
            *(
                self.number(
                    WORDS[key],
                    self.total(key, WORKING_STATUSES),
                    status=WORKING,
                    **{str(entry.parameter_name): entry.choice[0]},
                )
                for key, entry in COUNTED.items()
                if key != "over_policy" or token_settings.MAX_TOKEN_LIFETIME_DAYS
            ),
        ]

    @cached_property
    def teams_without_manager(self) -> Number:
        """Return the number of teams that have no manager whose account is switched on."""
        path = reverse("admin:tokens_team_changelist", current_app=self.site)
        count = Team.objects.without_manager().count()
        return Number("teams without a manager", count, f"{path}?{WITHOUT_MANAGER}")

    @property
    def max_days(self) -> int | None:
        """Return the longest lifetime that is allowed, in days; None if there is no maximum."""
        return token_settings.MAX_TOKEN_LIFETIME_DAYS

    @cached_property
    def refusals(self) -> list[Refusals]:
        """Return the causes for which requests were refused this week, the most frequent first."""
        rows = refusals().values_list("code").annotate(Count("pk"), Count("token", distinct=True))
        return [
            Refusals(
                code, TYPES[code].title if code in TYPES else code, requests,
                self.number("tokens", tokens, refused=code),
            )
            for code, requests, tokens in rows.order_by("-pk__count", "code")
        ]  # fmt: skip

    @cached_property
    def busiest(self) -> Callers:
        """Return the callers with the most requests this week."""
        return busiest_callers(calls(), MAX_SHOWN_CALLERS)

    @cached_property
    def callers(self) -> list[CallerRow]:
        """Return those callers, each with the number of tokens that it used this week."""
        pairs = [Q(address=one.address, family=one.family) for one in self.busiest.shown]
        if not pairs:
            return []
        rows = calls().filter(Q(*pairs, _connector=Q.OR)).values_list("address", "family")
        used = {tuple(key): count for *key, count in rows.annotate(Count("token", distinct=True))}
        return [
            CallerRow(
                one,
                self.number(
                    "tokens", used.get((one.address, one.family), 0),
                    caller=f"{one.address} {one.family}",
                ),
            )
            for one in self.busiest.shown
        ]  # fmt: skip

    @property
    def kept_refused(self) -> int:
        """Return how many refused requests of each token are stored."""
        return KEPT_REFUSED
