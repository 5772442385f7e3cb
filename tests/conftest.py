"""Fixtures of all tests: people, their tokens, installations, and a clean state for each test."""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
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
from django.test import Client
from django.utils import timezone
from hypothesis.configuration import set_hypothesis_home_dir
from pytest_django import DjangoDbBlocker

from accounts import outbox as accounts_outbox
from accounts.middleware import SEEN_AT
from accounts.models import User
from config.environment.service_urls import database_url
from tests import databases, leftovers, run
from tests.server import PASSWORD, Installation
from tokens.authentication import change_wait, lookup
from tokens.models import Token
from tokens.rate_limits import counters, redis_scripts
from tokens.usage import recorder as usage_recorder

pytest_plugins = [
    "tests.changed_settings", "tests.each_way", "tests.event_loop", "tests.quicker"
]  # fmt: skip
Issue = Callable[..., tuple[Token, str]]


def no_thread(recorder: usage_recorder.Recorder) -> None:
    """Replace the recorder's start of its thread: a test calls `flush()` itself."""


run.make_folder()
if run.IS_FIRST:
    leftovers.remove_old()
set_hypothesis_home_dir(
    os.environ.get("HYPOTHESIS_STORAGE_DIRECTORY", run.ROOT / "var/hypothesis")
)
# Hypothesis measures the time of each example. A busy machine must not fail a test.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")
usage_recorder.Recorder._start = no_thread  # type: ignore[assignment, method-assign]
# Mails about accounts are sent at once, in the test's thread. Tests of the outbox undo this.
IN_BACKGROUND, SEND_SOON = accounts_outbox.in_background, accounts_outbox.send_soon
CHECK_LATER = accounts_outbox.check_later
accounts_outbox.in_background = lambda work, *arguments: work(*arguments)
accounts_outbox.send_soon = accounts_outbox.send_due
accounts_outbox.check_later = lambda: None
redis_scripts.KEY_PREFIX = run.KEY_PREFIX
change_wait.is_on = False  # tests of the wait switch it on

# Fixtures of the database on which the suite runs.
STORES = {"db", "transactional_db", "installation", "shared"}

FIND = ["git", "cat-file", "-e", "9cc2543^{commit}"]
HAS_HISTORY = (
    bool(shutil.which("git"))
    and not subprocess.run(FIND, cwd=run.ROOT, stderr=subprocess.DEVNULL, check=False).returncode
)
collect_ignore = ["project", *([] if HAS_HISTORY else ["system/test_rolling.py"])]


def pytest_report_header() -> str:
    """Name the tests that are left out because the clone lacks the history.

    CI would fail on a skip.
    """
    return (
        ""
        if HAS_HISTORY
        else "tests/system/test_rolling.py is left out: this clone lacks the commit 9cc2543"
    )


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return the number of workers: more than processors, because many tests wait for servers."""
    return max(2, round(1.5 * (os.cpu_count() or 1)))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests whose result may depend on the kind of database and counters."""
    for item in items:
        stored = item.get_closest_marker("django_db") or STORES & set(
            getattr(item, "fixturenames", ())
        )
        if stored and "browser" not in item.path.parts:
            item.add_marker("services")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove everything that the run made. Workers end before the process that began the run."""
    if run.IS_FIRST:
        leftovers.remove(run.ID)


def forget_tries() -> None:
    """Reset the counts of wrong passwords and all other counters of this worker."""
    # On Redis, cache.clear() would also remove the counters of other workers.
    if settings.REDIS_URL:
        leftovers.forget(f"{redis_scripts.KEY_PREFIX}:")
    else:
        cache.clear()


def restore_scopes(sender: AppConfig, **kwargs: Any) -> None:
    """Restore the API's scopes after a test with `transaction=True` has emptied all tables."""
    if "plan" in kwargs:  # `migrate` sends a plan, and its migrations make the scopes
        return
    import_module("tokens.migrations.0003_api_scopes").add(apps, None)


post_migrate.connect(restore_scopes, sender=apps.get_app_config("tokens"))


@pytest.fixture(scope="session", autouse=True)
def open_databases(django_db_blocker: DjangoDbBlocker) -> None:
    """Let tests use the databases of their own installations, which pytest-django would block."""
    databases.blocker = django_db_blocker


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Give each worker a copy of the migrated database.

    SQLite uses a file, so that threads have locks.
    """
    name = f"tokenry_{run.ID}_{run.WORKER}"
    connection.settings_dict["NAME"] = database_url(databases.make(name, run.FOLDER))["NAME"]
    yield
    with django_db_blocker.unblock():
        connections.close_all()


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """With NO_SKIPS=1 (CI has everything installed) a skip is a failure."""
    if (
        os.environ.get("NO_SKIPS") == "1"
        and call.excinfo
        and call.excinfo.errisinstance(pytest.skip.Exception)
    ):
        why = AssertionError(f"skipped in CI: {call.excinfo.value}")
        call.excinfo = pytest.ExceptionInfo.from_exception(why.with_traceback(call.excinfo.tb))


@pytest.fixture(autouse=True)
def fresh_recorder() -> Iterator[None]:
    """Give each test an empty recorder."""
    yield
    vars(usage_recorder.recorder).update(vars(usage_recorder.Recorder()))


@pytest.fixture(autouse=True)
def fresh_counters(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give each test empty counters and a closed breaker, and check the mark `services`."""
    counters.shared_counters.clear()
    lookup.breaker.close()
    marked = request.node.get_closest_marker("services") is not None
    if marked:
        forget_tries()
    elif caches.all(initialized_only=True):
        del caches["default"]
    yield
    used = [*databases.made, *caches.all(initialized_only=True), *counters.shared_counters]
    databases.made.clear()
    assert marked or "browser" in request.keywords or not used, (
        f"This test uses {used}: add pytest.mark.services, so that CI runs it on PostgreSQL and "
        "Redis too."
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
    """Return a client in which `user` signed in with a password `seconds_ago`."""
    client = Client()
    client.force_login(user)
    session = client.session
    session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(user.pk)
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [
        {"method": "password", "at": time.time() - seconds_ago}
    ]
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
    """Return a client in which nobody is signed in."""
    return Client()


@pytest.fixture
def issue(owner: User) -> Issue:
    """Return a function that issues a token of the owner, by default for 90 days.

    The function returns the token and its value.
    """

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


def page_of(response: Any) -> str:
    """Return the page as a browser reads it: white space counts as one space."""
    return " ".join(response.content.decode().split())


def bearer(value: str) -> dict[str, str]:
    """Return the header that authenticates a request."""
    return {"Authorization": f"Bearer {value}"}


@pytest.fixture
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Make an installation for one test."""
    with closing(Installation(tmp_path_factory.mktemp("installation"))) as made:
        yield made


@pytest.fixture(scope="session")
def mails(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder into which servers write their mails."""
    return tmp_path_factory.mktemp("mails")


@pytest.fixture(scope="session")
def everybodys(tmp_path_factory: pytest.TempPathFactory, mails: Path) -> Iterator[Installation]:
    """Start a server for all tests of a worker that neither stop nor configure it."""
    settings = {"EMAIL_URL": f"filemail:///{mails}", "TRUSTED_PROXIES": "127.0.0.1"}
    with closing(Installation(tmp_path_factory.mktemp("everybodys"), **settings)) as made:
        made.server().start()
        yield made


@pytest.fixture(scope="module")
def shared(everybodys: Installation) -> Installation:
    """Return that server with an administrator for this file: files must not share tokens."""
    return everybodys.for_another(f"{secrets.token_hex(4)}@example.com")
