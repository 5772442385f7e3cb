"""/settings/sessions/, and how long a session lasts."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import forget_tries
from tests.server import PASSWORD

PATH = "/settings/sessions/"
SignIn = Callable[..., Client]


@pytest.fixture
def sign_in(owner: User, teammate: User) -> SignIn:
    """Sign in with the form, as browsers do."""
    forget_tries()

    def make(
        email: str = owner.email, agent: str = "Firefox/130.0", remember: str = "on"
    ) -> Client:
        client = Client(headers={"User-Agent": agent})
        client.post(
            "/accounts/login/", {"login": email, "password": PASSWORD, "remember": remember}
        )
        return client

    return make


def is_signed_in(client: Client) -> bool:
    return client.get(PATH).status_code == 200


def test_lists_where_one_is_signed_in(sign_in: SignIn) -> None:
    sign_in(agent="Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0")
    here = sign_in(agent="curl/8.1")
    sign_in("teammate@example.com", agent="Safari")
    page = here.get(PATH).content.decode()
    assert "Firefox on Linux" in page
    assert "Safari" not in page
    assert page.count("This device") == 1
    assert page.index("This device") < page.index("Firefox on Linux")
    assert "127.0.0.1" in page


def test_end_one(sign_in: SignIn) -> None:
    there, here = sign_in(), sign_in()
    other = UserSession.objects.get(session_key=there.session.session_key)
    response = here.post(PATH, {"session": str(other.pk)}, follow=True)
    assert response.redirect_chain == [(PATH, 302)]
    assert "The session of Firefox has ended." in response.content.decode()
    assert not is_signed_in(there)
    assert is_signed_in(here)


def test_end_all_others(sign_in: SignIn) -> None:
    there, elsewhere, here = sign_in(), sign_in(), sign_in()
    teammates = sign_in("teammate@example.com")
    assert (
        "2 sessions have ended."
        in here.post(PATH, {"session": "others"}, follow=True).content.decode()
    )
    assert [is_signed_in(client) for client in (there, elsewhere, here, teammates)] == [
        False,
        False,
        True,
        True,
    ]


def test_lists_no_more_than_fifty_and_counts_the_others(sign_in: SignIn, owner: User) -> None:
    here = sign_in()
    for _ in range(52):
        store = SessionStore()
        store.update(here.session)
        store.create()
        UserSession.objects.create(
            user=owner, ip="192.0.2.1", session_key=store.session_key, user_agent="Firefox"
        )
    page = here.get(PATH).content.decode()
    assert page.count("Last seen") == 50
    assert page.count("This device") == 1
    assert "And 3 older sessions." in " ".join(page.split())
    assert (
        "52 sessions have ended."
        in here.post(PATH, {"session": "others"}, follow=True).content.decode()
    )


@pytest.mark.parametrize("session", ["", "0", "-1", "x", "²", "9" * 19, "9" * 30, "9" * 5_000])
def test_unknown(sign_in: SignIn, session: str) -> None:
    assert sign_in().post(PATH, {"session": session}).status_code == 404


def test_teammates_session_is_not_found(sign_in: SignIn) -> None:
    teammates = sign_in("teammate@example.com")
    other = UserSession.objects.get(session_key=teammates.session.session_key)
    assert sign_in().post(PATH, {"session": str(other.pk)}).status_code == 404
    assert is_signed_in(teammates)


def test_sessions_go_with_the_account(sign_in: SignIn, owner: User) -> None:
    sign_in()
    here = sign_in()
    here.post("/settings/profile/delete/")
    assert not User.objects.filter(pk=owner.pk).exists()
    mine = [row for row in Session.objects.all() if "_auth_user_id" in row.get_decoded()]
    assert mine == []


def test_stranger(stranger_client: Client) -> None:
    assert stranger_client.get(PATH).status_code == 302


def test_the_id_changes_at_sign_in(sign_in: SignIn, owner: User) -> None:
    client = Client()
    client.get("/accounts/login/")
    session = client.session
    session["planted"] = True
    session.save()
    before = session.session_key
    assert before
    client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    assert client.session.session_key != before
    assert is_signed_in(client)
    assert not client.session.exists(before)
    client.cookies["tokenry_session"] = before
    assert not is_signed_in(client)


def test_a_session_ends_some_days_after_it_began_however_much_it_is_used(sign_in: SignIn) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        client = sign_in()
        for _ in range(29):
            clock.shift(timedelta(days=1))
            assert is_signed_in(client)
        clock.shift(timedelta(days=1, minutes=1))
        assert not is_signed_in(client)


def test_an_idle_session_ends_sooner(sign_in: SignIn) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        client = sign_in()
        clock.shift(timedelta(days=14, minutes=1))
        assert not is_signed_in(client)


def test_every_cookie_is_named_after_us(owner: User) -> None:
    """Cookies ignore ports: another application on the host would overwrite the same name."""
    client = Client()
    answers = [
        client.get("/accounts/login/"),
        client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD}),
        client.post("/settings/profile/", {"name": "Ada", "time_zone": "UTC", "theme": "dark"}),
    ]
    assert {name for answer in answers for name in answer.cookies} == {
        f"tokenry_{name}" for name in ("csrftoken", "session", "messages", "theme", "zone")
    }


def test_without_remember_the_cookie_ends_with_the_browser(sign_in: SignIn) -> None:
    assert sign_in(remember="").cookies["tokenry_session"]["max-age"] == ""
    assert int(sign_in(remember="on").cookies["tokenry_session"]["max-age"]) > 0
