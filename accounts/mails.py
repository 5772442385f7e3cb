"""The mails about accounts: their subjects, texts and links.

The links are secrets, so they are never stored. They are made just before a mail is sent.
"""

import re
from typing import Any
from zoneinfo import ZoneInfo

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str  # private, as in allauth 65.22.1
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts.allauth_texts import NOTIFICATIONS
from accounts.models import Notification, User
from accounts.oidc.configuration import must_use_provider
from tokens.core.addresses import absolute_url

RESET = "account/email/password_reset_key"
INVITATION = "account/email/invitation"
CONFIRM_SIGN_UP = "account/email/email_confirmation_signup"
CONFIRM = "account/email/email_confirmation"
EXISTS = "account/email/account_already_exists"
FACTORS_RESET = "account/email/second_factors_reset"

# A line of a mail with a fact, such as “When: 28 November 2026, 17:15 UTC”, or with a link.
FACT = re.compile(r"([A-Z][a-z ]+): (\S.*)")


def write_mail(notification: Notification) -> EmailMultiAlternatives | None:
    """Return the mail for a row of the outbox, the queue of mails. Return None if it is outdated.

    A mail that asks the person to confirm an address is outdated if the address is confirmed, or
    if the person cancelled the change.
    """
    user, kind = notification.user, notification.kind
    context = {
        "user": user,
        "email": notification.to,
        "timestamp": notification.made_at,
        **notification.facts,
    }
    if kind in NOTIFICATIONS:
        subject, sentence = NOTIFICATIONS[kind]
        kind, context = (
            "account/email/notification",
            {**context, "subject": subject, "sentence": sentence.format(**context)},
        )
    elif kind == INVITATION and must_use_provider(user):
        context["sign_in_url"] = link_of_invitation(user)
    elif kind in {RESET, INVITATION}:
        context["password_reset_url"] = link_to_choose_password(user)
    elif kind in {CONFIRM, CONFIRM_SIGN_UP}:
        address = EmailAddress.objects.filter(
            user=user, email=notification.to, verified=False
        ).first()
        if address is None:
            return None
        context["activate_url"] = get_adapter().get_email_confirmation_url(
            None, EmailConfirmationHMAC(address)
        )
    with timezone.override(ZoneInfo(user.time_zone)):
        mail: EmailMultiAlternatives = get_adapter().render_mail(kind, notification.to, context)
    return mail


def link_to_choose_password(user: User) -> str:
    """Return a link with which `user` sets a new password. It works only once.

    Invitations and mails about forgotten passwords have it. It works for PASSWORD_RESET_TIMEOUT
    seconds.
    """
    secret = app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
    key = f"{user_pk_to_url_str(user)}-{secret}"
    link: str = get_adapter().get_reset_password_from_key_url(key)
    return link


def link_of_invitation(user: User) -> str:
    """Return the link of an invitation: to the sign-in page if `user` must use the provider there.

    Otherwise the link leads to the choice of a password.
    """
    if must_use_provider(user):
        return absolute_url(settings.SITE_URL, reverse("account_login"))
    return link_to_choose_password(user)


def subject(kind: str) -> str:
    """Return the subject of a mail. The file names of its templates begin with `kind`."""
    return (
        NOTIFICATIONS[kind][0]
        if kind in NOTIFICATIONS
        else render_to_string(f"{kind}_subject.txt").strip()
    )


def template_parts(text: str) -> list[dict[str, Any]]:
    """Return the paragraphs of a plain-text mail, for its HTML version.

    The first paragraph (the greeting) and the last (the signature) are left out.
    """
    return [template_part(paragraph) for paragraph in text.split("\n\n")[1:-1]]


def template_part(paragraph: str) -> dict[str, Any]:
    """Return one paragraph of a mail for the HTML template.

    It is text (`words`), a table (`facts`), or a button (`label` and `url`).
    """
    lines = [FACT.fullmatch(line) for line in paragraph.splitlines()]
    facts = [line.groups() for line in lines if line]
    if not facts or len(facts) < len(lines):
        return {"words": paragraph}
    (label, value), *others = facts
    if not others and value.startswith(f"{settings.SITE_URL}/"):
        return {"label": label, "url": value}
    return {"facts": facts}
