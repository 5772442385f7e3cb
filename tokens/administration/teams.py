"""All teams in Django admin: a list that nobody can change. People change teams on their pages."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from tokens.administration.lists import ReadOnlyAdmin
from tokens.models import Membership, Team
from tokens.token_settings import token_settings

WITHOUT_MANAGER = "manager=none"  # the query of a link to the teams without a manager


class ManagerFilter(admin.SimpleListFilter):
    """Filters teams that have no manager whose account is switched on."""

    title = parameter_name = "manager"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("none", "Without a manager")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.without_manager() if self.value() == "none" else queryset


class TeamAdmin(ReadOnlyAdmin):
    """All teams, with their managers and the number of their working tokens."""

    list_display = ("slug", "name", "managers", "working_tokens")
    list_filter = (ManagerFilter,)
    search_fields = ("slug", "name__contains_folded")
    search_help_text = "Short name or name"
    ordering = ("slug",)
    fields = ("slug", "name", "managers", "members", "working_tokens", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        works = Q(token__revoked_at=None, token__expires_at__gt=timezone.now())
        teams: QuerySet[Team] = super().get_queryset(request)
        return teams.annotate(working=Count("token", filter=works)).prefetch_related(
            "memberships__user"
        )

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False where there are no teams: then the administration does not name them."""
        return token_settings.TEAM_USER is not None and super().has_view_permission(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return token_settings.TEAM_USER is not None and super().has_module_permission(request)

    @admin.display(description="Managers")
    def managers(self, team: Team) -> str:
        """Return the names of the managers whose accounts are switched on."""
        return names_of(
            each
            for each in team.memberships.all()
            if each.role == Membership.Role.MANAGER and each.user.is_active
        )

    @admin.display(description="Members")
    def members(self, team: Team) -> str:
        return names_of(team.memberships.all())

    @admin.display(description="Working tokens", ordering="working")
    def working_tokens(self, team: Any) -> int:
        return int(team.working)


def names_of(memberships: Any) -> str:
    """Return what these members sign in with, or "none"."""
    return ", ".join(sorted(each.user.get_username() for each in memberships)) or "none"
