"""GET /settings/tokens/"""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.conftest import Issue
from tokens.models import Token

PATH = "/settings/tokens/"
HTMX = {"HX-Request": "true", "HX-Target": "tokens"}


def names(content: bytes) -> list[str]:
    import re

    return re.findall(r'id="name-\w+"[^>]*>([^<]*)</a>', content.decode())


@pytest.fixture
def one_of_each(issue: Issue) -> None:
    now = timezone.now()
    issue(name="long")
    issue(name="soon", expires_at=now + timedelta(days=3))
    issue(name="over", expires_at=now - timedelta(days=3))
    issue(name="gone")[0].revoke()


def test_stranger(stranger_client: Client) -> None:
    response = stranger_client.get(PATH)
    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={PATH}")


def test_teammate_sees_only_their_own(issue: Issue, teammate_client: Client) -> None:
    token, _ = issue()
    response = teammate_client.get(PATH)
    assert response.status_code == 200
    assert token.identifier not in response.content.decode()
    assert "You have no tokens yet" in response.content.decode()


def test_empty_has_the_form_open(owner_client: Client) -> None:
    response = owner_client.get(PATH)
    assert b"A token lets a script or service call the API as you." in response.content
    assert b'name="nonce"' in response.content


def test_a_card_tells_what_people_need(issue: Issue, owner_client: Client) -> None:
    token, value = issue()
    Token.objects.update(last_used_at=timezone.now() - timedelta(hours=2), last_used_address="203.0.113.7")
    page = owner_client.get(PATH).content.decode()
    assert token.identifier in page
    assert value[24:] not in page
    for words in ("Production API", "Active", "Production", "in 90 days", "2 hours ago", "from 203.0.113.7", "Revoke"):
        assert words in page
    assert f"{token.expires_at:%Y-%m-%dT%H:%M:%SZ}" in page


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ["over", "soon", "long", "gone"]),
        ("?status=active", ["soon", "long", "gone"]),
        ("?status=expiring", ["soon", "gone"]),
        ("?status=expired", ["over", "gone"]),
        ("?status=revoked", ["gone"]),
        ("?status=nonsense", ["over", "soon", "long", "gone"]),
        ("?q=lon", ["long"]),
        ("?q=lon&status=expired", []),
        ("?q=%00", ["over", "soon", "long", "gone"]),
        ("?page=99", ["over", "soon", "long", "gone"]),
        ("?page=x", ["over", "soon", "long", "gone"]),
    ],
)
def test_filters_and_search(one_of_each: None, owner_client: Client, query: str, shown: list[str]) -> None:
    assert names(owner_client.get(PATH + query).content) == shown


def test_a_whole_token_in_the_search_leaves_the_address_and_is_found(issue: Issue, owner_client: Client) -> None:
    token, value = issue()
    response = owner_client.get(PATH, {"q": f" {value}"})
    assert (response.status_code, response["Location"]) == (302, f"{PATH}?q={token.identifier}")
    assert names(owner_client.get(response["Location"]).content) == [token.name]


def test_the_token_revoked_last_comes_first(issue: Issue, owner_client: Client) -> None:
    older, _ = issue(name="older")
    issue(name="newer")[0].revoke()
    older.revoke()
    assert names(owner_client.get(PATH).content) == ["older", "newer"]


def test_counts_follow_the_search(one_of_each: None, owner_client: Client) -> None:
    filters = owner_client.get(PATH + "?q=o").context["listing"].filters
    assert [(entry.label, entry.count) for entry in filters] == [
        ("All", 3), ("Active", 2), ("Expiring soon", 1), ("Expired", 1),
    ]  # fmt: skip


def test_revoke_is_offered_where_it_applies(one_of_each: None, owner_client: Client) -> None:
    page = owner_client.get(PATH).content.decode()
    for token in Token.objects.all():
        offered = f"/settings/tokens/{token.identifier}/revoke/" in page
        assert offered == (token.name in {"long", "soon"}), token.name


def test_htmx_gets_the_list_alone(one_of_each: None, owner_client: Client) -> None:
    response = owner_client.get(PATH + "?status=expired", headers=HTMX)
    assert b"<html" not in response.content
    assert names(response.content) == ["over", "gone"]


def test_pages_of_25(issue: Issue, owner_client: Client) -> None:
    for number in range(30):
        issue(name=f"token {number}")
    assert len(names(owner_client.get(PATH).content)) == 25
    second = owner_client.get(PATH + "?page=2")
    assert len(names(second.content)) == 5
    assert b"Page 2 of 2" in second.content


def test_a_thousand_tokens_cost_the_same_queries(
    issue: Issue, owner: User, owner_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    issue()[0].revoke()
    token, _ = issue()
    Token.objects.bulk_create(
        Token(
            owner=owner, name=str(n), environment="live", identifier=f"tkn_live_{n:015}", digest="0" * 64, pepper=1,
            expires_at=token.expires_at,
        )
        for n in range(1000)
    )  # fmt: skip
    with django_assert_num_queries(5):  # session, user, counts, page, revoked
        owner_client.get(PATH)


def test_never_stored(owner_client: Client) -> None:
    assert "no-store" in owner_client.get(PATH)["Cache-Control"]
