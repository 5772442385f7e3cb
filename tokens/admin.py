"""Administration of tokens: an inventory that can end a token, and neither make, change nor show one."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from tokens.models import Event, Status, Token, TokenQuerySet


class ReadOnlyAdmin(admin.ModelAdmin):
    """A list to look at."""

    view_on_site = False  # the page there is its owner's alone

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Filters as listed, and no other condition from the address: a regular expression could run for ever."""
        field, _, condition = lookup.partition("__")
        listed = {getattr(entry, "parameter_name", entry) for entry in self.list_filter}
        return field in listed and condition in {"", "exact", "gte", "lt"}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class StatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Status.choices)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.in_status(self.value()) if self.value() else queryset


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin):
    list_display = ("name", "owner", "identifier", "environment", "status", "expires_at", "last_used_at")
    list_filter = (StatusFilter, "environment", "created_at", "expires_at")
    list_select_related = ("owner",)
    search_fields = ("name", "identifier", "owner__email")
    search_help_text = "Name, the first characters of the value, or the owner's e-mail address"
    fields = (
        "name", "owner", "identifier", "environment", "status",
        "created_at", "expires_at", "revoked_at", "last_used_at", "last_used_address",
    )  # fmt: skip
    actions = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> TokenQuerySet:
        return Token.objects.with_status()

    @admin.display(description="Status", ordering="expires_at")
    def status(self, token: Token) -> str:
        return token.status.label

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("tokens.change_token")

    @admin.action(description="Revoke the selected tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: TokenQuerySet) -> HttpResponse | None:
        """Ask first; then end each token, with an event that names the administrator."""
        if "confirmed" not in request.POST:
            context = {
                **self.admin_site.each_context(request),
                "title": "Revoke tokens?",
                "tokens": queryset.filter(revoked_at=None).select_related("owner"),
                "checkbox_name": ACTION_CHECKBOX_NAME,
                "opts": self.opts,
            }
            return TemplateResponse(request, "admin/tokens/revoke.html", context)
        count = sum(token.revoke(request) for token in queryset)
        self.message_user(request, f"{count} revoked. Requests with them fail from now on.", messages.SUCCESS)
        return None


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("at", "kind", "token_name", "identifier", "owner", "actor", "address")
    list_filter = ("kind", "at")
    list_select_related = ("owner", "actor")
    search_fields = ("token_name", "identifier", "owner__email", "actor__email")
    fields = ("at", "kind", "token_name", "identifier", "owner", "actor", "address", "user_agent")
