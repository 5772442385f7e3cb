"""Where django-allauth asks what this installation allows, and how its mails look."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.fresh import is_fresh


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Strangers sign up only where the operator says so; else administrators invite."""
        return bool(settings.SIGNUP_OPEN)

    def get_client_ip(self, request: HttpRequest) -> str:
        """For limits. Clients whose address a proxy hides share one."""
        return request.META["REMOTE_ADDR"] or "0.0.0.0"  # noqa: S104  (a name for the unknown, nothing is bound to it)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """allauth alone would ask right after signing in, because it does not count the sign-in itself."""
        return not is_fresh(allauth_context.request)

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

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return f"{settings.SITE_URL}{reverse('account_confirm_email', args=[emailconfirmation.key])}"


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Passkeys belong to the installation's name, whatever host the request came by."""
        return {"id": settings.SITE_HOST, "name": "Tokenry"}
