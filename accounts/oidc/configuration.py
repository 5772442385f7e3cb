"""The settings of single sign-on, as one value."""

from dataclasses import dataclass, field

from django.conf import settings


@dataclass(frozen=True, slots=True)
class SignOn:
    """The provider where people sign in, and its rules. The variables OIDC_... set the values."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str  # of the provider, for the button "Sign in with NAME"
    groups_claim: str = ""  # the claim with the person's groups; "" if groups stay as they are
    only: bool = False  # True if nobody but superusers signs in with a password or a passkey
    allowed_domains: tuple[str, ...] = ()  # of e-mail addresses; empty if all are allowed
    allowed_groups: tuple[str, ...] = ()  # of which a person needs one; empty if none is needed


def sign_on() -> SignOn | None:
    """Return the settings of single sign-on, or None if single sign-on is off."""
    found: SignOn | None = settings.SIGN_ON
    return found


def must_use_provider(user: object) -> bool:
    """Return True if `user` may sign in only at the provider: OIDC_ONLY is on, except superusers.

    Superusers keep their password, so that somebody can sign in while the provider is away.
    """
    on = sign_on()
    return on is not None and on.only and not getattr(user, "is_superuser", False)
