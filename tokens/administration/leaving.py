"""The page before administrators switch accounts off or delete them: what hangs on the accounts.

Nobody is switched off or deleted in administration without a choice on this page, if tokens of the
account work or a team would lose its last manager.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.template.response import TemplateResponse
from django.urls import reverse

from tokens.authentication.requests import actor_of
from tokens.forms.goodbye import HAND_OVER, GoodbyeForm, KeepingForm
from tokens.models import Actor, Team
from tokens.models.leaving import switch_off
from tokens.views.guards import ask_to_confirm

OFF, DELETE = "off", "delete"
MAX_LEAVERS = 100  # accounts on one page
MAX_OFFERED_TEAMS = 500


class SwitchOffForm(KeepingForm):
    """The form that switches accounts off."""

    def let_go(self, account: Any, actor: Actor) -> None:
        super().let_go(account, actor)
        switch_off(account, self.cleaned_data.get("until"), actor)


class DeleteForm(GoodbyeForm):
    """The form that deletes accounts."""

    def let_go(self, account: Any, actor: Actor) -> None:
        super().let_go(account, actor)
        account.delete()


def leaving_path(accounts: Sequence[Any], then: str) -> str:
    """Return the path of the page for these accounts. `then` is "off" or "delete"."""
    query = [("account", str(account.pk)) for account in accounts]
    return f"{reverse('admin:tokens_token_leaving')}?{urlencode([*query, ('then', then)])}"


def leaving_page(site: admin.AdminSite, request: HttpRequest) -> HttpResponse:
    """Show what hangs on the accounts. On POST, do what was chosen, and let the accounts go.

    Administrators need the right to change, or to delete, each of the accounts. To hand tokens
    over, they also need the right to change tokens.
    """
    then = DELETE if request.GET.get("then") == DELETE else OFF
    account_admin = admin_of_accounts(site)
    accounts = chosen_accounts(request, account_admin)
    ensure_allowed(request, account_admin, accounts, then)
    back = reverse(f"admin:{account_admin.opts.label_lower.replace('.', '_')}_changelist")
    if Team.objects.filter(account__in=accounts).exists():
        words = "This is the account of a team. Delete the team, or hand its tokens over."
        messages.error(request, words)
        return redirect(back)
    form_class = DeleteForm if then == DELETE else SwitchOffForm
    sent = request.POST if request.method == "POST" else None
    form = form_class(sent, accounts=accounts, initial=request.GET.dict())
    hands_over = form.is_valid() and form.cleaned_data.get("outcome") == HAND_OVER
    if hands_over and not may_hand_over(request):
        form.add_error("outcome", "Your account may not hand tokens over.")
    if form.is_valid():
        # The administration lets in only signed-in people, as a PageRequest has them.
        back_to = f"{leaving_path(accounts, then)}&{form.as_query()}"
        if confirm := ask_to_confirm(request, back_to):  # type: ignore[arg-type]
            return confirm
        if settle_and_log(request, form, account_admin, then):
            messages.success(request, done_words(len(accounts), then))
            return redirect(back)
    return render_leaving(site, request, form, then, back)


def may_hand_over(request: HttpRequest) -> bool:
    """Return True if the person may hand tokens of others over, and so sees the teams."""
    return request.user.has_perm("tokens.change_token")


def admin_of_accounts(site: admin.AdminSite) -> Any:
    """Return the pages of accounts in Django admin. Raise Http404 if there are none."""
    try:
        return site.get_model_admin(get_user_model())
    except NotRegistered:
        raise Http404 from None


def ensure_allowed(
    request: HttpRequest, account_admin: Any, accounts: Sequence[Any], then: str
) -> None:
    """Raise PermissionDenied if the person may not let these accounts go.

    Nobody switches the own account off, so that one administrator always remains.
    """
    may = account_admin.has_change_permission
    if then == DELETE:
        may = account_admin.has_delete_permission
    if request.user in accounts or not all(may(request, account) for account in accounts):
        raise PermissionDenied


def chosen_accounts(request: HttpRequest, account_admin: Any) -> list[Any]:
    """Return the accounts that the URL names, by ascending primary key. Raise Http404 for none."""
    keys = set(request.GET.getlist("account")[:MAX_LEAVERS])
    to_python = account_admin.opts.pk.to_python
    try:
        found = account_admin.get_queryset(request).filter(pk__in=[to_python(key) for key in keys])
        accounts = list(found.order_by("pk"))
    except (ValidationError, OverflowError):
        raise Http404 from None
    if not accounts or len(accounts) < len(keys):
        raise Http404
    return accounts


def settle_and_log(request: HttpRequest, form: Any, account_admin: Any, then: str) -> bool:
    """Do what the form says, and write Django's log entries. Return False if it is impossible."""
    accounts = form.goodbye.accounts
    with transaction.atomic():
        if then == DELETE:
            account_admin.log_deletions(request, accounts)
        else:
            for account in accounts:
                account_admin.log_change(request, account, "Switched off")
        settled: bool = form.settle(actor_of(request))
        if not settled:
            transaction.set_rollback(True)
    return settled


def done_words(count: int, then: str) -> str:
    """Return the message after `count` accounts were switched off or deleted."""
    done = "deleted" if then == DELETE else "switched off"
    return f"{count} account{pluralize(count)} {pluralize(count, 'is,are')} {done}."


def render_leaving(
    site: admin.AdminSite, request: HttpRequest, form: Any, then: str, back: str
) -> HttpResponse:
    """Return the page, with the status 422 if the form has errors."""
    request.current_app = site.name
    context = {
        **site.each_context(request),
        "can_see_tokens": request.user.has_perm("tokens.view_token"),
        "title": "Delete accounts?" if then == DELETE else "Switch accounts off?",
        "form": form,
        "goodbye": form.goodbye,
        "then": then,
        "back": back,
        "teams": Team.objects.all()[:MAX_OFFERED_TEAMS] if may_hand_over(request) else [],
    }
    status = 422 if form.errors else 200
    return TemplateResponse(request, "admin/tokens/leaving.html", context, status=status)
