"""A token made through the API: once for each Idempotency-Key, and its value in that one answer."""

from collections.abc import Callable
from hashlib import sha256

from django.http import HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables

from tokens.api.schemas import Body
from tokens.credential import Credential
from tokens.facts import as_json
from tokens.models import IdempotencyKey, Token

Make = Callable[[], tuple[Token, Credential]]


@sensitive_variables("new")
def made_once(caller: Token, key: str, what: str, body: Body, make: Make) -> HttpResponse:
    """Answer with the token that `make` makes, or that it made when `caller` sent `key` with the same request before.

    `what` names the operation. Call it in the owner's turn. Raises KeyReused.
    """
    if not key:
        return revealed(*make())
    fingerprint = sha256(f"{what} {body.model_dump_json()}".encode()).hexdigest()
    if earlier := IdempotencyKey.objects.made_before(caller, key, fingerprint):
        return JsonResponse(as_json(earlier) | {"token": None, "replayed": True})
    token, new = make()
    IdempotencyKey.objects.create(token=caller, key=key, fingerprint=fingerprint, made=token)
    return revealed(token, new)


@sensitive_variables("new")
def revealed(token: Token, new: Credential) -> HttpResponse:
    """201 with the value, which is nowhere else."""
    location = reverse("api_token_detail", args=[token.identifier])
    facts = as_json(token) | {"token": new.value, "replayed": False}
    return JsonResponse(facts, status=201, headers={"Location": location})
