"""Three standing people, tokens for them, and nothing left running between tests."""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from django.apps import AppConfig, apps
from django.conf import settings
from django.core.cache import cache, caches
from django.db import connection, connections
from django.db.models.signals import post_migrate
from django.test import Client, RequestFactory
from django.utils import timezone
from hypothesis.configuration import set_hypothesis_home_dir
from pytest_django import DjangoDbBlocker

from accounts import outbox as accounts_outbox
from accounts.middleware import SEEN_AT
from accounts.models import User
from config.environment import database_url
from tests import databases, leftovers, run
from tests.server import PASSWORD, Installation
from tokens import limits, lookup, outbox, usage
from tokens.call import Call
from tokens.models import Token

Issue = Callable[..., tuple[Token, str]]


def no_thread(recorder: usage.Recorder) -> None:
    """Start no thread: a test writes what was recorded by calling `flush()` itself."""


run.make_folder()
if run.IS_FIRST:
    leftovers.remove_old()
set_hypothesis_home_dir(os.environ.get("HYPOTHESIS_STORAGE_DIRECTORY", run.ROOT / "var/hypothesis"))
# Hypothesis times each example; a busy machine is no fault.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")
usage.Recorder._start = no_thread  # type: ignore[assignment, method-assign]  # for the whole run
outbox.send_news_soon = lambda: None
# Mails about accounts are sent at once, and by nobody else; the tests of the outbox itself use what it has.
IN_BACKGROUND, SEND_SOON, LOOK_AGAIN = (
    accounts_outbox.in_background,
    accounts_outbox.send_soon,
    accounts_outbox.look_again,
)
accounts_outbox.in_background = lambda work, *arguments: work(*arguments)
accounts_outbox.send_soon = accounts_outbox.send_due
accounts_outbox.look_again = lambda: None
limits.PREFIX = run.KEY_PREFIX


STORES = {"db", "transactional_db", "installation", "shared"}  # fixtures of the database that the suite runs on


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many workers run: more than processors, because tests of servers and browsers wait now and then."""
    return max(2, round(1.5 * (os.cpu_count() or 1)))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests whose result may depend on which database and which counters the suite runs on."""
    for item in items:
        stored = item.get_closest_marker("django_db") or STORES & set(getattr(item, "fixturenames", ()))
        if stored and "browser" not in item.path.parts:
            item.add_marker("services")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind. Workers end before the process that began the run."""
    if run.IS_FIRST:
        leftovers.remove(run.ID)


def forget_tries() -> None:
    """Forget wrong passwords and whatever else is counted by this worker."""
    # On Redis, cache.clear() would empty what other workers count in.
    if settings.REDIS_URL:
        leftovers.forget(f"{limits.PREFIX}:")
    else:
        cache.clear()


def restore_scopes(sender: AppConfig, **kwargs: Any) -> None:
    """Put the API's scopes back after a test with `transaction=True` has emptied all tables."""
    if "plan" in kwargs:  # `migrate` sends a plan, and has to make the scopes itself
        return
    import_module("tokens.migrations.0003_api_scopes").add(apps, None)


post_migrate.connect(restore_scopes, sender=apps.get_app_config("tokens"))


@pytest.fixture(scope="session", autouse=True)
def open_databases(django_db_blocker: DjangoDbBlocker) -> None:
    """Let tests work on databases of their own installations, as no other one may be touched."""
    databases.blocker = django_db_blocker


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Give each worker a copy of the migrated database: a file on SQLite, so that threads meet its locks."""
    name = f"tokenry_{run.ID}_{run.WORKER}"
    connection.settings_dict["NAME"] = database_url(databases.make(name, run.FOLDER))["NAME"]
    yield
    with django_db_blocker.unblock():
        connections.close_all()


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """With NO_SKIPS=1 (CI has everything installed) a skip is a failure."""
    if os.environ.get("NO_SKIPS") == "1" and call.excinfo and call.excinfo.errisinstance(pytest.skip.Exception):
        why = AssertionError(f"skipped in CI: {call.excinfo.value}")
        call.excinfo = pytest.ExceptionInfo.from_exception(why.with_traceback(call.excinfo.tb))


@pytest.fixture(autouse=True)
def fresh_recorder() -> Iterator[None]:
    """What one test recorded or has to tell is not there for the next."""
    yield
    vars(usage.recorder).update(vars(usage.Recorder()))


@pytest.fixture(autouse=True)
def fresh_counters(request: pytest.FixtureRequest) -> Iterator[None]:
    """No test meets what another one counted, or a breaker that another one opened; none counts without the mark."""
    limits.made.clear()
    lookup.breaker.close()
    marked = request.node.get_closest_marker("services") is not None
    if marked:
        forget_tries()
    elif caches.all(initialized_only=True):
        del caches["default"]
    yield
    used = [*databases.made, *caches.all(initialized_only=True), *limits.made]
    databases.made.clear()
    assert marked or "browser" in request.keywords or not used, (
        f"This test uses {used}: add pytest.mark.services, so that CI runs it on PostgreSQL and Redis too."
    )


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


def program(token: Token) -> Any:
    """Return a request of a program that calls with `token`."""
    request: Any = RequestFactory().get("/")
    request.user, request.token = token.owner, token
    return request


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
    with closing(Installation(tmp_path_factory.mktemp("installation"))) as made:
        yield made


@pytest.fixture(scope="session")
def mails(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where servers put what they send."""
    return tmp_path_factory.mktemp("mails")


@pytest.fixture(scope="session")
def everybodys(tmp_path_factory: pytest.TempPathFactory, mails: Path) -> Iterator[Installation]:
    """A running server for all tests of a worker that neither stop nor configure it."""
    settings = {"EMAIL_URL": f"filemail:///{mails}", "TRUSTED_PROXIES": "127.0.0.1"}
    with closing(Installation(tmp_path_factory.mktemp("everybodys"), **settings)) as made:
        made.server().start()
        yield made


@pytest.fixture(scope="module")
def shared(everybodys: Installation) -> Installation:
    """That server, for an administrator of this file's own, so that no file meets the tokens of others."""
    return everybodys.for_another(f"{secrets.token_hex(4)}@example.com")
