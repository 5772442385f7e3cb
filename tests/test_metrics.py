"""Metrics: what is observed, what is shown, and to whom."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries, Settings

from config.environment import networks
from tests.conftest import Issue, a_call, bearer
from tests.scrape import Samples, requests, samples
from tokens import denial, metrics
from tokens.models import Token
from tokens.usage import MOST_WAITING, Recorder, recorder

SECRET = "m" * 32
pytestmark = pytest.mark.django_db
CALLS = "tokenry_request_seconds_count"


@pytest.fixture(autouse=True)
def on(settings: Settings) -> Iterator[None]:
    """Everybody may ask, and numbers of another test are forgotten."""
    settings.METRICS_ADDRESSES = networks("127.0.0.1")
    metrics.count_tokens.cache_clear()
    yield
    metrics.count_tokens.cache_clear()


def now() -> Samples:
    return samples(metrics.document().decode())


def grown(before: Samples) -> Samples:
    """What is more than it was: the metrics live as long as the process, whichever tests it runs."""
    return {name: value - before.get(name, 0) for name, value in now().items() if value != before.get(name, 0)}


def test_requests_are_observed_by_the_flush_and_not_before(issue: Issue) -> None:
    before, (_, value) = now(), issue()
    client = Client()
    assert client.get("/api/v1/token", headers=bearer(value)).status_code == 200
    client.get("/api/v1/token", headers=bearer(value[:-1]))
    client.get("/api/nowhere/" + value)
    client.get("/settings/tokens/")  # a page is no request of a program
    assert CALLS + "{}" not in grown(before)
    recorder.flush()
    more = grown(before)
    assert requests(more) == {
        "tokenry_requests_total{code=,status=200}": 1,
        "tokenry_requests_total{code=malformed_token,status=401}": 1,
        "tokenry_requests_total{code=not_found,status=404}": 1,
    }
    assert more[CALLS + "{}"] == 3
    assert more["tokenry_database_seconds_count{}"] == more["tokenry_limiter_seconds_count{}"] == 1
    assert 0 < more["tokenry_database_seconds_sum{}"] < more["tokenry_request_seconds_sum{}"]


def test_a_request_that_adds_up_observes_nothing(issue: Issue) -> None:
    """The one that finds the buffer full adds up what waits, and leaves the rest to the thread."""
    token, _ = issue()
    before, full = now(), Recorder()
    for _ in range(MOST_WAITING):
        full.record(a_call(token))
    assert not full._calls
    assert CALLS + "{}" not in grown(before)
    full.flush()
    assert grown(before)[CALLS + "{}"] == MOST_WAITING


@pytest.mark.parametrize(("seconds", "bucket"), [(0.0004, "0.0005"), (0.0005, "0.0005"), (0.003, "0.005"), (9, "10.0")])
def test_buckets(seconds: float, bucket: str) -> None:
    before = now()
    metrics.observe([a_call(seconds=seconds)])
    buckets = [name for name in grown(before) if "request_seconds_bucket" in name]
    assert buckets[0] == f"tokenry_request_seconds_bucket{{le={bucket}}}"


def test_what_waits_and_what_was_dropped(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    token, _ = issue()
    before = now()

    def fail(*_: object, **__: object) -> None:
        raise OperationalError("gone")

    def record(calls: int) -> None:
        for _ in range(calls):
            recorder.record(a_call(token))
        recorder.flush()

    with monkeypatch.context() as broken:
        broken.setattr("tokens.tally.note_uses", fail)
        broken.setattr("tokens.usage.connection.close", lambda: None)
        record(60)
        record(7)
    assert now()["tokenry_calls_waiting{}"] == 67
    assert "tokenry_details_dropped_total{}" not in grown(before)
    recorder.flush()
    assert grown(before)["tokenry_details_dropped_total{}"] == 17
    recorder.flush()
    assert now()["tokenry_calls_waiting{}"] == 0


def test_nothing_is_observed_while_nobody_may_ask(settings: Settings) -> None:
    settings.METRICS_ADDRESSES = []
    before = now()
    metrics.observe([a_call()])
    metrics.observe_waiting(5)
    metrics.observe_dropped(5)
    assert CALLS + "{}" not in grown(before)


def test_tokens_are_counted_in_one_query_and_rarely(
    issue: Issue, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    today = timezone.now()
    for days in (90, 8, 6, 1):
        issue(expires_at=today + timedelta(days=days))
    renewed, _ = issue(expires_at=today + timedelta(days=3))
    Token.objects.renew(renewed, expires_at=today + timedelta(days=90), overlap=timedelta(hours=1))
    issue(expires_at=today + timedelta(days=2))[0].revoke()
    Token.objects.filter(pk=issue()[0].pk).update(expires_at=today)
    with django_assert_num_queries(1):
        assert metrics.count_tokens(1) == (6, 2)
        assert metrics.count_tokens(1) == (6, 2)
    issue()
    assert metrics.count_tokens(2) == (7, 2)


def test_numbers_of_tokens_are_left_out_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("gone")

    assert "tokenry_tokens_active{}" in now()
    metrics.count_tokens.cache_clear()
    monkeypatch.setattr(Token.objects, "active", fail)
    assert "tokenry_tokens_active{}" not in now()
    assert "tokenry_calls_waiting{}" in now()


def test_no_label_tells_who_called(issue: Issue) -> None:
    token, _ = issue()
    refused = a_call(token, denial=denial.address_not_allowed("192.0.2.7"), path="/api/v1/secret")
    metrics.observe([refused])
    text = metrics.document().decode()
    for told in (token.identifier, "192.0.2", "secret", "curl", refused.reference, token.owner.email):
        assert told not in text
    families = text_string_to_metric_families(text)
    assert {name for family in families for sample in family.samples for name in sample.labels} == {
        "status", "code", "le",
    }  # fmt: skip


NONE, BOTH = ("", ""), (SECRET, "10.0.0.0/8")
TOKEN, NETWORK, LOCAL, EVERYWHERE = (SECRET, ""), ("", "10.0.0.0/8"), ("", "::1"), ("", "0.0.0.0/0")


@pytest.mark.parametrize(
    ("allowed", "header", "address", "status"),
    [
        (NONE, None, "127.0.0.1", 404),
        (NONE, f"Bearer {SECRET}", "127.0.0.1", 404),
        (NONE, "Bearer ", "127.0.0.1", 404),
        (TOKEN, None, "127.0.0.1", 401),
        (TOKEN, "Bearer ", "127.0.0.1", 401),
        (TOKEN, f"Bearer {SECRET[:-1]}", "127.0.0.1", 401),
        (TOKEN, f"Bearer {SECRET[:-1]}é", "127.0.0.1", 401),
        (TOKEN, f"Basic {SECRET}", "127.0.0.1", 401),
        (TOKEN, f"Bearer {SECRET}", "192.0.2.1", 200),
        (TOKEN, f"bearer {SECRET}", "192.0.2.1", 200),
        (NETWORK, None, "10.1.2.3", 200),
        (NETWORK, None, "192.0.2.1", 404),
        (LOCAL, None, "::1", 200),
        (LOCAL, None, "127.0.0.1", 404),
        (EVERYWHERE, None, "", 404),
        (BOTH, None, "10.1.2.3", 200),
        (BOTH, None, "192.0.2.1", 401),
        (BOTH, f"Bearer {SECRET}", "192.0.2.1", 200),
    ],
)
def test_who_may_ask(
    settings: Settings, allowed: tuple[str, str], header: str | None, address: str, status: int
) -> None:
    settings.METRICS_TOKEN, settings.METRICS_ADDRESSES = allowed[0], networks(allowed[1])
    headers = {"Authorization": header} if header else {}
    answer = Client(REMOTE_ADDR=address).get("/metrics", headers=headers)
    assert answer.status_code == status
    assert (b"tokenry_requests_total" in answer.content) == (status == 200)
    assert answer.get("WWW-Authenticate") == ('Bearer realm="metrics"' if status == 401 else None)


def test_a_scrape(settings: Settings, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """A probe: over plain http too, without a session, kept nowhere."""
    settings.SECURE_SSL_REDIRECT = True
    client = Client()
    with django_assert_num_queries(1):
        answer = client.get("/metrics")
    assert (answer.status_code, answer["Content-Type"][:19]) == (200, "text/plain; version")
    assert "no-store" in answer["Cache-Control"]
    assert not answer.cookies
    assert samples(answer.content.decode())["tokenry_tokens_active{}"] == 0
    with django_assert_num_queries(0):
        assert client.get("/metrics").content == answer.content
