"""Async views, by the handler of an event loop (ASGI) and by that of WSGI."""

from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import AsyncClient

from tests.support import ProjectTest
from tokens.testing import issue

PATHS = {"/api/slow-report/": {"user": "ann", "contacts": 0}, "/ninja/contacts/count": 0}


class AsyncTest(ProjectTest):
    def setUp(self) -> None:
        super().setUp()
        if settings.DATABASES["default"]["ATOMIC_REQUESTS"]:
            self.skipTest("Django does not run async views with ATOMIC_REQUESTS.")

    def test_the_view_requires_its_scope(self) -> None:
        for path, content in PATHS.items():
            with self.subTest(path):
                self.assertEqual(self.ask(path, "reports:read", "crm:read").json(), content)
                self.assert_problem(self.ask(path), 403, "insufficient_scope")

    async def test_the_view_requires_its_scope_in_an_event_loop(self) -> None:
        value = await sync_to_async(issue)(self.user, ["reports:read", "crm:read"])
        headers = {"Authorization": f"Bearer {value}"}
        for path, content in PATHS.items():
            with self.subTest(path):
                answer = await AsyncClient().get(path, headers=headers)
                self.assertEqual(answer.json(), content)
                self.assert_problem(await AsyncClient().get(path), 401, "missing_credentials")
