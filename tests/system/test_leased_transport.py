"""The transport of docs/services/ that uses an admission again."""

import asyncio
import runpy
import time
from collections.abc import Coroutine
from typing import Any, NamedTuple

import httpx
import pytest

from tests.system.web_services import FOLDER, LEASED

URL = "http://tokenry.test/verify"
ADMISSION = (200, {"X-Auth-User": "7", "Tokenry-Lease": "ms=150"})


class Question(NamedTuple):
    """What the middleware asks."""

    scope: str = "reports:read"
    address: str = "203.0.113.7"
    tokens: tuple[str, ...] = ("Bearer a",)


FIRST = Question()
# The second request, the seconds between both, and how many questions Tokenry gets
SECOND: dict[str, tuple[Question, float, int]] = {
    "the same": (FIRST, 0.149, 1),
    "when the lease ends": (FIRST, 0.151, 2),
    "another scope": (Question(scope="reports:write"), 0, 2),
    "another address": (Question(address="203.0.113.8"), 0, 2),
    "another token": (Question(tokens=("Bearer b",)), 0, 2),
    "no token": (Question(tokens=()), 0, 2),
    "two tokens": (Question(tokens=("Bearer a", "Bearer b")), 0, 2),
}
NEVER_KEPT: dict[str, tuple[int, dict[str, str]]] = {
    "a refusal": (403, ADMISSION[1]),
    "an answer without a lease": (200, {"X-Auth-User": "7"}),
    "a lease of nothing": (200, {"X-Auth-User": "7", "Tokenry-Lease": "ms=0"}),
    "an unknown form": (200, {"X-Auth-User": "7", "Tokenry-Lease": "ms=150, b=2"}),
}


class Tokenry:
    """Stand in for Tokenry and for the clock. Tokenry needs 10 ms for each answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer: tuple[int, dict[str, str]] = ADMISSION
        self.questions = 0
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", self.handle)
        self.transport = runpy.run_path(str(FOLDER / LEASED))["LeasedTransport"]()

    async def handle(self, _: httpx.Request) -> httpx.Response:
        self.questions += 1
        self.now += 0.010
        return httpx.Response(self.answer[0], headers=self.answer[1])

    def ask(self, question: Question) -> httpx.Response:
        """Ask as the middleware does."""
        scope, address, tokens = question
        headers = [("X-Forwarded-For", address), *[("Authorization", text) for text in tokens]]
        request = httpx.Request("GET", URL, params={"scope": scope, "lease": "1"}, headers=headers)
        asked: Coroutine[Any, Any, httpx.Response] = self.transport.handle_async_request(request)
        return asyncio.run(asked)


@pytest.fixture
def tokenry(monkeypatch: pytest.MonkeyPatch) -> Tokenry:
    return Tokenry(monkeypatch)


@pytest.mark.parametrize("name", SECOND)
def test_an_admission_answers_only_the_same_question(tokenry: Tokenry, name: str) -> None:
    """The lease is counted from the moment at which the first question was sent."""
    second, later, questions = SECOND[name]
    sent = tokenry.now
    tokenry.ask(FIRST)
    tokenry.now = max(tokenry.now, sent + later)
    answer = tokenry.ask(second)
    assert (answer.status_code, answer.headers["X-Auth-User"]) == (200, "7")
    assert tokenry.questions == questions


@pytest.mark.parametrize("name", NEVER_KEPT)
def test_nothing_else_is_kept(tokenry: Tokenry, name: str) -> None:
    tokenry.answer = NEVER_KEPT[name]
    assert [tokenry.ask(FIRST).status_code for _ in range(2)] == [tokenry.answer[0]] * 2
    assert tokenry.questions == 2


def test_an_admission_that_ended_takes_no_memory(tokenry: Tokenry) -> None:
    tokenry.ask(FIRST)
    tokenry.now += 1
    tokenry.ask(Question(tokens=("Bearer b",)))
    assert len(tokenry.transport.kept) == 1
