"""The same view, protected by each of the compared packages, and Tokenry's own API."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from knox.auth import TokenAuthentication as KnoxAuthentication
from rest_framework.authentication import BaseAuthentication, TokenAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_api_key.permissions import HasAPIKey

from tokens.decorators import token_required

SCOPE = "bench:read"
ANSWER = {"hello": "world"}


def plain(request: HttpRequest) -> JsonResponse:
    return JsonResponse(ANSWER)


class TokenryAuthentication(BaseAuthentication):
    """The owner and the token that Tokenry's middleware found, for Django REST framework."""

    def authenticate(self, request: Any) -> tuple[Any, Any]:
        inner = request._request  # Django's own
        return inner.user, inner.token


class FrameworkView(APIView):
    renderer_classes = [JSONRenderer]
    permission_classes = [IsAuthenticated]

    def get(self, request: Any) -> Response:
        return Response(ANSWER)


urlpatterns = [
    path("plain", plain),
    path("api/bench", token_required(SCOPE)(plain)),
    path(
        "api/drf-tokenry",
        token_required(SCOPE)(
            FrameworkView.as_view(authentication_classes=[TokenryAuthentication])
        ),
    ),
    path("drf-authtoken", FrameworkView.as_view(authentication_classes=[TokenAuthentication])),
    path("drf-knox", FrameworkView.as_view(authentication_classes=[KnoxAuthentication])),
    path(
        "drf-api-key",
        FrameworkView.as_view(authentication_classes=[], permission_classes=[HasAPIKey]),
    ),
    path("api/v1/", include("tokens.api.urls")),
]
