"""A token made through the API: once for each Idempotency-Key, and its value in that one answer."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from pydantic import ValidationError

from tokens.api.base import body_of
from tokens.api.caller import RENEW
from tokens.api.schemas import Body, Renewal
from tokens.authentication import require
from tokens.credential import Credential
from tokens.denial import Denial
from tokens.facts import as_json
from tokens.models import IdempotencyKey, KeyReused, Token
from tokens.policy import Requirement

Make = Callable[[], tuple[Token, Credential]]
RENEWAL = "renew"  # the operation, in fingerprints


@sensitive_variables("new")
def made_once(caller: Token, key: str, what: str, body: Body, make: Make) -> HttpResponse:
    """Answer with the token that `make` makes, or that it made when `caller` sent `key` with the same request before.

    `what` names the operation. Call it in the owner's turn. Raises KeyReused.
    """
    if not key:
        return revealed(*make())
    if earlier := IdempotencyKey.objects.made_before(caller, key, fingerprint(what, body)):
        return replayed(earlier)
    token, new = make()
    IdempotencyKey.objects.create(token=caller, key=key, fingerprint=fingerprint(what, body), made=token)
    return revealed(token, new)


def fingerprint(what: str, body: Body) -> str:
    """Return what tells a request from others with the same key: SHA-256, in hexadecimal."""
    return sha256(f"{what} {body.model_dump_json()}".encode()).hexdigest()


def replay_renewal(request: HttpRequest, refused: Denial) -> HttpResponse | None:
    """Answer a renewal again to the token that it ended. Return None for anything else, so that `refused` stands.

    Who renews with the overlap "now" and loses the answer has a token that is refused before any view is asked. Only
    that token, with its secret proven, from where and with what it may renew, learns what its own request made. The
    caller of this has counted the request as a failed authentication.
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
        earlier = IdempotencyKey.objects.made_before(token, key, fingerprint(RENEWAL, body))
    except (Denial, ValidationError, KeyReused, Error):
        return None
    return replayed(earlier) if earlier else None


@sensitive_variables("new")
def revealed(token: Token, new: Credential) -> HttpResponse:
    """201 with the value, which is nowhere else."""
    location = reverse("api_token_detail", args=[token.identifier])
    return JsonResponse(answer(token) | {"token": new.value}, status=201, headers={"Location": location})


def replayed(token: Token) -> HttpResponse:
    """200 without the value. Where no view answers, nothing else forbids to keep it."""
    return JsonResponse(answer(token) | {"replayed": True}, headers={"Cache-Control": "no-store"})


def answer(token: Token) -> dict[str, Any]:
    """Return what is said of a token that a request made, now and when the request comes again."""
    return as_json(token) | {"token": None, "replayed": False, "if_lost": way_out(token)}


def way_out(token: Token) -> str:
    """Return what to do where the value of `token` never arrived."""
    if token.renewed_from is None:
        return "Revoke it and create another, with another Idempotency-Key."
    page = reverse("token_renew", args=[token.renewed_from.identifier])
    return f"The owner must revoke this token and renew the old one again: {settings.SITE_URL}{page}"
