"""The HTTP API: what a token can learn of itself and do to itself."""

from django.http import HttpResponse, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods

from tokens.decorators import token_required
from tokens.facts import as_json
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
        fields=["name", "description", "created_at", "last_used_at"]
    )  # no part of a decision, so not read yet
    return JsonResponse(as_json(request.token))
