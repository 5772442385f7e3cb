"""Metrics of a server with several processes: whichever answers, it answers for all."""

import os
import re
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from pathlib import Path
from urllib.request import urlopen

import pytest

from config.server.metrics_folder import FOLDER_PREFIX, MIN_AGE_SECONDS, is_abandoned
from tests.run import ROOT, patience, until
from tests.scrape import Samples, requests, samples, scrape
from tests.server import frozen
from tests.system.calls import Answer, call
from tests.system.conftest import Site, Sites

SECRET = "m" * 32
QUOTA = 250


@pytest.fixture(scope="module")
def site(sites: Sites) -> Site:
    return sites(
        postgresql=True, redis=True, WEB_WORKERS="2", METRICS_TOKEN=SECRET,
        TOKEN_RATE_LIMIT=f"{QUOTA}/hour", DJANGO_SETTINGS_MODULE="tests.system.settings",
    )  # fmt: skip


def ask(site: Site) -> Samples:
    return samples(scrape(site.server.port, SECRET))


def answers_to_many(site: Site) -> list[Answer]:
    """Make more requests than the quota, some with a token that is not whole, one per process."""
    site.console.evaluate(
        "[Scope.objects.get_or_create(name='reports:read', defaults={'words': 'Read'})]"
    )
    value = site.console.issue(scopes=("reports:read",))
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: call(site.server.port, value, "/api/report"), range(QUOTA + 50))
        )
        answers += pool.map(lambda _: call(site.server.port, value[:-1]), range(20))
    value = site.console.issue(scopes=("reports:read",))
    for other, process in permutations(site.server.workers):
        with frozen(other):
            answers.append(call(site.server.port, value, "/api/report"))
        assert answers[-1].body == {"process": process}
    return answers


def test_the_counter_is_what_was_sent(site: Site) -> None:
    site.server.stop()  # whose metrics tell of other tests
    site.server.start()
    answers = answers_to_many(site)
    sent = Counter(
        f"tokenry_requests_total{{code={answer.code},status={answer.status}}}"
        for answer in answers
    )

    def all_counted() -> None:
        assert requests(ask(site)) == sent

    until(all_counted, AssertionError)
    for other in site.server.workers:
        with frozen(other):
            found = ask(site)
        assert requests(found) == sent
        assert found["tokenry_request_seconds_count{}"] == len(answers)
        assert found["tokenry_limiter_seconds_count{}"] == QUOTA + 50 + len(site.server.workers)
        assert "tokenry_tokens_active{}" in found

    active = site.console.evaluate("Token.objects.active().count()")  # other tests make some

    def tokens_are_counted() -> None:  # kept for seconds: an earlier answer may still be told
        assert ask(site)["tokenry_tokens_active{}"] == active

    until(tokens_are_counted, AssertionError)
    killed = site.server.workers[0]
    os.kill(killed, signal.SIGKILL)

    def replaced() -> None:
        assert killed not in site.server.workers
        assert len(site.server.workers) == 2

    until(replaced, AssertionError)
    all_counted()


def test_rules_and_dashboard_name_what_a_server_tells(site: Site) -> None:
    call(site.server.port, site.console.issue())
    urlopen(f"{site.server.url}/accounts/login/", timeout=patience(5)).close()
    texts = [path.read_text() for path in (ROOT / "deploy/monitoring").iterdir()]
    named = set(re.findall(r"\btokenry_\w+", " ".join(texts)))
    assert len(named) > 15

    def all_told() -> None:
        assert named - {name.partition("{")[0] for name in ask(site)} == set()

    until(all_told, AssertionError)


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


@pytest.mark.long
def test_a_server_starts_with_an_empty_folder(site: Site) -> None:
    call(site.server.port, "")
    assert site.server.stop() == 0
    site.server.start()
    assert requests(ask(site)) == {}


def test_what_a_killed_server_left_goes_at_the_next_start(site: Site) -> None:
    [left] = site.server.folder.glob(f"{FOLDER_PREFIX}*")
    site.server.kill()
    aged(left)
    site.server.start()
    [running] = site.server.folder.glob(f"{FOLDER_PREFIX}*")
    assert running != left
    assert not is_abandoned(aged(running))


def aged(folder: Path) -> Path:
    """Return the folder, made to look older than one that a server is about to lock."""
    before = time.time() - MIN_AGE_SECONDS - 1
    os.utime(folder, (before, before))
    return folder
