"""Make only one token for an Idempotency-Key, even if the client repeats its request.

Only the first answer has the value of the token.
"""

from collections.abc import Callable
from hashlib import sha256

from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from ninja import Status
from ninja.responses import Response
from pydantic import ValidationError

from tokens.api.base import body_of
from tokens.api.delegation import RENEW
from tokens.api.schemas import Body, NewToken, Renewal, TokenFacts
from tokens.authentication.credentials import Credential
from tokens.authentication.policy import Requirement
from tokens.authentication.requests import require
from tokens.core.addresses import absolute_url
from tokens.models import IdempotencyKey, KeyReused, Token
from tokens.problems.problem import Problem
from tokens.token_settings import token_settings

Make = Callable[[], tuple[Token, Credential]]
RENEWAL = "renew"  # the name of this operation in a fingerprint


@sensitive_variables("new")
def made_once(
    caller: Token, key: str, operation: str, body: Body, make: Make, *, response: HttpResponse
) -> Status[NewToken]:
    """Make a token with `make` and answer 201, or answer 200 if the request is a repetition.

    A repetition has the same `caller`, `key`, `operation` and `body` as an earlier request. The
    answer 200 has the token of that request, without its value. Raise KeyReused if `key` came
    with another request before. Call this function inside `locked_caller`, so that equal
    requests run one by one.
    """
    fingerprint = request_fingerprint(operation, body)
    earlier = IdempotencyKey.objects.made_before(caller, key, fingerprint) if key else None
    if earlier:
        return Status(200, new_token(earlier))
    token, new = make()
    if key:
        IdempotencyKey.objects.create(token=caller, key=key, fingerprint=fingerprint, made=token)
    response["Location"] = reverse("api_token_detail", args=[token.identifier])
    return Status(201, new_token(token, new.value))


def request_fingerprint(operation: str, body: Body) -> str:
    """Return a text that is the same only for equal requests: SHA-256 in hexadecimal."""
    return sha256(f"{operation} {body.model_dump_json()}".encode()).hexdigest()


def replay_renewal(request: HttpRequest, refused: Problem) -> HttpResponse | None:
    """Answer a renewal that is repeated with a token which has ended; else return None.

    If a client renews a token with the overlap "now", the old token ends at once. A client that
    did not get the answer repeats its request with the old token, and authentication refuses the
    token before a view runs. This function then gives the answer. It requires the right secret,
    the scope and an allowed address. The middleware has already counted the request as a failed
    authentication.
    """
    token: Token | None = getattr(request, "token", None)
    key = request.headers.get("Idempotency-Key", "").strip()
    if refused.code != "expired_token" or token is None or request.method != "POST" or not key:
        return None
    if not token.renewed_at or not token.owner_is_active:
        return None
    try:
        require(request, Requirement((RENEW,)))
        body = Renewal.model_validate_json(body_of(request) or "{}")
        earlier = IdempotencyKey.objects.made_before(
            token, key, request_fingerprint(RENEWAL, body)
        )
    except (Problem, ValidationError, KeyReused, Error):
        return None
    # The decorator that adds this header to the answers of views does not run here.
    no_store = {"Cache-Control": "no-store"}
    return Response(new_token(earlier), headers=no_store) if earlier else None


@sensitive_variables("value")
def new_token(token: Token, value: str | None = None) -> NewToken:
    """Return the API's answer: the facts about a new token, and its secret `value`.

    `value` is None if an earlier request made the token, because the value is shown only once.
    """
    facts = TokenFacts.model_validate(token).model_dump()
    return NewToken(**facts, token=value, replayed=value is None, if_lost=recovery_advice(token))


def recovery_advice(token: Token) -> str:
    """Return advice for a client that did not receive the value of the new `token`."""
    if token.renewed_from is None:
        return "Revoke it and create another, with another Idempotency-Key."
    page = reverse("tokens:renew", args=[token.renewed_from.identifier])
    return (
        "The owner must revoke this token and renew the old one again: "
        f"{absolute_url(token_settings.SITE_URL, page)}"
    )
