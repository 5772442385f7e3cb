"""GET /settings/activity/"""

from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.conftest import Issue, signed_in

PATH = "/settings/activity/"


def test_owner(issue: Issue, owner: User, administrator: User) -> None:
    token, value = issue(name="Deploy")
    signed_in(owner).post(f"{token.get_absolute_url()}revoke/", headers={"User-Agent": "Firefox"})
    page = signed_in(owner).get(PATH).content.decode()
    for words in (
        "Revoked",
        "Created",
        "Deploy",
        token.identifier,
        "by you",
        "by the command line",
        "127.0.0.1",
        "Firefox",
    ):
        assert words in page
    assert page.index("Revoked") < page.index("Created")
    assert value[24:] not in page


def test_what_a_change_was(issue: Issue, owner_client: Client) -> None:
    issue()[0].limit("10/minute")
    page = owner_client.get(PATH).content.decode()
    assert "Rate limit changed" in page
    assert "To 10/minute" in page


def test_teammate(issue: Issue, teammate_client: Client) -> None:
    issue(name="Deploy")
    page = teammate_client.get(PATH).content.decode()
    assert "Deploy" not in page
    assert "Nothing yet" in page


def test_stranger(stranger_client: Client) -> None:
    assert stranger_client.get(PATH)["Location"] == f"/accounts/login/?next={PATH}"


def test_pages(issue: Issue, owner_client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for _ in range(26):
        issue()
    with django_assert_num_queries(4):  # session, user, count, page
        assert b"Page 1 of 2" in owner_client.get(PATH).content
    assert b"Page 2 of 2" in owner_client.get(PATH + "?page=2").content
