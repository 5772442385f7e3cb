"""Revocation of tokens by an administrator, with a reason from a short list."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from tokens.authentication.requests import actor_of
from tokens.models import Token, TokenQuerySet

MAX_REVOKED_TOKENS = 500  # with one action in the list
REASONS = ("compromised", "superseded", "no longer used", "owner left")


class RevocationForm(forms.Form):
    """The question before tokens are revoked. The events of the tokens have the reason."""

    reason = forms.ChoiceField(
        label="Reason",
        required=False,
        choices=[("", "No reason"), *((reason, reason.capitalize()) for reason in REASONS)],
        help_text="The owners see the reason on their Activity page and in the mail.",
    )
    include_made = forms.BooleanField(required=False, initial=True)
    # The query of the list, to which the answer leads back. The filters do not restrict what is
    # revoked: a token may leave a filter while the administrator reads the question.
    filters = forms.CharField(required=False, widget=forms.HiddenInput)


def ask_before_revoking(
    model_admin: Any, request: HttpRequest, tokens: TokenQuerySet, form: RevocationForm
) -> HttpResponse:
    """Return the page that lists the tokens and asks whether to revoke them."""
    request.current_app = model_admin.admin_site.name
    asked = list(tokens.filter(revoked_at=None).select_related("owner"))
    words = "this token" if len(asked) == 1 else f"these {len(asked)} tokens"
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"Revoke {words}?",
        "tokens": asked,
        "made": Token.objects.made_with(tokens).active().count(),
        "checkbox_name": ACTION_CHECKBOX_NAME,
        "opts": model_admin.opts,
        "form": form,
        "list_path": model_admin.link("changelist"),
        "way_back": list_with_filters(model_admin, form["filters"].value()),
    }
    status = 422 if form.errors else 200
    return TemplateResponse(request, "admin/tokens/revoke.html", context, status=status)


def list_with_filters(model_admin: Any, filters: str | None) -> str:
    """Return the address of the list with these filters."""
    query = QueryDict(filters or "").urlencode()
    path: str = model_admin.link("changelist")
    return f"{path}?{query}" if query else path


def revoke_selected(
    model_admin: Any, request: HttpRequest, tokens: TokenQuerySet
) -> HttpResponse | None:
    """Ask for confirmation, then revoke each token. The events name the administrator.

    Return the page with the question, or None to show the list again.
    """
    if tokens[: MAX_REVOKED_TOKENS + 1].count() > MAX_REVOKED_TOKENS:
        words = f"Select at most {MAX_REVOKED_TOKENS} tokens. No token was revoked."
        model_admin.message_user(request, words, messages.ERROR)
        return None
    is_confirmed = "confirmed" in request.POST
    form = RevocationForm(
        request.POST if is_confirmed else None, initial={"filters": request.GET.urlencode()}
    )
    if not form.is_valid():
        return ask_before_revoking(model_admin, request, tokens, form)
    count = sum(revoke_as_administrator(token, request, form.cleaned_data) for token in tokens)
    words = f"{count} revoked. Requests with them fail from now on."
    model_admin.message_user(request, words, messages.SUCCESS)
    return redirect(list_with_filters(model_admin, form.cleaned_data["filters"]))


def revoke_as_administrator(token: Token, request: HttpRequest, choices: dict[str, Any]) -> int:
    """Revoke `token`, and the tokens made with it if the form says so. Return how many."""
    actor, reason = actor_of(request), choices["reason"]
    # The owner's lock makes both changes one transaction: an error undoes both.
    with Token.objects.locked_for(token.owner_id):
        revoked = int(token.revoke(actor, reason))
        if choices["include_made"]:
            revoked += token.revoke_made(actor, reason)
        return revoked
