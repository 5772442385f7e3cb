"""GET /settings/tokens/"""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.conftest import Issue, page_of
from tokens.models import Token
from tokens.pages.token_list import FilterLink

PATH = "/settings/tokens/"
HTMX = {"HX-Request": "true", "HX-Target": "tokens"}


def links(filters: list[FilterLink]) -> list[tuple[str, int, str]]:
    """Return label, number and query string of each filter."""
    return [(entry.label, entry.count, entry.query) for entry in filters]


def names(content: bytes) -> list[str]:
    """Return the names of the tokens in the list."""
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
    token, value = issue(description="Ask <Jonas> when it fails")
    Token.objects.update(
        created_at=timezone.now() - timedelta(days=60),
        last_used_at=timezone.now() - timedelta(hours=2),
        last_used_address="203.0.113.7",
    )
    page = owner_client.get(PATH).content.decode()
    assert token.identifier in page
    assert value[24:] not in page
    for words in (
        "Production API",
        "Active",
        "Production",
        "in 90 days",
        "2 hours ago",
        "from 203.0.113.7",
        "Revoke",
        "<bdi>Ask &lt;Jonas&gt; when it fails</bdi>",
        f"{timezone.now() - timedelta(days=60):%Y-%m-%dT}",
    ):
        assert words in page
    assert f"{token.expires_at:%Y-%m-%dT%H:%M:%SZ}" in page


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ["soon", "long", "over", "gone"]),
        ("?status=active", ["long", "gone"]),
        ("?status=expiring", ["soon", "gone"]),
        ("?status=expired", ["over", "gone"]),
        ("?status=revoked", ["gone"]),
        ("?status=nonsense", ["soon", "long", "over", "gone"]),
        ("?q=long", ["long"]),
        ("?q=long&status=expired", []),
        ("?q=%00", ["soon", "long", "over", "gone"]),
        ("?page=99", ["soon", "long", "over", "gone"]),
        ("?page=x", ["soon", "long", "over", "gone"]),
    ],
)
def test_filters_and_search(
    one_of_each: None, owner_client: Client, query: str, shown: list[str]
) -> None:
    assert names(owner_client.get(PATH + query).content) == shown


def test_a_whole_token_in_the_search_leaves_the_address_and_is_found(
    issue: Issue, owner_client: Client
) -> None:
    token, value = issue()
    response = owner_client.get(PATH, {"q": f" {value}"})
    assert (response.status_code, response["Location"]) == (302, f"{PATH}?q=+{token.identifier}")
    assert names(owner_client.get(response["Location"]).content) == [token.name]


def test_the_token_revoked_last_comes_first(issue: Issue, owner_client: Client) -> None:
    older, _ = issue(name="older")
    issue(name="newer")[0].revoke()
    older.revoke()
    assert names(owner_client.get(PATH).content) == ["older", "newer"]


def test_counts_follow_the_search(one_of_each: None, owner_client: Client) -> None:
    filters = owner_client.get(PATH + "?q=o").context["listing"].filters
    assert [(entry.label, entry.count) for entry in filters] == [
        ("All", 3), ("Active", 1), ("Expiring soon", 1), ("Expired", 1), ("Unused for 90 days", 0),
    ]  # fmt: skip


def test_revoke_is_offered_where_it_applies(one_of_each: None, owner_client: Client) -> None:
    page = owner_client.get(PATH).content.decode()
    for token in Token.objects.all():
        offered = f"/settings/tokens/{token.identifier}/revoke/" in page
        assert offered == (token.name in {"long", "soon"}), token.name


def test_renew_is_offered_where_it_applies(
    issue: Issue, one_of_each: None, owner_client: Client
) -> None:
    old, _ = issue(name="retiring")
    expired, _ = issue(name="replaced", expires_at=timezone.now() - timedelta(days=1))
    for token, name in ((old, "successor"), (expired, "other successor")):
        successor, _ = Token.objects.renew(
            token, expires_at=timezone.now() + timedelta(days=90), overlap=timedelta(hours=1)
        )
        Token.objects.filter(pk=successor.pk).update(name=name)
    page = owner_client.get(PATH).content.decode()
    renewable = {"long", "soon", "over", "successor", "other successor"}
    for token in Token.objects.all():
        assert (f"/settings/tokens/{token.identifier}/renew/" in page) == (
            token.name in renewable
        ), token.name
        selectable = f'name="token" value="{token.identifier}"' in page
        assert selectable == (f"/settings/tokens/{token.identifier}/revoke/" in page), token.name
    assert f"/settings/tokens/{old.identifier}/revoke/" in page
    assert "Retiring" in page


def test_a_retiring_card_tells_who_still_uses_it(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    now = timezone.now()
    Token.objects.update(last_used_at=now - timedelta(days=1), last_used_address="192.0.2.1")
    Token.objects.renew(token, expires_at=now + timedelta(days=90), overlap=timedelta(hours=24))
    page = owner_client.get(f"{PATH}?status=retiring").content.decode()
    assert "Works until" in page
    assert "Old token not used since the renewal: safe to revoke" in page
    Token.objects.filter(pk=token.pk).update(
        renewed_at=now - timedelta(minutes=9),
        last_used_at=now - timedelta(minutes=5),
        last_used_address="203.0.113.7",
        last_used_agent="python-requests/2.32.3",
    )
    page = page_of(owner_client.get(f"{PATH}?status=retiring"))
    assert "5 minutes ago</time> from 203.0.113.7 (<bdi>python-requests</bdi>)" in page
    assert "safe to revoke" not in page


@pytest.mark.parametrize(
    ("made", "used", "found"),
    [(90, None, True), (89, None, False), (200, 90, True), (200, 89, False)],
)
def test_unused_for_90_days(
    issue: Issue, owner_client: Client, made: int, used: int | None, found: bool
) -> None:
    now = timezone.now()
    issue()
    used_at = None if used is None else now - timedelta(days=used)
    Token.objects.update(created_at=now - timedelta(days=made), last_used_at=used_at)
    issue(name="expired", expires_at=now - timedelta(days=1))
    Token.objects.filter(name="expired").update(created_at=now - timedelta(days=300))
    response = owner_client.get(f"{PATH}?status=unused")
    assert names(response.content) == (["Production API"] if found else [])
    assert links(response.context["listing"].filters)[-1] == (
        "Unused for 90 days",
        int(found),
        "?status=unused",
    )


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
    issue: Issue,
    owner: User,
    owner_client: Client,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    issue()[0].revoke()
    token, _ = issue()
    Token.objects.bulk_create(
        Token(
            owner=owner, name=str(n), environment="live", identifier=f"tkn_live_{n:015}",
            digest="0" * 64, pepper=1,
            expires_at=token.expires_at,
        )
        for n in range(1000)
    )  # fmt: skip
    for query in ("", "?environment=live", "?status=active&environment=live"):
        # session, user, teams, counts, order, page, sparklines, revoked, expiring, offers,
        # approver
        with django_assert_num_queries(11):
            owner_client.get(PATH + query)


def test_never_stored(owner_client: Client) -> None:
    assert "no-store" in owner_client.get(PATH)["Cache-Control"]


def test_an_address_of_htmx_that_makes_no_sense_is_as_none(
    issue: Issue, owner_client: Client
) -> None:
    token, _ = issue()
    headers = {**HTMX, "HX-Target": "tokenry-dialog", "HX-Current-URL": "http://[broken/"}
    answer = owner_client.post(f"{token.get_absolute_url()}revoke/", headers=headers)
    assert answer.status_code < 400
    token.refresh_from_db()
    assert token.revoked_at
