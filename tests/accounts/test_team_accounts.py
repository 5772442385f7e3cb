"""Nobody signs in with the account of a team, in none of the ways in which people sign in."""

from io import StringIO
from typing import Any

import pytest
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.mails import link_to_choose_password
from accounts.models import User
from accounts.oidc.configuration import SignOn
from tests.accounts.oidc import conftest as oidc
from tests.accounts.oidc.fake_provider import FakeProvider
from tests.accounts.test_passkeys import add, challenge_to_sign_in, is_signed_in, sign_in
from tests.conftest import page_of, signed_in
from tests.server import PASSWORD
from tokens.models import Membership, Team

pytestmark = pytest.mark.django_db
one_provider, provider = oidc.one_provider, oidc.provider
TEAM = "billing-ci@teams.invalid"


@pytest.fixture
def account(owner: User) -> User:
    """Return the account of a team."""
    team = Team.make("billing-ci", "Billing", {owner: Membership.Role.MANAGER})
    return User.objects.get(pk=team.account_id)


def give_password(account: User) -> None:
    """Write a password past `set_password`, and confirm the address, as a mistake in SQL would."""
    User.objects.filter(pk=account.pk).update(password=make_password(PASSWORD))
    EmailAddress.objects.create(user=account, email=account.email, primary=True, verified=True)


def test_no_password_can_be_set(account: User) -> None:
    account.set_password(PASSWORD)
    account.save()
    assert not User.objects.get(pk=account.pk).has_usable_password()
    assert not account.check_password(PASSWORD)


def test_by_password(account: User, client: Client) -> None:
    give_password(account)
    answer = client.post("/accounts/login/", {"login": TEAM, "password": PASSWORD})
    assert "No mail can be sent to this address." in page_of(answer)
    assert not is_signed_in(client)


def test_by_password_with_another_address(account: User, client: Client) -> None:
    """An account that once belonged to a person may still have the person's address."""
    give_password(account)
    User.objects.filter(pk=account.pk).update(email="ada@example.com")
    EmailAddress.objects.filter(user=account).update(email="ada@example.com")
    answer = client.post("/accounts/login/", {"login": "ada@example.com", "password": PASSWORD})
    assert answer["Location"] == reverse("account_inactive")
    assert not is_signed_in(client)


def test_by_the_link_of_a_new_password(account: User, client: Client) -> None:
    link = link_to_choose_password(account).removeprefix("http://localhost:8000")
    form = client.get(link)
    new = {"password1": "another correct horse", "password2": "another correct horse"}
    client.post(form["Location"], new)
    assert not is_signed_in(client)
    assert not User.objects.get(pk=account.pk).has_usable_password()


@pytest.mark.parametrize("address", [TEAM, "ada@example.com"])
def test_no_mail_with_a_link(account: User, client: Client, address: str) -> None:
    User.objects.filter(pk=account.pk).update(email=address)
    mail.outbox.clear()
    client.post("/accounts/password/reset/", {"email": address})
    assert mail.outbox == []


def test_by_confirming_the_address(account: User, client: Client) -> None:
    address = EmailAddress.objects.create(user=account, email=TEAM, primary=True)
    path = reverse("account_confirm_email", args=[EmailConfirmationHMAC(address).key])
    client.post(path)
    assert not is_signed_in(client)


def test_by_passkey(owner: User, client: Client) -> None:
    key = add(owner, passwordless=True, pin=True)
    User.objects.filter(pk=owner.pk).update(can_sign_in=False)
    answer = sign_in(client, key, challenge_to_sign_in(client))
    assert answer["Location"] == reverse("account_inactive")
    assert not is_signed_in(client)


def test_by_a_session_from_before(owner: User) -> None:
    client = signed_in(owner)
    assert is_signed_in(client)
    User.objects.filter(pk=owner.pk).update(can_sign_in=False)
    assert client.get("/settings/tokens/").status_code == 302
    assert "_auth_user_id" not in client.session
    User.objects.filter(pk=owner.pk).update(can_sign_in=True)
    assert not is_signed_in(client)


def test_by_the_administrations_session(administrator: User) -> None:
    client = signed_in(administrator)
    User.objects.filter(pk=administrator.pk).update(can_sign_in=False)
    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize("exists", [True, False])
