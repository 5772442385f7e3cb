"""Private names of other packages that the product uses, and that a release may move."""

import inspect
from importlib import import_module
from typing import Any

import pytest
from allauth.core import context
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest

PLACES = [  # module, name, the first parameters that the product code relies on
    # django-allauth 65.22.1
    (
        "allauth.account.adapter", "DefaultAccountAdapter._get_login_attempts_cache_key",
        ["self", "request"],
    ),
    ("allauth.account.adapter", "DefaultAccountAdapter.pre_authenticate", ["self", "request"]),
    ("allauth.account.adapter", "DefaultAccountAdapter.validation_error", ["self", "code"]),
    (
        "allauth.account.internal.flows.email_verification",
        "consume_email_verification_rate_limit",
        ["request", "email"],
    ),
    (
        "allauth.account.internal.flows.email_verification",
        "send_verification_email_to_address",
        ["request", "address"],
    ),
    ("allauth.account.utils", "user_pk_to_url_str", ["user"]),
    ("allauth.core.internal.cryptokit", "normalize_user_code", ["code"]),
    ("allauth.core.internal.ratelimit", "consume", ["request", "app", "action", "config", "key"]),
    ("allauth.core.internal.ratelimit", "RateLimitUsage.rollback", ["self"]),
    ("allauth.mfa.webauthn.internal.auth", "clear_state", []),
    ("allauth.mfa.webauthn.internal.auth", "parse_authentication_response", ["response"]),
    # Django 5.2
    ("django.core.handlers.base", "BaseHandler._get_response", ["self", "request"]),
    ("django.core.handlers.exception", "response_for_exception", ["request", "exc"]),
    ("django.core.handlers.wsgi", "WSGIRequest", ["environ"]),
    ("django.core.handlers.wsgi", "get_path_info", ["environ"]),
    # psycopg 3.3.9
    ("psycopg.connection", "timeout_from_conninfo", ["params"]),
    ("psycopg", "Connection.wait", ["self", "gen", "interval", "timeout"]),
    # django-ninja 1.7.1
    ("ninja.operation", "Operation", ["path", "methods", "view_func"]),
    ("ninja.openapi.schema", "OpenAPISchema", ["api", "path_prefix"]),
    ("ninja.openapi.schema", "OpenAPISchema.methods", ["self", "operations"]),
    ("ninja.openapi.schema", "OpenAPISchema.operation_details", ["self", "operation"]),
    ("ninja.openapi.schema", "OpenAPISchema.operation_security", ["self", "operation"]),
    ("ninja.openapi.schema", "OpenAPISchema.request_body", ["self", "operation"]),
    ("ninja.openapi.schema", "OpenAPISchema.responses", ["self", "operation"]),
    # gunicorn 27.0.1
    ("gunicorn.http.parser", "RequestParser", ["cfg", "source", "source_addr"]),
    ("gunicorn.http.unreader", "Unreader.chunk", ["self"]),
    ("gunicorn.http.unreader", "Unreader.take_buffered", ["self"]),
    ("gunicorn.workers.gthread", "TConn", ["cfg", "sock", "client", "server"]),
    ("gunicorn.workers.gthread", "TConn.set_timeout", ["self"]),
    ("gunicorn.workers.gthread", "ThreadWorker.accept", ["self"]),
    ("gunicorn.workers.gthread", "ThreadWorker.enqueue_req", ["self", "conn"]),
    ("gunicorn.workers.gthread", "ThreadWorker.finish_request", ["self", "conn", "fs"]),
    ("gunicorn.workers.gthread", "ThreadWorker.get_thread_pool", ["self"]),
    ("gunicorn.workers.gthread", "ThreadWorker.handle", ["self", "conn"]),
    ("gunicorn.workers.gthread", "ThreadWorker.handle_error", ["self"]),
    ("gunicorn.workers.gthread", "ThreadWorker.handle_exit", ["self", "sig", "frame"]),
    ("gunicorn.workers.gthread", "ThreadWorker.handle_request", ["self", "req", "conn"]),
    ("gunicorn.workers.gthread", "ThreadWorker.load_wsgi", ["self"]),
    ("gunicorn.workers.gthread", "ThreadWorker.murder_keepalived", ["self"]),
    ("gunicorn.workers.gthread", "ThreadWorker.murder_pending", ["self"]),
    ("gunicorn.workers.gthread", "ThreadWorker.set_accept_enabled", ["self", "enabled"]),
    # redis 8.1.0
    ("redis.connection", "parse_url", ["url"]),
    ("redis.sentinel", "SentinelConnectionPool", ["service_name", "sentinel_manager"]),
    ("redis.sentinel", "SentinelConnectionPool.owns_connection", ["self", "connection"]),
    ("redis", "ConnectionPool.make_connection", ["self"]),
    ("redis", "Connection.send_packed_command", ["self", "command"]),
    ("redis", "Connection.read_response", ["self"]),
]  # fmt: skip

# Module, name, text of the source that sets or reads what the product code sets or reads.
SOURCES = [
    (
        "allauth.account.adapter", "DefaultAccountAdapter.pre_authenticate",
        "self._login_failed_rl_usage = ",
    ),
    ("django.core.mail.utils", "CachedDnsName", "_fqdn"),
    ("django.http.response", "ResponseHeaders", "self._store[key.lower()] = (key, value)"),
    ("django.utils.log", "log_response", "_has_been_logged"),
    ("ninja.operation", "Operation", "self.auth_callbacks"),
    ("ninja.signature.details", "ViewSignature", "__ninja_param_source__"),
    ("gunicorn.http.message", "Message", "_expected_100_continue"),
    ("gunicorn.workers.gthread", "ThreadWorker", "self.keepalived_conns"),
    ("gunicorn.workers.gthread", "ThreadWorker", "self.method_queue"),
    ("gunicorn.workers.gthread", "ThreadWorker", "self.nr_conns"),
    ("gunicorn.workers.gthread", "ThreadWorker", "self.poller"),
    ("gunicorn.workers.gthread", "ThreadWorker", "self.tpool"),
    ("gunicorn.workers.gthread", "TConn", "self.initialized"),
    ("gunicorn.workers.gthread", "TConn", "self.data_ready"),
]  # fmt: skip


def found(module: str, name: str) -> Any:
    thing: Any = import_module(module)
    for part in name.split("."):
        thing = getattr(thing, part)
    return thing


@pytest.mark.parametrize(("module", "name", "expected"), PLACES)
def test_a_private_function_is_where_it_was(module: str, name: str, expected: list[str]) -> None:
    parameters = list(inspect.signature(found(module, name)).parameters)
    assert parameters[: len(expected)] == expected


@pytest.mark.parametrize(("module", "name", "text"), SOURCES)
def test_a_private_attribute_is_used_as_it_was(module: str, name: str, text: str) -> None:
    assert text in inspect.getsource(found(module, name))


def test_allauth_knows_the_current_request() -> None:
    request = HttpRequest()
    with context.request_context(request):
        assert context.request is request


@pytest.mark.parametrize(
    "name", ["_view_middleware", "_template_response_middleware", "_exception_middleware"]
)
def test_django_keeps_its_hooks_in_lists(name: str) -> None:
    assert hasattr(BaseHandler, name)
    assert f"self.{name}" in inspect.getsource(BaseHandler)
