"""Django admin: accounts, who may look after them, and what stays out of their reach."""

import re
from smtplib import SMTPSenderRefused
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group, Permission
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Notification, User
from tests.conftest import Issue, page_of, signed_in
from tests.server import PASSWORD
from tokens.models import Event, Token


def test_adding_an_account_invites_its_owner(
    admin_client: Client, mailoutbox: list[EmailMessage]
) -> None:
    response = admin_client.post(
        reverse("admin:accounts_user_add"),
        {"email": "New@Example.com", "name": "New"},
    )
    assert response.status_code == 302, response.context["errors"]
    assert not User.objects.get(email="new@example.com").has_usable_password()
    assert [mail.to for mail in mailoutbox] == [["new@example.com"]]


def test_an_address_that_is_taken_is_said_beside_the_field(
    admin_client: Client, owner: User, teammate: User
) -> None:
    add = admin_client.post(
        reverse("admin:accounts_user_add"), {"email": "Owner@Example.com", "name": "New"}
    )
    assert add.context["errors"] == [["An account with this email address exists."]]
    change = admin_client.post(
        f"/admin/accounts/user/{teammate.pk}/change/", {"email": "OWNER@example.com"}
    )
    assert change.context["adminform"].form.errors == {
        "email": ["An account with this email address exists."]
    }


def test_an_account_can_be_deleted_with_its_ended_tokens(
    issue: Issue, owner: User, admin_client: Client
) -> None:
    for number in range(3):
        issue(name=f"Token {number}")[0].revoke()
    path = f"/admin/accounts/user/{owner.pk}/delete/"
    assert "Token 2" not in admin_client.get(path).content.decode()
    assert admin_client.post(path, {"post": "yes"}).status_code == 302
    assert not Token.objects.exists()
    assert all(event.identifier for event in Event.objects.exclude(kind="signed_in"))


def change_path(user: User, page: str = "change") -> str:
    return f"/admin/accounts/user/{user.pk}/{page}/"


@pytest.fixture
def helper(teammate: User) -> Client:
    """Signed in as somebody who looks after the accounts, and is no superuser."""
    teammate.is_staff = True
    teammate.save()
    teammate.user_permissions.set(Permission.objects.filter(codename__endswith="_user"))
    return signed_in(teammate)


def test_who_looks_after_accounts_gives_nobody_rights(
    helper: Client, owner: User, teammate: User
) -> None:
    group = Group.objects.create(name="Everything")
    rights = {
        "is_active": "on",
        "is_staff": "on",
        "is_superuser": "on",
        "groups": group.pk,
        "user_permissions": 1,
    }
    assert (
        helper.post(change_path(owner), {"email": owner.email, "name": "Ada"} | rights).status_code
        == 302
    )
    owner.refresh_from_db()
    assert (owner.name, owner.is_staff, owner.is_superuser) == ("Ada", False, False)
    assert not owner.groups.exists()
    assert not owner.user_permissions.exists()
    assert (
        helper.post(change_path(teammate), {"email": teammate.email} | rights).status_code == 403
    )
    teammate.refresh_from_db()
    assert not teammate.is_superuser


@pytest.mark.parametrize(("is_staff", "is_superuser"), [(True, False), (False, True)])
def test_administrators_are_out_of_their_reach(
    helper: Client, owner: User, is_staff: bool, is_superuser: bool
) -> None:
    User.objects.filter(pk=owner.pk).update(is_staff=is_staff, is_superuser=is_superuser)
    before = User.objects.values().get(pk=owner.pk)
    assert (
        helper.post(
            change_path(owner), {"email": "mine@example.com", "is_active": "on"}
        ).status_code
        == 403
    )
    new = {
        "password1": "another correct horse",
        "password2": "another correct horse",
        "usable_password": "true",
    }
    assert helper.post(change_path(owner, "password"), new).status_code == 403
    assert helper.post(change_path(owner, "delete"), {"post": "yes"}).status_code == 403
    assert delete_chosen(helper, owner).status_code == 403
    assert User.objects.values().get(pk=owner.pk) == before


def delete_chosen(client: Client, *users: User) -> Any:
    chosen = {
        "action": "delete_selected",
        "_selected_action": [user.pk for user in users],
        "post": "yes",
    }
    return client.post("/admin/accounts/user/", chosen)


def test_they_delete_other_accounts(helper: Client, issue: Issue, owner: User) -> None:
    issue()[0].revoke()
    assert delete_chosen(helper, owner).status_code == 302
    assert not User.objects.filter(pk=owner.pk).exists()


def test_a_superuser_is_always_left(
    admin_client: Client, administrator: User, owner: User
) -> None:
    """None takes their own rights, and nobody else can take them."""
    assert (
        admin_client.post(change_path(administrator), {"email": administrator.email}).status_code
        == 302
    )
    administrator.refresh_from_db()
    assert (administrator.is_active, administrator.is_staff, administrator.is_superuser) == (
        True,
        True,
        True,
    )
    assert (
        admin_client.post(change_path(administrator, "delete"), {"post": "yes"}).status_code == 403
    )
    assert delete_chosen(admin_client, administrator, owner).status_code == 403
    assert User.objects.count() == 2


def test_a_superuser_makes_and_unmakes_another(admin_client: Client, owner: User) -> None:
    rights = {"is_active": "on", "is_staff": "on", "is_superuser": "on"}
    for given in (rights, {"is_active": "on"}):
        admin_client.post(change_path(owner), {"email": owner.email} | given)
        owner.refresh_from_db()
        assert (owner.is_staff, owner.is_superuser) == (
            "is_staff" in given,
            "is_superuser" in given,
        )


