"""The choice of mails about tokens on /settings/profile/."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tokens.models import MailChoices

PATH = "/settings/profile/"
GOOD: dict[str, Any] = {"name": "Ada", "time_zone": "UTC", "theme": ""}


def checked(client: Client) -> list[str]:
    form = client.get(PATH).context["form"]
    return [
        name
        for name in MailChoices.OPTIONS
        if f'value="{name}"' in str(form["token_mails"]) and name in form["token_mails"].value()
    ]


def test_defaults_and_what_nobody_can_switch_off(owner_client: Client) -> None:
    assert checked(owner_client) == ["reminders", "renewals"]
    page = owner_client.get(PATH).content.decode()
    assert "security can't be switched off" in page
    assert "used after it was revoked" in page


@pytest.mark.parametrize(
    "names", [[], ["new_addresses"], ["reminders", "renewals", "new_addresses"]]
)
def test_saves(owner: User, teammate: User, owner_client: Client, names: list[str]) -> None:
    assert owner_client.post(PATH, {**GOOD, "token_mails": names})["Location"] == PATH
    assert checked(owner_client) == names
    assert MailChoices.chosen(owner) == names
    assert MailChoices.chosen(teammate) == ["reminders", "renewals"]


@pytest.mark.parametrize(
    "wrong", [{"token_mails": ["created"]}, {"time_zone": "Mars/Olympus", "token_mails": []}]
)
def test_errors_change_nothing_and_keep_what_was_chosen(
    owner: User, owner_client: Client, wrong: dict[str, Any]
) -> None:
    response = owner_client.post(PATH, {**GOOD, **wrong})
    assert response.status_code == 422
    assert response.context["form"]["token_mails"].value() == wrong["token_mails"]
    assert MailChoices.chosen(owner) == ["reminders", "renewals"]


def test_stranger(stranger_client: Client, owner: User) -> None:
    assert stranger_client.post(PATH, {**GOOD, "token_mails": []}).status_code == 302
    assert MailChoices.chosen(owner) == ["reminders", "renewals"]
