"""Installations on services of their own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import NamedTuple

import pytest

from tests import databases
from tests.conftest import make_installation
from tests.server import Installation, Server
from tests.services import PostgreSQL, Redis
from tests.system.backend import Backend
from tests.system.console import Console
from tests.system.gateways import FILES


class Site(NamedTuple):
    """A running server, a console beside it, and its services where they are private."""

    server: Server
    console: Console
    installation: Installation
    redis: Redis | None
    postgresql: PostgreSQL | None


Sites = Callable[..., Site]


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """Make a site: `postgresql` and `redis` say what it runs on, the rest are its settings. All end with the module."""
    with ExitStack() as running:

        def make(*, postgresql: bool = False, redis: bool = False, **settings: str) -> Site:
            folder = tmp_path_factory.mktemp("site")
            database = running.enter_context(closing(PostgreSQL())).start() if postgresql else None
            counters = running.enter_context(closing(Redis())).start() if redis else None
            settings["REDIS_URL"] = counters.url if counters else ""
            url = database.url if database else databases.sqlite(folder / "site.sqlite3")
            installation = running.enter_context(contextmanager(make_installation)(folder, url, **settings))
            return Site(installation.server().start(), Console(installation), installation, counters, database)

        yield make


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    """A service behind gateways."""
    with closing(Backend()) as made:
        yield made


@pytest.fixture(params=FILES)
def name(request: pytest.FixtureRequest) -> str:
    """Of each gateway."""
    return str(request.param)
