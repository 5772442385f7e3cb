"""Who gets which account at a sign-in by the provider, and which groups."""

import logging
from typing import Any

from allauth.account.internal.flows.login import (  # private, as in allauth 65.22.1
    record_authentication,
)
from allauth.account.models import EmailAddress
from allauth.account.signals import user_signed_up
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts import extension_points
from accounts.models import User, UserManager
from accounts.name_rules import is_team_address, must_be_visible
from accounts.oidc.configuration import SignOn, sign_on
from accounts.oidc.errors import SignOnError

log = logging.getLogger(__name__)


class SignOnAdapter(DefaultSocialAccountAdapter):
    """Change django-allauth's rules for accounts of a provider."""

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """Return the provider of the settings, and never one from the database."""
        on = sign_on()
        if (
            on is None
            or provider not in {None, "openid_connect", on.issuer}
            or client_id not in {None, on.client_id}
        ):
            return []
        return [
            SocialApp(
                provider="openid_connect",
                provider_id=on.issuer,  # so a SocialAccount is bound to the issuer
                name=on.name,
                client_id=on.client_id,
                secret=on.client_secret,
            )
        ]

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        """Raise SignOnError: there was no such sign-in, it was cancelled, or refused."""
        if "state_id" in (extra_context or {}):
            raise SignOnError("expired")
        if error == AuthError.CANCELLED:
            raise SignOnError("cancelled")
        log.warning("the OpenID provider refused a sign-in: %.100r", request.GET.get("error"))
        raise SignOnError("refused")

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Apply the rules before somebody is signed in. Raise SignOnError to refuse.

        django-allauth has looked for the account of the issuer and the subject already.
        """
        on = sign_on()
        assert on is not None  # noqa: S101  # otherwise there is no provider
        require_allowed(on, sociallogin)
        if sociallogin.state["process"] == AuthProcess.REDIRECT:
            confirm_person(request, sociallogin)
            return
        if sociallogin.is_existing and not sociallogin.user.can_sign_in:
            raise SignOnError("not_allowed")
        if not sociallogin.is_existing and not link_by_email(request, on, sociallogin):
            make_account(request, sociallogin)
        set_groups(request, on, sociallogin)

    def populate_user(
        self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]
    ) -> Any:
        """Fill in the e-mail address and the name of a new account."""
        user = sociallogin.user
        user.email = UserManager.normalize_email(data.get("email"))
        user.name = usable_name(data.get("name", ""))
        return user


def usable_name(name: str) -> str:
    """Return the name on one line and not too long, or "" if it can't be shown."""
    name = " ".join(name.split())[:150]
    try:
        must_be_visible(name)
    except ValidationError:
        return ""
    return name if name.isprintable() else ""


def require_allowed(on: SignOn, sociallogin: SocialLogin) -> None:
    """Raise SignOnError if the settings name domains or groups, and the person has none of them.

    This holds at each sign-in, so that a person who leaves the group can't sign in again.
    """
    emails = [address.email for address in sociallogin.email_addresses if address.verified]
    domains = {email.rpartition("@")[2].lower() for email in emails}
    groups = claimed_groups(on, sociallogin.claims)
    if on.allowed_domains and not domains & set(on.allowed_domains):
        raise SignOnError("not_allowed")
    if on.allowed_groups and not groups & set(on.allowed_groups):
        raise SignOnError("not_allowed")


def confirm_person(request: HttpRequest, sociallogin: SocialLogin) -> None:
    """Record that the signed-in person confirmed who they are. Refuse another person."""
    if not sociallogin.is_existing or sociallogin.user != request.user:
        raise SignOnError("another_person")
    record_authentication(
        request,
        request.user,
        "socialaccount",
        reauthenticated=True,
        provider=sociallogin.account.provider,
        uid=sociallogin.account.uid,
    )


def link_by_email(request: HttpRequest, on: SignOn, sociallogin: SocialLogin) -> bool:
    """Link the account that has the person's e-mail address. Return False if there is none.

    The address must be verified at the provider and here. An account that is linked already stays
    with its person: a provider may give an address to somebody else.
    """
    if not sociallogin.email_addresses:
        raise SignOnError("email_missing")
    (address, *_) = sociallogin.email_addresses
    if not address.verified:
        raise SignOnError("email_unverified")
    email = UserManager.normalize_email(address.email)
    if is_team_address(email):
        raise SignOnError("not_allowed")
    with transaction.atomic():
        # The lock lets only one of two persons link the account.
        user = User.objects.select_for_update().filter(email=email).first()
        if user is None:
            return False
        if not EmailAddress.objects.filter(user=user, email=email, verified=True).exists():
            raise SignOnError("email_never_confirmed" if on.only else "email_taken")
        if SocialAccount.objects.filter(user=user, provider=on.issuer).exists():
            raise SignOnError("email_bound")
        sociallogin.connect(request, user)
    return True


def make_account(request: HttpRequest, sociallogin: SocialLogin) -> None:
    """Make an account without a password, whether or not sign-up is open.

    django-allauth would leave the account to its form for sign-up if somebody else has asked for
    this address and not confirmed it.
    """
    try:
        with transaction.atomic():
            user = get_adapter().save_user(request, sociallogin)
    except IntegrityError:  # the same person signed in twice at once
        raise SignOnError("busy") from None
    user_signed_up.send(sender=User, request=request, user=user, sociallogin=sociallogin)


def claimed_groups(on: SignOn, claims: dict[str, Any]) -> set[str]:
    """Return the names of the person's groups at the provider.

    Raise SignOnError if the provider left them out because they are too many. Microsoft Entra ID
    does so, and says where to ask instead (OpenID Connect Core 1.0, section 5.6.2).
    """
    elsewhere = claims.get("_claim_names")
    if (
        on.groups_claim
        and on.groups_claim not in claims
        and isinstance(elsewhere, dict)
        and on.groups_claim in elsewhere
    ):
        log.error("the OpenID provider left the groups out, because a person is in too many")
        raise SignOnError("groups_left_out")
    found = claims.get(on.groups_claim) if on.groups_claim else None
    names = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return {name for name in names if isinstance(name, str)}


def set_groups(request: HttpRequest, on: SignOn, sociallogin: SocialLogin) -> None:
    """Make the person a member of the groups in the claim that exist here, and of no others.

    A group may decide what the person's tokens may do. So the answer waits, as after each change.
    """
    if not on.groups_claim:
        return
    names = claimed_groups(on, sociallogin.claims)
    # There may be thousands of names, and a query has a limit. There are fewer groups here.
    wanted = {group for group in Group.objects.all() if group.name in names}
    if wanted == set(sociallogin.user.groups.all()):
        return
    if not extension_points.request_hooks.begin_change(request):
        raise SignOnError("busy")
    with transaction.atomic():
        sociallogin.user.groups.set(wanted)
