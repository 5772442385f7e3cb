"""GET and POST /settings/tokens/new/"""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from tests.conftest import signed_in
from tokens.authentication import credentials
from tokens.models import Event, Token
from tokens.token_settings import TokenSettings

PATH = "/settings/tokens/new/"
NONCE = "n" * 22
GOOD = {"name": "Production API", "environment": "live", "expires": "90d", "nonce": NONCE}


def test_stranger(stranger_client: Client) -> None:
    assert stranger_client.get(PATH)["Location"] == f"/accounts/login/?next={PATH}"
    assert stranger_client.post(PATH, GOOD).status_code == 302
    assert not Token.objects.exists()


def test_needs_its_csrf_token(owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    response = client.post(PATH, GOOD)
    assert response.status_code == 403
    assert b"form is too old" in response.content
    for origin in ("null", "https://elsewhere.example"):
        response = client.post(PATH, GOOD, headers={"Origin": origin})
        assert response.status_code == 403
        assert b"The browser did not confirm that this form is from this site" in response.content
        assert b"too old" not in response.content
    assert not Token.objects.exists()


def test_form(owner_client: Client) -> None:
    with time_machine.travel(datetime(2026, 11, 22, 12, tzinfo=UTC)):
        page = owner_client.get(PATH).content.decode()
    for words in (
        "Token name",
        "Environment",
        "Expiration",
        "Short-term testing",
        "22 Dec 2026",
        "Permanent access",
    ):
        assert words in page
    chosen = re.findall(r'<input type="radio" name="(\w+)" value="(\w+)"[^>]* checked', page)
    assert chosen == [("environment", "live"), ("expires", "90d")]


def test_says_the_day_on_which_the_token_will_expire_where_the_person_is(owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(time_zone="Asia/Tokyo")
    now = datetime(2026, 11, 28, 17, 15, tzinfo=UTC)  # the 29th in Tokyo
    with time_machine.travel(now, tick=False):
        form = signed_in(owner).get(PATH).content.decode()
        made = signed_in(owner).post(PATH, GOOD).content.decode()
    assert "until 27 Feb 2027" in form
    assert ">27 Feb 2027</time>" in made


@pytest.mark.parametrize(
    ("query", "initial"),
    [
        (
            "name=Deploy&description=By+ops&expires=30d&environment=test",
            {
                "name": "Deploy",
                "description": "By ops",
                "expires": "30d",
                "environment": "test",
            },
        ),
        ("expires=forever&environment=moon&nonce=mine", {}),
        ("name=", {}),
        ("scopes=reports:read,reports:write", {"scopes": ["reports:read", "reports:write"]}),
        ("allowed_addresses=10.0.0.0/8,::1", {"allowed_addresses": "10.0.0.0/8\n::1"}),
    ],
)
def test_links_fill_the_form_in(owner_client: Client, query: str, initial: dict[str, str]) -> None:
    assert owner_client.get(f"{PATH}?{query}").context["form"].initial == initial


@pytest.mark.parametrize(
    ("expires", "end"),
    [
        ("30d", "2026-12-22"),
        ("90d", "2027-02-20"),
        ("6m", "2027-05-22"),
        ("1y", "2027-11-22"),
        ("4y", "2030-11-22"),
    ],
)
def test_creates_and_reveals_once(owner: User, expires: str, end: str) -> None:
    with time_machine.travel(datetime(2026, 11, 22, 12, tzinfo=UTC), tick=False):
        response = signed_in(owner).post(PATH, GOOD | {"expires": expires})
    assert response.status_code == 200
    token = Token.objects.get()
    value = response.context["credential"].value
    assert token.is_proven_by(value)
    assert f"{token.expires_at:%Y-%m-%d}" == end
    page = response.content.decode()
    assert page.count(value) == 1
    assert f">{value}</textarea>" in page
    assert "You won't be able to see it again" in page.replace("&#x27;", "'")


def test_the_description_is_stored(owner_client: Client) -> None:
    owner_client.post(PATH, GOOD | {"description": "Nightly import, ask Maya"})
    assert Token.objects.get().description == "Nightly import, ask Maya"


def test_the_name_has_the_focus_unless_a_field_is_wrong(owner_client: Client) -> None:
    focus = r'name="(\w+)"[^>]* autofocus'
    assert re.findall(focus, owner_client.get(PATH).content.decode()) == ["name"]
    page = owner_client.post(PATH, GOOD | {"description": "two\nlines"}).content.decode()
    assert re.findall(focus, page) == ["description"]


def test_the_reveal_offers_no_time_zone(owner_client: Client) -> None:
    """Without a referrer the browser would send the form with `Origin: null`."""
    owner_client.cookies["tokenry_zone"] = "Europe/Berlin"
    assert "Use Berlin time" in owner_client.get(PATH).content.decode()
    assert "Use Berlin time" not in owner_client.post(PATH, GOOD).content.decode()


def test_the_reveal_is_kept_nowhere(owner_client: Client) -> None:
    response = owner_client.post(PATH, GOOD, headers={"Accept-Encoding": "gzip"})
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "no-referrer"
    assert "Content-Encoding" not in response
    assert (
        owner_client.get(PATH, headers={"Accept-Encoding": "gzip"})["Content-Encoding"] == "gzip"
    )


def test_examples_name_this_installation_and_no_secret(
    owner_client: Client, token_settings: TokenSettings
) -> None:
    response = owner_client.post(PATH, GOOD)
    for example in response.context["examples"]:
        for code in (example.code, *(hardened.code for hardened in example.hardened)):
            assert f"{token_settings.SITE_URL}/api/v1/token" in code
            assert "API_TOKEN" in code
            assert response.context["credential"].value[24:] not in code


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true", "HX-Target": "tokenry-content"}])
def test_the_same_form_twice(owner_client: Client, headers: dict[str, str]) -> None:
    value = owner_client.post(PATH, GOOD).context["credential"].value
    again = owner_client.post(PATH, GOOD | {"name": "Other"}, headers=headers)
    assert again.status_code == 409
    page = again.content.decode()
    assert "This form was already sent" in page
    assert "Production API" in page
    assert "Revoke it and create another" in page
    assert value[24:] not in page
    assert Token.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "nul\x00"}, "name"),
        ({"name": "right\u202eleft"}, "name"),
        ({"description": "two\nlines"}, "description"),
        ({"environment": "moon"}, "environment"),
        ({"expires": "forever"}, "expires"),
        ({"expires": ""}, "expires"),
        ({"nonce": ""}, "nonce"),
        ({"nonce": "short"}, "nonce"),
    ],
)
def test_errors_keep_what_was_typed(
    owner_client: Client, change: dict[str, Any], field: str
) -> None:
    response = owner_client.post(PATH, GOOD | {"name": "Keep me"} | change)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    if field != "name":
        assert b'value="Keep me"' in response.content
    assert not Token.objects.exists()


