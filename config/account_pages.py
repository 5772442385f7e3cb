"""What the account pages show of tokens: links, options and numbers. Events about accounts.

The application `tokens` does not import `accounts`, and `accounts` imports only a pure function of
`tokens`. The standalone product connects them here.
"""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from accounts.audit_signals import account_event, wrong_password_sent
from accounts.extension_points import (
    Belonging,
    Choices,
    Farewell,
    NavigationPage,
    RequestHooks,
    register_belonging,
    register_choices,
    register_farewell,
    register_page,
    register_request_hooks,
)
from tokens.administration.leaving import leaving_path
from tokens.audit.receivers import record_account_event, record_wrong_password
from tokens.authentication import change_wait
from tokens.authentication.requests import actor_of
from tokens.forms.goodbye import OwnGoodbyeForm
from tokens.models import Leaver, MailChoices, Token
from tokens.pages.approvals import approvals_badge
from tokens.pages.goodbye import Goodbye
from tokens.token_settings import token_settings


def own_goodbye(user: Any, request: HttpRequest) -> OwnGoodbyeForm | None:
    """Return the form that somebody fills in before the own account is deleted, if necessary."""
    sent = request.POST if request.method == "POST" else None
    form = OwnGoodbyeForm(sent, person=user, initial=request.GET.dict())
    return form if form.goodbye.is_needed else None


def working_tokens_path(user: Any) -> str:
    """Return the path of the list of the account's working tokens in administration."""
    query = urlencode({"status": "working", "q": user.get_username()})
    return f"{reverse('admin:tokens_token_changelist')}?{query}"


def leaves_at(user: Any) -> datetime | None:
    """Return until when the tokens of a switched off account work, or None."""
    leaver = None if user.is_active else Leaver.objects.filter(pk=user.pk).first()
    return leaver.until if leaver else None


FAREWELL = Farewell(
    is_needed=lambda accounts: Goodbye(accounts).is_needed,
    page=leaving_path,
    own_form=own_goodbye,
    settle=lambda form, request: form.settle(actor_of(request)),
    template="tokens/_goodbye.html",
    leaves_at=leaves_at,
)


def connect() -> None:
    """Register pages and settings of `tokens` with `accounts`, and connect the audit log."""
    account_event.connect(record_account_event)
    wrong_password_sent.connect(record_wrong_password)
    register_request_hooks(
        RequestHooks(
            lambda request: change_wait.begin(
                request, None, change_wait.page_places, is_proven=True
            ),
            change_wait.lend_permit,
        )
    )
    register_page(NavigationPage(40, "API tokens", "tokens:list", "key-round"))
    if token_settings.TEAM_USER:
        register_page(NavigationPage(45, "Teams", "token_teams:list", "users-round"))
    register_page(
        NavigationPage(47, "Approvals", "tokens:approvals", "badge-check", badge=approvals_badge)
    )
    register_page(NavigationPage(50, "Activity", "tokens:activity", "history"))
    register_belonging(
        Belonging(
            "API token",
            lambda user: Token.objects.owned_by(user).active().count(),
            "tokens:revoke_all",
            working_tokens_path,
        )
    )
    register_farewell(FAREWELL)
    register_choices(
        Choices(
            "token_mails",
            "Emails about your API tokens",
            "Emails about security can't be switched off: you always get one when a token is "
            "created, revoked by somebody else, or used after it was revoked.",
            MailChoices.OPTIONS,
            MailChoices.chosen,
            MailChoices.choose,
        )
    )
