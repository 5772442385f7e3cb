"""The mails about accounts. What links they carry are secrets for as long as they are good, so they are made here."""

from zoneinfo import ZoneInfo

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import Notification, User
from accounts.words import NOTICES

RESET = "account/email/password_reset_key"
INVITATION = "account/email/invitation"
CONFIRM_SIGN_UP = "account/email/email_confirmation_signup"
CONFIRM = "account/email/email_confirmation"
EXISTS = "account/email/account_already_exists"


def write(notification: Notification) -> EmailMultiAlternatives | None:
    """Return the mail, or None where its time is over: the address is confirmed, or the change is cancelled."""
    user, kind = notification.user, notification.kind
    context = {"user": user, "email": notification.to, "timestamp": notification.made_at, **notification.facts}
    if kind in NOTICES:
        subject, sentence = NOTICES[kind]
        kind, context = "account/email/notice", {**context, "subject": subject, "sentence": sentence.format(**context)}
    elif kind in {RESET, INVITATION}:
        context["password_reset_url"] = link_to_choose_password(user)
    elif kind in {CONFIRM, CONFIRM_SIGN_UP}:
        address = EmailAddress.objects.filter(user=user, email=notification.to, verified=False).first()
        if address is None:
            return None
        context["activate_url"] = get_adapter().get_email_confirmation_url(None, EmailConfirmationHMAC(address))
    with timezone.override(ZoneInfo(user.time_zone)):
        mail: EmailMultiAlternatives = get_adapter().render_mail(kind, notification.to, context)
    return mail


def link_to_choose_password(user: User) -> str:
    """Return a link for whoever reads the mails of `user`. It ends with its use, or after PASSWORD_RESET_TIMEOUT."""
    key = f"{user_pk_to_url_str(user)}-{app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)}"
    link: str = get_adapter().get_reset_password_from_key_url(key)
    return link


def subject(kind: str) -> str:
    """Return the subject of the mails of `kind`."""
    return NOTICES[kind][0] if kind in NOTICES else render_to_string(f"{kind}_subject.txt").strip()
