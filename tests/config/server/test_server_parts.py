"""Answers of a server of one part (`serve --only`). tests/system/test_parts.py starts servers."""

import json
from io import StringIO

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.core.management import CommandError, call_command
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from config.server.server_parts import PartMiddleware
from tokens.usage.recorder import recorder

API = [
    "/api/v1/token",
    "/api/v1/docs",
    "/api/v1/openapi.json",
    "/api",
    "/verify",
    "/verify/orders",
]
PAGES = [
    "/",
    "/accounts/login/",
    "/settings/tokens/",
    "/admin/",
    "/help/",
    "/static/icon.svg",
    "/apis/",
    "/verifying",
]
PROBES = ["/healthz", "/readyz", "/metrics"]


def behind(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=204)


@pytest.mark.parametrize(
    ("part", "answered", "refused"),
    [("api", API, PAGES), ("pages", PAGES, API)],
    ids=["api", "pages"],
)
def test_each_part_answers_its_own(
    settings: Settings, part: str, answered: list[str], refused: list[str]
) -> None:
    settings.SERVE_ONLY = part
    middleware = PartMiddleware(behind)
    ask = RequestFactory()
    assert {middleware(ask.get(path)).status_code for path in answered + PROBES} == {204}
    for path in refused:
        answer = middleware(ask.post(path))
        assert (path, answer.status_code, answer["Content-Type"]) == (
            path,
            404,
            "application/problem+json",
        )
        problem = json.loads(answer.content)
        assert problem["code"] == "not_found"
        assert {"api": "answers pages", "pages": "answers /api/ and /verify"}[part] in problem[
            "detail"
        ]
        assert answer["Content-Length"] == str(len(answer.content))
    assert recorder._records[-1].reference in problem["instance"], "the log has it"


def test_the_secret_of_a_mailed_link_is_not_logged(settings: Settings) -> None:
    settings.SERVE_ONLY = "api"
    PartMiddleware(behind)(RequestFactory().get("/accounts/password/reset/key/1-secret/"))
    assert recorder._records[-1].shown_path == "/accounts/"


def test_a_server_of_everything_asks_nothing(settings: Settings) -> None:
    settings.SERVE_ONLY = ""
    with pytest.raises(MiddlewareNotUsed):
        PartMiddleware(behind)


def test_another_part_is_refused() -> None:
    with pytest.raises(CommandError, match=r"invalid choice: 'page' .*api.*pages"):
        call_command("serve", "--only", "page", stderr=StringIO())
