"""Two servers of `serve --only` on one database, as behind a gateway that routes by path."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.run import patience
from tests.server import Installation, Server
from tests.system.calls import call
from tests.system.console import Console
from tokens.problems.challenge import METADATA_PATH


@pytest.fixture(scope="module")
def parts(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Installation, Server, Server]]:
    with closing(Installation(tmp_path_factory.mktemp("parts"))) as installation:
        yield (
            installation,
            installation.server().start(only="api"),
            installation.server().start(only="pages"),
        )


def status(server: Server, path: str) -> tuple[int, str]:
    """Return the status and, of a problem, its code."""
    try:
        with urllib.request.urlopen(f"{server.url}{path}", timeout=patience(3)) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        with error:
            problem = error.headers["Content-Type"] == "application/problem+json"
            return error.code, json.load(error)["code"] if problem else ""


OF_API = {
    "/api/v1/docs": 200,
    "/api/v1/openapi.json": 200,
    "/api/v1/token": 401,
    "/verify": 401,
    "/api/nothing": 404,
}
OF_PAGES = {
    "/accounts/login/": 200,
    "/settings/tokens/": 200,
    "/static/icon.svg": 200,
    "/nothing": 404,
}


@pytest.mark.services
def test_each_server_answers_its_part(parts: tuple[Installation, Server, Server]) -> None:
    _, api, pages = parts
    assert {path: status(api, path)[0] for path in OF_API} == OF_API
    assert {path: status(pages, path) for path in OF_API} == dict.fromkeys(
        OF_API, (404, "not_found")
    )
    assert {path: status(pages, path)[0] for path in OF_PAGES} == OF_PAGES
    assert {path: status(api, path) for path in OF_PAGES} == dict.fromkeys(
        OF_PAGES, (404, "not_found")
    )
    assert {
        status(server, path)[0] for server in (api, pages) for path in ("/healthz", "/readyz")
    } == {200}


@pytest.mark.services
def test_both_servers_answer_for_clients_without_a_token(
    parts: tuple[Installation, Server, Server],
) -> None:
    """So a gateway that routes by path needs no rule for the address in each challenge."""
    _, *servers = parts
    assert [status(server, METADATA_PATH) for server in servers] == [(200, ""), (200, "")]


@pytest.mark.services
def test_a_token_of_the_pages_is_known_to_the_api(
    parts: tuple[Installation, Server, Server],
) -> None:
    installation, api, pages = parts
    token = installation.issue()
    assert call(api.port, token).status == 200
    assert (call(pages.port, token).status, call(pages.port, token).code) == (404, "not_found")
    Console(installation).change(token, "revoke()")
    assert call(api.port, token).code == "revoked_token"
