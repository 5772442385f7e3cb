"""Fixtures: people who may look at the administration, or may not."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from tests.conftest import signed_in
from tokens.models import Token
from tokens.usage.recorder import recorder

TOKENS = "/admin/tokens/token/"
EVENTS = "/admin/tokens/event/"
OVERVIEW = f"{TOKENS}overview/"


@pytest.fixture
def auditor(db: None) -> User:
    user = User.objects.create_user(email="auditor@example.com", password="", is_staff=True)
    user.groups.add(Group.objects.get(name="Auditors"))
    return user


@pytest.fixture
def auditor_client(auditor: User) -> Client:
    return signed_in(auditor)


@pytest.fixture
def staff_client(db: None) -> Client:
    """Return a client of somebody who may open the administration, but has no permission."""
    return signed_in(User.objects.create_user(email="staff@example.com", is_staff=True))


@pytest.fixture
def everybody(
    owner: User, teammate: User, auditor: User, administrator: User, staff_client: Client
) -> dict[str, Client]:
    people = {"owner": owner, "teammate": teammate, "auditor": auditor}
    clients = {who: signed_in(user) for who, user in people.items()}
    others = {"stranger": Client(), "staff": staff_client}
    return clients | others | {"administrator": signed_in(administrator)}


@pytest.fixture
def recorded() -> Callable[..., None]:
    """Return a function that counts requests at once."""

    def write(*records: Any) -> None:
        for record in records:
            recorder.record(record)
        recorder.flush()

    return write


def change(token: Token, **columns: Any) -> Token:
    Token.objects.filter(pk=token.pk).update(**columns)
    token.refresh_from_db()
    return token
