"""Somebody's look at an installation in some state, for the tests of accessibility."""

from typing import NamedTuple

from playwright.sync_api import Page

CATALOGUE = """
from datetime import timedelta
from django.contrib.auth.models import Group
from django.utils import timezone
from accounts.models import User
from tokens.models import ForeignCredential, ImportedToken, Scope, Source, Token, TokenPolicy

owner = User.objects.get(email=EMAIL)
finance, sales = Group.objects.create(name="Finance"), Group.objects.create(name="S" * 150)
owner.groups.add(finance, sales)
for name, group in {
    "reports:read": None, "reports:write": None, "invoices:read": finance,
    "invoices:write": finance, "r" * 60 + ":" + "a" * 39: None, "crm:read": sales,
    "old:read": None,
}.items():
    words = "May " + "w" * 196 if len(name) == 100 else f"May {name}"
    Scope.objects.create(name=name, words=words, group=group)
token, _ = Token.objects.issue(
    owner=owner, name="Access", environment="dev", expires_at=timezone.now() + timedelta(days=30),
    scopes=["reports:read", "crm:read", "old:read", "r" * 60 + ":" + "a" * 39],
    allowed_addresses=["203.0.113.7/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/128"],
)
token.set_rate_limit("10/second;1000/day")
Scope.objects.get(name="old:read").delete()
owner.groups.remove(sales)
ImportedToken.objects.add(
    ForeignCredential("sha512:" + "0" * 128), owner=owner, source=Source.DRF_API_KEY,
    name="Warehouse scanner", environment="live", begins_with="Ab3dEf9h.",
    expires_at=timezone.now() + timedelta(days=60), made_at=timezone.now() - timedelta(days=900),
)
clerk = User.objects.create_user(email="clerk@example.com")
clerk.groups.add(clerks := Group.objects.create(name="Clerks"))
TokenPolicy.objects.create(
    name="Clerks", group=clerks, approvers=finance, approval_scopes="reports:*",
)
for name in ("Bookkeeping", "n" * 100):
    Token.objects.issue(
        owner=clerk, name=name, environment="live", expires_at=timezone.now() + timedelta(days=9),
        scopes=["reports:read", "reports:write"],
    )
print(token.identifier)
"""


class Visit(NamedTuple):
    """Somebody's look at the installation."""

    page: Page
    url: str
    seeded: dict[str, str]

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def send(self, name: str = "Deploy script") -> None:
        self.page.get_by_label("Token name").fill(name)
        self.page.get_by_role("button", name="Create token").click()
