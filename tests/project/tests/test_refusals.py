"""Answers to tokens that do not pass, and the headers of the rate limit."""

from django.conf import settings
from django.test import override_settings

from tests.support import ProjectTest
from tokens.models import Token
from tokens.testing import issue, token_client

PATHS = ["/api/report/", "/api/contacts/", "/ninja/contacts"]
SCOPES = ["reports:read", "crm:read"]
TWO_PER_MINUTE = {**settings.TOKENRY, "RATE_LIMIT": "2/minute"}


class RefusalTest(ProjectTest):
    def test_a_wrong_value_is_refused(self) -> None:
        for path in PATHS:
            with self.subTest(path):
                answer = token_client(issue(self.user, SCOPES)[:-1]).get(path)
                self.assert_problem(answer, 401, "malformed_token")
                self.assertIn('error="invalid_token"', answer["WWW-Authenticate"])
                self.assertTrue(answer.json()["instance"].startswith("urn:tokenry:denial:"))

    def test_a_revoked_token_is_refused(self) -> None:
        value = issue(self.user, SCOPES)
        self.assertEqual(token_client(value).get("/api/report/").status_code, 200)
        Token.objects.using("default").get().revoke()
        for path in PATHS:
            with self.subTest(path):
                self.assert_problem(token_client(value).get(path), 401, "revoked_token")

    @override_settings(TOKENRY=TWO_PER_MINUTE)
    def test_too_many_requests_are_refused(self) -> None:
        for path in PATHS:
            with self.subTest(path):
                client = token_client(issue(self.user, SCOPES))
                answers = [client.get(path) for _ in range(3)]
                self.assertEqual([answer.status_code for answer in answers], [200, 200, 429])
                self.assertEqual(answers[0]["RateLimit-Policy"], '"token";q=2;w=60')
                self.assertEqual([each["X-RateLimit-Remaining"] for each in answers], [*"100"])
                self.assert_problem(answers[2], 429, "rate_limited")
                self.assertIn("Retry-After", answers[2])
