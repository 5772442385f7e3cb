"""Django admin, and the commands."""

import json
from io import StringIO

from django.contrib.auth.models import Group
from django.core.management import call_command

from people.models import User
from tests.support import ProjectTest
from tokens.models import Token
from tokens.testing import issue, token_client


class AdministrationTest(ProjectTest):
    def test_admin_lists_tokens(self) -> None:
        issue(self.user, name="CI pipeline")
        self.client.force_login(User.objects.create_superuser("eve"))
        answer = self.client.get("/admin/tokens/token/?q=ann")
        self.assertContains(answer, "CI pipeline")
        self.assertContains(self.client.get("/admin/tokens/token/?q=bob"), "0 tokens")
        for page in ("scope", "event", "notification"):
            self.assertEqual(self.client.get(f"/admin/tokens/{page}/").status_code, 200, page)

    def test_admin_has_the_overview_and_says_whose_a_token_is(self) -> None:
        token = issue(self.user, name="CI pipeline")
        self.client.force_login(User.objects.create_superuser("eve"))
        page = "/admin/tokens/token/overview/"
        self.assertContains(self.client.get("/admin/tokens/"), page)
        self.assertContains(self.client.get(page), "not used for 90 days")
        answer = self.client.post(page, {"pasted": token})
        self.assertContains(answer, "The secret was right")
        self.assertContains(answer, "of <bdi>ann</bdi>")
        for name in ("token", "event"):
            file = self.client.get(f"/admin/tokens/{name}/export.csv").getvalue().decode()
            self.assertIn("CI pipeline", file)

    def test_auditors_see_tokens_and_no_people(self) -> None:
        group = Group.objects.get(name="Auditors")
        names = group.permissions.values_list("codename", flat=True)
        seen = {"view_token", "view_event", "view_scope", "view_team", "view_tokenpolicy"}
        self.assertEqual(set(names), seen)

    def test_a_command_creates_a_token(self) -> None:
        options = ["--name", "CI", "--scope", "crm:read"]
        created = self.run_command("create", "--user", "ann", *options)
        answer = token_client(created["token"]).get("/api/contacts/")
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(self.run_command("show", created["identifier"])["name"], "CI")

    def test_the_tokens_of_a_deleted_user_end(self) -> None:
        value = issue(self.user, ["reports:read"])
        self.user.delete()
        self.assertFalse(Token.objects.using("default").exists())
        self.assert_problem(token_client(value).get("/api/report/"), 401, "unknown_token")

    def run_command(self, *arguments: str) -> dict[str, str]:
        """Run `manage.py token ... --json`, and return what it printed."""
        output = StringIO()
        call_command("token", *arguments, "--json", stdout=output)
        return json.loads(output.getvalue())
