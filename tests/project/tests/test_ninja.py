"""The API with django-ninja."""

from crm.models import Contact
from tests.support import ProjectTest

CONTACTS = "/ninja/contacts"


class NinjaTest(ProjectTest):
    def test_each_operation_needs_its_scope(self) -> None:
        added = self.ask(CONTACTS, "crm:write", method="post", data={"name": "Bo"})
        self.assertEqual(added.json(), {"by": "ann", "with": "Test"})
        self.assertEqual(self.ask(CONTACTS, "crm:read").json(), ["Bo"])
        self.assert_problem(self.ask(CONTACTS, "crm:write"), 403, "insufficient_scope")
        self.assert_problem(self.client.get(CONTACTS), 401, "missing_credentials")
        self.assertEqual(Contact.objects.count(), 1)
