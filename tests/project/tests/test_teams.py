"""Teams own tokens: their accounts are made by a function of this project."""

import json
from io import StringIO

from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings

from crm.models import Contact
from people.models import User
from tests.support import ProjectTest
from tokens.models import Membership, Team, TeamChangeRefused
from tokens.testing import issue, token_client

NO_TEAMS = {name: value for name, value in settings.TOKENRY.items() if name != "TEAM_USER"}


class TeamsTest(ProjectTest):
    def setUp(self) -> None:
        super().setUp()
        self.team = Team.make("billing-ci", "Billing", {self.user: Membership.Role.MANAGER})

    def test_the_project_makes_the_account(self) -> None:
        account = User.objects.get(pk=self.team.account_id)
        self.assertEqual(account.name, "team billing-ci")
        self.assertFalse(account.has_usable_password())

    def test_the_user_is_the_account_of_the_team(self) -> None:
        client = token_client(issue(self.team.account, ["reports:read", "crm:write"], name="CI"))
        named = {"user": "team billing-ci", "token": "CI"}
        self.assertEqual(client.get("/api/report/").json(), named)
        self.assertEqual(client.post("/api/summary/").json(), {"user": "team billing-ci"})
        new = {"name": "Bo"}
        added = client.post("/ninja/contacts", new, content_type="application/json")
        self.assertEqual(added.json(), {"by": "team billing-ci", "with": "CI"})
        client.post("/api/contacts/", new, content_type="application/json")
        self.assertEqual(Contact.objects.count(), 2)

    def test_the_api_and_the_gateway_name_the_team(self) -> None:
        client = token_client(issue(self.team.account))
        self.assertEqual(client.get("/tokens/v1/token").json()["owner"], "team:billing-ci")
        answer = client.get("/gateway/verify")
        identity = [answer[f"X-Auth-{name}"] for name in ("User", "Email", "Team")]
        self.assertEqual(identity, [str(self.team.account_id), "", "billing-ci"])

    def test_commands(self) -> None:
        bob = User.objects.create_user("bob")
        self.run_command("team", "create", "web", "--member", "bob", "ann")
        self.assertEqual(bob.token_team_memberships.get().role, "manager")
        made = self.run_command("token", "create", "--owner", "team:web", "--name", "CI")
        self.assertEqual(made["owner"], "team:web")
        answer = token_client(made["token"]).get("/tokens/v1/token")
        self.assertEqual(answer.json()["identifier"], made["identifier"])
        self.assertEqual([team["slug"] for team in self.run_command("team", "list")], [
            "billing-ci", "web",
        ])  # fmt: skip

    def test_administration(self) -> None:
        issue(self.team.account)
        self.client.force_login(User.objects.create_superuser("eve"))
        self.assertContains(self.client.get("/admin/tokens/team/"), "billing-ci")
        self.assertContains(self.client.get("/admin/tokens/token/"), "team:billing-ci")

    @override_settings(TOKENRY=NO_TEAMS)
    def test_without_the_setting_there_are_no_teams(self) -> None:
        with self.assertRaisesMessage(TeamChangeRefused, "TEAM_USER is not set"):
            Team.make("web", "Web", {})
        for arguments in (["team", "list"], ["token", "list", "--owner", "team:billing-ci"]):
            with self.assertRaisesMessage(CommandError, "There are no teams here"):
                call_command(*arguments)
        self.client.force_login(User.objects.create_superuser("eve"))
        self.assertEqual(self.client.get("/admin/tokens/team/").status_code, 403)
        for path in ("/admin/", "/admin/tokens/token/overview/", "/settings/tokens/"):
            self.assertNotIn("team", self.client.get(path).text.lower(), path)

    def run_command(self, *arguments: str) -> object:
        """Run `manage.py ... --json`, and return what it printed."""
        output = StringIO()
        call_command(*arguments, "--json", stdout=output)
        return json.loads(output.getvalue())
