"""The metrics: their values, and who may read them."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries, Settings

from tests.conftest import Issue, bearer
from tests.records import a_record
from tests.scrape import Samples, requests, samples
from tokens.core.circuit_breaker import CircuitBreaker
from tokens.core.setting_values import networks
from tokens.models import Token
from tokens.problems import problem
from tokens.token_settings import TokenSettings
from tokens.usage import metrics, prometheus
from tokens.usage.recorder import MAX_WAITING_RECORDS, Recorder, recorder

SECRET = "m" * 32
pytestmark = pytest.mark.django_db
REQUEST_COUNT = "tokenry_request_seconds_count"
QUERIES = 4  # for a scrape: tokens, jobs, and two outboxes


@pytest.fixture(autouse=True)
def on(settings: Settings, token_settings: TokenSettings) -> Iterator[None]:
    """Let this machine read the metrics, and forget numbers of another test."""
    settings.METRICS_ADDRESSES, token_settings.METRICS = networks("127.0.0.1"), True
    prometheus.read_sources.cache_clear()
    yield
    prometheus.read_sources.cache_clear()


def now() -> Samples:
    return samples(prometheus.exposition().decode())


def grown(before: Samples) -> Samples:
    """Return the difference. Values stay as long as the process, which runs several tests."""
    changes = {name: value - before.get(name, 0) for name, value in now().items()}
    return {name: change for name, change in changes.items() if change}


def test_requests_are_observed_by_the_flush_and_not_before(issue: Issue) -> None:
    before, (_, value) = now(), issue()
    client = Client()
    assert client.get("/api/v1/token", headers=bearer(value)).status_code == 200
    client.get("/api/v1/token", headers=bearer(value[:-1]))
    client.get("/api/nowhere/" + value)
    client.get("/settings/tokens/")  # a page is no request of a program
    assert REQUEST_COUNT + "{}" not in grown(before)
    recorder.flush()
    more = grown(before)
    assert requests(more) == {
        "tokenry_requests_total{code=,status=200}": 1,
        "tokenry_requests_total{code=malformed_token,status=401}": 1,
        "tokenry_requests_total{code=not_found,status=404}": 1,
    }
    assert more[REQUEST_COUNT + "{}"] == 3
    assert more["tokenry_database_seconds_count{}"] == more["tokenry_limiter_seconds_count{}"] == 1
    assert 0 < more["tokenry_database_seconds_sum{}"] < more["tokenry_request_seconds_sum{}"]


def test_a_request_that_adds_up_observes_nothing(issue: Issue) -> None:
    """The request that fills the buffer adds up the records and leaves the rest to the thread."""
    token, _ = issue()
    before, full = now(), Recorder()
    for _ in range(MAX_WAITING_RECORDS):
        full.record(a_record(token))
    assert not full._records
    assert REQUEST_COUNT + "{}" not in grown(before)
    full.flush()
    assert grown(before)[REQUEST_COUNT + "{}"] == MAX_WAITING_RECORDS


@pytest.mark.parametrize(
    ("seconds", "bucket"), [(0.0004, "0.0005"), (0.0005, "0.0005"), (0.003, "0.005"), (9, "10.0")]
)
def test_buckets(seconds: float, bucket: str) -> None:
    before = now()
    metrics.observe([a_record(seconds=seconds)])
    buckets = [name for name in grown(before) if "request_seconds_bucket" in name]
    assert buckets[0] == f"tokenry_request_seconds_bucket{{le={bucket}}}"


def test_waiting_requests_and_dropped_details(
    issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, _ = issue()
    before = now()

    def fail(*_: object, **__: object) -> None:
        raise OperationalError("gone")

    def record(requests: int) -> None:
        for _ in range(requests):
            recorder.record(a_record(token))
        recorder.flush()

    with monkeypatch.context() as broken:
        broken.setattr("tokens.usage.aggregation.note_uses", fail)
        broken.setattr("tokens.usage.recorder.connection.close", lambda: None)
        record(60)
        record(7)
    assert now()["tokenry_calls_waiting{}"] == 67
    assert "tokenry_details_dropped_total{}" not in grown(before)
    recorder.flush()
    assert grown(before)["tokenry_details_dropped_total{}"] == 17
    recorder.flush()
    assert now()["tokenry_calls_waiting{}"] == 0


def test_nothing_is_observed_while_nobody_may_read(token_settings: TokenSettings) -> None:
    token_settings.METRICS = False
    before = now()
    metrics.observe([a_record()])
    metrics.observe_waiting(5)
    metrics.observe_dropped(5)
    assert REQUEST_COUNT + "{}" not in grown(before)


def counted(period: int) -> tuple[float, ...]:
    """Return the active tokens and those that expire soon, as read in that period."""
    values = {family.name: family.samples[0].value for family in prometheus.read_sources(period)}
    return values["tokenry_tokens_active"], values["tokenry_tokens_expiring_7_days"]


def test_tokens_are_counted_rarely(
    issue: Issue, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    today = timezone.now()
    for days in (90, 8, 6, 1):
        issue(expires_at=today + timedelta(days=days))
    renewed, _ = issue(expires_at=today + timedelta(days=3))
    Token.objects.renew(renewed, expires_at=today + timedelta(days=90), overlap=timedelta(hours=1))
    issue(expires_at=today + timedelta(days=2))[0].revoke()
    Token.objects.filter(pk=issue()[0].pk).update(expires_at=today)
    with django_assert_num_queries(QUERIES):
        assert counted(1) == (6, 2)
        assert counted(1) == (6, 2)
    issue()
    assert counted(2) == (7, 2)


def test_numbers_of_tokens_are_left_out_without_a_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("gone")

    assert "tokenry_tokens_active{}" in now()
    prometheus.read_sources.cache_clear()
    monkeypatch.setattr(Token.objects, "active", fail)
    found = now()
    assert "tokenry_tokens_active{}" not in found
    # Nobody waits for a second query to fail.
    assert "tokenry_mails_waiting{outbox=tokens}" not in found
    assert "tokenry_calls_waiting{}" in found
    assert any(name.startswith("tokenry_build_info") for name in found)


def test_no_label_names_a_caller(issue: Issue) -> None:
    token, _ = issue()
    breaker = CircuitBreaker(
        OperationalError, outage=(OperationalError,), wait=1, service="database"
    )
    refused = a_record(
        token, problem=problem.address_not_allowed("192.0.2.7"), path="/api/v1/secret"
    )
    metrics.observe([refused])
    metrics.observe_breakers()
    Client().get(f"/settings/tokens/{token.identifier}/?secret")
    text = prometheus.exposition().decode()
    assert f'service="{breaker.service}"' in text
    private = [token.identifier, "192.0.2", "secret", "curl", refused.reference, token.owner.email]
    assert [word for word in private if word in text] == []
    found = [sample for each in text_string_to_metric_families(text) for sample in each.samples]
    assert {name for sample in found for name in sample.labels} == {
        "status", "code", "le", "route", "result", "service", "outbox", "command",
        "version", "commit", "python", "django",
    }  # fmt: skip


NONE, BOTH = ("", ""), (SECRET, "10.0.0.0/8")
TOKEN, NETWORK = (SECRET, ""), ("", "10.0.0.0/8")
LOCAL, EVERYWHERE = ("", "::1"), ("", "0.0.0.0/0")


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
def test_who_may_read(
    settings: Settings, allowed: tuple[str, str], header: str | None, address: str, status: int
) -> None:
    settings.METRICS_TOKEN, settings.METRICS_ADDRESSES = allowed[0], networks(allowed[1])
    headers = {"Authorization": header} if header else {}
    answer = Client(REMOTE_ADDR=address).get("/metrics", headers=headers)
    assert answer.status_code == status
    assert (b"tokenry_requests_total" in answer.content) == (status == 200)
    assert answer.get("WWW-Authenticate") == ('Bearer realm="metrics"' if status == 401 else None)


def test_a_scrape(
    settings: Settings,
    django_assert_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A scrape works over plain HTTP too, needs no session, and is not cached."""
    monkeypatch.setattr(prometheus, "DATABASE_READ_SECONDS", 1_000_000_000)  # one period
    settings.SECURE_SSL_REDIRECT = True
    client = Client()
    with django_assert_num_queries(QUERIES):
        answer = client.get("/metrics")
    assert (answer.status_code, answer["Content-Type"][:19]) == (200, "text/plain; version")
    assert "no-store" in answer["Cache-Control"]
    assert not answer.cookies
    assert samples(answer.content.decode())["tokenry_tokens_active{}"] == 0
    with django_assert_num_queries(0):
        assert client.get("/metrics").content == answer.content
