"""GET /readyz: what balancers ask."""

from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from redis import RedisError

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("broken", "error", "words"),
    [
        ("config.probes.connection.cursor", DatabaseError, "the database does not answer\n"),
        ("config.probes.cache.get", RedisError, "the shared counters do not answer\n"),
    ],
)
def test_it_names_what_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, broken: str, error: type[Exception], words: str
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(broken, fail)
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.content.decode()) == (503, words)
