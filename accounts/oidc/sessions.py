"""Which sessions began at the provider. A logout there ends them."""

import time
from typing import Any

from allauth.account.internal.flows.login import (  # private, as in allauth 65.22.1
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from allauth.account.signals import authentication_step_completed, user_logged_in
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.db.models import QuerySet
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.oidc.id_token import session_there

SIGN_ON_KEY = "sign_on"  # in the session, and in the data of its UserSession


@receiver(authentication_step_completed)
def note_sign_on(
    request: HttpRequest, method: str, *, reauthenticated: bool = False, **kwargs: Any
) -> None:
    """Note in the session where it began, and when the person authenticated at the provider.

    A person who is signed in there may come here by a click. That is no fresh authentication.
    After a confirmation the person may have another session there, which the session here follows
    if it began there.
    """
    claims = getattr(request, "sign_on_claims", None)
    if method != "socialaccount" or claims is None:
        return
    records = request.session[AUTHENTICATION_METHODS_SESSION_KEY]
    records[-1]["at"] = min(time.time(), claims.get("auth_time", time.time()))
    request.session[AUTHENTICATION_METHODS_SESSION_KEY] = records
    if not reauthenticated or SIGN_ON_KEY in request.session:
        noted = {"issuer": claims["iss"], "sid": session_there(claims)}
        request.session[SIGN_ON_KEY] = noted
    if reauthenticated:
        note_session(request)


@receiver(user_logged_in)
def note_session(request: HttpRequest, **kwargs: Any) -> None:
    """Copy what the session notes to its row in the list of sessions, which can be searched."""
    if noted := request.session.get(SIGN_ON_KEY):
        UserSession.objects.filter(session_key=request.session.session_key).update(
            data={SIGN_ON_KEY: noted}
        )


def is_linked(user: Any, issuer: str) -> bool:
    """Return True if `user` has signed in at this provider."""
    return bool(SocialAccount.objects.filter(user=user, provider=issuer).exists())


def remove_link(user: Any) -> None:
    """Remove the link of `user` to a person of a provider, and end that person's sessions.

    The link may be to the wrong person.
    """
    SocialAccount.objects.filter(user=user).delete()
    for session in UserSession.objects.filter(user=user, data__has_key=SIGN_ON_KEY):
        session.end()


def sessions_to_end(claims: dict[str, Any]) -> QuerySet[Any]:
    """Return the sessions that a logout token ends: of a person, of a session there, or both."""
    found: QuerySet[Any] = UserSession.objects.filter(
        **{f"data__{SIGN_ON_KEY}__issuer": claims["iss"]}
    )
    if "sid" in claims:
        found = found.filter(**{f"data__{SIGN_ON_KEY}__sid": claims["sid"]})
    if "sub" in claims:
        accounts = SocialAccount.objects.filter(provider=claims["iss"], uid=claims["sub"])
        found = found.filter(user__in=accounts.values("user"))
    return found
