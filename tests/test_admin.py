"""Django admin: an inventory of tokens that can end one, and neither make, change nor show one."""

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.conftest import Issue, bearer, signed_in
from tokens.models import Event, Token

LIST = "/admin/tokens/token/"


@pytest.fixture
def admin_client(administrator: User) -> Client:
    return signed_in(administrator)


def test_sign_in_is_everyones(client: Client, db: None) -> None:
    assert client.get("/admin/")["Location"] == "/admin/login/?next=/admin/"
    response = client.get("/admin/login/?next=/admin/")
    assert response["Location"].startswith("/accounts/login/?next=")


def test_people_without_rights_are_refused(owner_client: Client) -> None:
    assert owner_client.get("/admin/").status_code in {302, 403}
    assert owner_client.get("/admin/", follow=True).status_code == 403


def test_inventory(issue: Issue, admin_client: Client, owner: User) -> None:
    token, value = issue()
    for path in (LIST, f"{LIST}?q={token.identifier}", f"{LIST}?q={owner.email}", f"{LIST}?status=active",
                 f"{LIST}{token.pk}/change/"):  # fmt: skip
        page = admin_client.get(path).content.decode()
        for words in (token.name, token.identifier, owner.email, "Production", "Active"):
            assert words in page, path
        assert token.digest not in page
        assert value[24:] not in page
    assert token.identifier not in admin_client.get(f"{LIST}?status=revoked").content.decode()


@pytest.mark.parametrize("route", ["add/", "{pk}/change/", "{pk}/delete/"])
def test_nothing_can_be_made_changed_or_deleted(issue: Issue, admin_client: Client, route: str) -> None:
    token, _ = issue()
    before = Token.objects.values().get()
    response = admin_client.post(
        LIST + route.format(pk=token.pk), {"name": "forged", "digest": "0" * 64, "post": "yes"}
    )
    assert response.status_code == 403
    assert Token.objects.values().get() == before
    event = Event.objects.get()
    assert admin_client.post(f"/admin/tokens/event/{event.pk}/change/", {"kind": "revoked"}).status_code == 403
    assert admin_client.post(f"/admin/tokens/event/{event.pk}/delete/", {"post": "yes"}).status_code == 403


def test_revoke_asks_and_then_writes_who_did_it(issue: Issue, admin_client: Client, administrator: User) -> None:
    token, value = issue()
    action = {"action": "revoke", "_selected_action": [token.pk]}
    asked = admin_client.post(LIST, action)
    assert "This can't be undone." in asked.content.decode()
    token.refresh_from_db()
    assert token.revoked_at is None
    done = admin_client.post(LIST, action | {"confirmed": "yes"}, follow=True)
    assert "1 revoked." in done.content.decode()
    assert Client().get("/api/v1/token", headers=bearer(value)).json()["code"] == "revoked_token"
    event = Event.objects.first()
    assert event is not None
    assert (event.kind, event.actor) == ("revoked", administrator)


def test_revoke_needs_the_permission(issue: Issue, owner: User) -> None:
    from django.contrib.auth.models import Permission

    token, _ = issue()
    owner.is_staff = True
    owner.save()
    owner.user_permissions.add(Permission.objects.get(codename="view_token"))
    signed_in(owner).post(LIST, {"action": "revoke", "_selected_action": [token.pk], "confirmed": "yes"})
    token.refresh_from_db()
    assert token.revoked_at is None


@pytest.mark.parametrize("lookup", ["name__regex", "digest__startswith", "owner__password__startswith", "digest"])
def test_no_condition_but_the_listed_ones(issue: Issue, admin_client: Client, lookup: str) -> None:
    issue()
    assert admin_client.get(LIST, {lookup: "a"}).status_code == 400
    assert admin_client.get(LIST, {"environment__exact": "live"}).status_code == 200


def test_events_are_there_to_read(issue: Issue, admin_client: Client) -> None:
    token, _ = issue()
    assert token.identifier in admin_client.get("/admin/tokens/event/").content.decode()


def test_adding_an_account_invites_its_owner(admin_client: Client, mailoutbox: list[EmailMessage]) -> None:
    response = admin_client.post(
        reverse("admin:accounts_user_add"),
        {"email": "New@Example.com", "name": "New"},
    )
    assert response.status_code == 302, response.context["errors"]
    assert not User.objects.get(email="new@example.com").has_usable_password()
    assert [mail.to for mail in mailoutbox] == [["new@example.com"]]


def test_an_address_that_is_taken_is_said_beside_the_field(admin_client: Client, owner: User, teammate: User) -> None:
    add = admin_client.post(reverse("admin:accounts_user_add"), {"email": "Owner@Example.com", "name": "New"})
    assert add.context["errors"] == [["An account with this e-mail address exists."]]
    change = admin_client.post(f"/admin/accounts/user/{teammate.pk}/change/", {"email": "OWNER@example.com"})
    assert change.context["adminform"].form.errors == {"email": ["An account with this e-mail address exists."]}


def test_an_account_can_be_deleted_with_its_tokens(issue: Issue, owner: User, admin_client: Client) -> None:
    issue()
    response = admin_client.post(f"/admin/accounts/user/{owner.pk}/delete/", {"post": "yes"})
    assert response.status_code == 302
    assert not Token.objects.exists()
    assert Event.objects.get().identifier
