"""A provider that does not answer, or answers nonsense: a page soon, with a way back."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext, suppress
from socket import create_server
from threading import Barrier, Thread
from threading import Event as Signal
from typing import Any

import pytest
from django.test import Client

from accounts.oidc import fetching
from tests.accounts.oidc.fake_provider import LOGIN, FakeProvider
from tests.conftest import page_of
from tests.run import patience

pytestmark = pytest.mark.django_db
Change = Callable[..., None]
SENT = [b"nonsense", b'["a list"]', b"{" + b" " * 300_000 + b"}", b"[" * 200_000]


def is_away(response: Any) -> bool:
    assert "Traceback" not in response.content.decode()
    assert (response.status_code, response.context["code"]) == (503, "away")
    assert response["Retry-After"] == "5"
    assert "Example ID does not answer" in page_of(response)
    return 'href="/accounts/login/"' in page_of(response)


@pytest.mark.parametrize("status", [302, 500, 503])
def test_a_provider_with_errors(provider: FakeProvider, client: Client, status: int) -> None:
    begun = provider.begin(client)
    provider.status = status
    assert is_away(provider.come_back(client, begun))


def test_nothing_listens(change_sign_on: Change, client: Client) -> None:
    with closing(create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    change_sign_on(issuer=f"http://127.0.0.1:{port}")
    assert is_away(client.post(LOGIN))


def test_it_hangs(change_sign_on: Change, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "FETCH_SECONDS", 0.2)
    with closing(create_server(("127.0.0.1", 0))) as server:
        change_sign_on(issuer=f"http://127.0.0.1:{server.getsockname()[1]}")
        began = time.monotonic()
        assert is_away(client.post(LOGIN))
        assert time.monotonic() - began < patience(1)


@pytest.mark.parametrize("sent", SENT, ids=range(len(SENT)))
def test_an_answer_that_is_no_object(
    change_sign_on: Change, client: Client, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    with closing(create_server(("127.0.0.1", 0))) as server:
        change_sign_on(issuer=f"http://127.0.0.1:{server.getsockname()[1]}")

        def serve() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + sent)

        thread = Thread(target=serve)
        thread.start()
        assert is_away(client.post(LOGIN))
        thread.join()


def test_only_a_few_requests_wait_at_a_time(
    provider: FakeProvider, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The threads of the server are soon free for others."""
    goes_on = Signal()

    def hanging(*args: object) -> tuple[int, None]:
        goes_on.wait(10)
        return 503, None

    monkeypatch.setattr(fetching, "FETCH_SECONDS", 0.01)
    monkeypatch.setattr(fetching, "PLACE_SECONDS", 0.01)
    monkeypatch.setattr(fetching, "fetch_in_thread", hanging)
    try:
        for _ in range(fetching.MAX_FETCHES):
            assert is_away(client.post(LOGIN))
        response = client.post(LOGIN)
        assert (response.status_code, response.context["code"]) == (503, "busy")
    finally:
        goes_on.set()
        for _ in range(fetching.MAX_FETCHES):  # until all threads have ended
            assert fetching.fetch_places.acquire(timeout=10)
        fetching.fetch_places.release(fetching.MAX_FETCHES)


def test_many_people_sign_in_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """They wait for their turn. None of them has to begin again."""
    at_once = Barrier(fetching.MAX_FETCHES)

    def answering(*args: object) -> tuple[int, dict[str, str]]:
        at_once.wait(patience(10))  # goes on when all places are taken
        return 200, {}

    monkeypatch.setattr(fetching, "fetch_in_thread", answering)
    monkeypatch.setattr(fetching, "FETCH_SECONDS", patience(10))
    monkeypatch.setattr(fetching, "PLACE_SECONDS", patience(10))
    with ThreadPoolExecutor(3 * fetching.MAX_FETCHES) as people:
        answers = [
            people.submit(fetching.fetch_json, "GET", "https://id.example", nullcontext())
            for _ in range(3 * fetching.MAX_FETCHES)
        ]
    assert [answer.result() for answer in answers] == [{}] * len(answers)
