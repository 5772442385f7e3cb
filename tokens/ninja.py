"""Tokens in django-ninja: `auth=TokenAuth("crm:read")`, for an API, a router or an operation."""

from django.http import HttpRequest

from tokens.authentication.header import find_header, may_be_ours
from tokens.authentication.requests import authenticate_in_view, is_admitted, require
from tokens.decorators import requirement_for
from tokens.models import Token


class TokenAuth:
    """Require a token with all of the named scopes, and of `environment` if one is given.

    `request.user` is the token's owner, `request.auth` the Token. A refused request gets an
    answer of the type application/problem+json (RFC 9457). In
    `auth=[TokenAuth(optional=True), others()]` a header without a token of ours is left to the
    others.
    """

    # For ninja's OpenAPI document (OpenAPI 3.1, Security Scheme Object).
    openapi_security_schema = {"type": "http", "scheme": "bearer"}
    openapi_security_schema_name = "TokenAuth"

    def __init__(self, *scopes: str, environment: str = "", optional: bool = False) -> None:
        self.requirement = requirement_for(scopes, environment)
        self.optional = optional

    def __call__(self, request: HttpRequest) -> Token | None:
        """Return the token. Raise Problem, an error answer, if the request must not pass.

        With `optional`, return None if the header has no token of ours, so that ninja asks the
        next authentication.
        """
        if is_admitted(request):  # `@token_required` has checked the token
            require(request, self.requirement)
            token: Token = request.token  # type: ignore[attr-defined]  # the middleware set it
            return token
        if self.optional and not may_be_ours(find_header(request.META)):
            return None
        return authenticate_in_view(request, self.requirement)
