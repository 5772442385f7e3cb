"""One answer behind every guard that is compared."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import path
from knox.auth import TokenAuthentication as KnoxAuthentication
from rest_framework.authentication import BaseAuthentication, TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_api_key.permissions import HasAPIKey

from tokens.authentication import authenticate
from tokens.call import Call
from tokens.decorators import token_required
from tokens.denial import Denial
from tokens.policy import Requirement
from tokens.usage import recorder

SCOPE = "bench:read"
ANSWER = {"hello": "world"}


def plain(request: HttpRequest) -> JsonResponse:
    return JsonResponse(ANSWER)


class TokenryAuthentication(BaseAuthentication):
    """Tokenry's pipeline where Django REST framework asks who is calling: the same view as the peers have."""

    requirement = Requirement((SCOPE,))

    def authenticate(self, request: Any) -> tuple[Any, Any]:
        inner = request._request  # Django's own
        inner.call = call = Call(inner)  # as the middleware does, which is not here
        try:
            authenticate(inner, self.requirement)
        except Denial as refused:
            raise AuthenticationFailed(refused.code) from None
        call.end(200)
        recorder.record(call)
        return inner.user, inner.token


class FrameworkView(APIView):
    renderer_classes = [JSONRenderer]
    permission_classes = [IsAuthenticated]

    def get(self, request: Any) -> Response:
        return Response(ANSWER)


urlpatterns = [
    path("plain", plain),
    path("api/bench", token_required(SCOPE)(plain)),
    path("drf-tokenry", FrameworkView.as_view(authentication_classes=[TokenryAuthentication])),
    path("drf-authtoken", FrameworkView.as_view(authentication_classes=[TokenAuthentication])),
    path("drf-knox", FrameworkView.as_view(authentication_classes=[KnoxAuthentication])),
    path("drf-api-key", FrameworkView.as_view(authentication_classes=[], permission_classes=[HasAPIKey])),
]
