"""The filters of the list of all tokens. The overview counts with the same conditions.

The conditions have no joins: the overview reads each token once, which is fast with many tokens.
Each filter has one parameter of the URL. Links of the overview set several of them.
"""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from tokens.models import (
    DayCount,
    ImportedToken,
    RecentRequest,
    Scope,
    ScopeRequest,
    Status,
    TokenPolicy,
    broken_policy_condition,
)
from tokens.models.conditions import scope_condition, too_long_condition, unused_condition

WORKING = "working"  # a value of the filter by status: tokens that have not ended
MAX_LISTED_SCOPES = 30
WEEK_DAYS = 7


def week_start() -> datetime:
    """Return when the last seven days (UTC) began, of which today is one."""
    first = timezone.now().astimezone(UTC).date() - timedelta(days=WEEK_DAYS - 1)
    return datetime.combine(first, time.min, UTC)


class ChosenFilter(admin.SimpleListFilter):
    """A filter that the page shows only while it is set: a link from the overview sets it."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = self.value()
        return [(value, value.strip() or "Callers counted together")] if value else []


class StatusFilter(admin.SimpleListFilter):
    """Filters tokens by status. “Working” are all those that have not ended."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(WORKING, "Working"), *Status.choices]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == WORKING:
            return queryset.active()
        return queryset.in_status(self.value()) if self.value() else queryset


class ConditionFilter(admin.SimpleListFilter):
    """Filters tokens by one condition, which the overview counts too.

    `choice` is the value in the URL and its label.
    """

    choice: tuple[str, str]

    @staticmethod
    def condition() -> Q:
        """Return the condition as of now."""
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [self.choice]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(self.condition()) if self.value() == self.choice[0] else queryset


class UseFilter(ConditionFilter):
    """Filters tokens that were not used for 90 days."""

    title = parameter_name = "use"
    choice = ("unused", "Unused for 90 days")

    @staticmethod
    def condition() -> Q:
        return unused_condition(timezone.now())


class LifetimeFilter(ConditionFilter):
    """Filters tokens whose lifetime is longer than MAX_TOKEN_LIFETIME_DAYS."""

    title = parameter_name = "lifetime"
    choice = ("over-policy", "Longer than allowed")
    condition = staticmethod(too_long_condition)


class ScopesFilter(ConditionFilter):
    """Filters tokens without a scope."""

    title, parameter_name = "access", "scopes"
    choice = ("none", "Without scopes")

    @staticmethod
    def condition() -> Q:
        return scope_condition("")


class AccountFilter(ConditionFilter):
    """Filters tokens of accounts that are switched off."""

    title = parameter_name = "account"
    choice = ("off", "Switched off")

    @staticmethod
    def condition() -> Q:
        return Q(owner__in=get_user_model().objects.filter(is_active=False))


class OriginFilter(ConditionFilter):
    """Filters tokens that were imported from another program."""

    title = parameter_name = "origin"
    choice = ("imported", "Imported")

    @staticmethod
    def condition() -> Q:
        return Q(pk__in=ImportedToken.objects.values("token"))


class ScopeFilter(admin.SimpleListFilter):
    """Filters tokens by one of their scopes.

    The page offers the first scopes of the catalogue. The list of scopes links to all others.
    """

    title = parameter_name = "scope"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = list(Scope.objects.values_list("name", flat=True)[:MAX_LISTED_SCOPES])
        value = self.value()
        others = [value] if value and value not in names else []
        return [(name, name) for name in [*others, *names]]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(scope_condition(value)) if (value := self.value()) else queryset


class PolicyFilter(ConditionFilter):
    """Filters tokens that break a policy: any policy, or one of them by its primary key."""

    title = parameter_name = "policy"
    choice = ("broken", "Broken")
    condition = staticmethod(broken_policy_condition)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        policies = TokenPolicy.objects.values_list("pk", "name")[:MAX_LISTED_SCOPES]
        return [self.choice, *((str(pk), name) for pk, name in policies)]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value() or ""
        if not value.isdecimal():
            return super().queryset(request, queryset)
        return queryset.filter(broken_policy_condition(TokenPolicy.objects.filter(pk=value[:9])))


class ApprovalFilter(ConditionFilter):
    """Filters tokens with a scope that waits for approval."""

    title = parameter_name = "approval"
    choice = ("waiting", "Waits for approval")

    @staticmethod
    def condition() -> Q:
        return Q(pk__in=ScopeRequest.objects.waiting().order_by().values("token"))


class NoApproverFilter(ConditionFilter):
    """Filters tokens with a scope that waits, and whose group has nobody who may approve."""

    title, parameter_name = "approver", "approver"
    choice = ("none", "Nobody who may approve")

    @staticmethod
    def condition() -> Q:
        waiting = ScopeRequest.objects.waiting().without_approver()
        return Q(pk__in=waiting.order_by().values("token"))


class RefusedFilter(ChosenFilter):
    """Filters tokens with a request of this week that was refused for a cause, a problem code."""

    title = "refused this week"
    parameter_name = "refused"

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if not self.value():
            return queryset
        requests = refusals().filter(code=self.value())
        return queryset.filter(pk__in=requests.values("token"))


class CallerFilter(ChosenFilter):
    """Filters tokens that a caller used this week: an address, a space and a kind of program."""

    title = "caller this week"
    parameter_name = "caller"

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if not (value := self.value()):
            return queryset
        address, _, family = value.partition(" ")
        rows = calls().filter(address=address, family=family)
        return queryset.filter(pk__in=rows.values("token"))


def refusals() -> Any:
    """Return the refused requests of this week that are still stored."""
    return RecentRequest.objects.filter(refused=True, at__gte=week_start()).order_by()


def calls() -> Any:
    """Return the counts of requests of this week."""
    return DayCount.objects.filter(day__gte=week_start().date())


SHOWN_FILTERS: Any = (
    StatusFilter, "environment", UseFilter, LifetimeFilter, PolicyFilter, ApprovalFilter,
    NoApproverFilter, ScopesFilter, ScopeFilter, AccountFilter, OriginFilter, "created_at",
    "expires_at",
)  # fmt: skip
CHOSEN_FILTERS: Any = (RefusedFilter, CallerFilter)
