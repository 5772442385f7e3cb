"""Django admin: scopes, tokens, events, teams and notifications.

Administrators can revoke a token and change its rate limit, but never create one or see its value.
"""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from tokens.administration.events import EventAdmin
from tokens.administration.lists import USERNAME, ListedFiltersAdmin, ReadOnlyAdmin
from tokens.administration.policies import TokenPolicyAdmin
from tokens.administration.teams import TeamAdmin
from tokens.administration.tokens import TokenAdmin
from tokens.models import Event, Notification, Scope, Team, Token, TokenPolicy, owner_name

admin.site.register(Token, TokenAdmin)
admin.site.register(Event, EventAdmin)
admin.site.register(Team, TeamAdmin)
admin.site.register(TokenPolicy, TokenPolicyAdmin)


@admin.register(Scope)
class ScopeAdmin(ListedFiltersAdmin):
    """The catalogue of scopes. The name of a scope can't change, because tokens store the name."""

    list_display = ("name", "words", "group")
    list_select_related = ("group",)
    search_fields = ("name", "words__contains_folded", "group__name__contains_folded")
    fields = ("name", "words", "group")
    autocomplete_fields = ("group",)  # a list of all groups may be very long

    @admin.display(description="Tokens")
    def tokens_with_it(self, scope: Scope) -> str:
        """Return a link to the tokens that have the scope."""
        path = reverse("admin:tokens_token_changelist", current_app=self.admin_site.name)
        query = urlencode({"scope": scope.name})
        return format_html('<a href="{}?{}">Tokens with this scope</a>', path, query)

    def get_fields(self, request: HttpRequest, obj: Scope | None = None) -> tuple[str, ...]:
        has_list = obj is not None and self.admin_site.is_registered(Token)
        return (*self.fields, "tokens_with_it") if has_list else self.fields

    def get_readonly_fields(
        self, request: HttpRequest, obj: Scope | None = None
    ) -> tuple[str, ...]:
        return ("name", "tokens_with_it") if obj else ()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Scope]) -> None:
        """Delete the scopes one by one, because `Scope.delete` also updates tokens."""
        with transaction.atomic():
            for scope in queryset:
                scope.delete()


class SentFilter(admin.SimpleListFilter):
    """Filters notifications by progress: waiting, failed or sent."""

    title = "progress"
    parameter_name = "progress"
    CONDITIONS: dict[str, dict[str, Any]] = {
        "waiting": {"sent_at": None, "problem": ""},
        "failed": {"sent_at": None, "problem__gt": ""},
        "sent": {"sent_at__isnull": False},
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("waiting", "Waiting"), ("failed", "Failed, and tried again"), ("sent", "Sent")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(**self.CONDITIONS.get(self.value() or "", {}))


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    """The e-mails about tokens, sent or not. `problem` says why the last attempt failed."""

    list_display = ("made_at", "kind", "owner", "sent_at", "problem", "token")
    list_filter = (SentFilter, "kind", "made_at")
    list_select_related = ("token__owner",)
    search_fields = ("token__identifier", f"token__owner__{USERNAME}")
    search_help_text = "The first characters of the token's value, or the owner's " + USERNAME
    fields = ("kind", "token", "owner", "detail", "made_at", "claimed_at", "sent_at", "problem")

    @admin.display(description="Owner", ordering=f"token__owner__{USERNAME}")
    def owner(self, notification: Notification) -> str:
        return owner_name(notification.token)
