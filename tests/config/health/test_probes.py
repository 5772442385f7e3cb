"""GET /healthz, /readyz and /metrics: what balancers, containers and Prometheus ask."""

from logging import ERROR, LogRecord

import pytest
from django.test import Client, RequestFactory
from pytest_django import Settings

from config.health.readiness import readiness
from config.logging_config import LOGGING
from config.server import drain
from config.version import VERSION
from tests.config.health.test_readiness import Inline
from tokens.core.setting_values import networks

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def same_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run checks in the thread that has the test's database, and each time."""
    monkeypatch.setattr(readiness, "_thread", Inline())
    monkeypatch.setattr(readiness, "_began", float("-inf"))
    monkeypatch.setattr(readiness, "_running", None)
    monkeypatch.setattr("config.health.readiness.close_old_connection", lambda: None)


BEGINNING = {"/healthz": b"ok\n", "/readyz": b"ready\nTokenry ", "/metrics": b"# HELP "}


@pytest.mark.parametrize(
    "host", ["localhost", "10.1.2.3:8000", "[fd00::3]", "elsewhere.example", "-"]
)
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_they_answer_whatever_the_host(settings: Settings, host: str, path: str) -> None:
    """A probe uses the node's address as its host. Plain HTTP is not redirected."""
    settings.SECURE_SSL_REDIRECT, settings.METRICS_ADDRESSES = True, networks("127.0.0.1")
    answer = Client().get(path, headers={"Host": host})
    assert answer.status_code == 200
    assert answer.content.startswith(BEGINNING[path])
    assert answer["Content-Length"] == str(len(answer.content))
    assert not answer.cookies


def test_pages_look_at_the_host_all_the_same() -> None:
    assert Client().get("/accounts/login/", headers={"Host": "10.1.2.3"}).status_code == 400


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "failing", lambda: {"Redis": "takes no write: it is full."})


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.usefixtures("failing")
def test_strangers_hear_that_it_is_not_ready(method: str) -> None:
    answer = getattr(Client(), method)("/readyz")
    assert (answer.status_code, answer["Content-Length"]) == (503, "10")
    assert answer.content == (b"not ready\n" if method == "get" else b"")


@pytest.mark.parametrize("who", ["address", "token"])
@pytest.mark.usefixtures("failing")
def test_those_who_may_read_the_metrics_hear_why(settings: Settings, who: str) -> None:
    headers = {}
    if who == "address":
        settings.METRICS_ADDRESSES = networks("127.0.0.1")
    else:
        settings.METRICS_TOKEN = "m" * 32
        headers = {"Authorization": f"Bearer {settings.METRICS_TOKEN}"}
    assert (
        Client().get("/readyz", headers=headers).content.decode()
        == f"not ready\nRedis: takes no write: it is full.\nTokenry {VERSION}\n"
    )


def test_strangers_do_not_get_the_version() -> None:
    assert Client().get("/readyz").content == b"ready\n"


def test_it_is_not_ready_while_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "has_begun", True)
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.content) == (503, b"stopping\n")


def test_a_refused_probe_is_no_error_in_the_log() -> None:
    """config.health.readiness logs what changes; Django would log each."""
    keep = LOGGING["filters"]["is_no_probe"]["()"]()
    request = RequestFactory()
    for path, kept in {"/readyz": False, "/settings/": True}.items():
        record = LogRecord("django.request", ERROR, "", 0, "", (), None)
        record.request = request.get(path)
        assert keep(record) == kept
    assert keep(LogRecord("django.request", ERROR, "", 0, "", (), None))
    assert LOGGING["loggers"]["django.request"]["filters"] == ["is_no_probe", "outages"]
