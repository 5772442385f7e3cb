"""Who may sign in by domain and group, and which groups a person gets here."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from tests.accounts.oidc.fake_provider import PERSON, FakeProvider

pytestmark = pytest.mark.django_db
Change = Callable[..., None]


@pytest.mark.parametrize(
    ("rules", "claims", "status"),
    [
        ({"allowed_domains": ("example.com",)}, {}, 302),
        ({"allowed_domains": ("example.org",)}, {}, 403),
        ({"allowed_domains": ("ample.com",)}, {}, 403),
        ({"allowed_domains": ("example.com",)}, {"email_verified": False}, 403),
        ({"allowed_groups": ("staff", "ops")}, {"groups": ["ops"]}, 302),
        ({"allowed_groups": ("staff",)}, {"groups": ["ops"]}, 403),
        ({"allowed_groups": ("staff",)}, {"groups": "staff"}, 302),
        ({"allowed_groups": ("staff",)}, {"groups": [["staff"], {"staff": 1}]}, 403),
        ({"allowed_groups": ("staff",)}, {}, 403),
    ],
)
def test_who_may_sign_in(
    provider: FakeProvider,
    change_sign_on: Change,
    rules: dict[str, Any],
    claims: dict[str, Any],
    status: int,
) -> None:
    change_sign_on(groups_claim="groups", **rules)
    provider.claims |= claims
    provider.userinfo = dict(PERSON)
    response = provider.sign_in(Client())
    assert response.status_code == status
    assert User.objects.exists() == (status == 302)
    if status == 403:
        assert response.context["code"] == "not_allowed"


def test_groups_follow_the_claim(
    provider: FakeProvider, change_sign_on: Change, client: Client
) -> None:
    """Groups that exist here, and no others; nobody becomes an administrator."""
    change_sign_on(groups_claim="groups")
    for name in ("billing", "ops", "by hand"):
        Group.objects.create(name=name)
    provider.claims["groups"] = ["billing", "superusers", "is_staff", 7]
    provider.sign_in(client)
    user = User.objects.get()
    assert [group.name for group in user.groups.all()] == ["billing"]
    user.groups.add(Group.objects.get(name="by hand"))
    provider.claims["groups"] = ["ops"]
    provider.sign_in(Client())
    assert [group.name for group in user.groups.all()] == ["ops"]
    del provider.claims["groups"]
    provider.userinfo = dict(PERSON)
    provider.sign_in(Client())
    assert not user.groups.exists()
    assert Group.objects.exclude(name="Auditors").count() == 3
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser) == (False, False)


def test_without_a_claim_groups_stay(provider: FakeProvider, client: Client) -> None:
    provider.sign_in(client)
    User.objects.get().groups.add(Group.objects.create(name="by hand"))
    provider.claims["groups"] = []
    provider.sign_in(Client())
    assert User.objects.get().groups.exists()


def test_a_scope_of_the_same_name_is_asked_for(
    provider: FakeProvider, change_sign_on: Change, client: Client
) -> None:
    change_sign_on(groups_claim="groups")
    provider.discovery = {"scopes_supported": ["openid", "groups"]}
    assert "groups" in provider.begin(client)["scope"].split()


def test_groups_that_are_too_many_for_the_token(
    provider: FakeProvider, change_sign_on: Change, client: Client
) -> None:
    """Microsoft Entra ID leaves them out, and names another address. Nobody loses a group."""
    change_sign_on(groups_claim="groups")
    Group.objects.create(name="ops")
    provider.claims["groups"] = ["ops"]
    provider.sign_in(client)
    del provider.claims["groups"]
    provider.userinfo = dict(PERSON)
    provider.claims["_claim_names"] = {"groups": "src1"}
    response = provider.sign_in(Client())
    assert (response.status_code, response.context["code"]) == (403, "groups_left_out")
    assert "too many groups" in response.content.decode()
    assert [group.name for group in User.objects.get().groups.all()] == ["ops"]
    provider.claims["_claim_names"] = {"address": "src1"}
    assert provider.sign_in(Client()).status_code == 302
    assert not User.objects.get().groups.exists()


def test_more_groups_than_a_query_takes(
    provider: FakeProvider, change_sign_on: Change, client: Client
) -> None:
    """Also names that no database takes, and the same name several times."""
    change_sign_on(groups_claim="groups", allowed_groups=("ops",))
    for name in ("ops", "\u212a"):
        Group.objects.create(name=name)
    names = [str(number) for number in range(5000)]
    provider.claims["groups"] = [*names, "a\0b", "\ud800", "k", "K", "OPS", "ops", "ops"]
    assert provider.sign_in(client).status_code == 302
    assert [group.name for group in User.objects.get().groups.all()] == ["ops"]


def test_auditors(provider: FakeProvider, change_sign_on: Change, client: Client) -> None:
    """The provider may put people into this group. Only an administrator makes them staff."""
    change_sign_on(groups_claim="groups")
    provider.claims["groups"] = ["Auditors"]
    provider.sign_in(client)
    assert User.objects.get().groups.get().name == "Auditors"
    overview = "/admin/tokens/token/overview/"
    assert client.get(overview)["Location"].startswith("/admin/login/")
    User.objects.update(is_staff=True)
    assert client.get(overview).status_code == 200
