"""One password is hashed at a time. A password that waits too long is neither right nor wrong."""

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.mail import EmailMessage
from django.test import Client
from pytest_django import Settings

from accounts import allauth_texts
from accounts.models import User
from accounts.passwords import OneAtATimeHasher
from config import settings as shipped
from tests.conftest import signed_in
from tests.run import until
from tests.server import PASSWORD, hashed_password
from tokens.core import slow_hashing

SIGN_IN = "/accounts/login/"
NEW = {"password1": "another correct horse", "password2": "another correct horse"}
BUSY_PAGE = "Too many people are signing in"


class Hashing:
    """Stands for Argon2, and counts how many are at work."""

    def __init__(self, callers: int) -> None:
        self.callers, self.asked = callers, 0
        self.running = self.most = self.done = 0
        self.lock = threading.Lock()

    def everybody_asked(self) -> None:
        assert self.asked == self.callers

    def __call__(self, *_: str) -> str:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        until(self.everybody_asked, AssertionError)
        with self.lock:
            self.running -= 1
            self.done += 1
        return "hash"


def test_one_at_a_time_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    hashing = Hashing(callers=8)
    monkeypatch.setattr(slow_hashing, "HASH_WAIT_SECONDS", 600)
    monkeypatch.setattr(Argon2PasswordHasher, "encode", lambda _, *arguments: hashing(*arguments))
    monkeypatch.setattr(Argon2PasswordHasher, "verify", lambda _, *arguments: hashing(*arguments))

    def ask(number: int) -> str:
        with hashing.lock:
            hashing.asked += 1
        hasher = OneAtATimeHasher()  # each has its own, as a change of settings makes a new one
        return hasher.encode("a", "b") if number % 2 else str(hasher.verify("a", "b"))

    with ThreadPoolExecutor(hashing.callers) as threads:
        assert list(threads.map(ask, range(hashing.callers))) == ["hash"] * hashing.callers
    assert (hashing.most, hashing.done) == (1, hashing.callers)


def test_the_parameters_are_those_that_the_class_says() -> None:
    encoded = OneAtATimeHasher().encode(PASSWORD, "salt" * 6)
    assert encoded.startswith("argon2$argon2id$v=19$m=65536,t=3,p=1$")
    assert OneAtATimeHasher().verify(PASSWORD, encoded)
    assert not OneAtATimeHasher().verify("wrong", encoded)


@pytest.fixture
def taken(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """A password is hashed, and others do not wait for it, until this is called."""
    settings.PASSWORD_HASHERS = shipped.PASSWORD_HASHERS
    settings.SIGNUP_OPEN = True
    monkeypatch.setattr(slow_hashing, "HASH_WAIT_SECONDS", 0)
    with ExitStack() as stack:
        stack.enter_context(slow_hashing.hashing_lock)
        yield stack.close


@pytest.fixture
def person(owner: User) -> User:
    """The owner, with a password as a server stores it."""
    User.objects.filter(pk=owner.pk).update(password=hashed_password())
    owner.refresh_from_db()
    return owner


@pytest.mark.parametrize("email", ["owner@example.com", "nobody@example.com"])
def test_sign_in_answers_503_and_keeps_the_address(
    person: User, taken: Callable[[], None], email: str
) -> None:
    answer = Client().post(SIGN_IN, {"login": email, "password": PASSWORD})
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    page = answer.content.decode()
    assert allauth_texts.BUSY_HASHING in page
    assert f'value="{email}"' in page
    assert PASSWORD not in page
    assert not answer.wsgi_request.user.is_authenticated


def test_scripts_are_answered_503_too(person: User, taken: Callable[[], None]) -> None:
    headers = {"Accept": "application/json"}
    answer = Client().post(SIGN_IN, {"login": person.email, "password": PASSWORD}, headers=headers)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json()["form"]["errors"] == [allauth_texts.BUSY_HASHING]


def test_it_counts_as_no_wrong_password(
    person: User, taken: Callable[[], None], settings: Settings
) -> None:
    assert settings.ACCOUNT_RATE_LIMITS["login_failed"].startswith("5/5m/key")
    tries = [
        Client().post(SIGN_IN, {"login": person.email, "password": "wrong"}).status_code
        for _ in range(7)
    ]
    assert tries == [503] * 7
    taken()
    assert Client().post(SIGN_IN, {"login": person.email, "password": PASSWORD}).status_code == 302


def test_confirm_answers_503_and_confirms_nothing(person: User, taken: Callable[[], None]) -> None:
    client = signed_in(person, seconds_ago=3600)
    answer = client.post(
        "/accounts/reauthenticate/?next=/settings/profile/", {"password": PASSWORD}
    )
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert allauth_texts.BUSY_HASHING in answer.content.decode()
    create = {"name": "A", "environment": "test", "expires": "30d", "nonce": "n" * 22}
    assert client.post("/settings/tokens/new/", create)["Location"].startswith(
        "/accounts/reauthenticate/"
    )


def test_sign_up_answers_503_of_known_and_unknown_alike(
    person: User, taken: Callable[[], None], mailoutbox: list[EmailMessage]
) -> None:
    for email in (person.email, "new@example.com"):
        answer = Client().post("/accounts/signup/", {"email": email, "password1": PASSWORD})
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert BUSY_PAGE in answer.content.decode()
    assert (User.objects.count(), mailoutbox) == (1, [])


def test_a_change_answers_503_and_changes_nothing(person: User, taken: Callable[[], None]) -> None:
    answer = signed_in(person).post("/accounts/password/change/", {"oldpassword": PASSWORD, **NEW})
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert BUSY_PAGE in answer.content.decode()
    assert User.objects.get().password == person.password


def test_a_reset_answers_503_and_its_link_goes_on_working(
    person: User, taken: Callable[[], None], mailoutbox: list[EmailMessage]
) -> None:
    client = Client()
    client.post("/accounts/password/reset/", {"email": person.email})
    link = re.findall(
        r"http://localhost:8000(/accounts/password/reset/key/\S+)", str(mailoutbox[0].body)
    )[0]
    form = client.get(link, follow=True).redirect_chain[-1][0]
    answer = client.post(form, NEW)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert f'href="{form}"' in answer.content.decode()
    assert User.objects.get().password == person.password
    taken()
    assert client.post(form, NEW).status_code == 302
    assert User.objects.get().check_password(NEW["password1"])


def test_the_administration_answers_503(
    person: User, administrator: User, taken: Callable[[], None]
) -> None:
    path = f"/admin/accounts/user/{person.pk}/password/"
    answer = signed_in(administrator).post(path, {**NEW, "usable_password": "true"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert BUSY_PAGE in answer.content.decode()
    assert User.objects.get(pk=person.pk).password == person.password
    sign_in = Client().get("/admin/login/?next=/admin/")
    assert sign_in["Location"].startswith(SIGN_IN), "which the tests above try"


def test_a_hash_with_other_parameters_is_replaced_on_sign_in(
    owner: User, settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = shipped.PASSWORD_HASHERS
    django = Argon2PasswordHasher()
    User.objects.update(password=django.encode(PASSWORD, django.salt()))
    assert Client().post(SIGN_IN, {"login": owner.email, "password": "wrong"}).status_code == 200
    assert "m=102400,t=2,p=8" in User.objects.get().password
    assert Client().post(SIGN_IN, {"login": owner.email, "password": PASSWORD}).status_code == 302
    moved = User.objects.get().password
    assert "m=65536,t=3,p=1" in moved
    assert Client().post(SIGN_IN, {"login": owner.email, "password": PASSWORD}).status_code == 302
    assert User.objects.get().password == moved
