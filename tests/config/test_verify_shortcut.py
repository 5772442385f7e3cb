"""config/verify_shortcut.py: Django's answer byte for byte, the same record; when it is off."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import got_request_exception
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import Http404, HttpRequest
from django.http.response import BadHeaderError
from django.urls import set_script_prefix
from django.views.decorators.debug import sensitive_variables
from pytest_django import Settings

from accounts.models import User
from config import verify_shortcut, wsgi
from config.verify_shortcut import REPLACED_MIDDLEWARE, encode_headers, with_verify_shortcut
from tests.conftest import Issue
from tests.each_way import not_django, send
from tokens.authentication import forward_auth
from tokens.core.redaction import RedactingExceptionReporter
from tokens.core.setting_values import networks


@pytest.fixture(autouse=True)
def no_prefix() -> Iterator[None]:
    """Undo the prefix of the last request, which Django keeps for the thread."""
    yield
    set_script_prefix("/")


@pytest.fixture
def shortcut(settings: Settings) -> Any:
    settings.VERIFY_SHORTCUT = True
    return with_verify_shortcut(not_django)


@pytest.fixture
def in_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the connection open, whose transaction is the test's."""
    monkeypatch.setattr(BaseDatabaseWrapper, "close_if_unusable_or_obsolete", lambda _: None)


ODD = {
    "plain": {},
    "HEAD": {"REQUEST_METHOD": "HEAD"},
    "lower case": {"REQUEST_METHOD": "post"},
    "long method": {"REQUEST_METHOD": "X" * 50},
    "body": {"REQUEST_METHOD": "POST", "wsgi.input": BytesIO(b"a=b"), "CONTENT_LENGTH": "3"},
    "wrong length": {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "many"},
    "charset": {"CONTENT_TYPE": "text/plain; charset=latin-1"},
    "below": {"PATH_INFO": "/verify/orders/7"},
    "slashes": {"PATH_INFO": "/verify//a//"},
    "UTF-8 path": {"PATH_INFO": "/verify/caf\xc3\xa9"},
    "broken path": {"PATH_INFO": "/verify/\xff%zz"},
    "NUL in a path": {"PATH_INFO": "/verify/\x00"},
    "long path": {"PATH_INFO": "/verify/" + "a" * 5000},
    "prefix": {"SCRIPT_NAME": "/tokenry"},
    "prefix in UTF-8": {"SCRIPT_NAME": "/caf\xc3\xa9"},
    "no query": {"QUERY_STRING": None},
    "query": {"QUERY_STRING": "scope=reports:read"},
    "Latin-1 query": {"QUERY_STRING": "scope=\xe9"},
    "wrong query": {"QUERY_STRING": "scopes=a&environment=prod"},
    "long query": {"QUERY_STRING": "scope=" + "a:b+" * 300},
    "other environment": {"QUERY_STRING": "environment=test"},
    "statuses": {"QUERY_STRING": "scope=a:b&statuses=401"},
    "original": {"HTTP_X_ORIGINAL_URI": "/caf%C3%A9?secret=1", "HTTP_X_ORIGINAL_METHOD": "PUT"},
    "Latin-1 original": {"HTTP_X_ORIGINAL_URI": "/\xe9\x1b"},
    "no header": {"HTTP_AUTHORIZATION": None},
    "empty header": {"HTTP_AUTHORIZATION": ""},
    "Basic": {"HTTP_AUTHORIZATION": "Basic eDp5"},
    "two headers": {"HTTP_AUTHORIZATION": "Bearer a,Bearer b"},
    "Latin-1 header": {"HTTP_AUTHORIZATION": "Bearer \xe9"},
    "no token": {"HTTP_AUTHORIZATION": "Bearer hunter2", "QUERY_STRING": "statuses=401,403"},
    "wrong host": {"HTTP_HOST": "evil.example"},
    "no host": {"HTTP_HOST": None},
    "socket": {"REMOTE_ADDR": ""},
    "no address": {"REMOTE_ADDR": None},
    "IPv6": {"REMOTE_ADDR": "::ffff:192.0.2.1"},
    "forwarded": {"HTTP_X_FORWARDED_FOR": "6.6.6.6, 203.0.113.7", "REMOTE_ADDR": "10.0.0.1"},
    "scheme": {"HTTP_X_FORWARDED_PROTO": "https", "REMOTE_ADDR": "10.0.0.1"},
    "not believed": {"HTTP_X_FORWARDED_FOR": "203.0.113.7", "HTTP_FORWARDED": "for=203.0.113.8"},
    "long agent": {"HTTP_USER_AGENT": "a" * 5000},
    "cookie": {"HTTP_COOKIE": "tokenry_session=x; \x00"},
}


