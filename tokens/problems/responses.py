"""Turn problems (error answers of the API) into HTTP responses (RFC 9457)."""

import json
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse

from tokens.core.addresses import absolute_url, path_if_mounted
from tokens.problems.problem import Problem, for_status
from tokens.token_settings import token_settings

KEPT_HEADERS = {"Allow", "Retry-After", "WWW-Authenticate"}  # copied from a view's response


def help_path() -> str:
    """Return the path of the page that explains a problem, or "" if the project has no pages."""
    return path_if_mounted("tokens:troubleshoot")


class Answer(NamedTuple):
    """An HTTP response as plain values, without Django."""

    status: int
    headers: dict[str, str]
    body: bytes = b""


def are_plain(headers: dict[str, str]) -> bool:
    """Return True if all values are printable ASCII, so that Django sends them unchanged."""
    text = "".join(headers.values())
    return text.isascii() and text.isprintable()


# NOTE: Django checks and encodes the name and the value of each header. That takes as long as
# looking up the token. `_store` is no public API. It was read in Django 5.2;
# tests/test_private_apis.py fails if a release moves it.
def set_headers(response: HttpResponse, headers: dict[str, str]) -> None:
    """Set all `headers`, whose names are ASCII, on `response`. Faster than Django's own way.

    Raise BadHeaderError if a value has a line break.
    """
    if are_plain(headers):
        named = {name.lower(): (name, value) for name, value in headers.items()}
        response.headers._store.update(named)  # noqa: SLF001
    else:
        for name, value in headers.items():
            response.headers[name] = value


def refuse(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Return the response for `problem`, and note the problem in the record of the request.

    A problem is an error answer. The record is what usage statistics and the request log keep of
    a request.
    """
    request.record.refuse(problem)  # type: ignore[attr-defined]  # set by the middleware
    return render_problem(problem)


def render_problem(problem: Problem) -> HttpResponse:
    """Return a Django response for `problem`, of the type application/problem+json."""
    return response_of(answer_of(problem))


def answer_of(problem: Problem) -> Answer:
    """Return the answer for `problem` as plain values, of the type application/problem+json.

    The Link header names the page that explains the problem to the owner of the token.
    """
    # Content-Type is first, where Django puts it: config/verify_shortcut.py sends the same bytes.
    headers = {"Content-Type": "application/problem+json", **problem.response_headers()}
    if path := help_path():
        url = f"{absolute_url(token_settings.SITE_URL, path)}?reference={problem.reference}"
        headers["Link"] = f'<{url}>; rel="help"'
    return Answer(problem.status, headers, json.dumps(problem.as_dict()).encode())


def response_of(answer: Answer) -> HttpResponse:
    """Return `answer` as a Django response that Django does not log: the request log has it."""
    content_type = answer.headers["Content-Type"]
    response = HttpResponse(answer.body, status=answer.status, content_type=content_type)
    set_headers(response, answer.headers)
    # Django would log each 4xx and 5xx again. The attribute is no public API: read in Django 5.2.
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001
    return response


def ensure_problem(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Return `response`, or an error answer in JSON if `response` is an HTML error page.

    The error answer has the same status. Its code and reference are noted in the record of the
    request, for the log.
    """
    if response.status_code < 400 or "json" in response.get("Content-Type", ""):
        return response
    problem = for_status(response.status_code)
    record = request.record  # type: ignore[attr-defined]
    record.code, record.reference = problem.code, problem.reference
    rendered = render_problem(problem)
    for name in KEPT_HEADERS & set(response.headers):
        rendered[name] = response[name]
    return rendered
