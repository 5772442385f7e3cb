"""What administrators do about single sign-on."""

import pytest
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.accounts.oidc.fake_provider import FakeProvider
from tests.conftest import signed_in
from tokens.models import Event

pytestmark = pytest.mark.django_db
LIST = reverse("admin:accounts_user_changelist")


def test_no_provider_is_added_in_the_administration() -> None:
    for model in (SocialAccount, SocialApp, SocialToken):
        assert not admin.site.is_registered(model)


def test_a_link_is_removed(provider: FakeProvider, admin_client: Client, client: Client) -> None:
    """Then the next person with the address is linked. The first one's sessions end."""
    provider.sign_in(client)
    user = User.objects.get(email="ada@example.com")
    by_password = signed_in(user)
    form = {"action": "unlink", "_selected_action": [str(user.pk)]}
    admin_client.post(LIST, form)
    assert not SocialAccount.objects.exists()
    assert client.get("/settings/sessions/").status_code == 302
    assert by_password.get("/settings/sessions/").status_code == 200
    event = Event.objects.get(kind="administered")
    assert (event.owner, event.detail) == (user, "Link to single sign-on removed")
    provider.claims["sub"] = "person-2"
    assert provider.sign_in(Client()).status_code == 302
    assert SocialAccount.objects.get().uid == "person-2"


def test_the_link_of_an_administrator_is_out_of_reach(
    provider: FakeProvider, administrator: User, owner: User
) -> None:
    from django.contrib.auth.models import Permission

    SocialAccount.objects.create(user=administrator, provider=provider.issuer, uid="boss")
    owner.is_staff = True
    owner.save()
    names = ("view_user", "change_user")
    owner.user_permissions.set(Permission.objects.filter(codename__in=names))
    form = {"action": "unlink", "_selected_action": [str(administrator.pk)]}
    signed_in(owner).post(LIST, form)
    assert SocialAccount.objects.exists()


def test_nobody_who_signed_in_is_invited_again(
    provider: FakeProvider, admin_client: Client, client: Client, mailoutbox: list[EmailMessage]
) -> None:
    """A link to choose a password is of no use to them."""
    provider.sign_in(client)
    user = User.objects.get(email="ada@example.com")
    form = {"action": "invite_again", "_selected_action": [str(user.pk)]}
    admin_client.post(LIST, form)
    assert not mailoutbox
    page = admin_client.get(reverse("admin:accounts_user_change", args=[user.pk]))
    assert "Invitation link" not in page.content.decode()
