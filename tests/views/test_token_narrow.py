"""GET and POST /settings/tokens/<identifier>/narrow/"""

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from tests.conftest import Issue, page_of, signed_in
from tests.records import a_record
from tokens.models import Event, Scope, Token
from tokens.problems import problem
from tokens.usage.recorder import recorder

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
ALL = ["a:read", "a:write", "b:read"]


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def token(issue: Issue) -> Token:
    """Return a token with three scopes, of which requests required one in the last 30 days."""
    Scope.objects.bulk_create(Scope(name=name, words=f"May {name}") for name in ALL)
    token, _ = issue(scopes=ALL, description="Nightly", allowed_addresses=["10.0.0.0/8"])
    Token.objects.filter(pk=token.pk).update(created_at=NOW - timedelta(days=100))
    use(token, "a:write", NOW - timedelta(days=40))
    use(token, "a:read", NOW - timedelta(days=29), times=2)
    return token


def use(token: Token, scope: str, at: datetime = NOW, times: int = 1) -> None:
    for _ in range(times):
        recorder.record(a_record(token, at, scopes=(scope,)))
    recorder.flush()


def address(token: Token) -> str:
    return f"{token.get_absolute_url()}narrow/"


def words(client: Client, token: Token) -> str:
    page = client.get(address(token)).content.decode()
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.split("<main")[1])))


def scopes_of(token: Token) -> list[str]:
    return Token.objects.get(pk=token.pk).scopes


def test_says_what_would_go_and_what_would_stay(token: Token, owner_client: Client) -> None:
    use(token, "a:read", times=1_200)
    recorder.record(a_record(token, problem=problem.rate_limited("One.", 1, ["token"])))
    recorder.flush()
    page = words(owner_client, token)
    assert "Remove 2 unused scopes?" in page
    assert (
        "To remove a:write no request used this scope in 30 days"
        " b:read no request used this scope in 30 days"
        " To keep a:read 1,202 requests used this scope"
    ) in page
    assert (
        "1,202 requests were accepted in 30 days."
        " Without these scopes, these requests would also have been accepted." in page
    )
    assert "Scopes that other services check themselves" in page
    assert "are counted only since" not in page
    assert scopes_of(token) == ALL


def test_drops_what_was_seen_without_asking_who_is_there(token: Token, owner: User) -> None:
    client, before = signed_in(owner, seconds_ago=3600), Token.objects.values().get()
    shown = re.findall(
        r'name="scope" value="([^"]+)"', client.get(address(token)).content.decode()
    )
    response = client.post(address(token), {"scope": shown})
    assert (response.status_code, response["Location"]) == (302, token.get_absolute_url())
    assert Token.objects.values().get() == before | {"scope": "a:read"}
    assert list(Event.objects.filter(kind="changed").values_list("detail", flat=True)) == [
        "scopes: −a:write −b:read"
    ]
    page = page_of(client.get(token.get_absolute_url()))
    assert "Removed: a:write, b:read." in page
    assert "Granted 1, used 1 in 30 days </p>" in page


def test_the_way_back_is_the_form_with_the_scopes_as_they_were(
    token: Token, owner_client: Client
) -> None:
    owner_client.post(address(token), {"scope": ["a:write", "b:read"]})
    page = owner_client.get(token.get_absolute_url()).content.decode()
    (undo,) = re.findall(r'<a href="([^"]+)">Undo: edit its scopes</a>', page)
    assert parse_qs(urlsplit(undo).query) == {"scopes": [",".join(ALL)]}
    assert owner_client.get(undo).context["form"]["scopes"].value() == ALL


def test_keeps_what_was_used_since_the_person_looked(token: Token, owner_client: Client) -> None:
    use(token, "a:write")
    owner_client.post(address(token), {"scope": ["a:write", "b:read"]})
    assert scopes_of(token) == ["a:read", "a:write"]
    assert "Removed: b:read." in owner_client.get(token.get_absolute_url()).content.decode()


@pytest.mark.parametrize("sent", [[], ["a:read"], ["c:read", "\0"]])
def test_drops_nothing_that_was_not_seen_or_is_used(
    token: Token, owner_client: Client, sent: list[str]
) -> None:
    owner_client.post(address(token), {"scope": sent})
    assert scopes_of(token) == ALL
    assert Event.objects.count() == 1
    assert "Nothing was removed: " in owner_client.get(token.get_absolute_url()).content.decode()


def test_says_so_when_it_is_counted_for_less_than_thirty_days(
    token: Token, owner_client: Client
) -> None:
    Token.objects.filter(pk=token.pk).update(created_at=NOW - timedelta(days=5))
    page = words(owner_client, token)
    assert "Requests with this token are counted only since 19 Nov 2026." in page
    assert "no request used this scope since 19 Nov 2026" in page
    assert "accepted since 19 Nov 2026" in page


def test_all_of_them(issue: Issue, token: Token, owner_client: Client) -> None:
    other, _ = issue(name="Unused", scopes=["a:read"])
    Token.objects.filter(pk=other.pk).update(created_at=NOW - timedelta(days=100))
    page = words(owner_client, other)
    assert "To keep None. The token can then call only endpoints that need no scope." in page
    assert "No requests were accepted in 30 days." in page
    owner_client.post(address(other), {"scope": ["a:read"]})
    assert scopes_of(other) == []
    assert "This token has no scopes. It can call only endpoints that need no scope." in words(
        owner_client, other
    )


def test_nothing_to_narrow(token: Token, owner_client: Client) -> None:
    for name in ALL:
        use(token, name)
    page = words(owner_client, token)
    assert "Nothing to remove Each scope of this token was used in 30 days." in page
    assert (
        "<form"
        not in owner_client.get(address(token))
        .content.decode()
        .split("<main")[1]
        .split("</main")[0]
    )


def test_a_revoked_token_stays_as_it_was(token: Token, owner_client: Client) -> None:
    token.revoke()
    assert "You can't change a revoked token" in words(owner_client, token)
    assert (
        "Remove unused scopes" not in owner_client.get(token.get_absolute_url()).content.decode()
    )
    response = owner_client.post(address(token), {"scope": ["b:read"]})
    assert response.status_code == 409
    assert "You can't change a revoked token" in response.content.decode()
    assert scopes_of(token) == ALL


def test_teammate(token: Token, teammate_client: Client) -> None:
    for response in (
        teammate_client.get(address(token)),
        teammate_client.post(address(token), {"scope": ["b:read"]}),
    ):
        assert response.status_code == 404
        assert "a:read" not in response.content.decode()
    assert scopes_of(token) == ALL


def test_stranger(token: Token, stranger_client: Client) -> None:
    assert stranger_client.post(address(token), {"scope": ["b:read"]}).status_code == 302
    assert scopes_of(token) == ALL
