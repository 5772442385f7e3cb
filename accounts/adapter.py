"""Adapters, which change how django-allauth works: its rules, texts, mails and links."""

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context  # private, as in allauth 65.22.1
from allauth.core.internal import ratelimit  # private, as in allauth 65.22.1
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import encryption
from accounts.allauth_texts import BUSY_HASHING, ERRORS, MESSAGES, MFA_ERRORS, WAYS
from accounts.mails import template_parts
from accounts.middleware import note_status
from accounts.models import User
from accounts.oidc.configuration import must_use_provider, sign_on
from accounts.oidc.errors import sign_on_error_page
from accounts.oidc.sessions import is_linked
from accounts.outbox import queue
from accounts.reauthentication import is_fresh
from tokens.core.addresses import absolute_url
from tokens.core.slow_hashing import Busy

# Template variables of allauth's mails that we store in the outbox, because our mails use them.
FACTS = ("ip", "user_agent", "from_email", "to_email", "deleted_email")


class AccountAdapter(DefaultAccountAdapter):
    """Change django-allauth's rules for accounts: sign-up, limits of attempts, mails and links."""

    error_messages = {**DefaultAccountAdapter.error_messages, **ERRORS, "busy": BUSY_HASHING}

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return True if anybody may sign up (setting SIGNUP_OPEN).

        Otherwise only administrators create accounts, and invite people by mail. First sign-ins at
        the OpenID provider make accounts too.
        """
        return bool(settings.SIGNUP_OPEN)

    def pre_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> Any:
        """Stop a sign-in as a team, and a sign-in past the provider that the person must use."""
        if not user.can_sign_in:
            return self.respond_user_inactive(request, user)
        at_provider = "sociallogin" in (kwargs.get("signal_kwargs") or {})
        if not at_provider and must_use_provider(user):
            return sign_on_error_page(request, "passwords_off")
        return super().pre_login(request, user, **kwargs)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the client's IP address, by which allauth counts attempts.

        If a proxy hides the address, return "0.0.0.0". All these clients share one count.
        """
        return request.META["REMOTE_ADDR"] or "0.0.0.0"  # noqa: S104  # no socket is opened

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Return True if a signed-in person must confirm who they are, with a password or a code.

        They must if their last sign-in or confirmation was too long ago. allauth's own method does
        not count the sign-in, and so would ask directly after it.
        """
        return not is_fresh(allauth_context.request)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Return the ways in which `user` can confirm who they are, with our labels.

        People who sign in at the OpenID provider can confirm there. allauth lacks this way.
        """
        methods = super().get_reauthentication_methods(user)
        on, only = sign_on(), must_use_provider(user)
        if only:
            methods = [method for method in methods if method["id"] != "reauthenticate"]
        # With `only` the way is offered to everybody: people without any way need not confirm.
        if on and user.is_authenticated and (only or is_linked(user, on.issuer)):
            url = reverse("openid_connect_confirm")
            way = {"id": "provider", "url": url, "description": f"Use {on.name}"}
            methods.insert(int(user.has_usable_password() and not only), way)
        return [
            {**method, "description": WAYS.get(method["id"], method["description"])}
            for method in methods
        ]

    # This method and _login_failed_rl_usage (below): private, as in allauth 65.22.1.
    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Return the key for counting wrong passwords: the client's IP address and the e-mail.

        NOTE: After too many wrong passwords only this account is blocked, and only at this IP
        address. So an attacker can't block the owner of the account, who has another IP address.
        The attacker can't block other people at the same IP address either, because they have
        other accounts.
        """
        return f"{self.get_client_ip(request)} {credentials.get('email', '').lower()}"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count an attempt to sign in. Raise ValidationError if there were too many.

        allauth counts attempts for the account at one IP address. This method also counts attempts
        for the account at all IP addresses together, with a far higher limit, to stop an attacker
        who uses many IP addresses.
        """
        super().pre_authenticate(request, **credentials)
        anywhere = ratelimit.consume(
            request,
            app="allauth.account",
            action="login_failed_anywhere",
            key=credentials.get("email", "").lower(),
        )
        if not anywhere:
            raise self.validation_error("too_many_login_attempts")
        # When the password is right, allauth removes the attempts in this list from the counts.
        self._login_failed_rl_usage.usage += anywhere.usage

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """Return the user if the password is right, else None.

        Raise ValidationError "busy" if this process was hashing other passwords for too long. Then
        the password was not checked, and the attempt does not count as a wrong password.
        """
        try:
            return super().authenticate(request, **credentials)
        except Busy:
            self._login_failed_rl_usage.rollback()
            raise self.validation_error("busy") from None

    def validation_error(self, code: str, *args: Any) -> ValidationError:
        """Return the ValidationError for allauth's error code `code`.

        Also set the status of the response: 429 for too many attempts, 503 for the code "busy".
        """
        if code in {"too_many_login_attempts", "rate_limited"}:
            note_status(allauth_context.request, 429)
        elif code == "busy":
            note_status(allauth_context.request, 503)
        error: ValidationError = super().validation_error(code, *args)
        return error

    def is_safe_url(self, url: str) -> bool:
        """Return True if a redirect to `url` is safe: a relative address, or one below SITE_URL.

        On an https page an http address is never safe. allauth would also accept all
        ALLOWED_HOSTS. But they include localhost, where any program may listen.
        """
        here = {urlsplit(settings.SITE_URL).netloc}
        return url_has_allowed_host_and_scheme(
            url, here, require_https=allauth_context.request.is_secure()
        )

    def confirm_email(self, request: HttpRequest, email_address: Any) -> bool:
        """Mark `email_address` as confirmed, and return True.

        If another account uses the same address by now, show an error message and return False.
        """
        if (
            not User.objects.filter(email=email_address.email)
            .exclude(pk=email_address.user_id)
            .exists()
        ):
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
        """Show our text in place of allauth's message `message_template`.

        If our text is empty, show nothing. If we have no text, show allauth's.
        """
        words = MESSAGES.get(message_template)
        if words is None:
            super().add_message(request, level, message_template, message_context, **kwargs)
        elif words:
            super().add_message(
                request, level, message=words.format(**(message_context or {})), **kwargs
            )

    def send_notification_mail(
        self,
        template_prefix: str,
        user: Any,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Send a mail about a change of the account. Add `user` to the variables of its templates.

        allauth gives the templates only the e-mail address.
        """
        super().send_notification_mail(
            template_prefix, user, {**(context or {}), "user": user}, email
        )

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Put the mail in the outbox (a table of the database), from which a thread sends it.

        Of `context` only the variables in FACTS are stored. Links are not stored, because they are
        secrets.
        """
        facts = {name: str(context[name]) for name in FACTS if name in context}
        queue(context["user"], template_prefix, email, facts)

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMultiAlternatives:
        """Return the mail, as text and as HTML.

        Links in the mail begin with SITE_URL, not with the host of a request.
        """
        context = {
            **context,
            "site_url": settings.SITE_URL,
            "forgotten_password_url": on_site("account_reset_password"),
            "security_url": on_site("security"),
        }
        mail: EmailMultiAlternatives = super().render_mail(
            template_prefix, email, context, headers
        )
        html = render_to_string(
            "tokens/email/base.html",
            {**context, "subject": mail.subject, "parts": template_parts(str(mail.body))},
        )
        mail.attach_alternative(html, "text/html")
        return mail

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Return the link with which a person chooses a new password. It begins with SITE_URL."""
        number, _, secret = key.partition("-")
        return on_site("account_reset_password_from_key", number, secret)

    def get_email_confirmation_url(
        self, request: HttpRequest | None, emailconfirmation: Any
    ) -> str:
        """Return the link that confirms an e-mail address. The link begins with SITE_URL."""
        return on_site("account_confirm_email", emailconfirmation.key)


def on_site(url_name: str, *arguments: str) -> str:
    """Return the address of a page for a mail. It begins with SITE_URL."""
    return absolute_url(settings.SITE_URL, reverse(url_name, args=arguments))


class MFAAdapter(DefaultMFAAdapter):
    """Change django-allauth's rules for second factors: encryption, texts, names, passkeys."""

    error_messages = {**DefaultMFAAdapter.error_messages, **MFA_ERRORS}

    def encrypt(self, text: str) -> str:
        """Return the secret of a second factor, encrypted with a key derived from SECRET_KEY."""
        return encryption.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Return the decrypted secret of a second factor.

        If no key decrypts the secret, raise the ValidationError that the person's code is wrong.
        """
        try:
            return encryption.decrypt(encrypted_text)
        except InvalidToken:
            raise self.validation_error("incorrect_code") from None

    def build_totp_svg(self, url: str) -> str:
        """Return the picture without the XML declaration, which HTML does not allow."""
        svg: str = super().build_totp_svg(url)
        return svg[svg.index("<svg") :]

    def generate_authenticator_name(self, user: Any, type: str) -> str:  # noqa: A002  # allauth's name
        """Return a default name for a new passkey or security key of `user`, such as "Key 2"."""
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return f"Key {number}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return the host name for which passkeys are made, and the product's name.

        A passkey works only with this host name. So it is SITE_HOST, and not the host of the
        request.
        """
        return {"id": settings.SITE_HOST, "name": settings.PRODUCT_NAME}
