"""Run the pipeline (pipeline.py), which decides if a request may pass, for Django's requests.

The two classes here are only for type checkers. They describe the requests that views get.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from tokens.authentication import change_wait
from tokens.authentication.header import find_header
from tokens.authentication.pipeline import Decision, authenticate, authorize
from tokens.authentication.policy import Requirement
from tokens.core.circuit_breaker import ServiceUnavailable
from tokens.models import Actor, Token
from tokens.problems import problem
from tokens.problems.problem import Problem
from tokens.rate_limits.limits import RateLimitResult
from tokens.token_settings import token_settings
from tokens.usage.request_record import RequestRecord


class PageRequest(HttpRequest):
    """A request for a page, from a signed-in user (`login_required`), perhaps sent by htmx."""

    user: AbstractBaseUser  # type: ignore[assignment]
    htmx: HtmxDetails


class TokenRequest(HttpRequest):
    """A request to the API with a valid token."""

    user: AbstractBaseUser  # type: ignore[assignment]
    token: Token
    limits: RateLimitResult
    record: RequestRecord


def authenticate_request(request: HttpRequest, requirement: Requirement) -> Decision:
    """Decide whether `request` may pass, and return the decision.

    If it may pass, set `request.user` to the token's owner. If the client has sent the right
    secret, set `request.token` and `request.limits`, the counts of its rate limit, even if the
    request may not pass. Write the decision into `request.record` too.
    """
    record: RequestRecord = request.record  # type: ignore[attr-defined]  # set by the middleware
    decision = authenticate(find_header(request.META), record.address, requirement, record.at)
    record_decision(record, requirement, decision)
    attach_token(request, record, decision.problem)
    if not decision.problem:
        request.met_requirement = requirement  # type: ignore[attr-defined]  # see decorators.py
    return decision


def authenticate_in_view(request: HttpRequest, requirement: Requirement) -> Token:
    """Return the request's token, for a view that the middleware does not authenticate.

    Raise Problem if the request may not pass, or if it is a change and too many changes wait.
    """
    decision = authenticate_request(request, requirement)
    if decision.problem or decision.token is None:
        raise decision.problem or problem.unavailable()
    # The middleware did not know yet who sent the request.
    view = request.resolver_match.func if request.resolver_match else None
    if not change_wait.begin(request, view, change_wait.program_places):
        raise problem.unavailable(change_wait.TOO_MANY_CHANGES)
    return decision.token


def is_admitted(request: HttpRequest) -> bool:
    """Return True if the request's token may pass.

    `request.token` does not say this: it is also set if the token is known, but has expired.
    """
    return hasattr(request, "met_requirement")


def attach_token(request: HttpRequest, record: RequestRecord, error: Problem | None) -> None:
    """Set the token and the counts of its rate limit as attributes of `request`, for the view.

    `record` has both, if the client has sent a known token. `error` is the problem for which the
    request is refused, or None. Without a problem, also set `request.user` to the token's owner.
    """
    if record.token:
        request.token = record.token  # type: ignore[attr-defined]
        request.limits = record.limits  # type: ignore[attr-defined]
        if not error:
            sign_in(request, record.token.owner)


def sign_in(request: HttpRequest, user: AbstractBaseUser | AnonymousUser) -> None:
    """Set the user of the request, for this request alone: `request.user`, `request.auser()`.

    A session that the request carries does not matter any more.
    """

    async def current_user() -> Any:
        return user

    request.user = user  # type: ignore[assignment]  # for type checkers always a `User`
    request.auser = current_user


def sign_out(request: HttpRequest) -> None:
    """Let the request have no user, also if it carries a session."""
    sign_in(request, AnonymousUser())


def record_decision(record: RequestRecord, requirement: Requirement, decision: Decision) -> None:
    """Write into the record what the endpoint requires, and the decision about the request."""
    record.scopes = requirement.scopes
    record.environment = requirement.environment or token_settings.ENVIRONMENT
    record.token, record.limits = decision.token, decision.limits
    if decision.token:
        record.mask_imported()
    record.database_seconds = decision.database_seconds
    record.limiter_seconds = decision.limiter_seconds


def token_headers(token: Token, limits: RateLimitResult | None) -> dict[str, str]:
    """Return the headers of each answer to a request with this token.

    They have the token's expiration and its rate limits. `Vary` tells caches that the answer
    depends on the token.
    """
    return {
        "Token-Expires-At": internet_time(token.expires_at),
        **(limits.headers() if limits else {}),
        "Vary": ", ".join(("Authorization", *token_settings.LEGACY_HEADERS)),
    }


@lru_cache(maxsize=1024)
def internet_time(at: datetime) -> str:
    """Return the time as text in UTC, such as "2027-02-20T09:30:00Z" (RFC 3339)."""
    return at.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"


def require(request: HttpRequest, requirement: Requirement) -> None:
    """Raise Problem if the request's token lacks a scope or the environment of `requirement`.

    A view calls this if the decorator `@token_required` can't say what the view requires, because
    that depends on the request.
    """
    record: RequestRecord = request.record  # type: ignore[attr-defined]  # set by the middleware
    record.scopes = requirement.scopes
    record.environment = requirement.environment or token_settings.ENVIRONMENT
    try:
        authorize(request.token, requirement, record.address)  # type: ignore[attr-defined]
    except ServiceUnavailable:
        raise problem.unavailable() from None


def actor_of(request: HttpRequest | None) -> Actor | None:
    """Return the Actor to name in events (the audit log): who made the request, and from where.

    Return None if `request` is None.
    """
    if request is None:
        return None
    user = getattr(request, "user", None)
    return Actor(
        user=user if user is not None and user.pk is not None else None,
        token=getattr(request, "token", None),
        address=request.META.get("REMOTE_ADDR", ""),
        user_agent=request.META.get("HTTP_USER_AGENT", ""),
    )
