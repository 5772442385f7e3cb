"""Run a test of /verify through Django's middleware, and again through the WSGI shortcut."""

import re
from io import BytesIO
from typing import Any, NamedTuple

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpResponse
from django.test.client import ClientHandler, conditional_content_removal
from pytest_django import Settings

from config import verify_shortcut
from tokens.authentication.forward_auth import is_forward_auth_path
from tokens.usage.recorder import recorder
from tokens.usage.request_record import RequestRecord

# What differs from answer to answer: the reference of a problem, and what is left of a limit.
CHANGING = re.compile(r"(?<=denial:)\w+|(?<=reference=)\w+|(?<=;r=)\d+|(?<=;t=)\d+")
LEFT = {"X-RateLimit-Remaining", "X-RateLimit-Reset"}
ENVIRON = {
    "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/verify", "QUERY_STRING": "",
    "SERVER_NAME": "localhost", "SERVER_PORT": "8000", "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost:8000", "wsgi.url_scheme": "http",
}  # fmt: skip


class Sent(NamedTuple):
    """What an application sent for a request, and the record of the request."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes
    record: RequestRecord

    def comparable(self) -> list[Any]:
        """Return all parts that must not depend on the way."""
        headers = [
            (name, "" if name in LEFT else CHANGING.sub("", value)) for name, value in self.headers
        ]
        fields = set(RequestRecord.__slots__) - {
            "at", "started", "seconds", "database_seconds", "limiter_seconds", "reference",
            "token", "limits", "problem",
        }  # fmt: skip
        record = {name: getattr(self.record, name) for name in sorted(fields)}
        token, problem = self.record.token, self.record.problem
        known = token and token.pk, problem and problem.code
        return [self.status, headers, CHANGING.sub("", self.body.decode()), record, *known]


def send(application: Any, changes: dict[str, Any]) -> Sent:
    """Call `application` as a server does. A value of None removes a variable."""
    environ = {**ENVIRON, "wsgi.input": BytesIO(), "wsgi.errors": BytesIO(), **changes}
    given = {name: value for name, value in environ.items() if value is not None}
    sent: list[Any] = []
    body = application(given, lambda *arguments: sent.extend(arguments))
    content = b"".join(body)
    getattr(body, "close", lambda: None)()
    [record] = recorder._records
    recorder._records.clear()
    status, headers = sent
    return Sent(status, headers, content, record)


def not_django(*_: Any) -> Any:
    """Stand for Django's application where it must not be asked."""
    raise AssertionError("the shortcut left the request to Django")


class ShortcutHandler(ClientHandler):
    """The handler of Django's test client, but the shortcut answers /verify."""

    def __call__(self, environ: dict[str, Any]) -> Any:
        request = WSGIRequest(dict(environ))
        if not is_forward_auth_path(request.path_info):
            return super().__call__(environ)
        sent: list[Any] = []
        application = verify_shortcut.with_verify_shortcut(not_django)
        body = b"".join(application(environ, lambda *arguments: sent.extend(arguments)))
        status, headers = sent
        assert len(dict(headers)) == len(headers)
        response: Any = HttpResponse(body, status=int(status[:3]), headers=dict(headers))
        response.wsgi_request = request
        conditional_content_removal(request, response)
        return response


@pytest.fixture(params=["Django", "shortcut"])
def each_way(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """Let `Client()` ask /verify in both ways, one after the other."""
    if request.param == "shortcut":
        settings.VERIFY_SHORTCUT = True
        monkeypatch.setattr("django.test.client.ClientHandler", ShortcutHandler)
        # A connection in a test's transaction looks like one that must be closed. Django's own
        # handler of the test client leaves it open too.
        monkeypatch.setattr(BaseDatabaseWrapper, "close_if_unusable_or_obsolete", lambda _: None)
