"""Django admin: scopes, tokens, events and notifications.

Administrators can revoke a token and change its rate limit, but never create one or see its value.
"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Field, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html

from tokens.authentication.requests import actor_of
from tokens.models import Event, Notification, Scope, Status, Token, TokenQuerySet
from tokens.rate_limits import limits
from tokens.token_settings import token_settings

USERNAME = get_user_model().USERNAME_FIELD
MAX_REVOKED_TOKENS = 500  # with one action in the list


class ListedFiltersAdmin(admin.ModelAdmin):
    """An admin list that accepts only the filters that its page offers, and short searches."""

    CONDITIONS = ("", "__exact", "__gte", "__lt", "__isnull", "__id__exact")
    # In characters. Each word makes the SQL more deeply nested, and SQLite limits the depth.
    MAX_SEARCH_LENGTH = 100

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Return True only for conditions of the listed filters: a regex could run for ever."""
        listed = {
            filter_parameter(entry) + condition
            for entry in self.get_list_filter(request)
            for condition in self.CONDITIONS
        }
        return lookup in listed and super().lookup_allowed(lookup, value, request)

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        return super().get_search_results(request, queryset, search_term[: self.MAX_SEARCH_LENGTH])


def filter_parameter(list_filter: Any) -> str:
    """Return the URL parameter of an entry of `list_filter`, such as "status"."""
    field = list_filter[0] if isinstance(list_filter, tuple) else list_filter
    return str(getattr(field, "parameter_name", field))


class ReadOnlyAdmin(ListedFiltersAdmin):
    """An admin list in which nobody may add, change or delete a row."""

    view_on_site = False  # only the owner of a token can open its page

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class StatusFilter(admin.SimpleListFilter):
    """Filters tokens by status."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Status.choices)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.in_status(self.value()) if self.value() else queryset


class ImportedFilter(admin.SimpleListFilter):
    """Filters tokens by whether another program made them."""

    title = "imported"
    parameter_name = "imported"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        without = {"yes": False, "no": True}.get(self.value() or "")
        return queryset if without is None else queryset.filter(imported__isnull=without)


@admin.register(Scope)
class ScopeAdmin(ListedFiltersAdmin):
    """The catalogue of scopes. The name of a scope can't change, because tokens store the name."""

    list_display = ("name", "words", "group")
    list_select_related = ("group",)
    search_fields = ("name", "words__contains_folded", "group__name__contains_folded")
    fields = ("name", "words", "group")
    autocomplete_fields = ("group",)  # a list of all groups may be very long

    def get_readonly_fields(
        self, request: HttpRequest, obj: Scope | None = None
    ) -> tuple[str, ...]:
        return ("name",) if obj else ()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Scope]) -> None:
        """Delete the scopes one by one, because `Scope.delete` also updates tokens."""
        with transaction.atomic():
            for scope in queryset:
                scope.delete()


def validate_rate_limit(notation: str) -> None:
    """Raise ValidationError if `notation` is not a rate limit such as "10/minute"."""
    try:
        limits.parse_rate_limit(notation)
    except ValueError as error:
        raise ValidationError(str(error)) from None


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin):
    """All tokens. Administrators can change the rate limit and revoke tokens, nothing else."""

    list_display = (
        "name",
        "owner",
        "identifier",  # which begins with the environment
        "status",
        "expires_at",
        "last_used_at",
    )
    list_filter = (StatusFilter, "environment", ImportedFilter, "created_at", "expires_at")
    list_select_related = ("owner",)
    search_fields = ("name__contains_folded", "identifier", f"owner__{USERNAME}")
    search_help_text = "Name, the first characters of the value, or the owner's " + USERNAME
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
        return format_html('<span class="badge {}">{}</span>', token.status, token.status.label)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("tokens.change_token")

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the form field for the rate limit, the only field that can be changed."""
        return forms.CharField(
            max_length=db_field.max_length,
            required=False,
            validators=[validate_rate_limit],
            help_text="Write 10/minute, or several limits: 10/second;1000/hour. "
            f"Leave empty for the usual limit, {token_settings.RATE_LIMIT}.",
        )

    def save_model(self, request: HttpRequest, obj: Token, form: Any, change: bool) -> None:
        """Save only the rate limit, and write an event that names the administrator."""
        if "rate_limit" in form.changed_data:
            obj.set_rate_limit(obj.rate_limit, actor_of(request))

    @admin.action(description="Revoke the selected tokens", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: TokenQuerySet) -> HttpResponse | None:
        """Ask for confirmation, then revoke each token. The events name the administrator.

        Return the page with the question, or None to show the list again.
        """
        if queryset[: MAX_REVOKED_TOKENS + 1].count() > MAX_REVOKED_TOKENS:
            words = f"Select at most {MAX_REVOKED_TOKENS} tokens. No token was revoked."
            self.message_user(request, words, messages.ERROR)
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
        count = sum(revoke_as_administrator(token, request) for token in queryset)
        self.message_user(
            request, f"{count} revoked. Requests with them fail from now on.", messages.SUCCESS
        )
        return None


def revoke_as_administrator(token: Token, request: HttpRequest) -> int:
    """Revoke `token`, and the tokens made with it if the form says so. Return how many."""
    # The owner's lock makes both changes one transaction: an error undoes both.
    with Token.objects.locked_for(token.owner_id):
        revoked = int(token.revoke(actor_of(request)))
        if "include_made" in request.POST:
            revoked += token.revoke_made(actor_of(request))
        return revoked


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """The audit log: what happened to tokens and accounts."""

    list_display = (
        "at", "kind", "detail", "token_name", "identifier", "owner", "actor", "address",
    )  # fmt: skip
    list_filter = ("kind", "at")
    list_select_related = ("owner", "actor")
    search_fields = (
        "token_name__contains_folded",
        "identifier",
        f"owner__{USERNAME}",
        f"actor__{USERNAME}",
    )
    fields = (*list_display, "user_agent")


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
        return str(notification.token.owner)
