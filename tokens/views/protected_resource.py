"""The metadata of the API, which tell a client without a token how to use the API (RFC 9728).

The challenge (`WWW-Authenticate`) of each 401 names the address. In another Django project the
URLs of the project mount the view at that address.
"""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from tokens.authentication import lookup
from tokens.core.addresses import absolute_url, path_if_mounted
from tokens.core.circuit_breaker import ServiceUnavailable
from tokens.decorators import public
from tokens.models import Scope
from tokens.problems import problem
from tokens.token_settings import token_settings

METADATA_HEADERS = {
    "Cache-Control": "public, max-age=300",
    "Access-Control-Allow-Origin": "*",  # clients may run in pages of other sites
}


@public
@require_safe
def protected_resource(request: HttpRequest) -> JsonResponse:
    """Answer with the metadata, to everybody. Raise Problem if the database does not answer."""
    try:
        scopes = [name for (name,) in lookup.read_rows(Scope.objects.values_list("name"))]
    except ServiceUnavailable:
        raise problem.unavailable() from None
    metadata: dict[str, Any] = {
        "resource": token_settings.SITE_URL,
        "resource_name": token_settings.PRODUCT_NAME,
        "bearer_methods_supported": ["header"],
    }
    if scopes:  # a list without entries must be left out (RFC 9728 section 3.2)
        metadata["scopes_supported"] = scopes
    if page := path_if_mounted("tokens:help"):
        metadata["resource_documentation"] = absolute_url(token_settings.SITE_URL, page)
    return JsonResponse(metadata, headers=METADATA_HEADERS)
