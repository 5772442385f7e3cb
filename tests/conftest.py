"""Three standing people, tokens for them, and nothing left running between tests."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from django.conf import settings
from django.test import Client, RequestFactory
from django.utils import timezone
from redis import Redis

from accounts.middleware import SEEN_AT
from accounts.models import User
from tests.server import Installation, collect_static
from tokens import limits, lookup, outbox, usage
from tokens.call import Call
from tokens.models import Token

PASSWORD = "correct horse battery staple"
Issue = Callable[..., tuple[Token, str]]


def no_thread(recorder: usage.Recorder) -> None:
    """Nothing is written behind a test's back, nor from what is asked while tests are collected: they flush by hand."""


usage.Recorder._start = no_thread  # type: ignore[assignment, method-assign]  # for the whole run


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """With NO_SKIPS=1 (CI has everything installed) a skip is a failure."""
    if os.environ.get("NO_SKIPS") == "1" and call.excinfo and call.excinfo.errisinstance(pytest.skip.Exception):
        why = AssertionError(f"skipped in CI: {call.excinfo.value}")
        call.excinfo = pytest.ExceptionInfo.from_exception(why.with_traceback(call.excinfo.tb))


@pytest.fixture(autouse=True)
def fresh_recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What one test recorded or has to tell is not there for the next."""
    monkeypatch.setattr(outbox, "send_news_soon", lambda: None)
    yield
    vars(usage.recorder).update(vars(usage.Recorder()))


@pytest.fixture(autouse=True)
def fresh_counters() -> None:
    """No test meets what another one counted, or a breaker that another one opened."""
    limits.counters.cache_clear()
    lookup.breaker._open_until = 0.0
    if settings.REDIS_URL:
        redis = Redis.from_url(settings.REDIS_URL)
        for key in redis.scan_iter("tokenry:*"):
            redis.delete(key)


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create_user(email="owner@example.com", password=PASSWORD)


@pytest.fixture
def teammate(db: None) -> User:
    return User.objects.create_user(email="teammate@example.com", password=PASSWORD)


@pytest.fixture
def administrator(db: None) -> User:
    return User.objects.create_superuser(email="boss@example.com", password=PASSWORD)


def signed_in(user: User, seconds_ago: float = 0) -> Client:
    """A browser in which `user` signed in by password that long ago."""
    client = Client()
    client.force_login(user)
    session = client.session
    session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(user.pk)
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "password", "at": time.time() - seconds_ago}]
    session[SEEN_AT] = time.time()
    session.save()
    return client


@pytest.fixture
def admin_client(administrator: User) -> Client:
    return signed_in(administrator)


@pytest.fixture
def owner_client(owner: User) -> Client:
    return signed_in(owner)


@pytest.fixture
def teammate_client(teammate: User) -> Client:
    return signed_in(teammate)


@pytest.fixture
def stranger_client(db: None) -> Client:
    """Nobody is signed in."""
    return Client()


@pytest.fixture
def issue(owner: User) -> Issue:
    """Make a token of the owner, good for 90 days unless said otherwise, and give its value too."""

    def make(**changes: Any) -> tuple[Token, str]:
        settings: dict[str, Any] = {
            "owner": owner,
            "name": "Production API",
            "environment": "live",
            "expires_at": timezone.now() + timedelta(days=90),
        }
        token, credential = Token.objects.issue(**(settings | changes))
        return token, credential.value

    return make


def bearer(value: str) -> dict[str, str]:
    """The header that signs a request in."""
    return {"Authorization": f"Bearer {value}"}


def a_call(token: Token | None = None, at: datetime | None = None, address: str = "192.0.2.1", **facts: Any) -> Call:
    """A request made with `token`, answered with 200 unless `facts` say otherwise."""
    request = RequestFactory().get(facts.pop("path", "/api/v1/token"), headers={"User-Agent": "curl/8.5"})
    call = Call(request)
    call.token, call.address, call.status = token, address, 200
    call.at = at or call.at
    for name, value in facts.items():
        setattr(call, name, value)
    if call.denial:
        call.status, call.code, call.reference = call.denial.status, call.denial.code, call.denial.reference
    return call


@pytest.fixture
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation of its own for one test."""
    yield from make_installation(tmp_path_factory.mktemp("installation"))


def make_installation(folder: Path, **settings: str) -> Iterator[Installation]:
    collect_static()
    made = Installation(folder, **settings)
    try:
        yield made
    finally:
        made.close()
