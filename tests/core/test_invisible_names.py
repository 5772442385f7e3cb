"""Names without a visible character are refused in pages, the API and commands."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.forms import AddKeyForm
from accounts.models import User
from accounts.name_rules import must_be_visible
from tests.conftest import Issue, bearer, signed_in
from tests.server import PASSWORD
from tokens.core.text import NOTHING_VISIBLE, is_visible, one_line
from tokens.models import Token

UNSEEN = [
    "\u200b",
    "\u2060\ufeff",
    "\u3164",
    "\u2800",
    "\u00ad \u00a0",
    "\ufe0f",
    "\U000e0020",
    "\u034f",
]
SEEN = ["CI", "日本", "👨‍👩‍👧", "…", "é", "1", "❤\ufe0f"]
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", UNSEEN)
def test_unseen(name: str) -> None:
    assert not is_visible(name)
    assert one_line(name) == "(no name)"
    with pytest.raises(Exception, match=NOTHING_VISIBLE):
        must_be_visible(name)


@pytest.mark.parametrize("name", [*SEEN, *(f"{name}x" for name in UNSEEN)])
def test_seen(name: str) -> None:
    assert is_visible(name)
    must_be_visible(name)


def create(owner: User, token: Token) -> tuple[Client, str, dict[str, Any]]:
    client = signed_in(owner)
    nonce = client.get("/settings/tokens/new/").context["form"]["nonce"].value()
    return (
        client,
        "/settings/tokens/new/",
        {"name": "\u200b", "expires": "90d", "environment": "live", "nonce": nonce},
    )


def edit(owner: User, token: Token) -> tuple[Client, str, dict[str, Any]]:
    return signed_in(owner), f"{token.get_absolute_url()}edit/", {"name": "\u200b"}


def describe(owner: User, token: Token) -> tuple[Client, str, dict[str, Any]]:
    return (
        signed_in(owner),
        f"{token.get_absolute_url()}edit/",
        {"name": "CI", "description": "\u200b"},
    )


def profile(owner: User, token: Token) -> tuple[Client, str, dict[str, Any]]:
    return signed_in(owner), "/settings/profile/", {"name": "\u200b", "time_zone": "UTC"}


def rename_key(owner: User, token: Token) -> tuple[Client, str, dict[str, Any]]:
    key = Authenticator.objects.create(
        user=owner, type="webauthn", data={"name": "Key 1", "credential": {}}
    )
    return signed_in(owner), f"/accounts/2fa/webauthn/keys/{key.pk}/edit/", {"name": "\u200b"}


def administration(
    path: str, **typed: str
) -> Callable[[User, Token], tuple[Client, str, dict[str, Any]]]:
    def place(owner: User, token: Token) -> tuple[Client, str, dict[str, Any]]:
        root = User.objects.create_superuser("root@example.com", PASSWORD)
        return signed_in(root), path.replace("OWNER", str(owner.pk)), typed

    return place


PLACES = [
    create,
    edit,
    describe,
    profile,
    rename_key,
    administration("/admin/accounts/user/add/", email="new@example.com", name="\u200b"),
    administration("/admin/accounts/user/OWNER/change/", email="owner@example.com", name="\u200b"),
    administration("/admin/auth/group/add/", name="\u200b"),
    administration("/admin/tokens/scope/add/", name="a:read", words="\u200b"),
]


@pytest.mark.parametrize("place", PLACES)
def test_pages_refuse_it(
    issue: Issue, owner: User, place: Callable[[User, Token], tuple[Client, str, Any]]
) -> None:
    client, path, typed = place(owner, issue()[0])
    response = client.post(path, typed)
    assert response.status_code in {200, 422}
    assert NOTHING_VISIBLE in response.content.decode()


@pytest.mark.parametrize("method", ["post", "patch"])
def test_the_api_refuses_it(issue: Issue, method: str) -> None:
    token, value = issue(scopes=["tokens:read", "tokens:write"])
    path = "/api/v1/tokens" + (f"/{token.identifier}" if method == "patch" else "")
    response = getattr(Client(), method)(
        path, {"name": "\u200b"}, "application/json", headers=bearer(value)
    )
    assert response.json()["code"] == "invalid_request"
    (error,) = response.json()["errors"]
    assert (error["field"], NOTHING_VISIBLE in error["detail"]) == ("name", True)


def test_the_command_refuses_it(owner: User) -> None:
    with pytest.raises(CommandError, match=f"--name: {NOTHING_VISIBLE}"):
        call_command(
            "token", "create", "--user", owner.email, "--name", "\u200b", stdout=StringIO()
        )


def test_a_key_that_is_made_gets_a_name(owner: User) -> None:
    """The name arrives after the ceremony of a passkey, so a bad name is replaced, not refused."""
    form = AddKeyForm(user=owner)
    form.cleaned_data = {"name": "\u200b"}
    assert form.clean_name() == "Key 1"
