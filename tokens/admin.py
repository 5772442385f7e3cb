"""Administration: the catalogue of scopes, and an inventory that can end or limit a token, and not make or show one."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Field, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from tokens import quota
from tokens.models import Event, Scope, Status, Token, TokenQuerySet

MOST_AT_ONCE = 500  # tokens that one action revokes


class ListedFiltersAdmin(admin.ModelAdmin):
    """A list that takes from the address only what its own links and its search field send."""

    CONDITIONS = ("", "__exact", "__gte", "__lt", "__isnull", "__id__exact")
    MAX_SEARCH_LENGTH = 100  # characters; each word becomes part of one expression, whose depth SQLite bounds

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse any condition but those of the listed filters: a regular expression could run for ever."""
        listed = {
            name_of(entry) + condition for entry in self.get_list_filter(request) for condition in self.CONDITIONS
        }
        return lookup in listed and super().lookup_allowed(lookup, value, request)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return super().get_search_results(request, queryset, search_term[: self.MAX_SEARCH_LENGTH])


def name_of(list_filter: Any) -> str:
    """Return what an entry of `list_filter` is called in the address."""
    field = list_filter[0] if isinstance(list_filter, tuple) else list_filter
    return str(getattr(field, "parameter_name", field))


class ReadOnlyAdmin(ListedFiltersAdmin):
    """A list to look at."""

    view_on_site = False  # a token's page there is its owner's alone

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


@admin.register(Scope)
class ScopeAdmin(ListedFiltersAdmin):
    """The catalogue. A name stays as it is, because tokens hold it."""

    list_display = ("name", "words", "group")
    list_select_related = ("group",)
    search_fields = ("name", "words__says", "group__name__says")
    fields = ("name", "words", "group")
    autocomplete_fields = ("group",)  # a list of all groups has no end

    def get_readonly_fields(self, request: HttpRequest, obj: Scope | None = None) -> tuple[str, ...]:
        return ("name",) if obj else ()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Scope]) -> None:
        """One by one, because a scope tells the tokens that hold it."""
        with transaction.atomic():
            for scope in queryset:
                scope.delete()


def a_rate_limit(notation: str) -> None:
    try:
        quota.parse(notation)
    except ValueError:
        raise ValidationError("Write it as 10/minute, or with several windows as 10/second;1000/hour.") from None


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin):
    """Its rate limit alone can be changed."""

    list_display = ("name", "owner", "identifier", "environment", "status", "expires_at", "last_used_at")
    list_filter = (StatusFilter, "environment", "created_at", "expires_at")
    list_select_related = ("owner",)
    search_fields = ("name__says", "identifier", "owner__email")
    search_help_text = "Name, the first characters of the value, or the owner's e-mail address"
    fields = (
        "name", "owner", "identifier", "environment", "status",
        "created_at", "expires_at", "revoked_at", "last_used_at", "last_used_address",
        "scope", "addresses", "rate_limit",
    )  # fmt: skip
    readonly_fields = tuple(name for name in fields if name != "rate_limit")
    actions = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> TokenQuerySet:
        return Token.objects.with_status()

    @admin.display(description="Status", ordering="expires_at")
    def status(self, token: Token) -> str:
        return token.status.label

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("tokens.change_token")

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: Any) -> Any:
        """The rate limit's, the only one: what may be written there."""
        words = (
            f"10/minute, or several at once: 10/second;1000/hour. Empty: {settings.TOKEN_RATE_LIMIT}, as for others."
        )
        return forms.CharField(
            max_length=db_field.max_length, required=False, validators=[a_rate_limit], help_text=words
        )

    def save_model(self, request: HttpRequest, obj: Token, form: Any, change: bool) -> None:
        """Nothing else is written, and an event says who did it."""
        if "rate_limit" in form.changed_data:
            obj.limit(obj.rate_limit, request)

    @admin.action(description="Revoke the selected tokens", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: TokenQuerySet) -> HttpResponse | None:
        """Ask first; then end each token, with an event that names the administrator."""
        if queryset[: MOST_AT_ONCE + 1].count() > MOST_AT_ONCE:
            self.message_user(request, f"Select {MOST_AT_ONCE} at most. None was revoked.", messages.ERROR)
            return None
        if "confirmed" not in request.POST:
            context = {
                **self.admin_site.each_context(request),
                "title": "Revoke tokens?",
                "tokens": queryset.filter(revoked_at=None).select_related("owner"),
                "made": Token.objects.made_with(queryset).active().count(),
                "checkbox_name": ACTION_CHECKBOX_NAME,
                "opts": self.opts,
            }
            return TemplateResponse(request, "admin/tokens/revoke.html", context)
        count = sum(revoke(token, request) for token in queryset)
        self.message_user(request, f"{count} revoked. Requests with them fail from now on.", messages.SUCCESS)
        return None


def revoke(token: Token, request: HttpRequest) -> int:
    """End `token` and, where the form says so, what was made with it, together. Return how many ended."""
    with Token.objects.turn_of(token.owner_id):
        return token.revoke(request) + (token.revoke_made(request) if "include_made" in request.POST else 0)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("at", "kind", "detail", "token_name", "identifier", "owner", "actor", "address")
    list_filter = ("kind", "at")
    list_select_related = ("owner", "actor")
    search_fields = ("token_name__says", "identifier", "owner__email", "actor__email")
    fields = ("at", "kind", "detail", "token_name", "identifier", "owner", "actor", "address", "user_agent")
