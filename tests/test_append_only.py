"""Events are written once: no manager method, form, route or administration page changes or deletes one."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.conftest import Issue, signed_in
from tokens.models import Event

EVENTS: Any = Event.objects  # more than type checkers let pass
ATTEMPTS: dict[str, Callable[[Any], Any]] = {
    "save": lambda event: event.save(),
    "save some": lambda event: event.save(update_fields=["kind"]),
    "save forced": lambda event: event.save(force_update=True),
    "save a copy of its key": lambda event: Event(pk=event.pk, kind="revoked", owner=event.owner).save(),
    "delete": lambda event: event.delete(),
    "delete all": lambda _: Event.objects.all().delete(),
    "delete some": lambda event: Event.objects.filter(pk=event.pk).delete(),
    "update": lambda _: Event.objects.update(kind="revoked"),
    "update_or_create": lambda event: Event.objects.update_or_create({"kind": "revoked"}, pk=event.pk),
    "bulk_update": lambda event: Event.objects.bulk_update([event], ["kind"]),
    "bulk_create over rows": lambda event: EVENTS.bulk_create(
        [event], update_conflicts=True, unique_fields=["id"], update_fields=["kind"]
    ),
    "bulk_create over rows, by position": lambda event: EVENTS.bulk_create([event], None, False, True),
    "bulk_create": lambda event: EVENTS.bulk_create([event]),
    "from its token": lambda event: event.token.events.update(kind="revoked"),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_managers(issue: Issue, attempt: str) -> None:
    issue()
    before = Event.objects.values().get()
    event = Event.objects.get()
    event.kind = "revoked"
    with pytest.raises((TypeError, IntegrityError)), transaction.atomic():
        ATTEMPTS[attempt](event)
    assert Event.objects.values().get() == before


def test_there_is_no_way_back_from_a_person_or_a_token() -> None:
    """Related managers would write through Django's own one."""
    for name in ("owner", "actor", "token"):
        field: Any = Event._meta.get_field(name)
        assert field.remote_field.hidden, name


def test_nothing_is_deleted_with_an_event_in_tow(issue: Issue, owner: User) -> None:
    issue()
    owner.delete()
    assert Event.objects.count() == 1


def test_every_administration_page(issue: Issue, owner: User, administrator: User) -> None:
    """All that write, for all models, with the key of an event: none touches it."""
    issue()
    before = Event.objects.values().get()
    client = signed_in(administrator)
    event = Event.objects.get()
    own = {"changelist": [], "add": [], "change": [event.pk], "delete": [event.pk]}
    wanted = {"kind": "revoked", "detail": "forged", "post": "yes", "_save": "Save", "_selected_action": [event.pk]}
    for page, args in own.items():
        path = reverse(f"admin:tokens_event_{page}", args=args)
        for action in ("", "delete_selected"):
            assert client.post(path, {**wanted, "action": action}).status_code in {200, 302, 403}
            assert Event.objects.values().get() == before, (page, action)
    assert client.post(reverse("admin:tokens_event_delete", args=[event.pk]), wanted).status_code == 403
    assert client.post(reverse("admin:tokens_event_change", args=[event.pk]), wanted).status_code == 403
    assert client.post(reverse("admin:tokens_event_add"), wanted).status_code == 403


def test_no_other_administration_edits_them_along() -> None:
    for model, its in admin.site._registry.items():
        assert all(inline.model is not Event for inline in its.inlines), model
    its = admin.site._registry[Event]
    request: Any = type("Request", (), {"user": User(is_superuser=True, is_staff=True), "GET": {}})()
    assert its.get_actions(request) == {}
    for may in (its.has_add_permission, its.has_change_permission, its.has_delete_permission):
        assert not may(request)


def test_deleting_a_person_in_administration_keeps_them(issue: Issue, owner: User, administrator: User) -> None:
    issue()
    client: Client = signed_in(administrator)
    assert client.post(f"/admin/accounts/user/{owner.pk}/delete/", {"post": "yes"}).status_code == 302
    assert Event.objects.filter(kind="created").count() == 1
