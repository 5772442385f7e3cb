"""Routes of the HTTP API, version 1."""

from django.urls import URLPattern, path
from django.views.decorators.cache import cache_control

from tokens import converters  # noqa: F401  (registers "identifier")
from tokens.api.document import openapi
from tokens.api.making import replay_renewal
from tokens.api.operations import api
from tokens.api.reference import reference
from tokens.decorators import declare
from tokens.policy import Requirement

OTHERS = {"introspect": Requirement(basic=True), "revoke": None}


def declared(route: URLPattern) -> URLPattern:
    """The route with its view closed to all but valid tokens, unless it is one of the others; nothing is kept.

    What more each operation asks for is declared by its own `auth=`: all methods of one path share a view.
    """
    requirement = OTHERS.get(str(route.pattern), Requirement())
    route.callback = declare(cache_control(no_store=True)(route.callback), requirement)
    if str(route.pattern) == "token/renew":
        vars(route.callback)["replay"] = replay_renewal
    return route


urlpatterns = [
    *(declared(route) for route in api.urls[0] if isinstance(route, URLPattern) and route.name != "api-root"),
    path("openapi.json", openapi, name="openapi"),
    path("docs", reference, name="api_reference"),
]
