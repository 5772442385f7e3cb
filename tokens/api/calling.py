"""The calling token itself: describe, revoke, renew."""

from datetime import timedelta

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from ninja import Query, Router

from tokens import denial
from tokens.api.base import JSON, Needs, accepts
from tokens.api.caller import RENEW, WRITE, end, ensure_pause, turn
from tokens.api.making import RENEWAL, made_once
from tokens.api.schemas import Key, NewToken, Renewal, Revocation, TokenFacts
from tokens.authentication import require
from tokens.credential import Credential
from tokens.denial import moment
from tokens.facts import as_json
from tokens.lifetime import OVERLAPS
from tokens.models import Token
from tokens.policy import Requirement
from tokens.requests import TokenRequest

router = Router(tags=["The calling token"])
router.add_decorator(accepts(JSON), mode="view")
AS_ON_THE_PAGE = Renewal()
MOST_RENEWALS = 100  # of an owner's tokens, in an hour


@router.api_operation(["GET", "HEAD"], "/token", auth=Needs(), response=TokenFacts, url_name="api_token")
def describe_calling_token(request: TokenRequest) -> HttpResponse:
    """Describe the token that the request is made with."""
    unread = ["name", "description", "created_at", "last_used_at"]  # no part of a decision, so not read yet
    request.token.refresh_from_db(fields=unread)
    return JsonResponse(as_json(request.token))


@router.delete("/token", auth=Needs(), response={204: None})
def revoke_calling_token(request: TokenRequest, choice: Query[Revocation]) -> HttpResponse:
    """Revoke the token that the request is made with, at once and for good.

    Tokens that were made with it work on unless include_made is true.
    """
    if choice.include_made:
        require(request, Requirement((WRITE,)))
    end(request, request.token, choice)
    return HttpResponse(status=204)


@router.post("/token/renew", auth=Needs(RENEW), response={201: NewToken, 200: NewToken})
def renew_calling_token(request: TokenRequest, renewal: Renewal = AS_ON_THE_PAGE, key: Key = "") -> HttpResponse:
    """Renew the calling token: a new one with the same settings, for at most as long as the old one was made for.

    The old one works on until the overlap is over. The new value is in this answer and never again; if_lost says what
    to do where it did not arrive. With an Idempotency-Key the old token is answered again even if the overlap was
    "now".
    """
    with turn(request, RENEW) as caller:
        return made_once(caller, key, RENEWAL, renewal, lambda: renew(request, caller, renewal))


def renew(request: TokenRequest, caller: Token, renewal: Renewal) -> tuple[Token, Credential]:
    """The successor of `caller`: one at a time, or a program could have as many working tokens as it likes; and not
    one after the other without a pause, because each stays in the list and its owner is told."""
    if (old := caller.renewed_from) and old.is_revocable:
        words = (
            f"{old.identifier}, which this token replaced, works until {moment(old.expires_at)}. Revoke it, or wait."
        )
        raise denial.conflict(words)
    renewed = Token.objects.owned_by(request.user).exclude(renewed_from=None)
    ensure_pause(renewed, MOST_RENEWALS, f"The tokens of one owner may be renewed {MOST_RENEWALS} times", "renewals")
    length = caller.expires_at - caller.created_at
    if settings.MAX_TOKEN_LIFETIME_DAYS is not None:
        length = min(length, timedelta(days=settings.MAX_TOKEN_LIFETIME_DAYS))
    overlap = OVERLAPS[renewal.overlap].length
    return Token.objects.renew(caller, expires_at=timezone.now() + length, overlap=overlap, request=request)
