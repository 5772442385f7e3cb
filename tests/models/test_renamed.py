"""Whoever had a permission on a renamed model has the permission under its new name too."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from accounts.models import User

permissions = import_module("tokens.migrations.0018_permissions")


@pytest.mark.django_db
def test_who_could_see_notices_sees_notifications(owner: User, teammate: User) -> None:
    former = ContentType.objects.create(app_label="tokens", model="notice")
    view = Permission.objects.create(content_type=former, codename="view_notice", name="Old")
    owner.user_permissions.add(view)
    group = Group.objects.create(name="Support")
    group.permissions.add(view)
    teammate.groups.add(group)
    for _ in range(2):  # again, after an upgrade that was rolled back
        permissions.copy_permissions(apps, SimpleNamespace(connection=connection))
    for person in (owner, teammate):
        fresh = User.objects.get(pk=person.pk)
        assert fresh.has_perm("tokens.view_notification")
        assert fresh.has_perm("tokens.view_notice")
        assert not fresh.has_perm("tokens.delete_notification")


@pytest.mark.django_db
def test_a_new_database_has_the_new_permissions_alone() -> None:
    of_tokens = Permission.objects.filter(content_type__app_label="tokens")
    assert not of_tokens.filter(codename__endswith="_notice").exists()
    assert of_tokens.filter(codename__endswith="_notification").count() == 4
