"""Tokens in Django REST framework: the authentication, and the permission that checks scopes.

    class Reports(ModelViewSet):
        authentication_classes = [TokenAuthentication]
        permission_classes = [HasScopes]
        required_scopes = {"GET": ["reports:read"], "*": ["reports:write"]}

A refused request gets the same answer as everywhere (application/problem+json, RFC 9457), and each
answer has the headers of the rate limit. `request.user` is the token's owner, `request.auth` the
Token.
"""

from collections.abc import Collection
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from tokens.authentication.header import find_header, may_be_ours
from tokens.authentication.policy import Requirement
from tokens.authentication.requests import authenticate_in_view, is_admitted, require
from tokens.models import Token
from tokens.problems import problem
from tokens.problems.problem import Problem


class TokenAuthentication(BaseAuthentication):  # type: ignore[misc]  # the package has no types
    """Authenticate requests with `Authorization: Bearer` and a token of Tokenry.

    Requests with another scheme or another kind of Bearer value are left to the next
    authentication class of the view.
    """

    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[Any, Token] | None:
        """Return the token's owner and the token, or None if the header has no token of ours.

        Raise Problem, an error answer, if the token must not pass.
        """
        django_request = request._request  # noqa: SLF001  # documented by REST framework
        if is_admitted(django_request):  # `@token_required` has checked the token
            return django_request.user, django_request.token
        header = find_header(request.META)
        is_alone = len(request.authenticators) == 1
        if not header or not (is_alone or may_be_ours(header)):
            return None
        token = authenticate_in_view(django_request, Requirement())
        return token.owner, token

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401 (RFC 6750 section 3)."""
        return problem.missing_credentials().response_headers()["WWW-Authenticate"]


class HasScopes(BasePermission):  # type: ignore[misc]  # the package has no types
    """Let a token pass if it has all scopes that the view's `required_scopes` names.

    `required_scopes` is a list, or a dictionary whose keys are actions of a view set ("list"),
    methods ("GET") and "*" for all others. HEAD needs the same as GET. Requests that another
    authentication class has authenticated, such as a session, have no scopes: they pass, as they
    would without Tokenry. Anonymous requests do not pass.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return False for an anonymous request. Raise Problem if the token lacks a scope.

        For OPTIONS and for its pages, REST framework also asks what the client may do with other
        methods than the one it has sent. For these return False if the token lacks a scope.
        """
        django_request: HttpRequest = request._request  # noqa: SLF001
        # With `@token_required`, a session class may have found the owner of the token.
        if not isinstance(request.auth, Token) and not is_admitted(django_request):
            return bool(request.user and request.user.is_authenticated)
        scopes = scopes_needed(view, request.method or "")
        try:
            require(django_request, Requirement(tuple(scopes)))
        except Problem:
            if request.method == django_request.method:
                raise
            return False
        return True


def scopes_needed(view: APIView, method: str) -> Collection[str]:
    """Return the scopes that a request to `view` needs. OPTIONS needs none if nothing is named.

    Raise ImproperlyConfigured if the view does not say what its method needs: then nobody passes.
    """
    declared = getattr(view, "required_scopes", None)
    if isinstance(declared, dict):
        keys = [getattr(view, "action", None), "GET" if method == "HEAD" else method, "*"]
        declared = next((declared[key] for key in keys if key in declared), None)
    if isinstance(declared, list | tuple):
        return declared
    is_answered_by_405 = not hasattr(view, method.lower())
    if declared is None and (method == "OPTIONS" or is_answered_by_405):
        return ()
    raise ImproperlyConfigured(
        f"{type(view).__name__}.required_scopes does not say what {method} needs. Give it a list, "
        'or a dictionary of lists with methods or "*" as keys.'
    )
