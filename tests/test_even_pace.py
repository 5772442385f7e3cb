"""The pace of sign-up and password reset, which must not hold the whole server."""

from collections.abc import Callable
from threading import Event as Signal
from threading import Thread

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from accounts.middleware import EvenPaceMiddleware
from tests.run import patience

RESET = "/accounts/password/reset/"


@pytest.fixture
def naps(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each answer was kept waiting."""
    settings.BEAT_SECONDS = 1
    waited: list[float] = []
    monkeypatch.setattr("accounts.middleware.time.sleep", waited.append)
    return waited


def answering(status: int) -> Callable[[HttpRequest], HttpResponse]:
    return lambda _: HttpResponse(status=status)


@pytest.mark.parametrize(
    ("method", "path", "status", "kept_waiting"),
    [
        ("POST", RESET, 200, True),
        ("POST", "/accounts/signup/", 302, True),
        ("POST", RESET, 403, False),
        ("POST", RESET, 429, False),
        ("GET", RESET, 200, False),
        ("POST", "/accounts/login/", 200, False),
    ],
)
def test_who_is_kept_waiting(naps: list[float], method: str, path: str, status: int, kept_waiting: bool) -> None:
    response = EvenPaceMiddleware(answering(status))(RequestFactory().generic(method, path))
    assert response.status_code == status
    assert [0 < nap <= 1 for nap in naps] == ([True] if kept_waiting else [])


def test_half_of_the_threads_stay_free(naps: list[float], settings: Settings) -> None:
    settings.WEB_THREADS = 4
    entered, leave = [Signal(), Signal()], Signal()

    def slow(request: HttpRequest) -> HttpResponse:
        next(signal for signal in entered if not signal.is_set()).set()
        leave.wait(timeout=patience(3))
        return HttpResponse()

    def post() -> HttpResponse:
        return paced(RequestFactory().post(RESET))

    paced = EvenPaceMiddleware(slow)
    threads = []
    for signal in entered:
        threads.append(Thread(target=post))
        threads[-1].start()
        assert signal.wait(timeout=patience(3))
    third = post()
    assert (third.status_code, third["Retry-After"]) == (429, "2")
    leave.set()
    for thread in threads:
        thread.join(timeout=patience(3))
        assert not thread.is_alive()
    entered.append(Signal())
    assert post().status_code == 200
