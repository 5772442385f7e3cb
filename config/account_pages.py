"""What the account pages show of tokens: links, options and numbers. Events about accounts.

The application `tokens` does not import `accounts`, and `accounts` imports only a pure function of
`tokens`. The standalone product connects them here.
"""

from accounts.audit_signals import account_event, wrong_password_sent
from accounts.extension_points import (
    Belonging,
    Choices,
    NavigationPage,
    RequestHooks,
    register_belonging,
    register_choices,
    register_page,
    register_request_hooks,
)
from tokens.audit.receivers import record_account_event, record_wrong_password
from tokens.authentication import change_wait
from tokens.models import MailChoices, Token
from tokens.token_settings import token_settings


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
    register_page(NavigationPage(50, "Activity", "tokens:activity", "history"))
    register_belonging(
        Belonging(
            "API token",
            lambda user: Token.objects.owned_by(user).active().count(),
            "tokens:revoke_all",
        )
    )
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
