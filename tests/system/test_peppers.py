"""A server that lacks a working token's pepper or prefix does not start."""

from pathlib import Path

import pytest
from django.core.management import CommandError

from config.server.start_checks import check_database
from tests import databases
from tests.server import Installation
from tests.system.test_server import call
from tokens.models import Token
from tokens.token_settings import TokenSettings

OTHER = "2:" + "q" * 40


def test_a_missing_pepper_ends_the_start(installation: Installation) -> None:
    value = installation.issue()
    server = installation.server()
    server.environment["TOKEN_PEPPERS"] = OTHER
    with pytest.raises(
        AssertionError, match=r"TOKEN_PEPPERS lacks number 1, which working tokens need"
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


@pytest.mark.services
def test_a_missing_prefix_ends_the_start(
    installation: Installation, token_settings: TokenSettings
) -> None:
    installation.issue()
    token_settings.PREFIX = ("acme",)
    with databases.connected(installation.database_url):
        with pytest.raises(CommandError) as raised:
            check_database(1, print)
        assert str(raised.value) == (
            "Some working tokens begin with tkn, but TOKEN_PREFIX lacks it: add it"
            " (TOKEN_PREFIX=acme,tkn), or first revoke these tokens."
            " `manage.py token list` shows the tokens."
        )
        Token.objects.get().revoke()
        check_database(1, print)


@pytest.mark.parametrize(
    "url", ["sqlite:///{}/empty.sqlite3", "postgres://nobody@127.0.0.1:1/none"]
)
def test_a_database_that_is_empty_or_away_stops_no_start(tmp_path: Path, url: str) -> None:
    said: list[str] = []
    with databases.connected(url.format(tmp_path)):
        check_database(1, said.append)
    assert len(said) == 1
    assert said[0].startswith("The database was not compared with the secrets of this server: ")
    assert "\n" not in said[0]
