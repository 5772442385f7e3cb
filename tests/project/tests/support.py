"""What the tests share."""

from django.conf import settings
from django.db import connections
from django.http import HttpResponse
from django.test import TestCase, TransactionTestCase, override_settings

from people.models import User
from tokens.testing import issue, no_change_wait, token_client


class CommittingTest(TransactionTestCase):
    """A test whose changes are committed, as in production."""

    databases = set(settings.DATABASES)
    serialized_rollback = True  # keeps what migrations stored, such as scopes

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()
        for alias in cls.databases - {"default"}:
            connections[alias].close()  # PostgreSQL drops no database in use, as by a replica


# A replica shows only what is committed.
@override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])  # fast
class ProjectTest(CommittingTest if "replica" in settings.DATABASES else TestCase):
    """A test with a user, and requests with tokens of this user."""

    databases = set(settings.DATABASES)

    def setUp(self) -> None:
        self.enterContext(no_change_wait())
        self.user = User.objects.create_user("ann")

    def ask(
        self, path: str, *scopes: str, method: str = "get", data: dict[str, str] | None = None
    ) -> HttpResponse:
        """Return the answer to a request with a new token that has `scopes`.

        Like a program, the client sends no CSRF token.
        """
        client = token_client(issue(self.user, scopes))
        client.handler.enforce_csrf_checks = True
        return getattr(client, method)(path, data, content_type="application/json")

    def assert_problem(self, answer: HttpResponse, status: int, code: str) -> None:
        """Check that an answer is a problem (application/problem+json) with this code."""
        self.assertEqual(
            (answer.status_code, answer["Content-Type"]), (status, "application/problem+json")
        )
        self.assertEqual(answer.json()["code"], code)
