"""config/tracing.py: what is in a span, when there are any, and that no secret is."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured, MiddlewareNotUsed
from django.test import Client

from config import tracing
from tests.conftest import Issue, bearer
from tests.run import ROOT

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, ""),
        ({ENDPOINT: "http://127.0.0.1:4318"}, ENDPOINT),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1/v1/traces"},
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        ),
        ({ENDPOINT: "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"}, ""),
        ({ENDPOINT: "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"}, ""),
    ],
)
def test_a_variable_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str], wanted: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert tracing.endpoint() == wanted
    if not wanted:
        with pytest.raises(MiddlewareNotUsed):
            tracing.TracingMiddleware(lambda _: None)  # type: ignore[arg-type, return-value]


def test_missing_packages_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:4318")
    monkeypatch.setattr(tracing, "find_spec", lambda _: None)
    with pytest.raises(
        ImproperlyConfigured, match=rf"{ENDPOINT} is set, but OpenTelemetry is not installed"
    ) as wrong:
        tracing.check_tracing_settings()
    assert "\n" not in str(wrong.value)
    assert (ROOT / "requirements-otel.txt").exists()


def test_another_protocol_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:4317")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(ImproperlyConfigured, match="OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc'"):
        tracing.check_tracing_settings()


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Keep spans in memory instead of sending them. Return a function that returns ended spans."""
    pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:4318")
    monkeypatch.setattr(tracing, "tracer", lambda: provider.get_tracer("tests"))
    return kept.get_finished_spans


@pytest.mark.django_db
def test_a_span_of_a_program(spans: Any, issue: Issue) -> None:
    token, value = issue()
    asked = f"/api/v1/token?secret={value}"
    hidden = {
        "tracestate": "vendor=hidden1",
        "baggage": "user=hidden2",
        "User-Agent": "hidden3",
        "X-Secret": "hidden4",
    }
    Client().get(
        asked, headers={**bearer(value), **hidden, "traceparent": f"00-{TRACE}-{SPAN}-01"}
    )
    [span] = spans()
    assert span.name == "GET /api/v1/token"
    assert (f"{span.context.trace_id:x}", f"{span.parent.span_id:x}") == (TRACE.lstrip("0"), SPAN)
    assert set(span.attributes) == {
        "http.request.method", "http.response.status_code", "http.route", "url.path",
        "tokenry.identifier", "tokenry.database_seconds", "tokenry.limiter_seconds",
    }  # fmt: skip
    assert span.attributes["tokenry.identifier"] == token.identifier
    for secret in (value, value[24:], "secret", "hidden", "testserver", "127.0.0.1"):
        assert secret not in span.to_json()


@pytest.mark.django_db
def test_a_token_in_a_path_is_masked(spans: Any, issue: Issue) -> None:
    _, value = issue()
    Client().get(f"/verify/a/{value}/b", headers=bearer(value[:-1]))
    [span] = spans()
    assert value[24:] not in span.to_json()
    assert (span.attributes["http.route"], span.attributes["tokenry.code"]) == (
        "/verify",
        "malformed_token",
    )
    assert span.attributes["url.path"] == f"/a/{value[:24]}•••/b"  # what the gateway asks for


@pytest.mark.django_db
def test_a_page_has_its_route_and_no_path(spans: Any) -> None:
    Client().get("/accounts/password/reset/key/1-mailedsecret/?next=hidden")
    [span] = spans()
    assert "mailedsecret" not in span.to_json()
    assert "hidden" not in span.to_json()
    assert "reset/key" in span.attributes["http.route"]
    assert "url.path" not in span.attributes


@pytest.mark.django_db
def test_probes_have_none(spans: Any) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        Client().get(path)
    assert not spans()
