"""Routes of the HTTP API, version 1."""

from django.urls import URLPattern, path
from django.views.decorators.cache import cache_control
from ninja.operation import PathView

from tokens.api.docs import reference
from tokens.api.idempotency import replay_renewal
from tokens.api.openapi import ROUTERS, api, needed, openapi
from tokens.authentication.policy import Requirement
from tokens.core import converters  # noqa: F401  # registers a converter of paths
from tokens.decorators import changes_no_decision, declare

PUBLIC = "/revoke"  # anybody who knows a token's value may revoke the token (RFC 7009)
# POST to these paths changes no existing token, so the answer need not wait: "tokens" makes a new
# token, and "introspect" only reads.
EXEMPT_PATHS = {"tokens", "introspect"}


def requirement_of(route: str, view: PathView) -> Requirement | None:
    """Return what all callers of a path need (a valid token), or None for the public path.

    Scopes are not included: all methods of a path share one view, so the `auth=` of each
    operation checks its scopes. Raise TypeError for an operation without `auth=`, because
    everybody could call the operation.
    """
    if route == PUBLIC:
        return None
    needs = [needed(operation) for operation in view.operations]
    if None in needs:
        raise TypeError(f"{route}: give each operation auth=Needs(...)")
    return Requirement(
        basic=all(each.basic for each in needs if each),
        introspects=all(each.introspects for each in needs if each),
    )


# `path_operations` is no documented API of ninja. It was read in django-ninja 1.7.1.
REQUIREMENTS = {
    route.strip("/").replace("{", "<").replace("}", ">"): requirement_of(route, view)
    for router in ROUTERS
    for route, view in router.path_operations.items()
}


def declared(route: URLPattern) -> URLPattern:
    """Declare who may call the view of `route`, and forbid caches to store its answers.

    The middleware enforces the declaration. Return `route`.
    """
    requirement = REQUIREMENTS[str(route.pattern)]
    route.callback = declare(cache_control(no_store=True)(route.callback), requirement)
    vars(route.callback)["is_own"] = True  # ninja's module made the function
    if str(route.pattern) in EXEMPT_PATHS:
        route.callback = changes_no_decision(route.callback)
    if str(route.pattern) == "token/renew":
        vars(route.callback)["replay"] = replay_renewal
    return route


urlpatterns = [
    *(
        declared(route)
        for route in api.urls[0]
        if isinstance(route, URLPattern) and route.name != "api-root"
    ),
    path("openapi.json", openapi, name="openapi"),
    path("docs", reference, name="api_reference"),
]
