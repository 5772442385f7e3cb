"""OpenTelemetry tracing: a span for each request, if OTEL_EXPORTER_OTLP_ENDPOINT is set.

NOTE: This module uses only the SDK of OpenTelemetry, and not its instrumentation of Django. The
instrumentation puts headers and whole addresses into a span, and these may contain tokens. A span
of this module has only the values that `attributes` returns.
"""

import atexit
import os
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from threading import Thread
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured, MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

from config.health.probes import PROBES
from config.version import VERSION
from tokens.authentication.forward_auth import PATH, is_forward_auth_path
from tokens.usage.request_record import RequestRecord

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL = "http/protobuf"
# The time that a process may take at its end to send its last spans. Afterwards it still has to
# write the counts of usage.
LAST_SECONDS = 2
PACKAGES = ("opentelemetry", "opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


def endpoint() -> str:
    """Return the name of the environment variable that turns tracing on, or "" if it is off."""
    if (
        os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
        or os.environ.get("OTEL_TRACES_EXPORTER") == "none"
    ):
        return ""
    return next((name for name in ENDPOINTS if os.environ.get(name)), "")


def check_tracing_settings() -> None:
    """Raise ImproperlyConfigured if tracing is on, but can't work."""
    if not (name := endpoint()):
        return
    for protocol in PROTOCOLS:
        if (held := os.environ.get(protocol, "")) not in {"", PROTOCOL}:
            raise ImproperlyConfigured(
                f"{protocol} is {held!r}; Tokenry sends traces only by {PROTOCOL}."
            )
    if not is_installed():
        raise ImproperlyConfigured(
            f"{name} is set, but OpenTelemetry is not installed. Install it with `.venv/bin/pip "
            "install --require-hashes -r requirements-otel.txt`, or unset the variable."
        )


def is_installed() -> bool:
    """Return True if the packages of OpenTelemetry (the extra `otel`) are installed."""
    try:
        return all(find_spec(package) for package in PACKAGES)
    except ModuleNotFoundError:
        return False


@cache
def tracer() -> "Tracer":
    """Return the tracer of this process, with which spans are made.

    Each worker makes its own tracer, because it loads the application after the fork.
    """
    check_tracing_settings()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import (
        SERVICE_NAME,
        SERVICE_VERSION,
        OTELResourceDetector,
        Resource,
    )
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = Resource({SERVICE_NAME: "tokenry", SERVICE_VERSION: VERSION}).merge(
        OTELResourceDetector().detect()
    )
    provider = TracerProvider(resource=named, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    atexit.register(stop, provider.shutdown)
    return provider.get_tracer("tokenry", VERSION)


def stop(shutdown: Callable[[], None]) -> None:
    """Call `shutdown`, which sends the last spans. Wait LAST_SECONDS at most, as it may hang."""
    thread = Thread(target=shutdown, name="last spans", daemon=True)
    thread.start()
    thread.join(LAST_SECONDS)


class TracingMiddleware:
    """Measure each request in a span, except probes such as /healthz.

    Django leaves this middleware out if tracing is off.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not endpoint():
            raise MiddlewareNotUsed
        self.get_response = get_response
        self.tracer = tracer()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info in PROBES:
            return self.get_response(request)
        from opentelemetry.trace import SpanKind, StatusCode

        span = self.tracer.start_span("request", parent_of(request), SpanKind.SERVER)
        try:
            response = self.get_response(request)
            found = attributes(request, response.status_code)
            span.set_attributes(found)
            span.update_name(
                f"{found['http.request.method']} {found.get('http.route', '')}".strip()
            )
            if response.status_code >= 500:
                span.set_status(StatusCode.ERROR)
            return response
        finally:
            span.end()


def parent_of(request: HttpRequest) -> "Context":
    """Return the context of the caller's span, which the header `traceparent` names.

    `tracestate` and `baggage` are not read, because OpenTelemetry would pass them on unchecked.
    """
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract(
        {"traceparent": request.META.get("HTTP_TRACEPARENT", "")}
    )


def attributes(request: HttpRequest, status: int) -> dict[str, str | int | float]:
    """Return the attributes of a request's span: method, status, route, and more for the API."""
    record: RequestRecord = request.record  # type: ignore[attr-defined]  # TokenMiddleware made it
    found: dict[str, str | int | float] = {
        "http.request.method": record.shown_method,
        "http.response.status_code": status,
    }
    if is_forward_auth_path(request.path_info):
        found["http.route"] = PATH
    elif request.resolver_match:
        found["http.route"] = f"/{request.resolver_match.route}"
    # Only recorded requests: the path of a page may contain the secret of a link in a mail.
    if record.status:
        found["url.path"] = record.shown_path
        found["tokenry.database_seconds"], found["tokenry.limiter_seconds"] = (
            record.database_seconds,
            record.limiter_seconds,
        )
        if record.code:
            found["tokenry.code"], found["tokenry.reference"] = record.code, record.reference
        if record.token:
            found["tokenry.identifier"] = record.token.identifier
    return found
