"""Helpers for tests of Troubleshoot: refused requests, and the answer of the page."""

import html
import re
from typing import Any, NamedTuple

from django.test import Client
from django.urls import path

from config import urls
from tests.test_middleware import fail, miss, refuse, view, where
from tests.values import token_value
from tokens.decorators import token_required
from tokens.usage.recorder import recorder

PATH = "/settings/tokens/troubleshoot/"
ELSEWHERE = token_value(letters="x" * 15)
handler400, handler500 = urls.handler400, urls.handler500
urlpatterns = [
    *urls.urlpatterns,
    path("api/report", token_required("reports:write")(view(where))),
    path("api/live", token_required(environment="live")(view(where))),
    path("api/refuse", token_required(view(refuse))),
    path("api/miss", token_required(view(miss))),
    path("api/fail", token_required(view(fail))),
    path("api/where", token_required(view(where))),
]


class Shown(NamedTuple):
    """The answer as people read it."""

    headline: str
    text: str
    links: dict[str, str]


def paste(client: Client, text: str) -> Shown:
    """Paste `text` into the form; return the answer."""
    response = client.post(PATH, {"pasted": text})
    assert response.status_code == 200
    page = response.content.decode()
    section = re.findall(r'<section class="panel verdict.*?</section>', page, re.DOTALL)[0]
    links = {
        label: html.unescape(url)
        for url, label in re.findall(r'href="([^"]+)">(?:<bdi>)?([^<]+)</', section)
    }
    lines = [
        " ".join(html.unescape(re.sub(r"<[^>]+>", " ", re.sub("</?bdi>", "", part))).split())
        for part in section.split("</h2>")
    ]
    return Shown(lines[0], lines[1], links)


def call(
    header: str | None, path: str = "/api/v1/token", method: str = "get", **extra: Any
) -> dict[str, Any]:
    """Send a request and flush the recorder; return the problem, if any."""
    client = Client(
        raise_request_exception=False,
        headers={"Authorization": header} if header is not None else {},
    )
    response = getattr(client, method)(path, **extra)
    recorder.flush()
    problem: dict[str, Any] = response.json() if response.status_code >= 400 else {}
    return problem
