"""One process of the comparison: it has one configuration, and answers as many requests as it is told to.

The first line that it reads is what population.py printed; each other one is a job, such as
`{"do": "run", "case": "knox", "requests": 200}`, and its answer one line of JSON.
"""

import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from itertools import cycle, islice
from time import perf_counter, thread_time
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

import django

django.setup()

# What follows reads the settings while it is imported: hence E402.
from django.conf import settings  # noqa: E402
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.db import connection  # noqa: E402

from tokens import limits  # noqa: E402
from tokens.usage import Recorder, recorder  # noqa: E402

IN_A_SECOND = 2000  # requests, which are recorded together

Changes = Callable[[], AbstractContextManager[Any]]


def no_limit() -> AbstractContextManager[Any]:
    admitted = SimpleNamespace(admitted=True, headers=dict)
    return patch.object(limits, "hit_token", lambda *_: admitted)


def no_usage() -> AbstractContextManager[Any]:
    return patch.object(recorder, "record", lambda *_: None)


def neither() -> AbstractContextManager[Any]:
    both = ExitStack()
    both.enter_context(no_limit())
    both.enter_context(no_usage())
    return both


def one_failure() -> AbstractContextManager[Any]:
    return patch.object(settings, "FAILED_AUTH_LIMIT", "1/hour")


class Case(NamedTuple):
    """A request, as which of the population's values, what it answers, and what is different meanwhile."""

    path: str
    scheme: str = ""
    values: str = ""
    status: int = 200
    changes: Changes = nullcontext


CASES = {
    "plain": Case("/plain"),
    "tokenry": Case("/api/bench", "Bearer", "tokenry"),
    "busy owner": Case("/api/bench", "Bearer", "tokenry of a busy owner"),
    "no limit": Case("/api/bench", "Bearer", "tokenry", changes=no_limit),
    "no usage": Case("/api/bench", "Bearer", "tokenry", changes=no_usage),
    "neither": Case("/api/bench", "Bearer", "tokenry", changes=neither),
    "record": Case("/api/bench", "Bearer", "tokenry"),
    "garbage": Case("/api/bench", "Bearer", "garbage", 401),
    "mistyped": Case("/api/bench", "Bearer", "mistyped", 401),
    "unknown": Case("/api/bench", "Bearer", "unknown", 401),
    "expired": Case("/api/bench", "Bearer", "expired", 401),
    "too many": Case("/api/bench", "Bearer", "mistyped", 429, one_failure),
    "drf-tokenry": Case("/drf-tokenry", "Bearer", "tokenry"),
    "drf-tokenry no limit": Case("/drf-tokenry", "Bearer", "tokenry", changes=no_limit),
    "drf-authtoken": Case("/drf-authtoken", "Token", "authtoken"),
    "drf-api-key": Case("/drf-api-key", "Api-Key", "api-key"),
    "drf-knox": Case("/drf-knox", "Token", "knox"),
    "knox busy owner": Case("/drf-knox", "Token", "knox of a busy owner"),
}


def environ(path: str, authorization: str) -> dict[str, Any]:
    """What a server hands to the application."""
    made = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
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
    return made | ({"HTTP_AUTHORIZATION": authorization} if authorization else {})


class Subject:
    def __init__(self, population: dict[str, list[str]]) -> None:
        self.application = WSGIHandler()
        self.requests: dict[str, Iterator[dict[str, Any]]] = {
            name: cycle([environ(case.path, f"{case.scheme} {value}".strip()) for value in population[case.values]])
            for name, case in CASES.items()
        }
        self.status = ""
        self.apart = Recorder()  # warm after its first flush, which greets every token

    def run(self, case: str, requests: int) -> float:
        """Seconds that a request took in the quickest third of so many, after a few that warm up.

        The quickest, because others use the machine too, and what they take comes on top.
        """
        if case == "record":
            return self.record()
        taken = []
        third = max(1, requests // 3)
        with CASES[case].changes():
            self.answer(islice(self.requests[case], 5 + requests // 10))
            for _ in range(3):
                start = perf_counter()
                self.answer(islice(self.requests[case], third))
                taken.append((perf_counter() - start) / third)
        if self.status[:3] != str(CASES[case].status):
            raise AssertionError(f"{case} answered {self.status}")
        return min(taken)

    def record(self) -> float:
        """Seconds of CPU that the recorder's thread needs for a request, after it is answered."""
        with patch.object(self.apart, "_start"), patch.object(recorder, "record", self.apart.record):
            self.answer(islice(self.requests["record"], IN_A_SECOND))
        start = thread_time()
        self.apart.flush()
        return (thread_time() - start) / IN_A_SECOND

    def queries(self, case: str, requests: int) -> float:
        """How many queries a request makes; its record is written with those of others."""
        if case == "record":
            return 0
        seen: list[str] = []

        def count(execute: Any, sql: str, *rest: Any) -> Any:
            seen.append(sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(count), CASES[case].changes():
            self.answer(islice(self.requests[case], requests))
        return len(seen) / requests

    def answer(self, environs: Iterator[dict[str, Any]]) -> None:
        application, start_response = self.application, self.start_response
        for given in environs:
            response = application(dict(given), start_response)
            for _ in response:
                pass
            response.close()

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        self.status = status


def main() -> None:
    subject = Subject({"": [""], **json.loads(sys.stdin.readline())})
    for line in sys.stdin:
        job = json.loads(line)
        answer = getattr(subject, job.pop("do"))(**job)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    recorder.stop()


if __name__ == "__main__":
    main()
