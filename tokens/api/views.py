"""The HTTP API: what a token can learn of itself and do to itself."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods

from tokens.decorators import token_required
from tokens.models import Token
from tokens.requests import TokenRequest


@token_required
@require_http_methods(["GET", "HEAD", "DELETE"])
@cache_control(no_store=True)
def calling_token(request: TokenRequest) -> HttpResponse:
    """GET describes the token that the request was made with; DELETE revokes it, at once."""
    if request.method == "DELETE":
        request.token.revoke(request)
        return HttpResponse(status=204)
    request.token.refresh_from_db(
        fields=["name", "created_at", "last_used_at"]
    )  # no part of a decision, so not read yet
    return JsonResponse(as_json(request.token))


def as_json(token: Token) -> dict[str, Any]:
    """A token as clients see it: never its digest."""
    return {
        "identifier": token.identifier,
        "name": token.name,
        "environment": token.environment,
        "scopes": token.scopes,
        "allowed_addresses": token.allowed_addresses,
        "rate_limit": token.rate_limit or settings.TOKEN_RATE_LIMIT,
        "status": token.status,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
        "owner": {"id": token.owner_id, "email": token.owner.email},
    }
