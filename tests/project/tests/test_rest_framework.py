"""A view set that accepts Tokenry's tokens and those of Django REST framework."""

from rest_framework.authtoken.models import Token as OldToken

from crm.models import Contact
from tests.support import ProjectTest

CONTACTS = "/api/contacts/"


class ContactTest(ProjectTest):
    def test_each_method_needs_its_scope(self) -> None:
        new = {"name": "Bo"}
        created = self.ask(CONTACTS, "crm:write", method="post", data=new)
        self.assertEqual((created.status_code, Contact.objects.get().name), (201, "Bo"))
        self.assertEqual(self.ask(CONTACTS, "crm:read").json(), [created.json()])
        refused = self.ask(CONTACTS, "crm:read", method="post", data=new)
        self.assert_problem(refused, 403, "insufficient_scope")
        self.assertIn("crm:write", refused.json()["detail"])
        self.assert_problem(self.ask(CONTACTS, "crm:write"), 403, "insufficient_scope")
        self.assertEqual(Contact.objects.count(), 1)

    def test_an_action_needs_its_own_scopes(self) -> None:
        path = CONTACTS + "count/"
        self.assertEqual(self.ask(path, "crm:read", "reports:read").json(), {"count": 0})
        self.assert_problem(self.ask(path, "crm:read"), 403, "insufficient_scope")

    def test_each_contact_is_protected(self) -> None:
        path = f"{CONTACTS}{Contact.objects.create(name='Bo').pk}/"
        self.assertEqual(self.ask(path, "crm:read").json()["name"], "Bo")
        self.assert_problem(self.ask(path, "crm:read", method="delete"), 403, "insufficient_scope")
        self.assertEqual(self.ask(path, "crm:write", method="delete").status_code, 204)

    def test_nobody_passes_without_a_token(self) -> None:
        answer = self.client.get(CONTACTS)
        self.assertEqual(answer.status_code, 401)
        self.assertIn("Bearer", answer["WWW-Authenticate"])

    def test_tokens_of_rest_framework_still_work(self) -> None:
        self.user.set_password("correct horse")
        self.user.save()
        person = {"username": "ann", "password": "correct horse"}
        key = self.client.post("/api/login/", person).json()["token"]
        self.assertEqual(OldToken.objects.get(user=self.user).key, key)
        headers = {"Authorization": f"Token {key}"}
        self.assertEqual(self.client.get(CONTACTS, headers=headers).json(), [])
        wrong = self.client.get(CONTACTS, headers={"Authorization": "Token wrong"})
        self.assertEqual(wrong.json(), {"detail": "Invalid token."})
