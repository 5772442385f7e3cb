"""API operations on the tokens of the caller's owner: list, create, describe, change, revoke."""

from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.utils import timezone
from ninja import Query, Router, Status

from tokens.api.base import JSON, Needs, accepts
from tokens.api.delegation import (
    WRITE,
    beyond,
    limit_new_tokens,
    locked_caller,
    refuse_unknown,
    revoke_as_chosen,
)
from tokens.api.idempotency import made_once
from tokens.api.policy_problems import expiry_problem
from tokens.api.schemas import (
    Filters,
    IdempotencyHeader,
    Identifier,
    NewToken,
    Revocation,
    TokenChanges,
    TokenFacts,
    TokenPage,
    TokenToMake,
)
from tokens.authentication.credentials import Credential
from tokens.authentication.requests import TokenRequest, actor_of
from tokens.core.addresses import absolute_url
from tokens.core.lifetimes import DEFAULT_LIFETIME, LIFETIMES
from tokens.core.pagination import decode_cursor, encode_cursor
from tokens.core.redaction import without_secrets
from tokens.models import LifetimeTooLong, PolicyBroken, Token, WouldWiden
from tokens.problems import problem
from tokens.problems.problem import Problem
from tokens.token_settings import token_settings

router = Router(tags=["Tokens"])
router.add_decorator(accepts(JSON), mode="view")

# Tokens that the programs of one owner may make in an hour. Revoked tokens count too.
MAX_CREATIONS = 100
ONE_PATH = "/tokens/{identifier:identifier}"


def token_of_owner(request: TokenRequest, identifier: str) -> Token:
    """Return the token with this identifier, or raise Problem (404).

    A token of another owner gets the same 404, so that nobody learns whether it exists.
    """
    token = (
        Token.objects.owned_by(request.user)
        .select_related("owner__token_leaver")
        .filter(identifier=identifier)
        .first()
    )
    if token is None:
        raise Problem(
            "not_found", "The owner of the calling token has no token with this identifier."
        )
    return token


@router.api_operation(["GET", "HEAD"], "/tokens", auth=Needs("tokens:read"), response=TokenPage)
def list_tokens(request: TokenRequest, filters: Query[Filters]) -> TokenPage:
    """List the tokens of the calling token's owner, newest first."""
    refuse_unknown(request, filters)
    search = without_secrets(filters.q)  # so that the URL in `next` contains no secret
    found = (
        Token.objects.owned_by(request.user)
        .with_status()
        .search(search)
        .select_related("owner__token_leaver")
    )
    if filters.status:
        found = found.in_status(filters.status)
    if filters.environment:
        found = found.filter(environment=filters.environment)
    if filters.made_with:
        found = found.made_with(
            Token.objects.owned_by(request.user).filter(identifier=filters.made_with)
        )
    if at := decode_cursor(filters.cursor):
        found = found.before(*at)
    page = list(found[: filters.limit + 1])
    after = None
    if len(page) > filters.limit:
        last = page[filters.limit - 1]
        asked = filters.model_dump(exclude_unset=True, mode="json")
        asked |= {"q": search, "cursor": encode_cursor(last.created_at, last.pk)}
        query = urlencode({name: value for name, value in asked.items() if value})
        after = f"{absolute_url(token_settings.SITE_URL, request.path)}?{query}"
    items = [TokenFacts.model_validate(token) for token in page[: filters.limit]]
    return TokenPage(items=items, next=after)


@router.post("/tokens", auth=Needs(WRITE), response={201: NewToken, 200: NewToken})
def create_token(
    request: TokenRequest,
    response: HttpResponse,
    wanted: TokenToMake,
    key: IdempotencyHeader = "",
) -> Status[NewToken]:
    """Create a token with no more rights than the calling token has.

    Only this answer has the value of the new token.
    """
    with locked_caller(request, WRITE) as caller:
        make = partial(issue, request, caller, wanted)
        return made_once(caller, key, "create", wanted, make, response=response)


def issue(request: TokenRequest, caller: Token, wanted: TokenToMake) -> tuple[Token, Credential]:
    """Make the token that the client wants. Return the token and its value.

    Raise Problem (an error answer) if the token would get more rights than `caller`, the calling
    token. Requests of the new token count against the rate limit of `caller`.
    """
    chosen: dict[str, Any] = {
        "scopes": wanted.scopes,
        "environment": wanted.environment or caller.environment,
        "expires_at": expiry_of(caller, wanted),
        "allowed_addresses": (
            caller.allowed_addresses
            if wanted.allowed_addresses is None
            else wanted.allowed_addresses
        ),
    }
    made = Token.objects.owned_by(request.user).filter(renewed_from=None).exclude(made_by=None)
    limit_new_tokens(
        made,
        MAX_CREATIONS,
        f"The programs of one owner may make {MAX_CREATIONS} tokens",
        "creations",
    )
    expiry = "expires" if wanted.expires else "expires_at"
    if errors := beyond(caller, **chosen, expiry=expiry):
        raise problem.exceeds_caller(errors)
    try:
        return Token.objects.issue(
            owner=request.user,
            name=wanted.name,
            description=wanted.description,
            rate_limit=caller.rate_limit,
            actor=actor_of(request),
            **chosen,
        )
    except (LifetimeTooLong, PolicyBroken) as error:
        raise expiry_problem(error, expiry) from None


def expiry_of(caller: Token, wanted: TokenToMake) -> datetime:
    """Return when the new token expires: as the client chose, or after 90 days.

    Without a choice, the new token does not outlive `caller`, the calling token.
    """
    if wanted.expires_at:
        return wanted.expires_at
    if wanted.expires:
        return LIFETIMES[wanted.expires].end(timezone.now())
    return min(LIFETIMES[DEFAULT_LIFETIME].end(timezone.now()), caller.expires_at)


@router.api_operation(
    ["GET", "HEAD"],
    ONE_PATH,
    auth=Needs("tokens:read"),
    response=TokenFacts,
    url_name="api_token_detail",
)
def describe_token(request: TokenRequest, identifier: Identifier) -> TokenFacts:
    """Describe one of the owner's tokens."""
    return TokenFacts.model_validate(token_of_owner(request, identifier))


@router.patch(ONE_PATH, auth=Needs(WRITE), response=TokenFacts)
def change_token(
    request: TokenRequest, changes: TokenChanges, identifier: Identifier
) -> TokenFacts:
    """Change a token.

    A token can always lose rights. It can get only rights that the calling token has too.
    """
    with locked_caller(request, WRITE) as caller:
        token = token_of_owner(request, identifier)
        kept = {name: getattr(token, name) for name in TokenChanges.model_fields}
        kept["scopes"] = token.wanted_scopes
        new = kept | changes.model_dump(exclude_unset=True)
        errors = beyond(
            caller,
            scopes=new["scopes"],
            environment=token.environment,
            expires_at=token.expires_at,
            allowed_addresses=new["allowed_addresses"],
        )
        try:
            token.change(**new, may_widen=not errors, actor=actor_of(request))
        except WouldWiden:
            raise problem.exceeds_caller(errors) from None
    return TokenFacts.model_validate(token)


@router.delete(ONE_PATH, auth=Needs(WRITE), response={204: None})
def revoke_token(
    request: TokenRequest, identifier: Identifier, choice: Query[Revocation]
) -> HttpResponse:
    """Revoke a token, at once and permanently.

    The token stays in the list, and revoking the token again changes nothing. Tokens that were
    made with the token keep working, unless include_made is true: use that for a leaked token.
    """
    revoke_as_chosen(request, token_of_owner(request, identifier), choice)
    return HttpResponse(status=204)
