"""A process of the comparison. It has one configuration, and runs jobs.

The first line of its input is the output of population.py. Each other line is a job, such as
`{"do": "run", "case": "drf-knox", "tokens": 100, "warm": 20, "requests": 200}`. The process
answers a job with one line of JSON.
"""

import io
import json
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import cycle, islice
from time import perf_counter, process_time, sleep, thread_time
from typing import Any, NamedTuple
from unittest.mock import patch

import django

django.setup()

# The modules below read the settings when they are imported, so they must come after setup().
from django.conf import settings  # noqa: E402
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.db import connection  # noqa: E402

from benchmarks.setups import IN_A_SECOND  # noqa: E402

WRITTEN_SECONDS = 2.5  # after which their usage is written: a thread writes each second

Changes = Callable[[], AbstractContextManager[Any]]


def one_failure() -> AbstractContextManager[Any]:
    return patch.object(settings, "FAILED_AUTH_LIMIT", "1/hour")


class Case(NamedTuple):
    """A request: its path, the scheme and kind of its tokens, the expected status, and patches."""

    path: str
    scheme: str = ""
    values: str = ""
    status: int = 200
    changes: Changes = nullcontext


CASES = {
    "plain": Case("/plain"),
    "tokenry": Case("/api/bench", "Bearer", "tokenry"),
    "busy owner": Case("/api/bench", "Bearer", "tokenry of a busy owner"),
    "verify": Case("/verify?statuses=401,403&scope=bench:read", "Bearer", "tokenry"),
    "current token": Case("/api/v1/token", "Bearer", "tokenry"),
    "garbage": Case("/api/bench", "Bearer", "garbage", 401),
    "mistyped": Case("/api/bench", "Bearer", "mistyped", 401),
    "unknown": Case("/api/bench", "Bearer", "unknown", 401),
    "expired": Case("/api/bench", "Bearer", "expired", 401),
    "too many": Case("/api/bench", "Bearer", "mistyped", 429, one_failure),
    "drf-tokenry": Case("/api/drf-tokenry", "Bearer", "tokenry"),
    "drf-authtoken": Case("/drf-authtoken", "Token", "authtoken"),
    "drf-api-key": Case("/drf-api-key", "Api-Key", "api-key"),
    "drf-knox": Case("/drf-knox", "Token", "knox"),
    "knox busy owner": Case("/drf-knox", "Token", "knox of a busy owner"),
}
# What nginx sends with deploy/nginx.conf.
OF_A_GATEWAY = {"HTTP_X_ORIGINAL_METHOD": "GET", "HTTP_X_ORIGINAL_URI": "/reports/2030"}


def environ(case: Case, value: str) -> dict[str, Any]:
    """Return the WSGI environ of a request with this token, or without one if it is empty."""
    path, _, query = case.path.partition("?")
    made = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost:8000",
        "HTTP_USER_AGENT": "bench",
        "HTTP_ACCEPT": "*/*",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
    }
    if query:
        made |= OF_A_GATEWAY
    return made | ({"HTTP_AUTHORIZATION": f"{case.scheme} {value}"} if value else {})


def application() -> Callable[..., Any]:
    """Return what the server calls: the product's own, or without middleware only Django's."""
    if not settings.MIDDLEWARE:
        return WSGIHandler()
    from config import wsgi

    return wsgi.application


class Subject:
    """The application with the requests of each case."""

    def __init__(self, population: dict[str, list[str]]) -> None:
        self.application = application()
        self.population = population
        self.requests: dict[tuple[str, int], Iterator[dict[str, Any]]] = {}
        self.status = ""

    def requests_of(self, case: str, tokens: int) -> Iterator[dict[str, Any]]:
        """Return the requests of a case, with this number of tokens in turn, without an end."""
        if (case, tokens) not in self.requests:
            values = self.population[CASES[case].values][:tokens]
            self.requests[case, tokens] = cycle([environ(CASES[case], value) for value in values])
        return self.requests[case, tokens]

    def run(self, case: str, tokens: int, warm: int, requests: int) -> float:
        """Return the seconds for one request, in the fastest third of `requests`.

        `warm` requests come before them. The fastest third counts, because other programs use the
        machine too, and only make requests slower.
        """
        environs, taken = self.requests_of(case, tokens), []
        third = max(1, requests // 3)
        with CASES[case].changes():
            self.answer(islice(environs, warm))
            for _ in range(3):
                start = perf_counter()
                self.answer(islice(environs, third))
                taken.append((perf_counter() - start) / third)
        if self.status[:3] != str(CASES[case].status):
            raise AssertionError(f"{case} answered {self.status}")
        return min(taken)

    def usage(self, case: str, tokens: int) -> float:
        """Return the CPU seconds of the recorder's thread for one of IN_A_SECOND requests.

        This thread answers the requests, and no other thread works but the recorder's.
        """
        before = process_time() - thread_time()
        self.answer(islice(self.requests_of(case, tokens), IN_A_SECOND))
        sleep(WRITTEN_SECONDS)
        return (process_time() - thread_time() - before) / IN_A_SECOND

    def paced(self, case: str, rates: list[float], seconds: float, seed: int) -> list[list[float]]:
        """Send requests with one token for each of `rates` (a second), at random moments.

        Return the seconds that each request took, by rate.
        """
        environs = list(islice(self.requests_of(case, len(rates)), len(rates)))
        chance, taken = random.Random(seed), [[] for _ in rates]  # type: list[list[float]]
        schedule = sorted(
            (at, number)
            for number, rate in enumerate(rates)
            for at in arrivals(chance, rate, seconds)
        )
        start = perf_counter()
        for at, number in schedule:
            if (pause := start + at - perf_counter()) > 0:
                sleep(pause)
            began = perf_counter()
            self.answer(iter([environs[number % len(environs)]]))
            taken[number].append(perf_counter() - began)
        return taken

    def queries(self, case: str, tokens: int, requests: int) -> float:
        """Return how many queries a request makes. Its record is written with those of others."""
        seen: list[str] = []

        def count(execute: Any, sql: str, *rest: Any) -> Any:
            seen.append(sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(count), CASES[case].changes():
            self.answer(islice(self.requests_of(case, tokens), requests))
        return len(seen) / requests

    def answer(self, environs: Iterator[dict[str, Any]]) -> None:
        application, start_response = self.application, self.start_response
        for given in environs:
            response = application(dict(given), start_response)
            for _ in response:
                pass
            if hasattr(response, "close"):
                response.close()

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        self.status = status


def arrivals(chance: random.Random, rate: float, seconds: float) -> Iterator[float]:
    """Yield the moments of a Poisson process within `seconds`."""
    at = chance.expovariate(rate)
    while at < seconds:
        yield at
        at += chance.expovariate(rate)


def main() -> None:
    subject = Subject({"": [""], **json.loads(sys.stdin.readline())})
    for line in sys.stdin:
        job = json.loads(line)
        answer = getattr(subject, job.pop("do"))(**job)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
