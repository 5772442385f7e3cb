"""Passwords work with every Unicode form of a letter: é is one character or two."""

import re
from collections.abc import Callable
from io import StringIO
from unicodedata import normalize
from unittest.mock import patch

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher, make_password
from django.core.mail import EmailMessage
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from accounts.passwords import MAX_NORMALIZED, normalized
from tests.conftest import signed_in
from tests.server import PASSWORD

COMPOSED = "correct hörsé Ａ staple"
DECOMPOSED = normalize("NFD", COMPOSED)
FORMS = [COMPOSED, DECOMPOSED, normalize("NFKC", COMPOSED)]
pytestmark = pytest.mark.django_db


def try_it(user: User, password: str) -> int:
    return (
        Client().post("/accounts/login/", {"login": user.email, "password": password}).status_code
    )


def by_command(user: User, password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    User.objects.filter(pk=user.pk).delete()
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", password)
    call_command("createsuperuser", interactive=False, email=user.email, stdout=StringIO())


def by_changepassword(user: User, password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: password)
    call_command("changepassword", user.email, stdout=StringIO())


def by_sign_up(user: User, password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    User.objects.filter(pk=user.pk).delete()
    assert (
        Client()
        .post("/accounts/signup/", {"email": user.email, "password1": password})
        .status_code
        == 302
    )
    EmailAddress.objects.update(verified=True)


def by_change(user: User, password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = {"oldpassword": PASSWORD, "password1": password, "password2": password}
    assert signed_in(user).post("/accounts/password/change/", typed).status_code == 302


def by_administration(user: User, password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    root = signed_in(User.objects.create_superuser("root@example.com", PASSWORD))
    typed = {"password1": password, "password2": password, "usable_password": "true"}
    assert root.post(f"/admin/accounts/user/{user.pk}/password/", typed).status_code == 302


WAYS = [by_command, by_changepassword, by_sign_up, by_change, by_administration]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("chosen", [COMPOSED, DECOMPOSED], ids=["NFC", "NFD"])
def test_every_spelling_of_a_password_signs_in(
    owner: User,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    way: Callable[[User, str, pytest.MonkeyPatch], None],
    chosen: str,
) -> None:
    settings.SIGNUP_OPEN = True
    way(owner, chosen, monkeypatch)
    assert [try_it(owner, typed) for typed in FORMS] == [302, 302, 302]
    assert try_it(owner, COMPOSED.lower()) == 200


def test_a_reset_password_signs_in(owner: User, mailoutbox: list[EmailMessage]) -> None:
    client = Client()
    client.post("/accounts/password/reset/", {"email": owner.email})
    link = re.findall(
        r"http://localhost:8000(/accounts/password/reset/key/\S+)", str(mailoutbox[0].body)
    )[0]
    form = client.get(link, follow=True).redirect_chain[-1][0]
    client.post(form, {"password1": DECOMPOSED, "password2": DECOMPOSED})
    assert try_it(owner, COMPOSED) == 302


@pytest.mark.parametrize(
    ("path", "field", "others"),
    [
        ("/accounts/reauthenticate/", "password", {}),
        (
            "/accounts/password/change/",
            "oldpassword",
            {"password1": "another horse", "password2": "another horse"},
        ),
    ],
)
def test_every_spelling_confirms(
    owner: User, path: str, field: str, others: dict[str, str]
) -> None:
    for typed in FORMS:
        owner.set_password(COMPOSED)
        owner.save()
        assert signed_in(owner).post(path, {field: typed, **others}).status_code == 302


def test_a_password_from_before_goes_on_working(owner: User) -> None:
    """A password from before the normalization works as it was typed."""
    User.objects.filter(pk=owner.pk).update(password=make_password(DECOMPOSED))
    assert [try_it(owner, typed) for typed in FORMS] == [200, 302, 200]


@pytest.mark.parametrize(
    ("typed", "hashes"), [("wrong", 1), (DECOMPOSED, 2)], ids=["plain", "NFD"]
)
def test_known_and_unknown_addresses_cost_the_same(owner: User, typed: str, hashes: int) -> None:
    """A wrong password in normal form costs one hash, as before."""
    for email in (owner.email, "nobody@example.com"):
        with patch.object(
            MD5PasswordHasher, "encode", autospec=True, side_effect=MD5PasswordHasher.encode
        ) as encode:
            assert (
                Client().post("/accounts/login/", {"login": email, "password": typed}).status_code
                == 200
            )
        assert encode.call_count == hashes


@pytest.mark.parametrize(
    ("chosen", "wrong"),
    [("ｐａｓｓｗｏｒｄ１", "too common"), (normalize("NFD", "éééé"), "too short")],
)
def test_the_normal_form_keeps_the_rules(owner: User, chosen: str, wrong: str) -> None:
    typed = {"oldpassword": PASSWORD, "password1": chosen, "password2": chosen}
    assert wrong in signed_in(owner).post("/accounts/password/change/", typed).content.decode()


def test_no_password_is_unusable() -> None:
    user = User.objects.create_user("new@example.com")
    assert not user.has_usable_password()
    assert not user.check_password(None)


def test_what_is_too_long_for_a_password_is_not_normalized() -> None:
    """Normalizing takes quadratic time and blocks all threads, and strangers choose the length."""
    text = "Ａ" * (MAX_NORMALIZED + 1)
    assert normalized(text) == text
    assert normalized(text[1:]) != text[1:]
    assert not User().check_password(text)
