"""API operations on the calling token, which sent the request: describe, revoke, renew."""

from datetime import timedelta
from functools import partial

from django.http import HttpResponse
from django.utils import timezone
from ninja import Query, Router, Status

from tokens.api.base import JSON, Needs, accepts
from tokens.api.delegation import RENEW, WRITE, limit_new_tokens, locked_caller, revoke_as_chosen
from tokens.api.idempotency import RENEWAL, made_once
from tokens.api.schemas import IdempotencyHeader, NewToken, Renewal, Revocation, TokenFacts
from tokens.authentication.credentials import Credential
from tokens.authentication.policy import Requirement
from tokens.authentication.requests import TokenRequest, actor_of, require
from tokens.core.lifetimes import OVERLAPS
from tokens.core.text import utc_time
from tokens.models import Token
from tokens.models.policy_checks import rules_for
from tokens.problems.problem import Problem
from tokens.token_settings import token_settings

router = Router(tags=["The calling token"])
router.add_decorator(accepts(JSON), mode="view")
DEFAULT_RENEWAL = Renewal()
MAX_RENEWALS = 100  # in an hour, for all tokens of one owner together


@router.api_operation(
    ["GET", "HEAD"], "/token", auth=Needs(), response=TokenFacts, url_name="api_token"
)
def describe_calling_token(request: TokenRequest) -> TokenFacts:
    """Describe the calling token."""
    return TokenFacts.model_validate(request.token)


@router.delete("/token", auth=Needs(), response={204: None})
def revoke_calling_token(request: TokenRequest, choice: Query[Revocation]) -> HttpResponse:
    """Revoke the calling token, at once and permanently.

    Tokens that were made with the calling token keep working, unless include_made is true.
    """
    if choice.include_made:
        require(request, Requirement((WRITE,)))
    revoke_as_chosen(request, request.token, choice)
    return HttpResponse(status=204)


@router.post("/token/renew", auth=Needs(RENEW), response={201: NewToken, 200: NewToken})
def renew_calling_token(
    request: TokenRequest,
    response: HttpResponse,
    renewal: Renewal = DEFAULT_RENEWAL,
    key: IdempotencyHeader = "",
) -> Status[NewToken]:
    """Renew the calling token: create a new token with the same settings.

    The new token works at most as long as the old token was made for. The old token keeps working
    until the overlap ends. Only this answer has the value of the new token: if_lost says what to
    do if the answer does not arrive. With an Idempotency-Key, the old token gets the answer again
    without the value, even if the overlap was "now".
    """
    with locked_caller(request, RENEW) as caller:
        make = partial(renew, request, caller, renewal)
        return made_once(caller, key, RENEWAL, renewal, make, response=response)


def renew(request: TokenRequest, caller: Token, renewal: Renewal) -> tuple[Token, Credential]:
    """Make a new token that replaces `caller`. Return the new token and its value.

    Raise Problem (an error answer) if `caller` replaced another token that still works:
    otherwise a program could renew again and again, and have any number of working tokens. Also
    raise Problem after MAX_RENEWALS renewals in an hour, because each new token stays in the
    owner's list and causes a mail.
    """
    if (old := caller.renewed_from) and old.is_revocable:
        end = utc_time(old.expires_at)
        raise Problem(
            "conflict", f"The predecessor {old.identifier} works until {end}. Revoke it, or wait."
        )
    renewed = Token.objects.owned_by(request.user).exclude(renewed_from=None)
    limit_new_tokens(
        renewed,
        MAX_RENEWALS,
        f"The tokens of one owner may be renewed {MAX_RENEWALS} times",
        "renewals",
    )
    length = caller.expires_at - caller.created_at
    limits = [token_settings.MAX_TOKEN_LIFETIME_DAYS]
    limits += [rule.max_days for rule in rules_for(caller.owner_id, caller.environment)]
    length = min([length, *(timedelta(days=days) for days in limits if days is not None)])
    overlap = OVERLAPS[renewal.overlap].length
    return Token.objects.renew(
        caller, expires_at=timezone.now() + length, overlap=overlap, actor=actor_of(request)
    )
