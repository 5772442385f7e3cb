"""GET /settings/tokens/?sort=: the order of the list, and what the list draws and selects."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.conftest import Issue, page_of
from tests.views.test_token_list import HTMX, PATH, links, names
from tokens.models import DayCount, Token


@pytest.fixture
def renewed(issue: Issue) -> Callable[[str], tuple[Token, Token]]:
    """Return a function that makes a token, renews it, and returns both tokens."""

    def renew(name: str) -> tuple[Token, Token]:
        old, _ = issue(name=name)
        successor, _ = Token.objects.renew(
            old, expires_at=timezone.now() + timedelta(days=90), overlap=timedelta(hours=24)
        )
        Token.objects.filter(pk=successor.pk).update(name=f"{name} 2")
        return old, successor

    return renew


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ["Bravo", "alpha", "Charlie", "over"]),
        ("?sort=newest", ["Bravo", "alpha", "Charlie", "over"]),
        ("?sort=expires", ["alpha", "Bravo", "Charlie", "over"]),
        ("?sort=used", ["Charlie", "Bravo", "alpha", "over"]),
        ("?sort=name", ["alpha", "Bravo", "Charlie", "over"]),
        ("?sort=nonsense", ["Bravo", "alpha", "Charlie", "over"]),
    ],
)
def test_sort(issue: Issue, owner_client: Client, query: str, shown: list[str]) -> None:
    now = timezone.now()
    for name, days in {"Charlie": 300, "over": -2, "alpha": 20, "Bravo": 60}.items():
        issue(name=name, expires_at=now + timedelta(days=days))
    Token.objects.filter(name="Charlie").update(last_used_at=now)
    response = owner_client.get(PATH + query)
    assert names(response.content) == shown
    chosen = query.partition("=")[2] if "nonsense" not in query else ""
    assert f'<option value="{chosen or "newest"}" selected>' in response.content.decode()


def test_filters_search_and_pages_keep_the_order(issue: Issue, owner_client: Client) -> None:
    for number in range(26):
        issue(name=f"token {number:02}")
    issue(name="other", environment="dev")
    response = owner_client.get(f"{PATH}?sort=name&q=token")
    listing = response.context["listing"]
    assert links(listing.filters)[1] == ("Active", 26, "?q=token&status=active&sort=name")
    assert listing.next == "?q=token&sort=name&page=2"
    page = response.content.decode()
    assert page.count('<input type="hidden" name="sort" value="name">') == 1  # in the search
    assert page.count('<input type="hidden" name="q" value="token">') == 1  # in the order
    assert names(owner_client.get(PATH + listing.next).content) == ["token 25"]
    assert "sort" not in owner_client.get(f"{PATH}?sort=newest").context["listing"].query()


def test_htmx_gets_the_list_in_order(issue: Issue, owner_client: Client) -> None:
    issue(name="a")
    issue(name="b")
    response = owner_client.get(f"{PATH}?sort=name", headers=HTMX)
    assert names(response.content) == ["a", "b"]


def test_a_retiring_token_stands_under_its_successor_and_links_to_it(
    renewed: Callable[[str], tuple[Token, Token]], issue: Issue, owner_client: Client
) -> None:
    old, successor = renewed("first")
    issue(name="newest")
    response = owner_client.get(PATH)
    assert names(response.content) == ["newest", "first 2", "first"]
    assert [row.is_under_successor for row in response.context["listing"].rows] == [
        False, False, True,
    ]  # fmt: skip
    link = f'Replaced by <a href="{successor.get_absolute_url()}" ><code>'
    assert link in page_of(response)
    alone = owner_client.get(f"{PATH}?status=retiring")
    assert names(alone.content) == [old.name]
    assert link in page_of(alone)
    assert not alone.context["listing"].rows[0].is_under_successor


def test_no_link_to_a_successor_that_was_revoked(
    renewed: Callable[[str], tuple[Token, Token]], owner_client: Client
) -> None:
    renewed("first")[1].revoke()
    assert "Replaced by" not in owner_client.get(PATH).content.decode()


def test_each_token_is_counted_under_its_badge(
    renewed: Callable[[str], tuple[Token, Token]], issue: Issue, owner_client: Client
) -> None:
    renewed("first")
    now = timezone.now()
    for days in (-3, 3, 4):
        issue(expires_at=now + timedelta(days=days))
    counts = {
        label: count
        for label, count, _ in links(owner_client.get(PATH).context["listing"].filters)
    }
    del counts["Unused for 90 days"]  # says nothing about the status
    assert counts == {"All": 5, "Active": 1, "Expiring soon": 2, "Retiring": 1, "Expired": 1}
    active = owner_client.get(f"{PATH}?status=active").content
    assert b'class="badge active"' in active
    assert b'class="badge expiring"' not in active


def test_the_use_of_30_days_is_drawn(issue: Issue, owner_client: Client) -> None:
    token, _ = issue(name="used")
    issue(name="idle")
    now = timezone.now()
    DayCount.objects.create(
        token=token, day=now.date(), status_class=2, requests=1204, last_at=now
    )
    page = owner_client.get(PATH).content.decode()
    assert page.count('class="spark"') == 1
    assert "<title>1,204 requests in 30 days</title>" in page


def test_all_tokens_are_revoked_from_security_alone(issue: Issue, owner_client: Client) -> None:
    issue()
    page = owner_client.get(PATH).content.decode()
    assert "/revoke-all/" not in page
    assert "/revoke-selected/" in page
    assert "/revoke-all/" in owner_client.get("/settings/security/").content.decode()


def test_nothing_to_select_where_all_expired(issue: Issue, owner_client: Client) -> None:
    issue(expires_at=timezone.now() - timedelta(days=1))
    page = owner_client.get(PATH).content.decode()
    assert 'class="pick"' not in page
    assert 'class="bulk"' not in page