@pytest.mark.django_db
@pytest.mark.usefixtures("in_transaction")
@pytest.mark.parametrize("changes", ODD.values(), ids=ODD)
def test_the_answer_and_the_record_are_djangos(
    issue: Issue, settings: Settings, shortcut: Any, changes: dict[str, Any]
) -> None:
    settings.TRUSTED_PROXIES = networks("10.0.0.0/8")
    asked = {"HTTP_AUTHORIZATION": f"Bearer {issue()[1]}"} | changes
    assert send(shortcut, asked).comparable() == send(WSGIHandler(), asked).comparable()


@pytest.mark.django_db
@pytest.mark.usefixtures("in_transaction")
@pytest.mark.parametrize("address", ["zoë@example.com", "ж@example.com", "a\x7fb@example.com"])
def test_an_owners_address_has_one_encoding(
    issue: Issue, owner: User, shortcut: Any, address: str
) -> None:
    User.objects.filter(pk=owner.pk).update(email=address)
    asked = {"HTTP_AUTHORIZATION": f"Bearer {issue()[1]}"}
    short = send(shortcut, asked)
    assert short.comparable() == send(WSGIHandler(), asked).comparable()
    assert dict(short.headers)["X-Auth-Email"].encode("latin-1")


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("plain", "plain"),
        ("", ""),
        ("é", "é"),
        ("Ж", "=?utf-8?b?0JY=?="),
        ("\t", "\t"),
    ],
)
def test_values_of_headers(value: str, sent: str) -> None:
    assert encode_headers({"X-A": value, "Content-Type": "text/plain"})["X-A"] == sent


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "é\nb", "Ж\rb"])
def test_a_line_break_in_a_header_is_an_error(value: str) -> None:
    with pytest.raises(BadHeaderError):
        encode_headers({"X-A": value})


def failing(error: Exception, monkeypatch: pytest.MonkeyPatch, name: str) -> list[str]:
    """Let the function `name` fail. Return the list of headers that it will have been given."""
    given: list[str] = []

    @sensitive_variables()
    def fail(header: str, *_: Any, **__: Any) -> None:
        given.append(header)
        raise error

    monkeypatch.setattr(f"tokens.authentication.{name}", fail)
    return given


@pytest.mark.django_db
@pytest.mark.usefixtures("in_transaction")
@pytest.mark.parametrize(
    ("error", "status"), [(RuntimeError, "500"), (OperationalError, "503"), (Http404, "404")]
)
def test_an_exception_gets_djangos_answer_and_nothing_runs_twice(
    shortcut: Any, monkeypatch: pytest.MonkeyPatch, error: type[Exception], status: str
) -> None:
    given = failing(error("it broke"), monkeypatch, "pipeline.identify")
    asked = {"HTTP_AUTHORIZATION": "Bearer x"}
    short = send(shortcut, asked)
    assert len(given) == 1
    assert short.comparable() == send(WSGIHandler(), asked).comparable()
    assert (short.status[:3], short.record.status) == (status, int(status))


