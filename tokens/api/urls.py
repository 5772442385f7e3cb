"""Routes of the HTTP API, version 1."""

from django.urls import URLPattern
from django.views.decorators.cache import cache_control

from tokens import converters  # noqa: F401  (registers "identifier")
from tokens.api import calling, oauth, tokens
from tokens.api.base import API
from tokens.decorators import declare
from tokens.policy import Requirement

api = API(title="Tokenry", version="1", openapi_url=None, docs_url=None)
for part in (calling, tokens, oauth):
    api.add_router("", part.router)

OTHERS = {"introspect": Requirement(basic=True), "revoke": None}


def declared(route: URLPattern) -> URLPattern:
    """The route with its view closed to all but valid tokens, unless it is one of the others; nothing is kept."""
    requirement = OTHERS.get(str(route.pattern), Requirement())
    route.callback = declare(cache_control(no_store=True)(route.callback), requirement)
    return route


urlpatterns = [declared(route) for route in api.urls[0] if isinstance(route, URLPattern) and route.name != "api-root"]
