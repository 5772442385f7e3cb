"""Metrics of a server with several processes: whichever answers, it answers for all."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.run import until
from tests.scrape import Samples, requests, samples, scrape
from tests.system.calls import call
from tests.system.conftest import Site, Sites

SECRET = "m" * 32
QUOTA = 250


@pytest.fixture(scope="module")
def site(sites: Sites) -> Site:
    return sites(
        postgresql=True, redis=True, WEB_WORKERS="2", METRICS_TOKEN=SECRET, TOKEN_RATE_LIMIT=f"{QUOTA}/hour",
        DJANGO_SETTINGS_MODULE="tests.system.settings",
    )  # fmt: skip


def ask(site: Site) -> Samples:
    return samples(scrape(site.server.port, SECRET))


@contextmanager
def frozen(process: int) -> Iterator[None]:
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def test_the_counter_is_what_was_sent(site: Site) -> None:
    site.console.evaluate("[Scope.objects.get_or_create(name='reports:read', defaults={'words': 'Read'})]")
    value = site.console.issue(scopes=("reports:read",))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: call(site.server.port, value, "/api/report"), range(QUOTA + 50)))
        answers += pool.map(lambda _: call(site.server.port, value[:-1]), range(20))
    sent = Counter(f"tokenry_requests_total{{code={answer.code},status={answer.status}}}" for answer in answers)
    assert {answer.body["process"] for answer in answers if answer.status == 200} == set(site.server.workers)

    def all_counted() -> None:
        assert requests(ask(site)) == sent

    until(all_counted, AssertionError)
    for other in site.server.workers:
        with frozen(other):
            found = ask(site)
        assert requests(found) == sent
        assert found["tokenry_request_seconds_count{}"] == len(answers)
        assert found["tokenry_limiter_seconds_count{}"] == QUOTA + 50
        assert "tokenry_tokens_active{}" in found

    def one_token() -> None:
        assert ask(site)["tokenry_tokens_active{}"] == 1  # kept for seconds, so an earlier question may still be told

    until(one_token, AssertionError)
    killed = site.server.workers[0]
    os.kill(killed, signal.SIGKILL)

    def replaced() -> None:
        assert killed not in site.server.workers
        assert len(site.server.workers) == 2

    until(replaced, AssertionError)
    all_counted()


def test_a_database_that_is_away_holds_no_scrape_up(site: Site) -> None:
    assert site.postgresql

    def without() -> None:
        found = ask(site)  # in time, although the database hangs
        assert "tokenry_request_seconds_count{}" in found
        assert "tokenry_tokens_active{}" not in found

    def back() -> None:
        for _ in range(20):
            assert ask(site)["tokenry_tokens_active{}"] >= 0

    site.postgresql.freeze()
    try:
        until(without, AssertionError)
    finally:
        site.postgresql.thaw()
    until(back, KeyError)


def test_a_server_starts_with_an_empty_folder(site: Site) -> None:
    call(site.server.port, "")
    assert site.server.stop() == 0
    site.server.start()
    assert requests(ask(site)) == {}