@pytest.mark.django_db
@pytest.mark.usefixtures("in_transaction")
@pytest.mark.parametrize("broken", ["pipeline.identify", "pipeline.read_credential"])
@pytest.mark.parametrize(
    "way", [("shortcut", "/verify"), ("Django", "/verify"), ("Django", "/api/v1/token")]
)
def test_an_exception_is_logged_and_reported_once_without_secrets(
    shortcut: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    broken: str,
    way: tuple[str, str],
) -> None:
    name, path = way
    failing(RuntimeError("it broke"), monkeypatch, broken)
    reports: list[HttpRequest] = []

    def note(request: HttpRequest, **_: Any) -> None:
        reports.append(request)

    got_request_exception.connect(note)
    asked = {"HTTP_AUTHORIZATION": "Bearer hunter2", "HTTP_COOKIE": "a=hunter2"}
    send(shortcut if name == "shortcut" else WSGIHandler(), {"PATH_INFO": path, **asked})
    got_request_exception.disconnect(note)
    [request] = reports
    [logged] = [record for record in caplog.records if record.name == "django.request"]
    assert logged.getMessage() == f"Internal Server Error: {path}"
    assert logged.exc_info
    report = RedactingExceptionReporter(request, *logged.exc_info).get_traceback_html()
    assert "it broke" in report
    assert "hunter2" not in report


@pytest.mark.django_db
@pytest.mark.usefixtures("in_transaction")
def test_a_line_break_in_an_address_is_500_and_the_record_has_the_token(
    issue: Issue, owner: User, shortcut: Any
) -> None:
    User.objects.filter(pk=owner.pk).update(email="a\nx-auth-user: 1")
    token, value = issue()
    asked = {"HTTP_AUTHORIZATION": f"Bearer {value}"}
    short = send(shortcut, asked)
    assert short.comparable() == send(WSGIHandler(), asked).comparable()
    assert (short.status[:3], short.record.token) == ("500", token)
    assert "x-auth-user: 1" not in str(short.headers)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fails", [False, True])
def test_the_connection_closes_at_its_age_as_in_django(
    issue: Issue, shortcut: Any, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    _, value = issue()
    asked = {"HTTP_AUTHORIZATION": f"Bearer {value}"}
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    if fails:
        monkeypatch.setattr(forward_auth, "identity_headers", lambda _: 1 / 0)
    assert send(shortcut, asked).status[:3] == ("500" if fails else "200")
    assert connection.connection is None
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", None)
    send(shortcut, asked)
    assert connection.connection is not None


@pytest.mark.django_db
@pytest.mark.usefixtures("in_transaction")
def test_queries_that_debugging_keeps_are_of_one_request(
    issue: Issue, settings: Settings, shortcut: Any
) -> None:
    _, value = issue()
    settings.DEBUG = True
    for _ in range(2):
        send(shortcut, {"HTTP_AUTHORIZATION": f"Bearer {value}"})
        assert len(connection.queries) == 1


def test_the_server_runs_it() -> None:
    application: Any = wsgi.product_application
    assert application.__module__ == verify_shortcut.__name__


@pytest.mark.parametrize("path", ["/", "/verifying", "/api/v1/token", "//verify", ""])
def test_other_paths_are_djangos(settings: Settings, path: str) -> None:
    settings.VERIFY_SHORTCUT = True
    application = with_verify_shortcut(lambda environ, _: [environ["PATH_INFO"].encode()])
    assert application({"PATH_INFO": path}, not_django) == [path.encode()]


def test_the_product_has_the_middleware_that_is_replaced(settings: Settings) -> None:
    settings.VERIFY_SHORTCUT = True
    assert settings.MIDDLEWARE[: len(REPLACED_MIDDLEWARE)] == REPLACED_MIDDLEWARE
    for part in ("", "api"):
        settings.SERVE_ONLY = part
        assert with_verify_shortcut(not_django) is not not_django


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VERIFY_SHORTCUT", False),
        ("SERVE_ONLY", "pages"),
        ("MIDDLEWARE", ["somebody.elses.Middleware", *REPLACED_MIDDLEWARE]),
        ("MIDDLEWARE", [*REPLACED_MIDDLEWARE[:3], "else", REPLACED_MIDDLEWARE[3]]),
        ("MIDDLEWARE", REPLACED_MIDDLEWARE[3:]),
        ("MIDDLEWARE", []),
    ],
)
def test_it_is_off(settings: Settings, name: str, value: Any) -> None:
    settings.VERIFY_SHORTCUT = True
    setattr(settings, name, value)
    assert with_verify_shortcut(not_django) is not_django


def test_traces_turn_it_off(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.VERIFY_SHORTCUT = True
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    assert with_verify_shortcut(not_django) is not_django
