"""GET /settings/tokens/ for somebody with tokens of several environments."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.conftest import Issue
from tests.views.test_token_list import PATH, links, names


@pytest.fixture
def in_environments(issue: Issue) -> None:
    """Create tokens: Production 2 active; Staging 1 active, 1 expired; Development 1 revoked."""
    for name, environment in {"live 1": "live", "live 2": "live", "test 1": "test"}.items():
        issue(name=name, environment=environment)
    issue(name="test over", environment="test", expires_at=timezone.now() - timedelta(days=3))
    issue(name="dev gone", environment="dev")[0].revoke()


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("?environment=live", ["live 2", "live 1"]),
        ("?environment=test", ["test 1", "test over"]),
        ("?environment=dev", ["dev gone"]),
        ("?status=active&environment=test", ["test 1"]),
        ("?status=expired&environment=live", []),
        ("?q=t+over&environment=test", ["test over"]),
        ("?environment=moon", ["test 1", "live 2", "live 1", "test over", "dev gone"]),
    ],
)
def test_environments(
    in_environments: None, owner_client: Client, query: str, shown: list[str]
) -> None:
    assert names(owner_client.get(PATH + query).content) == shown


def test_environments_and_statuses_combine(in_environments: None, owner_client: Client) -> None:
    listing = owner_client.get(f"{PATH}?q=test&status=active&environment=test").context["listing"]
    assert links(listing.environments) == [
        ("Any environment", 1, "?q=test&status=active"),
        ("Staging", 1, "?q=test&status=active&environment=test"),
    ]  # fmt: skip
    listing = owner_client.get(f"{PATH}?environment=test").context["listing"]
    assert links(listing.filters) == [
        ("All", 2, "?environment=test"), ("Active", 1, "?status=active&environment=test"),
        ("Expiring soon", 0, "?status=expiring&environment=test"),
        ("Expired", 1, "?status=expired&environment=test"),
        ("Unused for 90 days", 0, "?status=unused&environment=test"),
    ]  # fmt: skip
    assert links(listing.environments) == [
        ("Any environment", 4, "?"), ("Production", 2, "?environment=live"),
        ("Staging", 2, "?environment=test"),
        ("Development", 0, "?environment=dev"),
    ]  # fmt: skip
    assert [entry.label for entry in listing.environments if entry.current] == ["Staging"]


def test_search_keeps_both_filters(in_environments: None, owner_client: Client) -> None:
    page = owner_client.get(f"{PATH}?status=active&environment=test").content.decode()
    assert '<input type="hidden" name="status" value="active">' in page
    assert '<input type="hidden" name="environment" value="test">' in page


def test_one_environment_leaves_nothing_to_choose(issue: Issue, owner_client: Client) -> None:
    issue()
    assert "Filter by environment" not in owner_client.get(PATH).content.decode()
    assert "Filter by environment" in owner_client.get(f"{PATH}?environment=dev").content.decode()


def test_teammate_sees_only_their_own_environments(
    in_environments: None, teammate_client: Client
) -> None:
    page = teammate_client.get(f"{PATH}?environment=live").content.decode()
    assert names(page.encode()) == []
    assert "You have no tokens yet" in page
