"""Views of Django that require a token, and those that do not."""

from tests.support import ProjectTest


class ViewTest(ProjectTest):
    def test_a_view_requires_its_scope(self) -> None:
        answer = self.ask("/api/report/", "reports:read")
        self.assertEqual(answer.json(), {"user": "ann", "token": "Test"})
        self.assert_problem(self.ask("/api/report/"), 403, "insufficient_scope")
        self.assert_problem(self.client.get("/api/report/"), 401, "missing_credentials")

    def test_a_class_based_view_requires_its_scope(self) -> None:
        answer = self.ask("/api/summary/", "reports:read", method="post")
        self.assertEqual(answer.json(), {"user": "ann"})
        refused = self.ask("/api/summary/", method="post")
        self.assert_problem(refused, 403, "insufficient_scope")

    def test_somebody_who_is_signed_in_needs_a_token_too(self) -> None:
        self.client.force_login(self.user)
        self.assert_problem(self.client.get("/api/report/"), 401, "missing_credentials")

    def test_other_paths_stay_open(self) -> None:
        self.assertEqual(self.client.get("/api/status/").json(), {"user": "AnonymousUser"})
        self.client.force_login(self.user)
        self.assertEqual(self.client.get("/api/status/").json(), {"user": "ann"})
