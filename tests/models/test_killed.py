"""A server that is killed while it creates, renews or revokes a token has done all or nothing.

The tests kill a process before and after each SQL statement of a request.
"""

import os
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue, signed_in
from tokens.models import Event, Token

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]
FORM = {"name": "new", "environment": "live", "expires": "90d"}
MAX_STATEMENTS = 60  # more than any request has


def killing(number: int, after: bool) -> Callable[..., Any]:
    """Return a wrapper that kills this process before or after the statement `number`."""
    seen = iter(range(1, MAX_STATEMENTS))

    def wrapper(execute: Callable[..., Any], *arguments: Any) -> Any:
        now = next(seen) == number
        if now and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = execute(*arguments)
        if now:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapper


def survives(client: Client, path: str, data: dict[str, str], number: int, after: bool) -> bool:
    """Send the request in a child process. Return True if the process was not killed.

    Then the request has fewer than `number` statements.
    """
    connections.close_all()
    child = os.fork()
    if not child:
        try:
            with connection.execute_wrapper(killing(number, after)):
                os._exit(0 if client.post(path, data).status_code < 400 else 2)
        finally:
            os._exit(1)  # an exception must not run the rest of the suite twice
    _, status = os.waitpid(child, 0)
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFEXITED(status)


def kill_at_each_statement(client: Client, path: str, data: dict[str, str]) -> Iterator[int]:
    """Send the form again and again, and kill one statement later each time.

    Yield the number of each kill. Stop when the request is complete.
    """
    for after in (False, True):
        for number in range(1, MAX_STATEMENTS):
            nonce = f"{number:021}{after:d}"
            if survives(client, path, data | {"nonce": nonce}, number, after):
                break
            yield number


def assert_whole() -> None:
    """Check that each token, its events and its successor agree with each other."""
    for token in Token.objects.all():
        made = Event.objects.filter(kind="created", token=token) | Event.objects.filter(
            kind="renewed", detail=f"replaced by {token.identifier}"
        )
        assert made.count() == 1
        assert Event.objects.filter(kind="revoked", token=token).count() == (
            token.revoked_at is not None
        )
        assert (token.renewed_at is not None) == (token.successor is not None)
        assert token.successor or token.revoked_at or token.expires_at > timezone.now(), (
            "neither token works"
        )


def test_create(owner: User) -> None:
    client = signed_in(owner)
    tried = 0
    for _ in kill_at_each_statement(client, "/settings/tokens/new/", FORM):
        assert_whole()
        tried += 1
    assert_whole()
    assert tried > 15
    assert Token.objects.count() >= 2


@pytest.mark.parametrize("overlap", ["now", "24h"])
def test_renew(issue: Issue, owner: User, overlap: str) -> None:
    client = signed_in(owner)
    tried = 0
    for after in (False, True):
        for number in range(1, MAX_STATEMENTS):
            token, _ = issue()
            path = f"{token.get_absolute_url()}renew/"
            form = {"expires": "90d", "overlap": overlap, "nonce": f"{number:021}{after:d}"}
            came_through = survives(client, path, form, number, after)
            assert_whole()
            if came_through:
                break
            tried += 1
    assert tried > 20
    assert Token.objects.exclude(renewed_from=None).count() >= 2


def test_revoke(issue: Issue, owner: User) -> None:
    client = signed_in(owner)
    tried = 0
    for after in (False, True):
        for number in range(1, MAX_STATEMENTS):
            old, _ = issue()
            token, _ = Token.objects.renew(
                old, expires_at=timezone.now() + timedelta(days=1), overlap=timedelta(hours=1)
            )
            came_through = survives(
                client, f"{token.get_absolute_url()}revoke/", {}, number, after
            )
            assert_whole()
            if came_through:
                break
            tried += 1
    assert tried > 10
    assert Token.objects.exclude(revoked_at=None).count() >= 2
