"""GET /healthz, /readyz and /metrics: what balancers, containers and Prometheus ask."""

from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from pytest_django import Settings
from redis import RedisError

from config.environment import networks

pytestmark = pytest.mark.django_db

BEGINNING = {"/healthz": b"ok\n", "/readyz": b"ready\n", "/metrics": b"# HELP "}


@pytest.mark.parametrize("host", ["localhost", "10.1.2.3:8000", "[fd00::3]", "elsewhere.example", "-"])
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_they_answer_whatever_the_host(settings: Settings, host: str, path: str) -> None:
    """Whoever asks by address has that address as the host. Plain http is no reason to send a probe elsewhere."""
    settings.SECURE_SSL_REDIRECT, settings.METRICS_ADDRESSES = True, networks("127.0.0.1")
    answer = Client().get(path, headers={"Host": host})
    assert (answer.status_code, answer.content[:7]) == (200, BEGINNING[path])
    assert answer["Content-Length"] == str(len(answer.content))
    assert not answer.cookies


def test_pages_look_at_the_host_all_the_same() -> None:
    assert Client().get("/accounts/login/", headers={"Host": "10.1.2.3"}).status_code == 400


@pytest.mark.parametrize(
    ("broken", "error", "words"),
    [
        ("config.probes.connection.cursor", DatabaseError, "the database does not answer\n"),
        ("config.probes.cache.get", RedisError, "the shared counters do not answer\n"),
    ],
)
def test_it_names_what_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, broken: str, error: type[Exception], words: str
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(broken, fail)
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.content.decode()) == (503, words)
