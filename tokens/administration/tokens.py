"""All tokens in Django admin: the overview, the list with filters and files, and revocation."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Field, Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from tokens.administration.leaving import leaving_page
from tokens.administration.lists import USERNAME, ExportedAdmin
from tokens.administration.overview import Overview
from tokens.administration.revocation import RevocationForm, ask_before_revoking, revoke_selected
from tokens.administration.token_filters import CHOSEN_FILTERS, SHOWN_FILTERS
from tokens.administration.whose import find_whose
from tokens.audit.export import exact_time
from tokens.audit.log import in_batches
from tokens.authentication.requests import actor_of
from tokens.decorators import changes_no_decision
from tokens.forms.troubleshoot import TroubleshootForm
from tokens.models import Event, Team, Token, TokenQuerySet, owner_name
from tokens.rate_limits import limits
from tokens.token_settings import token_settings
from tokens.views.guards import confirms_itself

OWNER_PAGE = "admin:{}_change".format(settings.AUTH_USER_MODEL.lower().replace(".", "_"))


def validate_rate_limit(notation: str) -> None:
    """Raise ValidationError if `notation` is not a rate limit such as "10/minute"."""
    try:
        limits.parse_rate_limit(notation)
    except ValueError as error:
        raise ValidationError(str(error)) from None


class TokenAdmin(ExportedAdmin):
    """All tokens. Administrators can change the rate limit and revoke tokens, nothing else."""

    list_display = (
        "name",
        "owner_shown",
        "identifier",  # which begins with the environment
        "status",
        "expires_at",
        "last_used_at",
    )
    list_filter = SHOWN_FILTERS
    list_select_related = ("owner",)
    search_fields = ("name__contains_folded", "identifier", f"owner__{USERNAME}", "team__slug")
    search_help_text = "Name, the first characters of the value, or the owner's " + USERNAME
    change_form_template = "admin/tokens/token_page.html"
    fields = (
        "name", "owner_shown", "identifier", "environment", "status",
        "created_at", "expires_at", "revoked_at", "last_used_at", "last_used_address",
        "scope", "addresses", "rate_limit", "owner_leaves_at",
    )  # fmt: skip
    readonly_fields = tuple(name for name in fields if name != "rate_limit")
    actions = ("revoke",)
    file_name = "tokens"
    export_columns = (
        "token", "name", "description", "owner", "owner_is_active", "environment", "status",
        "scopes", "addresses", "rate_limit", "created", "expires", "renewed", "revoked",
        "last_used", "last_used_address", "last_used_user_agent", "imported_from",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> TokenQuerySet:
        return Token.objects.with_status()

    def get_list_filter(self, request: HttpRequest) -> Any:
        return (*CHOSEN_FILTERS, *self.list_filter)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("overview/", view(self.overview), name=self.url_name("overview")),
            path("leaving/", view(self.leaving), name=self.url_name("leaving")),
            path("<int:pk>/revoke/", view(self.revoke_one), name=self.url_name("revoke")),
            *super().get_urls(),
        ]

    @admin.display(description="Owner", ordering=f"owner__{USERNAME}")
    def owner_shown(self, token: Token) -> str:
        return owner_name(token)

    @admin.display(description="Status", ordering="expires_at")
    def status(self, token: Token) -> str:
        return format_html('<span class="badge {}">{}</span>', token.status, token.status.label)

    @admin.display(description="Owner leaving until", empty_value="-")
    def owner_leaves_at(self, token: Token) -> datetime | None:
        return token.owner_leaves_at

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
        return revoke_selected(self, request, queryset)

    def revoke_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return the page that asks before one token is revoked. Its form leads to the action."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        chosen = self.get_queryset(request).filter(pk=pk)
        if not chosen:
            raise Http404
        return ask_before_revoking(self, request, chosen, RevocationForm())

    @confirms_itself
    def leaving(self, request: HttpRequest) -> HttpResponse:
        """Return the page that asks what happens to tokens before accounts are let go."""
        return leaving_page(self.admin_site, request)

    @changes_no_decision
    @method_decorator(sensitive_post_parameters())
    @sensitive_variables()
    def overview(self, request: HttpRequest) -> HttpResponse:
        """Show the numbers, and say whose a pasted token is. The text is not shown again."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = TroubleshootForm(request.POST if request.method == "POST" else None)
        may_see_events = request.user.has_perm("tokens.view_event")
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": "Overview",
            "opts": self.opts,
            "form": form,
            "answer": find_whose(form.cleaned_data["pasted"]) if form.is_valid() else None,
            "overview": Overview(self.link("changelist"), self.admin_site.name),
            "can_see_events": may_see_events and self.admin_site.is_registered(Event),
            "can_see_teams": self.can_see_teams(request),
            "can_change": self.has_change_permission(request),
            "owner_page": OWNER_PAGE,
        }
        status = 422 if form.errors else 200
        return TemplateResponse(request, "admin/tokens/overview.html", context, status=status)

    def can_see_teams(self, request: HttpRequest) -> bool:
        """Return True if this site has the list of teams, and the person may look at it."""
        registered = self.admin_site._registry.get(Team)  # noqa: SLF001  # Django has no getter
        return registered is not None and registered.has_view_permission(request)

    def exported_rows(self, rows: TokenQuerySet) -> Iterator[dict[str, str]]:
        """Yield the values of each token, newest first. Nothing of the secret is there."""
        tokens = rows.order_by("-pk").select_related("owner", "imported")
        for token in in_batches(tokens, lambda last: tokens.filter(pk__lt=last.pk)):
            imported = getattr(token, "imported", None)
            values = (
                token.identifier, token.name, token.description, owner_name(token),
                "yes" if token.owner.is_active else "no", token.environment, token.status.value,
                token.scope, token.addresses, token.rate_limit, exact_time(token.created_at),
                exact_time(token.expires_at), exact_time(token.renewed_at),
                exact_time(token.revoked_at), exact_time(token.last_used_at),
                token.last_used_address or "", token.last_used_agent,
                imported.source if imported else "",
            )  # fmt: skip
            yield dict(zip(self.export_columns, values, strict=True))
