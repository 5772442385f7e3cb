"""Help for the tests of projects that use the application `tokens`.

value = issue(user, scopes=["reports:read"])
response = token_client(value).get("/reports/")

While tests run, nothing is written about the use of tokens, not even after the last test.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.test import Client, override_settings
from django.utils import timezone

from tokens.authentication import change_wait, lookup
from tokens.models import Scope, Token


def issue(
    user: AbstractBaseUser,
    scopes: Collection[str] = (),
    *,
    name: str = "Test",
    environment: str = "live",
    days: int = 1,
) -> str:
    """Create a token of `user` that is valid for `days`, and return its value.

    Scopes that the catalogue lacks are added to the catalogue.
    """
    for scope in scopes:
        Scope.objects.get_or_create(name=scope, defaults={"words": scope})
    _, credential = Token.objects.issue(
        owner=user,
        name=name,
        environment=environment,
        expires_at=timezone.now() + timedelta(days=days),
        scopes=scopes,
    )
    return credential.value


def token_client(value: str) -> Client:
    """Return Django's test client, which sends the token `value` with each request."""
    return Client(headers={"Authorization": f"Bearer {value}"})


@contextmanager
def no_change_wait() -> Iterator[None]:
    """Switch off the wait after changes: a context manager, and a decorator of functions.

    On PostgreSQL, the answer to a change of a token waits until the change holds in each process.
    In an open transaction this fails, and Django's TestCase keeps a transaction open around each
    test. So a TestCase that changes tokens by our pages or our API needs this:

        def setUp(self):
            self.enterContext(no_change_wait())

    The setting LEASES is off meanwhile, so that no wait is needed. Therefore a
    TransactionTestCase that calls `token.revoke()` needs this too.
    """
    before, change_wait.is_on = change_wait.is_on, False
    lookup.leases.clear()
    try:
        with override_settings(TOKENRY={**settings.TOKENRY, "LEASES": False}):
            yield
    finally:
        change_wait.is_on = before
