"""Counts are exact: the database has what a load tool sent, also after SIGTERM or SIGKILL."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any

import pytest

from tests.quicker import first_quickly
from tests.run import patience, until, within
from tests.system.calls import call
from tests.system.conftest import Site, Sites
from tokens.usage.recorder import FLUSH_SECONDS

REQUESTS = 1000  # with each token
QUOTA = 100
THREADS = 8
Counts = dict[tuple[str, Any], list[int]]


@pytest.fixture(
    scope="module",
    params=first_quickly(
        [{"WEB_THREADS": "8"}, {"postgresql": True, "redis": True, "WEB_WORKERS": "4"}], 1
    ),
    ids=["SQLite, 8 threads", "PostgreSQL, 4 processes"],
)
def site(request: pytest.FixtureRequest, sites: Sites) -> Site:
    made = sites(
        **request.param, TOKEN_RATE_LIMIT="1000000/hour", FAILED_AUTH_LIMIT="1000000/hour",
        REQUEST_LOG="json", DJANGO_SETTINGS_MODULE="tests.system.settings",
    )  # fmt: skip
    made.console.evaluate(
        "[Scope.objects.get_or_create(name='reports:read', defaults={'words': 'Read'})]"
    )
    return made


def counts(site: Site, model: str, kind: str = "status_class") -> Counts:
    """Requests, and those refused, by identifier and class of status, or what else `kind` says."""
    rows = site.console.evaluate(
        f"list({model}.objects.values_list('token__identifier', {kind!r})"
        ".order_by().annotate(Sum('requests'), Sum('refused')))"
    )
    return {(identifier, value): sums for identifier, value, *sums in rows}


def counted(site: Site, value: str) -> int:
    """The good answers to that token."""
    return counts(site, "DayCount").get((value[:24], 2), [0])[0]


def logged(site: Site, value: str) -> int:
    """The same by the request log."""
    lines = [
        json.loads(line)
        for line in site.server.log.read_text().splitlines()
        if line.startswith("{")
    ]
    return sum(line["identifier"] == value[:24] and line["status"] == 200 for line in lines)


def load(site: Site, value: str, path: str, *options: str) -> None:
    """Send so many requests, by eight clients at once, and make sure that each was answered."""
    done = subprocess.run(
        ["ab", "-q", "-l", "-n", str(REQUESTS), "-c", "8", *options,
         "-H", f"Authorization: Bearer {value}", f"http://127.0.0.1:{site.server.port}{path}"],
        capture_output=True, text=True, timeout=patience(40), check=True,
    )  # fmt: skip
    said = dict(re.findall(r"^(Complete|Failed) requests: +([0-9]+)$", done.stdout, re.MULTILINE))
    assert said == {"Complete": str(REQUESTS), "Failed": "0"}, done.stdout


LOADS = [
    ("plain", "/api/v1/token"),
    ("limited", "/api/v1/token", "-k"),
    ("revoked", "/api/v1/token"),
    ("scoped", "/api/report", "-k"),
    ("without the scope", "/api/report", "-k"),
]


@pytest.mark.long
@pytest.mark.skipif(
    shutil.which("ab") is None, reason="ab (Debian's apache2-utils) is not installed"
)
def test_what_a_load_tool_sent_is_what_is_counted(site: Site) -> None:
    if site.server.process is None or site.server.process.poll() is not None:
        site.server.start()
    value = {
        name: site.console.issue() for name in ("plain", "without the scope", "limited", "revoked")
    }
    value["scoped"] = site.console.issue(scopes=("reports:read",))
    site.console.change(value["limited"], f"set_rate_limit('{QUOTA}/hour')")
    site.console.change(value["revoked"], "revoke()")
    of = {name: text[:24] for name, text in value.items()}
    by_status = {
        (of["plain"], 2): [REQUESTS, 0],
        (of["scoped"], 2): [REQUESTS, 0],
        (of["without the scope"], 4): [REQUESTS, REQUESTS],
        (of["limited"], 2): [QUOTA, 0],
        (of["limited"], 4): [REQUESTS - QUOTA, REQUESTS - QUOTA],
        (of["revoked"], 4): [REQUESTS, REQUESTS],
    }
    by_scope = {
        (of["scoped"], "reports:read"): [REQUESTS, 0],
        (of["without the scope"], "reports:read"): [REQUESTS, REQUESTS],
    }

    def of_these(model: str, kind: str = "status_class") -> Counts:
        return {
            row: sums for row, sums in counts(site, model, kind).items() if row[0] in of.values()
        }

    def exact() -> None:
        assert of_these("DayCount") == by_status
        assert of_these("HourCount") == by_status
        assert of_these("ScopeCount", "scope") == by_scope

    with ThreadPoolExecutor(len(value)) as pool:
        tools = [pool.submit(load, site, value[name], *rest) for name, *rest in LOADS]
        for tool in tools:
            tool.result()
    until(exact, AssertionError)
    site.server.stop()
    exact()


class Crowd:
    """Clients that send requests until the server stops, and the times of requests and answers."""

    def __init__(self, site: Site, value: str) -> None:
        self._site, self._value = site, value
        self.sent: list[float] = []
        self.answered: list[float] = []

    def run(self) -> None:
        while True:
            self.sent.append(time.monotonic())
            try:
                answer = call(self._site.server.port, self._value)
            except (OSError, HTTPException, ValueError):  # cut off anywhere
                return
            assert answer.status == 200
            self.answered.append(time.monotonic())

    def calls_for(self, seconds: float) -> None:
        """AssertionError until they have called for so long."""
        assert self.answered
        assert time.monotonic() > self.answered[0] + seconds


@contextmanager
def crowd(site: Site, seconds: float) -> Iterator[tuple[Crowd, str]]:
    """Yield a crowd that has run for `seconds`, and its token. The block must stop the server."""
    if site.server.process is None or site.server.process.poll() is not None:
        site.server.start()
    value = site.console.issue()
    calling = Crowd(site, value)
    with ThreadPoolExecutor(THREADS) as pool:
        running = [pool.submit(calling.run) for _ in range(THREADS)]
        until(lambda: calling.calls_for(seconds), AssertionError)
        yield calling, value
    for one in running:
        one.result()


def test_a_stop_in_the_middle_loses_none(site: Site) -> None:
    with crowd(site, 2.5 * FLUSH_SECONDS) as (calling, value):
        assert site.server.stop(signal.SIGTERM) == 0
    assert len(calling.answered) <= counted(site, value) <= len(calling.sent)
    assert counted(site, value) == logged(site, value)


@pytest.mark.long
def test_a_kill_loses_what_was_answered_since_the_last_flush(site: Site) -> None:
    allowed = within(1.5 * FLUSH_SECONDS)
    with crowd(site, allowed + 2 * FLUSH_SECONDS) as (calling, value):
        assert site.server.process
        processes = [site.server.process.pid, *site.server.workers]
        killed_at = time.monotonic()
        for process in processes:
            os.kill(process, signal.SIGKILL)
        site.server.process.wait(timeout=patience(3))
    lost = len(calling.answered) - counted(site, value)
    late = sum(at > killed_at - allowed for at in calling.answered)
    assert lost <= late < len(calling.answered)
