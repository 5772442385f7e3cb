"""Policies in Django admin: the form with a preview, and mails to owners about broken policies."""

from typing import Any, NamedTuple

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import PermissionDenied
from django.db.models import Count, TextField
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from tokens.administration.lists import ListedFiltersAdmin
from tokens.models import Token, TokenPolicy, TokenPolicyQuerySet, TokenQuerySet
from tokens.notifications.receivers import notify_broken_policy

MAX_PREVIEWED = 50
MAX_TOLD_TOKENS = 1000  # with one action
PREVIEW = "_preview"  # the name of the button


class Preview(NamedTuple):
    """The working tokens that break a policy, which may not be saved yet."""

    tokens: int
    owners: int
    shown: list[Token]

    @property
    def others(self) -> int:
        """Return how many of the tokens are not shown."""
        return self.tokens - len(self.shown)

    @classmethod
    def of(cls, policy: TokenPolicy) -> "Preview":
        """Return the working tokens that break `policy`."""
        broken = tokens_that_break(policy)
        counts = broken.order_by().aggregate(
            tokens=Count("pk"), owners=Count("owner", distinct=True)
        )
        shown = list(broken.select_related("owner").order_by("name", "pk")[:MAX_PREVIEWED])
        return cls(counts["tokens"], counts["owners"], shown)


def tokens_that_break(policy: TokenPolicy) -> TokenQuerySet:
    """Return the working tokens that break `policy`."""
    return Token.objects.active().filter(policy.broken_by())


def tell_owners(policy: TokenPolicy) -> int:
    """Store a mail to the owner of each token that breaks `policy`. Return the number of tokens.

    Each owner is told once about each token and policy.
    """
    told = policy.told.values("pk")
    tokens = list(tokens_that_break(policy).exclude(pk__in=told).order_by("pk")[:MAX_TOLD_TOKENS])
    for token in tokens:
        notify_broken_policy(token, policy.name)
    policy.told.add(*tokens)
    return len(tokens)


class TokenPolicyAdmin(ListedFiltersAdmin):
    """The policies. A button shows which tokens a change would touch before it is saved."""

    list_display = ("name", "group", "environment", "demands", "broken")
    list_filter = ("environment",)
    list_select_related = ("group",)
    search_fields = ("name__contains_folded", "group__name__contains_folded")
    autocomplete_fields = ("group", "approvers")
    actions = ("tell",)
    formfield_overrides = {TextField: {"widget": AdminTextareaWidget({"rows": 4})}}
    change_form_template = "admin/tokens/policy.html"
    fieldsets = (
        (None, {"fields": ("name", "group", "environment")}),
        (
            "What a token must keep",
            {
                "fields": (
                    "max_days", "allowed_scopes", "needs_addresses", "max_tokens",
                    "needs_second_factor", "name_pattern",
                ),
                "description": "All policies that hold for a token hold together: the strictest "
                "wins. They are checked when a token is made or renewed, or gets more. Tokens "
                "that exist already stay as they are.",
            },
        ),
        ("Scopes that need approval", {"fields": ("approval_scopes", "approvers")}),
    )  # fmt: skip

    @admin.display(description="Demands")
    def demands(self, policy: TokenPolicy) -> str:
        """Return what the policy demands, in a few words."""
        return policy.in_words or "nothing"

    @admin.display(description="Broken by")
    def broken(self, policy: TokenPolicy) -> str:
        """Return the number of working tokens that break the policy, as a link to their list."""
        count = tokens_that_break(policy).count()
        path = reverse("admin:tokens_token_changelist", current_app=self.admin_site.name)
        words = f"{count} token{'' if count == 1 else 's'}"
        return format_html('<a href="{}?status=working&policy={}">{}</a>', path, policy.pk, words)

    @admin.action(
        description="Mail the owners of tokens that break the selected policies",
        permissions=["change"],
    )
    def tell(self, request: HttpRequest, queryset: TokenPolicyQuerySet) -> None:
        """Tell owners, once about each token and policy."""
        count = sum(tell_owners(policy) for policy in queryset)
        words = f"The owners of {count} token{'' if count == 1 else 's'} get a mail."
        if not count:
            words = "All owners were told before, or no token breaks these policies."
        self.message_user(request, words, messages.SUCCESS)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Return the form. The button of the preview shows what would happen, and saves nothing.

        The page of a stored policy shows the tokens that break it now.
        """
        if request.method == "POST" and PREVIEW in request.POST:
            return self.preview(request, object_id, form_url)
        context = dict(extra_context or {})
        if (
            request.method != "POST"
            and object_id
            and (policy := self.get_object(request, object_id))
        ):
            context["preview"] = Preview.of(policy)
        return super().changeform_view(request, object_id, form_url, context)

    def preview(self, request: HttpRequest, object_id: str | None, form_url: str) -> HttpResponse:
        """Return the form as it was sent, with the tokens that break the policy in this form."""
        policy = self.get_object(request, object_id) if object_id else None
        if object_id and policy is None:
            raise Http404
        may = self.has_change_permission(request, policy) if policy else None
        if not (self.has_add_permission(request) if may is None else may):
            raise PermissionDenied
        form = self.get_form(request, policy, change=policy is not None)(
            request.POST, instance=policy
        )
        fieldsets: Any = self.get_fieldsets(request, policy)
        fields = helpers.AdminForm(form, fieldsets, {}, model_admin=self)
        context = {
            **self.admin_site.each_context(request),
            "title": "Preview",
            "adminform": fields,
            "errors": helpers.AdminErrorList(form, []),
            "media": self.media + fields.media,
            "inline_admin_formsets": [],
            "object_id": object_id,
            "original": policy,
            "is_popup": False,
            "preview": Preview.of(form.instance) if form.is_valid() else None,
            "is_unsaved": True,
        }
        request.current_app = self.admin_site.name
        return self.render_change_form(
            request, context, add=policy is None, change=policy is not None, obj=policy,
            form_url=form_url,
        )  # fmt: skip
