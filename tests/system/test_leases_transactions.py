"""What is read inside a transaction is no lease: it may be rolled back."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from django.conf import settings
from django.db import transaction
from django.test import override_settings

from tests import databases
from tests.server import Installation
from tests.services import PostgreSQL
from tokens.authentication import lookup
from tokens.models import Token


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with closing(PostgreSQL()) as database:
        url = database.start().url
        with closing(Installation(tmp_path_factory.mktemp("installation"), url)) as made:
            yield made


@pytest.fixture
def identifier(installation: Installation) -> Iterator[str]:
    """A token on a PostgreSQL that this process uses, with leases."""
    value = installation.issue()
    lookup.leases.clear()
    with (
        override_settings(TOKENRY={**settings.TOKENRY, "LEASES": True}),
        databases.connected(installation.database_url),
    ):
        yield value[:24]
    lookup.leases.clear()


def found(identifier: str) -> Token:
    token = lookup.find_token(identifier)
    assert token is not None
    return token


def test_a_read_that_is_rolled_back(identifier: str) -> None:
    with transaction.atomic():
        Token.objects.filter(identifier=identifier).update(scope="never:granted")
        assert found(identifier).scopes == ["never:granted"]
        assert len(lookup.leases) == 0
        transaction.set_rollback(True)
    assert found(identifier).scopes == []
    assert len(lookup.leases) == 1


def test_a_read_by_itself_is_leased(identifier: str) -> None:
    assert found(identifier).scopes == []
    assert len(lookup.leases) == 1
    Token.objects.filter(identifier=identifier).update(scope="granted:later")
    lookup.leases.clear()
    assert found(identifier).scopes == ["granted:later"]
