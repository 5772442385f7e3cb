"""The calling token: its turn to change something, and what it may hand on."""

import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.utils import timezone
from pydantic import BaseModel

from tokens import addresses, denial, policy
from tokens.api.schemas import Revocation
from tokens.authentication import require
from tokens.denial import FieldError, moment
from tokens.models import Token, TokenQuerySet
from tokens.policy import Requirement
from tokens.requests import TokenRequest

HOUR = timedelta(hours=1)
RENEW, WRITE = "tokens:renew", "tokens:write"


@contextmanager
def turn(request: TokenRequest, *scopes: str) -> Iterator[Token]:
    """A transaction in which nobody else changes the owner's tokens, and the calling one as it is in it.

    Where it was ended, or lost one of `scopes`, since the request began, that holds: a Denial.
    """
    with Token.objects.turn_of(request.token.owner_id):
        request.token = caller = Token.objects.select_related("owner").get(pk=request.token.pk)
        if code := policy.usable(caller, timezone.now()):
            raise denial.of_proven_token(code, caller.expires_at, caller.revoked_at, caller.renewed_at)
        require(request, Requirement(scopes))
        yield caller


def ensure_pause(found: TokenQuerySet, most: int, words: str, policy: str) -> None:
    """Refuse, for as long as it takes, where `most` tokens of those `found` were made within an hour.

    `words` say what is limited, and `policy` is its name in the problem.
    """
    now = timezone.now()
    times = found.filter(created_at__gt=now - HOUR).order_by("-created_at").values_list("created_at", flat=True)
    if oldest := times[most - 1 : most].first():
        wait = math.ceil((oldest + HOUR - now).total_seconds())
        raise denial.rate_limited(f"{words} in an hour.", max(1, wait), [policy])


def end(request: TokenRequest, token: Token, choice: Revocation) -> None:
    """Revoke `token` and, if the client chose that, what was made with it: both or neither."""
    refuse_unknown(request, choice)
    with Token.objects.turn_of(token.owner_id):
        token.revoke(request)
        if choice.include_made:
            token.revoke_made(request)


def refuse_unknown(request: TokenRequest, query: BaseModel) -> None:
    """Refuse a query string with what `query` does not have, so that nothing is ignored in silence."""
    if unknown := sorted(request.GET.keys() - type(query).model_fields.keys()):
        raise denial.invalid_request([FieldError(field=name, detail="There is no such parameter.") for name in unknown])


def beyond(
    caller: Token,
    *,
    scopes: Collection[str],
    environment: str,
    expires_at: datetime,
    allowed_addresses: Sequence[str],
    expiry: str = "expires_at",
) -> list[FieldError]:
    """In what a token with these would go beyond `caller`; `expiry` is the field in which the client said its end."""
    errors = []
    if lacking := sorted(set(scopes) - set(caller.scopes)):
        errors.append(FieldError(field="scopes", detail=f"The calling token does not have {', '.join(lacking)}."))
    if caller.renewed_at and RENEW in scopes:  # what it makes would outlive it
        errors.append(FieldError(field="scopes", detail=f"The calling token was renewed: it hands on no {RENEW}."))
    if environment != caller.environment:
        errors.append(FieldError(field="environment", detail=f"The calling token is for {caller.environment}."))
    if expires_at > caller.expires_at:
        errors.append(FieldError(field=expiry, detail=f"The calling token expires on {moment(caller.expires_at)}."))
    if addresses.widens(caller.allowed_addresses, allowed_addresses):
        words = f"The calling token may be used from {', '.join(caller.allowed_addresses)} alone."
        errors.append(FieldError(field="allowed_addresses", detail=words))
    return errors
