"""/settings/profile/, the theme switch, and deleting one's account."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from tests.conftest import Issue, bearer, page_of, signed_in
from tests.server import PASSWORD
from tests.teams import make_team
from tokens.models import Event, Token

PATH = "/settings/profile/"
DELETE = "/settings/profile/delete/"
ZONE = "/settings/time-zone/"
GOOD = {"name": "Ada", "time_zone": "Asia/Tokyo", "theme": "dark", "keyboard_shortcuts": "on"}


def test_saves(owner: User, owner_client: Client) -> None:
    response = owner_client.post(PATH, GOOD)
    assert response["Location"] == PATH
    assert response.cookies["tokenry_theme"].value == "dark"
    owner.refresh_from_db()
    assert (owner.name, owner.time_zone, owner.theme) == ("Ada", "Asia/Tokyo", "dark")
    page = owner_client.get(PATH).content.decode()
    assert "Your profile is saved." in page
    assert 'data-theme="dark"' in page
    assert '<form class="theme" hidden' in page


@pytest.mark.parametrize(
    "change", [{"time_zone": "Mars/Olympus"}, {"theme": "pink"}, {"name": "x" * 151}]
)
def test_errors_change_nothing(owner: User, owner_client: Client, change: dict[str, str]) -> None:
    response = owner_client.post(PATH, GOOD | change)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == list(change)
    owner.refresh_from_db()
    assert owner.time_zone == "UTC"


def test_nothing_else_can_be_set(owner: User, owner_client: Client) -> None:
    owner_client.post(PATH, GOOD | {"is_staff": "on", "email": "evil@example.com"})
    owner.refresh_from_db()
    assert (owner.is_staff, owner.email) == (False, "owner@example.com")


def test_times_are_shown_in_ones_own_zone(owner: User, owner_client: Client, issue: Issue) -> None:
    token, _ = issue(expires_at=timezone.now().replace(year=2030, month=1, day=1, hour=20))
    assert "1 Jan 2030" in owner_client.get(token.get_absolute_url()).content.decode()
    User.objects.update(time_zone="Asia/Tokyo")
    assert "2 Jan 2030" in owner_client.get(token.get_absolute_url()).content.decode()


def offers(client: Client) -> list[str]:
    """Return the time zones that the page offers."""
    return re.findall(r'name="zone" value="([^"]*)"', client.get(PATH).content.decode())


@pytest.mark.parametrize(
    ("browser", "profile", "offered"),
    [
        ("America/New_York", "UTC", ["America/New_York"]),
        ("America/New_York", "Asia/Tokyo", []),
        ("UTC", "UTC", []),
        ("", "UTC", []),
        ("Mars/Olympus", "UTC", []),
        ('"><script>', "UTC", []),
    ],
)
def test_the_browsers_time_zone_is_offered(
    owner_client: Client, browser: str, profile: str, offered: list[str]
) -> None:
    User.objects.update(time_zone=profile)
    owner_client.cookies["tokenry_zone"] = browser
    assert offers(owner_client) == offered


@pytest.mark.parametrize(
    ("form", "kept"),
    [({"zone": "America/New_York"}, "America/New_York"), ({}, "UTC"), ({"zone": "Mars"}, "UTC")],
)
def test_the_offered_time_zone_is_offered_once(
    owner: User, owner_client: Client, form: dict[str, str], kept: str
) -> None:
    owner_client.cookies["tokenry_zone"] = "America/New_York"
    assert offers(owner_client)
    response = owner_client.post(ZONE, form, headers={"Referer": "http://testserver/help/"})
    assert response["Location"] == "http://testserver/help/"
    assert response.cookies["tokenry_zone"]["httponly"]  # so that the script can't replace it
    owner.refresh_from_db()
    assert owner.time_zone == kept
    User.objects.update(time_zone="UTC")
    assert offers(owner_client) == []


@pytest.mark.parametrize(
    ("referer", "goal"),
    [("no-view", "no-view"), ("//evil.example/", "/"), ("javascript:alert(1)", "/"), ("", "/")],
)
def test_the_offer_leads_to_no_other_site(owner_client: Client, referer: str, goal: str) -> None:
    assert owner_client.post(ZONE, headers={"Referer": referer})["Location"] == goal


def test_saving_the_profile_ends_the_offer(owner_client: Client) -> None:
    owner_client.cookies["tokenry_zone"] = "America/New_York"
    owner_client.post(PATH, GOOD | {"time_zone": "UTC"})
    assert offers(owner_client) == []


@pytest.mark.parametrize("chosen", [{"keyboard_shortcuts": "on"}, {}], ids=["on", "off"])
def test_keyboard_shortcuts_can_be_switched_off(
    owner_client: Client, issue: Issue, chosen: dict[str, str]
) -> None:
    """The script reads the keys from `aria-keyshortcuts`."""
    issue()
    shown = "/settings/tokens/"
    assert owner_client.get(shown).content.decode().count("aria-keyshortcuts") == 2
    owner_client.post(PATH, {"time_zone": "UTC", **chosen})
    assert owner_client.get(shown).content.decode().count("aria-keyshortcuts") == 2 * len(chosen)


def test_the_offer_stays_in_the_page(owner: User, owner_client: Client) -> None:
    """Text that somebody typed into a form of the page is kept."""
    for form, words in (
        ({"zone": "America/New_York"}, "Times are in New York time from the next page on."),
        ({}, "Times stay in UTC."),
    ):
        response = owner_client.post(ZONE, form, headers={"HX-Request": "true"})
        assert words in page_of(response)
        assert response.cookies["tokenry_zone"].value == "-"
    owner.refresh_from_db()
    assert owner.time_zone == "America/New_York"


@pytest.mark.parametrize(("chosen", "kept"), [("dark", "dark"), ("", ""), ("<script>", "")])
def test_theme_switch(owner: User, owner_client: Client, chosen: str, kept: str) -> None:
    response = owner_client.post(
        "/settings/theme/", {"theme": chosen}, headers={"Referer": "http://testserver/x"}
    )
    assert response["Location"] == "http://testserver/x"
    assert response.cookies["tokenry_theme"].value == kept
    owner.refresh_from_db()
    assert owner.theme == kept


@pytest.mark.parametrize("referer", ["foo", "token_list", "http://[", "javascript:alert(1)"])
def test_theme_switch_from_an_odd_page(owner_client: Client, referer: str) -> None:
    owner_client.raise_request_exception = False
    response = owner_client.post(
        "/settings/theme/", {"theme": "dark"}, headers={"Referer": referer}
    )
    assert response.status_code == 302
    assert response["Location"] in {"/", referer}
    assert not response["Location"].startswith("javascript:")


@pytest.mark.parametrize(
    "path", ["/accounts/signup/", "/accounts/email/", "/accounts/password/reset/"]
)
def test_no_address_longer_than_its_column(
    owner_client: Client, settings: Settings, path: str
) -> None:
    settings.SIGNUP_OPEN = True
    label = "a" * 60
    for length, refused in ((254, False), (255, True)):
        email = f"{label}@{label}.{label}.{label}.".ljust(length - 4, "b") + ".com"
        assert len(email) == length
        client = Client() if path == "/accounts/signup/" else owner_client
        response = client.post(path, {"email": email, "password1": PASSWORD, "action_add": ""})
        assert (response.status_code == 200) == refused
        if refused:
            assert list(response.context["form"].errors) == ["email"]


def test_theme_switch_for_strangers(stranger_client: Client) -> None:
    response = stranger_client.post(
        "/settings/theme/", {"theme": "dark"}, headers={"Referer": "https://evil.example/"}
    )
    assert response["Location"] == "/"
    assert 'data-theme="dark"' in stranger_client.get("/accounts/login/").content.decode()


def test_delete_says_what_goes(issue: Issue, owner_client: Client) -> None:
    issue()
    issue()
    page = page_of(owner_client.get(DELETE))
    assert "2 API tokens" in page
    assert User.objects.exists()


def test_delete(issue: Issue, owner: User, owner_client: Client) -> None:
    _, value = issue()
    assert owner_client.post(DELETE).status_code == 422
    assert User.objects.exists()
    assert owner_client.post(DELETE, {"outcome": "end"})["Location"] == "/accounts/login/"
    assert not User.objects.exists()
    assert not Token.objects.exists()
    assert Client().get("/api/v1/token", headers=bearer(value)).json()["code"] == "unknown_token"
    assert Event.objects.get(kind="created").owner is None
    assert owner_client.get(PATH).status_code == 302


def test_delete_and_hand_over(issue: Issue, owner: User, teammate: User) -> None:
    make_team("billing-ci", owner)
    make_team("others", teammate)
    _, value = issue()
    client = signed_in(owner)
    page = page_of(client.get(DELETE))
    assert "1 token</strong> works, 0 used in the last 7 days" in page
    assert "team:billing-ci" in page
    assert "team:others" not in page
    for receiver in ("", "team:others", "teammate@example.com"):
        sent = {"outcome": "hand_over", "receiver": receiver}
        assert client.post(DELETE, sent).status_code == 422
    client.post(DELETE, {"outcome": "hand_over", "receiver": "team:billing-ci"})
    assert not User.objects.filter(pk=owner.pk).exists()
    facts = Client().get("/api/v1/token", headers=bearer(value)).json()
    assert facts["owner"] == "team:billing-ci"


def test_the_last_manager_names_another(owner: User, teammate: User) -> None:
    team = make_team("billing-ci", teammate, managers=(owner,))
    client = signed_in(owner)
    assert "New manager of the team billing-ci" in page_of(client.get(DELETE))
    member = team.memberships.get(user=teammate)
    client.post(DELETE, {"manager_billing-ci": member.pk})
    assert [each.role for each in team.memberships.all()] == ["manager"]


def test_the_choices_stay_when_the_person_confirms(
    issue: Issue, owner: User, teammate: User
) -> None:
    issue()
    make_team("billing-ci", owner, teammate)
    sent = {"outcome": "hand_over", "receiver": "team:billing-ci"}
    answer = signed_in(owner, seconds_ago=3600).post(DELETE, sent)
    [back] = parse_qs(urlsplit(answer["Location"]).query)["next"]
    page = page_of(signed_in(owner).get(back))
    assert re.search(r'value="hand_over" [^>]*checked', page)
    assert '<option value="team:billing-ci" selected>' in page


def test_delete_asks_again_after_a_while(owner: User) -> None:
    response = signed_in(owner, seconds_ago=16 * 60).post(DELETE)
    assert response["Location"] == f"/accounts/reauthenticate/?next={DELETE.replace('/', '%2F')}"
    assert User.objects.exists()


def test_the_only_administrator_stays(administrator: User) -> None:
    client = signed_in(administrator)
    page = client.get(DELETE).content.decode()
    assert "You are the only administrator" in page
    assert "/admin/accounts/user/" in page
    assert "danger" not in page
    assert client.post(DELETE).status_code == 409
    assert User.objects.exists()


def test_teammate_is_untouched(teammate: User, owner_client: Client) -> None:
    owner_client.post(DELETE)
    assert User.objects.get() == teammate


def test_stranger(stranger_client: Client, owner: User) -> None:
    for path in (PATH, DELETE, ZONE):
        assert stranger_client.post(path).status_code == 302
    assert User.objects.exists()