def test_a_value_pasted_as_a_name_is_not_kept(owner_client: Client) -> None:
    value = credentials.generate("tkn", "live").value
    response = owner_client.post(PATH, GOOD | {"name": value})
    assert response.status_code == 422
    assert "This looks like a token&#x27;s value." in response.content.decode()
    assert not Token.objects.exists()


def test_an_error_has_the_focus_and_is_tied_to_its_field(owner_client: Client) -> None:
    page = owner_client.post(PATH, GOOD | {"name": ""}).content.decode()
    assert "autofocus" in page
    assert 'aria-invalid="true"' in page
    assert 'id="id_name_error"' in page
    assert "id_name_error" in page.split('aria-describedby="')[1].split('"')[0]


def test_limit(owner_client: Client, token_settings: TokenSettings) -> None:
    token_settings.MAX_TOKENS_PER_USER = 1
    owner_client.post(PATH, GOOD)
    response = owner_client.post(PATH, GOOD | {"nonce": "m" * 22})
    assert response.status_code == 422
    assert b"You have 1 active token, the most allowed. Revoke one first." in response.content
    assert Token.objects.count() == 1


def test_names_are_escaped(owner_client: Client) -> None:
    page = owner_client.post(
        PATH, GOOD | {"name": "<img src=x onerror=alert(1)>"}
    ).content.decode()
    assert "<img" not in page


def test_who_created_it_is_written_down(owner_client: Client, owner: User) -> None:
    owner_client.post(PATH, GOOD, headers={"User-Agent": "Firefox"})
    event = Event.objects.get()
    assert (event.kind, event.actor, event.address, event.user_agent) == (
        "created",
        owner,
        "127.0.0.1",
        "Firefox",
    )


def test_teammate_uses_their_own_account(teammate_client: Client, teammate: User) -> None:
    teammate_client.post(PATH, GOOD | {"owner": "1"})
    assert Token.objects.get().owner == teammate
