"""A server that lacks the pepper of a token that works would call it unknown, so it does not start."""

from io import StringIO
from pathlib import Path

import pytest

from config.management.commands.serve import Command
from tests import databases
from tests.server import Installation
from tests.system.test_server import call

OTHER = "2:" + "q" * 40


def test_a_missing_pepper_ends_the_start(installation: Installation) -> None:
    value = installation.issue()
    server = installation.server()
    server.environment["TOKEN_PEPPERS"] = OTHER
    with pytest.raises(
        AssertionError, match=r"TOKEN_PEPPERS lacks number 1, which tokens that still work need"
    ) as raised:
        server.start(serve=True)
    assert value[24:] not in str(raised.value)
    assert server.manage("token", "list").count(value[:24]) == 1  # other commands run all the same


def test_an_ended_token_needs_no_pepper(installation: Installation) -> None:
    value = installation.issue()
    server = installation.server()
    server.environment["TOKEN_PEPPERS"] = OTHER
    server.manage("token", "revoke", value[:24])
    server.start(serve=True)
    status, body = call(server, value)
    assert (status, body["code"]) == (401, "unknown_token")


@pytest.mark.parametrize("url", ["sqlite:///{}/empty.sqlite3", "postgres://nobody@127.0.0.1:1/none"])
def test_a_database_that_is_empty_or_away_stops_no_start(tmp_path: Path, url: str) -> None:
    said = StringIO()
    with databases.connected(url.format(tmp_path)):
        Command(stderr=said).refuse_a_missing_pepper()
    assert said.getvalue().startswith("No pepper was checked: ")
    assert said.getvalue().count("\n") == 1
