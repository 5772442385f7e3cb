"""The owner's tokens: list, create, describe, change, revoke."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from ninja import Query, Router

from tokens import denial
from tokens.api.base import JSON, Needs, accepts
from tokens.api.caller import beyond, end, ensure_pause, refuse_unknown, turn
from tokens.api.making import made_once
from tokens.api.schemas import (
    Filters,
    Identifier,
    Key,
    NewToken,
    Revocation,
    TokenChanges,
    TokenFacts,
    TokenPage,
    TokenToMake,
)
from tokens.credential import Credential
from tokens.cursor import name_of, place
from tokens.denial import FieldError
from tokens.facts import as_json
from tokens.forms import refusal
from tokens.lifetime import DEFAULT, LIFETIMES
from tokens.models import LifetimeTooLong, Token, WouldWiden
from tokens.redaction import without_secrets
from tokens.requests import TokenRequest

router = Router(tags=["Tokens"])
router.add_decorator(accepts(JSON), mode="view")

MOST_CREATIONS = 100  # by the programs of an owner, in an hour; those that were revoked since count too
ONE = "/tokens/{identifier:identifier}"


def own(request: TokenRequest, identifier: str) -> Token:
    """The owner's token of that identifier; anybody else's is not found."""
    token = Token.objects.owned_by(request.user).select_related("owner").filter(identifier=identifier).first()
    if token is None:
        raise denial.not_found("No token of the calling one's owner has this identifier.")
    return token


@router.api_operation(["GET", "HEAD"], "/tokens", auth=Needs("tokens:read"), response=TokenPage)
def list_tokens(request: TokenRequest, filters: Query[Filters]) -> HttpResponse:
    """List the tokens of the calling token's owner, newest first; next is the address of those after them."""
    refuse_unknown(request, filters)
    search = without_secrets(filters.q)  # so that no value stands in `next`
    found = Token.objects.owned_by(request.user).with_status().search(search).select_related("owner")
    if filters.status:
        found = found.in_status(filters.status)
    if filters.environment:
        found = found.filter(environment=filters.environment)
    if filters.made_with:
        found = found.made_with(Token.objects.owned_by(request.user).filter(identifier=filters.made_with))
    if at := place(filters.cursor):
        found = found.before(*at)
    page = list(found[: filters.limit + 1])
    after = None
    if len(page) > filters.limit:
        last = page[filters.limit - 1]
        asked = filters.model_dump(exclude_unset=True, mode="json")
        asked |= {"q": search, "cursor": name_of(last.created_at, last.pk)}
        query = urlencode({name: value for name, value in asked.items() if value})
        after = f"{settings.SITE_URL}{request.path}?{query}"
    return JsonResponse({"items": [as_json(token) for token in page[: filters.limit]], "next": after})


@router.post("/tokens", auth=Needs("tokens:write"), response={201: NewToken, 200: NewToken})
def create_token(request: TokenRequest, wanted: TokenToMake, key: Key = "") -> HttpResponse:
    """Create a token that can do no more than the calling one; its value is in this answer and never again."""
    with turn(request, "tokens:write") as caller:
        return made_once(caller, key, "create", wanted, lambda: issue(request, caller, wanted))


def issue(request: TokenRequest, caller: Token, wanted: TokenToMake) -> tuple[Token, Credential]:
    """The token that is wanted, within `caller`, with whose requests its own are counted."""
    chosen: dict[str, Any] = {
        "scopes": wanted.scopes,
        "environment": wanted.environment or caller.environment,
        "expires_at": expiry_of(caller, wanted),
        "allowed_addresses": (
            caller.allowed_addresses if wanted.allowed_addresses is None else wanted.allowed_addresses
        ),
    }
    made = Token.objects.owned_by(request.user).filter(renewed_from=None).exclude(made_by=None)
    ensure_pause(made, MOST_CREATIONS, f"The programs of one owner may make {MOST_CREATIONS} tokens", "creations")
    expiry = "expires" if wanted.expires else "expires_at"
    if errors := beyond(caller, **chosen, expiry=expiry):
        raise denial.beyond_caller(errors)
    try:
        return Token.objects.issue(
            owner=request.user,
            name=wanted.name,
            description=wanted.description,
            rate_limit=caller.rate_limit,
            request=request,
            **chosen,
        )
    except LifetimeTooLong as policy:
        raise denial.invalid_request([FieldError(field=expiry, detail=refusal(policy))]) from None


def expiry_of(caller: Token, wanted: TokenToMake) -> datetime:
    """When the token that is wanted expires."""
    if wanted.expires_at:
        return wanted.expires_at
    if wanted.expires:
        return LIFETIMES[wanted.expires].end(timezone.now())
    return min(LIFETIMES[DEFAULT].end(timezone.now()), caller.expires_at)


@router.api_operation(["GET", "HEAD"], ONE, auth=Needs("tokens:read"), response=TokenFacts, url_name="api_token_detail")
def describe_token(request: TokenRequest, identifier: Identifier) -> HttpResponse:
    """Describe one of the owner's tokens."""
    return JsonResponse(as_json(own(request, identifier)))


@router.patch(ONE, auth=Needs("tokens:write"), response=TokenFacts)
def change_token(request: TokenRequest, changes: TokenChanges, identifier: Identifier) -> HttpResponse:
    """Change a token. Narrower is always possible; one that becomes wider has to lie within the calling token."""
    with turn(request, "tokens:write") as caller:
        token = own(request, identifier)
        kept = {name: getattr(token, name) for name in TokenChanges.model_fields}
        new = kept | changes.model_dump(exclude_unset=True)
        errors = beyond(
            caller,
            scopes=new["scopes"],
            environment=token.environment,
            expires_at=token.expires_at,
            allowed_addresses=new["allowed_addresses"],
        )
        try:
            token.change(**new, may_widen=not errors, request=request)
        except WouldWiden:
            raise denial.beyond_caller(errors) from None
    return JsonResponse(as_json(token))


@router.delete(ONE, auth=Needs("tokens:write"), response={204: None})
def revoke_token(request: TokenRequest, identifier: Identifier, choice: Query[Revocation]) -> HttpResponse:
    """Revoke a token, at once and for good. It stays in the list; revoking it again changes nothing.

    Tokens that were made with it work on unless include_made is true: revoke those of a token that leaked, too.
    """
    end(request, own(request, identifier), choice)
    return HttpResponse(status=204)
