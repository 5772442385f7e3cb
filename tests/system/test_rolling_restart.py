"""Restart two nodes behind each gateway in turn under load: no client meets an error."""

from collections import Counter
from pathlib import Path

import pytest

from tests.quicker import first_quickly
from tests.server import Installation
from tests.system.backend import Backend
from tests.system.gateways import FILES, named, running
from tests.system.load import GETS, POSTS, SETTINGS, SITE, Load, all_gateways, logs


@pytest.mark.long
def test_no_client_notices(installation: Installation, backend: Backend, tmp_path: Path) -> None:
    installation.settings |= {**SETTINGS, "DRAIN_SECONDS": "4"}
    first, second = nodes = [installation.server().start() for _ in range(2)]
    value = installation.issue(scopes=["tokens:introspect"])
    with (
        all_gateways(tmp_path, nodes, backend.port) as gateways,
        Load(gateways, value, GETS | POSTS) as load,
    ):
        load.goes_on()
        for node in (first, second, first):
            load.restart(node)
        load.goes_on()
    assert load.refused() == {}, logs(tmp_path)


@pytest.mark.long
def test_a_node_that_is_away_costs_nobody_an_answer(
    name: str, backend: Backend, tmp_path: Path
) -> None:
    """One node is a server that admits every request; nothing listens at the other address."""
    tokenry = Backend({"X-Auth-User": "7"})
    away = Backend()
    away.close()
    with running(
        name, tmp_path, away.port, backend.port, second=tokenry.port, pages=True
    ) as gateway:
        statuses = Counter(
            gateway.ask(SITE, method=method).status for method in ["GET", "POST"] * 20
        )
    tokenry.close()
    assert statuses == {200: 40}


@pytest.mark.parametrize(
    "name", first_quickly([name for name in FILES if name != "caddy"], 1)
)  # which has no limit itself
def test_an_address_sends_a_hundred_forms_and_then_hears_429(
    name: str, tmp_path: Path, backend: Backend
) -> None:
    tokenry = Backend({"X-Auth-User": "7"})
    with running(name, tmp_path, tokenry.port, backend.port, pages=True) as gateway:

        def ask(
            method: str = "POST", source: str = "127.0.0.2", path: str = "/accounts/login/"
        ) -> int:
            return gateway.ask(f"{SITE}{path}", method=method, source=source).status

        assert {ask() for _ in range(100)} == {200}
        assert 429 in {ask() for _ in range(100)}
        others = {ask("GET"), ask(source="127.0.0.3"), ask(path="/settings/tokens/")}
    assert others == {200}
    assert len(tokenry.received) < 260
    asked = next(request for request in tokenry.received if request["path"] == "/accounts/login/")
    assert named(asked, "x-forwarded-for") == ["127.0.0.2"]
    tokenry.close()
