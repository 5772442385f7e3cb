"""Checks before an API call makes or changes tokens: no token may give more rights than it has."""

import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.utils import timezone
from pydantic import BaseModel

from tokens.api.schemas import Revocation
from tokens.authentication import policy
from tokens.authentication.policy import Requirement
from tokens.authentication.requests import TokenRequest, actor_of, require
from tokens.core import networks
from tokens.core.text import utc_time
from tokens.models import Token, TokenQuerySet
from tokens.problems import problem
from tokens.problems.problem import FieldError

HOUR = timedelta(hours=1)
RENEW, WRITE = "tokens:renew", "tokens:write"


@contextmanager
def locked_caller(request: TokenRequest, *scopes: str) -> Iterator[Token]:
    """Lock the tokens of the calling token's owner, and yield the calling token.

    Other requests can't change these tokens until the `with` block ends. Raise Problem (an error
    answer) if the calling token stopped working, or lost one of `scopes`, after the request was
    authenticated.
    """
    with Token.objects.locked_for(request.token.owner_id):
        request.token = caller = Token.objects.select_related("owner__token_leaver").get(
            pk=request.token.pk
        )
        if code := policy.check_validity(caller, timezone.now()):
            raise problem.invalid_token(
                code, caller.expires_at, caller.revoked_at, caller.renewed_at
            )
        require(request, Requirement(scopes))
        yield caller


def limit_new_tokens(tokens: TokenQuerySet, maximum: int, words: str, policy: str) -> None:
    """Raise Problem (429) if at least `maximum` of `tokens` were made in the last hour.

    So programs can't make any number of tokens. `words` say what is limited, and `policy` is the
    name of the limit. Both are for the answer.
    """
    now = timezone.now()
    # Times in the future do not count: a clock that was wrong may have written them.
    recent = tokens.filter(created_at__gt=now - HOUR, created_at__lt=now + HOUR)
    times = recent.order_by("-created_at").values_list("created_at", flat=True)
    if oldest := times[maximum - 1 : maximum].first():
        wait = math.ceil((oldest + HOUR - now).total_seconds())
        raise problem.rate_limited(f"{words} in an hour.", max(1, wait), [policy])


def revoke_as_chosen(request: TokenRequest, token: Token, choice: Revocation) -> None:
    """Revoke `token`. If `choice.include_made` is true, also revoke the tokens made with it."""
    refuse_unknown(request, choice)
    with Token.objects.locked_for(token.owner_id):
        token.revoke(actor_of(request))
        if choice.include_made:
            token.revoke_made(actor_of(request))


def refuse_unknown(request: TokenRequest, query: BaseModel) -> None:
    """Raise Problem (422) if the URL has a parameter that is not a field of `query`.

    Otherwise a misspelt parameter would be ignored silently.
    """
    if unknown := sorted(request.GET.keys() - type(query).model_fields.keys()):
        raise problem.invalid_request(
            [FieldError(field=name, detail="There is no such parameter.") for name in unknown]
        )


def beyond(
    caller: Token,
    *,
    scopes: Collection[str],
    environment: str,
    expires_at: datetime,
    allowed_addresses: Sequence[str],
    expiry: str = "expires_at",
) -> list[FieldError]:
    """Compare the rights that a token would get with the rights of `caller`, the calling token.

    Return an error for each field that goes beyond `caller`, or an empty list. `expiry` is the
    name of the field in which the client gave the expiration: "expires" or "expires_at".
    """
    errors = []
    if lacking := sorted(set(scopes) - set(caller.scopes)):
        errors.append(("scopes", f"The calling token does not have {', '.join(lacking)}."))
    if caller.renewed_at and RENEW in scopes:  # a token that renews itself would outlive `caller`
        errors.append(("scopes", f"The calling token was renewed, so it can't give {RENEW}."))
    if environment != caller.environment:
        errors.append(("environment", f"The calling token is for {caller.environment}."))
    if expires_at > caller.expires_at:
        errors.append((expiry, f"The calling token expires on {utc_time(caller.expires_at)}."))
    if networks.widens(caller.allowed_addresses, allowed_addresses):
        allowed = ", ".join(caller.allowed_addresses)
        words = f"The calling token may be used only from {allowed}."
        errors.append(("allowed_addresses", words))
    return [FieldError(field=field, detail=detail) for field, detail in errors]
