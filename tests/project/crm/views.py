"""Views of each kind that require a token."""

from django.http import HttpRequest, JsonResponse
from django.views import View
from rest_framework.authentication import TokenAuthentication as OldTokenAuthentication
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer
from rest_framework.viewsets import ModelViewSet

from crm.models import Contact
from tokens.decorators import token_required
from tokens.rest_framework import HasScopes, TokenAuthentication


class ContactSerializer(ModelSerializer):
    """A contact as JSON."""

    class Meta:
        model = Contact
        fields = ["id", "name"]


class ContactViewSet(ModelViewSet):
    """Contacts, for Tokenry's tokens and for those of Django REST framework."""

    queryset = Contact.objects.order_by("pk")
    serializer_class = ContactSerializer
    authentication_classes = [TokenAuthentication, OldTokenAuthentication]
    permission_classes = [HasScopes]
    required_scopes = {
        "GET": ["crm:read"],
        "count": ["crm:read", "reports:read"],
        "*": ["crm:write"],
    }

    @action(detail=False)
    def count(self, request: Request) -> Response:
        return Response({"count": self.get_queryset().count()})


@token_required("reports:read")
def report(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"user": request.user.name, "token": request.token.name})


@token_required("reports:read")
async def slow_report(request: HttpRequest) -> JsonResponse:
    user = await request.auser()
    return JsonResponse({"user": user.name, "contacts": await Contact.objects.acount()})


class Summary(View):
    """A class-based view. urls.py says which token it requires."""

    def post(self, request: HttpRequest) -> JsonResponse:
        return JsonResponse({"user": request.user.name})


def status(request: HttpRequest) -> JsonResponse:
    """Declare nothing. Everybody may call this view, as before Tokenry was added."""
    return JsonResponse({"user": str(request.user)})