def test_the_provider_has_the_address(
    provider: FakeProvider, account: User, client: Client, exists: bool
) -> None:
    if exists:
        EmailAddress.objects.create(user=account, email=TEAM, primary=True, verified=True)
    provider.claims |= {"email": TEAM if exists else "new@teams.invalid", "email_verified": True}
    answer = provider.sign_in(client)
    assert (answer.status_code, answer.context["code"]) == (403, "not_allowed")
    assert not is_signed_in(client)
    assert not SocialAccount.objects.exists()
    assert User.objects.count() == 2


def test_an_account_that_is_linked(
    provider: FakeProvider, client: Client, settings: Settings
) -> None:
    provider.sign_in(client)
    user = User.objects.get()
    User.objects.filter(pk=user.pk).update(can_sign_in=False)
    Group.objects.create(name="staff")
    settings.SIGN_ON = SignOn(**{**vars_of(settings.SIGN_ON), "groups_claim": "groups"})
    provider.claims |= {"groups": ["staff"]}
    another = Client()
    answer = provider.sign_in(another)
    assert (answer.status_code, answer.context["code"]) == (403, "not_allowed")
    assert not is_signed_in(another)
    assert not user.groups.exists()


def vars_of(sign_on: Any) -> dict[str, Any]:
    return {name: getattr(sign_on, name) for name in type(sign_on).__dataclass_fields__}


def test_create_first_administrator(account: User) -> None:
    with pytest.raises(CommandError, match="is an address of a team"):
        call_command("create_first_administrator", "--email", "Billing-CI@teams.invalid")
    assert not User.objects.filter(is_superuser=True).exists()


def test_reset_second_factor(account: User) -> None:
    Authenticator.objects.create(user=account, type=Authenticator.Type.TOTP, data={})
    with pytest.raises(CommandError, match="No account has the address"):
        call_command("reset_second_factor", TEAM, "--yes")
    assert Authenticator.objects.count() == 1


def test_changepassword(account: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getpass", lambda **_: "another correct horse")
    call_command("changepassword", TEAM, stdout=StringIO())
    assert not User.objects.get(pk=account.pk).has_usable_password()


def test_nobody_takes_the_address_of_a_team(
    owner_client: Client, client: Client, settings: Settings
) -> None:
    settings.SIGNUP_OPEN = True
    taken = {"email": "new@teams.invalid", "password1": "another correct horse"}
    words = "No mail can be sent to this address."
    assert words in page_of(client.post("/accounts/signup/", taken))
    added = owner_client.post(reverse("account_email"), {**taken, "action_add": ""})
    assert words in page_of(added)
    assert not EmailAddress.objects.filter(email__endswith="invalid").exists()
    assert User.objects.count() == 1


@pytest.mark.parametrize("page", ["change", "delete", "password", "history"])
def test_no_page_in_administration(account: User, admin_client: Client, page: str) -> None:
    path = reverse("admin:accounts_user_changelist")
    assert TEAM not in page_of(admin_client.get(path))
    name = (
        "admin:auth_user_password_change" if page == "password" else f"admin:accounts_user_{page}"
    )
    answer = admin_client.post(reverse(name, args=[account.pk]), {"post": "yes"}, follow=False)
    assert answer.status_code in {302, 404}
    unchanged = User.objects.get(pk=account.pk)
    assert (unchanged.is_active, unchanged.has_usable_password()) == (True, False)


@pytest.mark.parametrize("action", ["invite_again", "delete_selected", "unlink"])
def test_no_action_in_administration(account: User, admin_client: Client, action: str) -> None:
    mail.outbox.clear()
    path = reverse("admin:accounts_user_changelist")
    chosen = {"action": action, "_selected_action": [account.pk], "post": "yes"}
    admin_client.post(path, chosen)
    assert User.objects.filter(pk=account.pk).exists()
    assert mail.outbox == []


def test_the_form_of_administration(admin_client: Client) -> None:
    path = reverse("admin:accounts_user_add")
    answer = admin_client.post(path, {"email": "new@teams.invalid", "name": ""})
    assert "No mail can be sent to this address." in page_of(answer)
