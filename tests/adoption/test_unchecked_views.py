"""A view with @token_required is closed, also where the middleware can't see the decorator."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from pytest_django import Settings
from rest_framework.decorators import api_view

from accounts.models import User
from tests.conftest import Issue, bearer
from tokens.decorators import token_required
from tokens.models import Scope
from tokens.token_settings import TokenSettings

AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
OURS = "tokens.middleware.TokenMiddleware"
reports = token_required("reports:read")


@reports
def report(request: HttpRequest, kind: str = "") -> HttpResponse:
    return HttpResponse("report")


@reports
async def slow_report(request: HttpRequest) -> HttpResponse:
    return HttpResponse("report")


def without_wraps(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    def call(request: HttpRequest) -> HttpResponse:
        return view(request)

    return call


class DecoratedGet(View):
    @method_decorator(reports)
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("report")


class PlainGet(View):
    @reports
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("report")


@method_decorator(reports, name="dispatch")
class Decorated(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("report")


class Child(Decorated):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return super().dispatch(request, *args, **kwargs)


urlpatterns = [
    path("report", report),
    path("decorated", Decorated.as_view()),
    path("partial", partial(report, kind="short")),
    path("without-wraps", without_wraps(report)),
    path("async-without-wraps", without_wraps(slow_report)),  # type: ignore[arg-type]  # as in careless code
    path("decorated-get", DecoratedGet.as_view()),
    path("plain-get", PlainGet.as_view()),
    path("child", Child.as_view()),
    path("rest-framework", api_view(["GET"])(report)),
]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@pytest.fixture(autouse=True)
def host(token_settings: TokenSettings) -> None:
    token_settings.API_PREFIXES = ()
    Scope.objects.create(name="reports:read", words="Read reports")


@pytest.mark.parametrize(
    "address",
    [
        "/partial", "/without-wraps", "/async-without-wraps", "/decorated-get", "/plain-get",
        "/child", "/rest-framework",
    ],
)  # fmt: skip
def test_nobody_passes_without_the_check(issue: Issue, address: str) -> None:
    _, value = issue(scopes=["reports:read"])
    for headers in ({}, bearer(value)):
        with pytest.raises(ImproperlyConfigured, match="TokenMiddleware did not check a token"):
            Client().get(address, headers=headers)


def test_nobody_passes_without_the_middleware(issue: Issue, settings: Settings) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != OURS]
    with pytest.raises(ImproperlyConfigured, match="MIDDLEWARE lacks TokenMiddleware"):
        Client().get("/report", headers=bearer(issue(scopes=["reports:read"])[1]))


@pytest.mark.parametrize("address", ["/report", "/decorated"])
def test_a_view_that_the_middleware_sees_is_checked(issue: Issue, address: str) -> None:
    assert Client().get(address).json()["code"] == "missing_credentials"
    lacks = Client().get(address, headers=bearer(issue()[1]))
    assert lacks.json()["code"] == "insufficient_scope"
    answer = Client().get(address, headers=bearer(issue(scopes=["reports:read"])[1]))
    assert answer.content == b"report"


@pytest.mark.parametrize("address", ["/report", "/decorated"])
def test_a_project_that_requires_sign_in_everywhere_accepts_tokens(
    issue: Issue, owner: User, settings: Settings, address: str
) -> None:
    order = [name for name in settings.MIDDLEWARE if name != OURS]
    sign_in = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    order.insert(order.index(AUTHENTICATION) + 1, sign_in)
    settings.MIDDLEWARE = [*order, OURS]
    answer = Client().get(address, headers=bearer(issue(scopes=["reports:read"])[1]))
    assert answer.content == b"report"
