"""What Tokenry adds at the paths that urls.py chose: the HTTP API and forward auth."""

from people.models import User
from tests.support import CommittingTest, ProjectTest
from tokens.models import Token
from tokens.testing import issue, token_client


class MountedTest(ProjectTest):
    def test_the_api_of_tokenry(self) -> None:
        client = token_client(issue(self.user))
        answer = client.get("/tokens/v1/token")
        token = Token.objects.using("default").get()
        self.assertEqual(answer.json()["identifier"], token.identifier)
        self.assertEqual(client.delete("/tokens/v1/token").status_code, 204)
        self.assert_problem(client.get("/tokens/v1/token"), 401, "revoked_token")
        self.assertEqual(self.client.get("/tokens/v1/openapi.json").status_code, 200)

    def test_a_token_makes_another(self) -> None:
        scopes = ["tokens:write", "crm:read"]
        new = {"name": "CI", "environment": "live", "scopes": ["crm:read"]}
        made = self.ask("/tokens/v1/tokens", *scopes, method="post", data=new)
        self.assertEqual(made.status_code, 201, made.content)
        self.assertTrue(made["Location"].endswith(made.json()["identifier"]))
        self.assertEqual(token_client(made.json()["token"]).get("/api/contacts/").json(), [])

    def test_forward_auth(self) -> None:
        answer = self.ask("/gateway/verify/anything?scope=crm:read", "crm:read")
        self.assertEqual((answer["X-Auth-User"], answer["X-Auth-Email"]), (str(self.user.pk), ""))
        refused = self.ask("/gateway/verify?scope=crm:read")
        self.assert_problem(refused, 403, "insufficient_scope")


class CommittedChangeTest(CommittingTest):
    """Without an open transaction, the answer to a change waits as in production."""

    def test_a_revoked_token_is_refused_after_the_answer(self) -> None:
        client = token_client(issue(User.objects.create_user("ann")))
        self.assertEqual(client.get("/tokens/v1/token").status_code, 200)
        self.assertEqual(client.delete("/tokens/v1/token").status_code, 204)
        self.assertEqual(client.get("/tokens/v1/token").json()["code"], "revoked_token")
