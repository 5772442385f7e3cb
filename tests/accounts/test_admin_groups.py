"""Django admin: groups, which may carry rights in the administration."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.db.models import QuerySet
from django.test import Client

from accounts.models import User
from tests.conftest import signed_in

LIST = "/admin/auth/group/"


def added_groups() -> QuerySet[Group]:
    """Return all groups but “Auditors”, which is always there."""
    return Group.objects.exclude(name="Auditors")


@pytest.fixture
def helper(teammate: User) -> Client:
    """Signed in as somebody who looks after groups, and is no superuser."""
    teammate.is_staff = True
    teammate.save()
    teammate.user_permissions.set(Permission.objects.filter(codename__endswith="_group"))
    return signed_in(teammate)


@pytest.fixture
def everything() -> list[int]:
    return list(Permission.objects.values_list("pk", flat=True))


def test_they_give_no_group_rights(helper: Client, teammate: User, everything: list[int]) -> None:
    group = Group.objects.create(name="Finance")
    teammate.groups.add(group)
    change = helper.post(f"{LIST}{group.pk}/change/", {"name": "Money", "permissions": everything})
    add = helper.post(f"{LIST}add/", {"name": "Everything", "permissions": everything})
    assert (change.status_code, add.status_code) == (302, 302)
    assert {group.name: group.permissions.count() for group in added_groups()} == {
        "Money": 0,
        "Everything": 0,
    }


def test_groups_with_rights_are_out_of_their_reach(helper: Client, teammate: User) -> None:
    group = Group.objects.create(name="Staff")
    group.permissions.add(Permission.objects.get(codename="view_user"))
    assert helper.post(f"{LIST}{group.pk}/change/", {"name": "Mine"}).status_code == 403
    assert helper.post(f"{LIST}{group.pk}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [group.pk], "post": "yes"}
    assert helper.post(LIST, chosen).status_code == 403
    assert [(group.name, group.permissions.count()) for group in added_groups()] == [("Staff", 1)]
    assert "Staff" in helper.get(LIST).content.decode()


def test_they_rename_and_delete_the_others(helper: Client) -> None:
    group = Group.objects.create(name="Finance")
    assert helper.post(f"{LIST}{group.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not added_groups()


def test_a_superuser_gives_and_takes_rights(admin_client: Client, everything: list[int]) -> None:
    assert (
        admin_client.post(f"{LIST}add/", {"name": "Staff", "permissions": everything}).status_code
        == 302
    )
    group = added_groups().get()
    assert group.permissions.count() == len(everything)
    assert admin_client.post(f"{LIST}{group.pk}/change/", {"name": "Staff"}).status_code == 302
    assert group.permissions.count() == 0
