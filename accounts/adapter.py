"""Where django-allauth asks what this installation allows, and how it speaks."""

from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from allauth.core.internal import ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.fresh import is_fresh
from accounts.middleware import note_too_many_tries
from accounts.models import User
from accounts.outbox import queue
from accounts.words import ERRORS, MESSAGES, MFA_ERRORS, WAYS

FACTS = ("ip", "user_agent", "from_email", "to_email", "deleted_email")  # of allauth's mails, what ours say


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    error_messages = {**DefaultAccountAdapter.error_messages, **ERRORS}

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Strangers sign up only where the operator says so; else administrators invite."""
        return bool(settings.SIGNUP_OPEN)

    def get_client_ip(self, request: HttpRequest) -> str:
        """For limits. Clients whose address a proxy hides share one."""
        return request.META["REMOTE_ADDR"] or "0.0.0.0"  # noqa: S104  (a name for the unknown, nothing is bound to it)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """allauth alone would ask right after signing in, because it does not count the sign-in itself."""
        return not is_fresh(allauth_context.request)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        methods = super().get_reauthentication_methods(user)
        return [{**method, "description": WAYS.get(method["id"], method["description"])} for method in methods]

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Wrong passwords count for an account and an address together: an attacker shuts out neither the person,
        who is elsewhere, nor the neighbours, who have other accounts."""
        return f"{self.get_client_ip(request)} {credentials.get('email', '').lower()}"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """They count for the account alone too, with a far higher limit: an attacker may have many addresses."""
        super().pre_authenticate(request, **credentials)
        anywhere = ratelimit.consume(
            request, app="allauth.account", action="login_failed_anywhere", key=credentials.get("email", "").lower()
        )
        if not anywhere:
            raise self.validation_error("too_many_login_attempts")
        self._login_failed_rl_usage.usage += anywhere.usage  # taken back when the password is right

    def validation_error(self, code: str, *args: Any) -> ValidationError:
        if code in {"too_many_login_attempts", "rate_limited"}:
            note_too_many_tries(allauth_context.request)
        error: ValidationError = super().validation_error(code, *args)
        return error

    def is_safe_url(self, url: str) -> bool:
        """Let a page lead on to relative addresses and those below SITE_URL only, and never from https to http.

        Not to every one of ALLOWED_HOSTS, as allauth does: what listens on localhost may be anything.
        """
        here = {urlsplit(settings.SITE_URL).netloc}
        return url_has_allowed_host_and_scheme(url, here, require_https=allauth_context.request.is_secure())

    def confirm_email(self, request: HttpRequest, email_address: Any) -> bool:
        """No account moves to an address that another one signed up with meanwhile."""
        if not User.objects.filter(email=email_address.email).exclude(pk=email_address.user_id).exists():
            return bool(super().confirm_email(request, email_address))
        failed = "account/messages/email_confirmation_failed.txt"
        self.add_message(request, messages.ERROR, failed, {"email": email_address.email})
        return False

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        words = MESSAGES.get(message_template)
        if words is None:
            super().add_message(request, level, message_template, message_context, **kwargs)
        elif words:
            super().add_message(request, level, message=words.format(**(message_context or {})), **kwargs)

    def send_notification_mail(
        self, template_prefix: str, user: Any, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """Say whose account the mail is about: allauth names the address alone."""
        super().send_notification_mail(template_prefix, user, {**(context or {}), "user": user}, email)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Put the mail in the outbox, with what it says and without the links that allauth made for it."""
        facts = {name: str(context[name]) for name in FACTS if name in context}
        queue(context["user"], template_prefix, email, facts)

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMultiAlternatives:
        """Every mail as text, and the same text in our HTML; links lead to SITE_URL, whatever host was asked."""
        context = {**context, "site_url": settings.SITE_URL}
        mail: EmailMultiAlternatives = super().render_mail(template_prefix, email, context, headers)
        html = render_to_string("email.html", {**context, "subject": mail.subject, "text": mail.body})
        mail.attach_alternative(html, "text/html")
        return mail

    def get_reset_password_from_key_url(self, key: str) -> str:
        number, _, secret = key.partition("-")
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": number, "key": secret})
        return f"{settings.SITE_URL}{path}"

    def get_email_confirmation_url(self, request: HttpRequest | None, emailconfirmation: Any) -> str:
        return f"{settings.SITE_URL}{reverse('account_confirm_email', args=[emailconfirmation.key])}"


ENCRYPTED = "gAAAAA"  # how everything from Fernet begins, and neither an app's secret nor a seed of recovery codes


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    error_messages = {**DefaultMFAAdapter.error_messages, **MFA_ERRORS}

    def encrypt(self, text: str) -> str:
        """Secrets of second factors are in the database under a key that is not."""
        return fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Rows from before encryption are read as they are; after a change of SECRET_KEY no code is right."""
        if not encrypted_text.startswith(ENCRYPTED):
            return encrypted_text
        try:
            return fernet().decrypt(encrypted_text).decode()
        except InvalidToken:
            raise self.validation_error("incorrect_code") from None

    def generate_authenticator_name(self, user: Any, type: str) -> str:  # noqa: A002  (allauth's name)
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return f"Key {number}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Passkeys belong to the installation's name, whatever host the request came by."""
        return {"id": settings.SITE_HOST, "name": "Tokenry"}


def fernet() -> Fernet:
    key = salted_hmac("accounts.adapter.MFAAdapter", "", algorithm="sha256").digest()  # of SECRET_KEY
    return Fernet(urlsafe_b64encode(key))