def test_a_new_address_replaces_the_old_one(
    admin_client: Client, owner: User, mailoutbox: list[EmailMessage]
) -> None:
    EmailAddress.objects.create(user=owner, email="pending@example.com")
    admin_client.post(change_path(owner), {"email": "New@Example.com", "is_active": "on"})
    rows = EmailAddress.objects.filter(user=owner).values_list("email", "verified", "primary")
    assert list(rows) == [("new@example.com", True, True)]
    signed = [
        Client().post("/accounts/login/", {"login": email, "password": PASSWORD}).get("Location")
        for email in ("owner@example.com", "new@example.com")
    ]
    assert signed == [None, "/settings/tokens/"]
    Client().post("/accounts/password/reset/", {"email": "owner@example.com"})
    assert mailoutbox == []


def test_a_change_asks_again_who_is_there(administrator: User, owner: User) -> None:
    client = signed_in(administrator, seconds_ago=3600)
    assert client.get(change_path(owner)).status_code == 200
    for path in (
        change_path(owner, "delete"),
        change_path(owner, "password"),
        "/admin/accounts/user/?q=a",
    ):
        asked = client.post(path, {"post": "yes"})
        assert asked["Location"].startswith(
            "/accounts/reauthenticate/?next=%2Fadmin%2Faccounts%2Fuser%2F"
        )
    assert User.objects.filter(pk=owner.pk).exists()
    assert client.post("/admin/logout/").status_code == 200


def test_an_administrators_own_password_changes_where_everyones_does(admin_client: Client) -> None:
    assert admin_client.post("/admin/password_change/")["Location"] == "/accounts/password/change/"


def test_who_has_no_password_yet_is_invited_again(
    admin_client: Client, owner: User, mailoutbox: list[EmailMessage], settings: Settings
) -> None:
    settings.MAILS_ARE_PRINTED = False
    waiting = User.objects.create_user(email="waiting@example.com")
    form = {"action": "invite_again", "_selected_action": [owner.pk, waiting.pk]}
    answer = admin_client.post(reverse("admin:accounts_user_changelist"), form, follow=True)
    assert "1 invited by mail." in answer.content.decode()
    assert [mail.to for mail in mailoutbox] == [["waiting@example.com"]]
    settings.MAILS_ARE_PRINTED = True
    answer = admin_client.post(reverse("admin:accounts_user_changelist"), form, follow=True)
    assert "No mail server is set. Open each account" in page_of(answer)
    assert "No mail server is set. Send the link below to ada@" in page_of(invited(admin_client))


def invited(client: Client) -> Any:
    """Add an account, and return its page."""
    return client.post(
        reverse("admin:accounts_user_add"), {"email": "ada@example.com", "name": ""}, follow=True
    )


def links(page: Any) -> list[str]:
    return re.findall(
        r"http://localhost:8000(/accounts/password/reset/key/[^\s<]+)", page.content.decode()
    )


def test_after_an_invitation_its_link_is_there(
    admin_client: Client, mailoutbox: list[EmailMessage], settings: Settings
) -> None:
    settings.MAILS_ARE_PRINTED = False
    page = invited(admin_client)
    (link,) = links(page)
    assert "The invitation goes to ada@example.com." in page.content.decode()
    assert [mail.to for mail in mailoutbox] == [["ada@example.com"]]
    form = Client().get(link, follow=True)
    new = {"password1": "another correct horse", "password2": "another correct horse"}
    ada = Client()
    ada.get(link)
    ada.post(form.redirect_chain[-1][0], new)
    assert User.objects.get(email="ada@example.com").check_password("another correct horse")
    assert links(admin_client.get(page.redirect_chain[-1][0])) == []  # nothing is left to choose


def test_an_administrator_reads_what_the_mail_server_said(
    admin_client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(backend: EmailBackend, messages: list[EmailMessage]) -> int:
        raise SMTPSenderRefused(553, b"5.7.1 <b>not</b> yours", "tokenry@localhost")

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    page = invited(admin_client).content.decode()
    said = "553 5.7.1 &lt;b&gt;not&lt;/b&gt; yours. The next try is at "
    assert f"“You are invited to Tokenry” to ada@example.com could not be sent: {said}" in page
    Notification.objects.update(due_at=None)
    path = change_path(User.objects.get(email="ada@example.com"))
    assert "yours. It was given up." in admin_client.get(path).content.decode()
    Notification.objects.update(problem="", due_at=timezone.now())
    assert "is about to be sent." in admin_client.get(path).content.decode()
    assert "None" in admin_client.get(change_path(owner)).content.decode()


def test_the_link_is_for_those_who_may_change_the_account_and_are_fresh(
    helper: Client, teammate: User, administrator: User
) -> None:
    invited(helper)
    path = change_path(User.objects.get(email="ada@example.com"))
    assert len(links(helper.get(path))) == 1
    stale = signed_in(teammate, seconds_ago=3600).get(path)
    assert links(stale) == []
    assert (
        f'href="/accounts/reauthenticate/?next={path.replace("/", "%2F")}"'
        in stale.content.decode()
    )
    teammate.user_permissions.set(Permission.objects.filter(codename="view_user"))
    looking = signed_in(teammate).get(path)
    assert (looking.status_code, links(looking)) == (200, [])
    User.objects.filter(email="ada@example.com").update(is_staff=True)
    teammate.user_permissions.set(Permission.objects.filter(codename__endswith="_user"))
    assert links(signed_in(teammate).get(path)) == []
    assert len(links(signed_in(administrator).get(path))) == 1
