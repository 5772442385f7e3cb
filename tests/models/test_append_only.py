"""Events are append-only: no manager, form, route or administration page changes an event."""

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

EVENTS: Any = Event.objects  # Any, because the attempts below have wrong types
ATTEMPTS: dict[str, Callable[[Any], Any]] = {
    "save": lambda event: event.save(),
    "save some": lambda event: event.save(update_fields=["kind"]),
    "save forced": lambda event: event.save(force_update=True),
    "save a copy of its key": lambda event: Event(
        pk=event.pk, kind="revoked", owner=event.owner
    ).save(),
    "delete": lambda event: event.delete(),
    "delete all": lambda _: Event.objects.all().delete(),
    "delete some": lambda event: Event.objects.filter(pk=event.pk).delete(),
    "update": lambda _: Event.objects.update(kind="revoked"),
    "update_or_create": lambda event: Event.objects.update_or_create(
        {"kind": "revoked"}, pk=event.pk
    ),
    "bulk_update": lambda event: Event.objects.bulk_update([event], ["kind"]),
    "bulk_create over rows": lambda event: EVENTS.bulk_create(
        [event], update_conflicts=True, unique_fields=["id"], update_fields=["kind"]
    ),
    "bulk_create over rows, by position": lambda event: EVENTS.bulk_create(
        [event], None, False, True
    ),
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


def test_people_and_tokens_have_no_relation_to_events() -> None:
    """Managers of such a relation could change events, because they do not use EventQuerySet."""
    for name in ("owner", "actor", "token"):
        field: Any = Event._meta.get_field(name)
        assert field.remote_field.hidden, name


def test_a_deleted_account_keeps_its_events(issue: Issue, owner: User) -> None:
    issue()
    owner.delete()
    assert Event.objects.count() == 1


def test_every_administration_page(issue: Issue, owner: User, administrator: User) -> None:
    """Send each administration page of events the key of an event. The event stays the same."""
    issue()
    before = Event.objects.values().get()
    client = signed_in(administrator)
    event = Event.objects.get()
    pages = {"changelist": [], "add": [], "change": [event.pk], "delete": [event.pk]}
    form = {
        "kind": "revoked",
        "detail": "forged",
        "post": "yes",
        "_save": "Save",
        "_selected_action": [event.pk],
    }
    for page, args in pages.items():
        path = reverse(f"admin:tokens_event_{page}", args=args)
        for action in ("", "delete_selected"):
            assert client.post(path, {**form, "action": action}).status_code in {200, 302, 403}
            assert Event.objects.values().get() == before, (page, action)
    for page in ("delete", "change", "add"):
        path = reverse(f"admin:tokens_event_{page}", args=pages[page])
        assert client.post(path, form).status_code == 403


def test_no_administration_page_edits_events_inline() -> None:
    for model, model_admin in admin.site._registry.items():
        assert all(inline.model is not Event for inline in model_admin.inlines), model
    event_admin = admin.site._registry[Event]
    request: Any = type(
        "Request", (), {"user": User(is_superuser=True, is_staff=True), "GET": {}}
    )()
    assert event_admin.get_actions(request) == {}
    for name in ("add", "change", "delete"):
        assert not getattr(event_admin, f"has_{name}_permission")(request)


def test_deleting_a_person_in_administration_keeps_the_events(
    issue: Issue, owner: User, administrator: User
) -> None:
    issue()
    client: Client = signed_in(administrator)
    assert (
        client.post(f"/admin/accounts/user/{owner.pk}/delete/", {"post": "yes"}).status_code == 302
    )
    assert Event.objects.filter(kind="created").count() == 1
