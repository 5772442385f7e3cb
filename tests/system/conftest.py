"""Installations on services of their own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import NamedTuple

import pytest

from tests import databases
from tests.server import Installation, Server
from tests.services import PostgreSQL, Redis
from tests.system.backend import Backend
from tests.system.console import Console
from tests.system.gateways import FILES, Gateway, running

READ, WRITE = "reports:read", "reports:write"


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
    """Return a function that makes a site; all sites end with the module.

    `postgresql` and `redis` select what the site runs on. The other arguments are settings.
    """
    with ExitStack() as running:

        def make(*, postgresql: bool = False, redis: bool = False, **settings: str) -> Site:
            folder = tmp_path_factory.mktemp("site")
            database = running.enter_context(closing(PostgreSQL())).start() if postgresql else None
            counters = running.enter_context(closing(Redis())).start() if redis else None
            settings["REDIS_URL"] = counters.url if counters else ""
            url = database.url if database else databases.sqlite(folder / "site.sqlite3")
            installation = running.enter_context(closing(Installation(folder, url, **settings)))
            return Site(
                installation.server().start(),
                Console(installation),
                installation,
                counters,
                database,
            )

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


@pytest.fixture(scope="module")
def site(sites: Sites) -> Site:
    """A Tokenry for gateways, with the scopes that their files ask for."""
    made = sites(
        TRUSTED_PROXIES="127.0.0.1/32", FAILED_AUTH_LIMIT="1000/second", MAX_TOKENS_PER_USER="1000"
    )
    offer_scopes(made)
    return made


@pytest.fixture(scope="module")
def gateways(
    site: Site, backend: Backend, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Gateway]]:
    """Those that run already, by name."""
    with ExitStack() as stack:

        class Started(dict[str, Gateway]):
            def __missing__(self, name: str) -> Gateway:
                folder = tmp_path_factory.mktemp(name)
                self[name] = stack.enter_context(
                    running(name, folder, site.server.port, backend.port)
                )
                return self[name]

        yield Started()


@pytest.fixture
def gateway(name: str, gateways: dict[str, Gateway], backend: Backend) -> Gateway:
    """In front of Tokenry and of a backend that has received nothing yet."""
    started = gateways[name]
    backend.received.clear()
    return started


def offer_scopes(site: Site) -> None:
    """Put the scopes of gateways and of docs/services/ into the catalogue."""
    for scope in (READ, WRITE):
        site.console.evaluate(f"Scope.objects.create(name={scope!r}, words='Use the reports')")


def scoped(
    site: Site, change: str = "", address: str = "", scopes: tuple[str, ...] = (READ,)
) -> str:
    """The value of a new token that may read reports, from `address` alone where one is given."""
    value = site.console.issue(scopes=scopes, addresses=(f"{address}/32",) if address else ())
    if change:
        site.console.change(value, change)
    return value
