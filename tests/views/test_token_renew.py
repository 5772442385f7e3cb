"""GET and POST /settings/tokens/<identifier>/renew/"""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue, bearer, page_of, signed_in
from tokens.models import Event, Token
from tokens.token_settings import TokenSettings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOD = {"overlap": "24h", "expires": "90d", "nonce": "n" * 22}
HTMX = {"HX-Request": "true"}


def address(token: Token) -> str:
    return f"{token.get_absolute_url()}renew/"


def code(value: str) -> str | None:
    """Return the problem code of a request with `value`, or None if it is admitted."""
    response = Client().get("/api/v1/token", headers=bearer(value))
    refused: str | None = response.json().get("code")
    return refused


def test_asks_with_24_hours_and_90_days_chosen(owner: User, issue: Issue) -> None:
    with time_machine.travel(NOW, tick=False):
        token, _ = issue()
        page = signed_in(owner).get(address(token)).content.decode()
    for words in (
        "<html",
        "<legend>Overlap</legend>",
        "<legend>Expiration</legend>",
        "until 23 Nov, 12:00 UTC",
        "Renew token",
    ):
        assert words in page
    for chosen in ('value="24h"', 'value="90d"'):
        assert "checked" in page.split(chosen)[1].split(">")[0]
    assert Token.objects.count() == 1


def test_says_days_and_times_where_the_person_is(owner: User, issue: Issue) -> None:
    User.objects.filter(pk=owner.pk).update(time_zone="Asia/Tokyo")
    now = datetime(2026, 11, 28, 17, 15, tzinfo=UTC)  # the 29th in Tokyo
    with time_machine.travel(now, tick=False):
        page = signed_in(owner).get(address(issue()[0])).content.decode()
    assert "until 30 Nov, 02:15 JST" in page
    assert "until 27 Feb 2027" in page


def test_htmx_gets_the_dialog(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    page = owner_client.get(
        address(token), headers=HTMX | {"HX-Target": "tokenry-dialog"}
    ).content.decode()
    assert "<html" not in page
    assert 'method="dialog"' in page


@pytest.mark.parametrize(
    ("overlap", "end"),
    [
        ("now", NOW),
        ("1h", NOW + timedelta(hours=1)),
        ("24h", NOW + timedelta(hours=24)),
        ("7d", NOW + timedelta(days=3)),  # its own expiry comes first
    ],
)
def test_renews_and_reveals_once(issue: Issue, owner: User, overlap: str, end: datetime) -> None:
    with time_machine.travel(NOW, tick=False):
        token, old = issue(
            expires_at=NOW + timedelta(days=3),
            environment="test",
            allowed_addresses=["127.0.0.1/32"],
        )
        response = signed_in(owner).post(
            address(token), GOOD | {"overlap": overlap, "expires": "6m"}
        )
        assert response.status_code == 200
        value = response.context["credential"].value
        token.refresh_from_db()
        successor = token.successor
        assert successor is not None
        assert (token.expires_at, successor.expires_at) == (
            end,
            datetime(2027, 5, 22, 12, tzinfo=UTC),
        )
        assert (successor.environment, successor.addresses) == ("test", "127.0.0.1/32")
        assert code(value) is None
        assert code(old) == ("expired_token" if overlap == "now" else None)
    assert response.content.decode().count(value) == 1
    assert "</bdi>” renewed" in page_of(response)
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "no-referrer"
    assert [(event.kind, event.identifier) for event in Event.objects.all()] == [
        ("renewed", token.identifier), ("created", token.identifier),
    ]  # fmt: skip


def test_after_the_overlap_the_refusal_says_that_it_was_renewed(
    issue: Issue, owner_client: Client
) -> None:
    token, old = issue()
    value = owner_client.post(address(token), GOOD).context["credential"].value
    assert (code(old), code(value)) == (None, None)
    with time_machine.travel(timezone.now() + timedelta(hours=24)):
        refused = Client().get("/api/v1/token", headers=bearer(old)).json()
        assert refused["code"] == "expired_token"
        assert "It was renewed on" in refused["detail"]
        assert code(value) is None


def test_an_expired_token_is_renewed_without_overlap(issue: Issue, owner_client: Client) -> None:
    token, old = issue(expires_at=timezone.now() - timedelta(days=1))
    page = owner_client.get(address(token)).content.decode()
    assert "The old token expired" in page
    assert "Overlap" not in page
    response = owner_client.post(address(token), GOOD)
    assert "no longer works" in response.content.decode()
    assert code(response.context["credential"].value) is None
    assert code(old) == "expired_token"


@pytest.mark.parametrize("headers", [{}, HTMX | {"HX-Target": "tokenry-content"}])
def test_the_same_form_twice_and_once_more(
    issue: Issue, owner_client: Client, headers: dict[str, str]
) -> None:
    token, _ = issue()
    lost = owner_client.post(address(token), GOOD).context["credential"].value
    again = owner_client.post(address(token), GOOD, headers=headers)
    assert again.status_code == 409
    page = again.content.decode()
    assert "This form was already sent" in page
    assert "Revoke it and renew again" in page
    assert lost[24:] not in page
    nonce = again.context["again"]["nonce"].value()
    assert nonce != GOOD["nonce"]
    response = owner_client.post(address(token), GOOD | {"nonce": nonce, "instead_of": lost[:24]})
    assert response.status_code == 200
    assert code(lost) == "revoked_token"
    assert code(response.context["credential"].value) is None
    assert Token.objects.filter(revoked_at=None).count() == 2
    assert [event.kind for event in Event.objects.all()] == [
        "renewed",
        "revoked",
        "renewed",
        "created",
    ]
    repeated = owner_client.post(address(token), GOOD | {"nonce": nonce, "instead_of": lost[:24]})
    assert repeated.status_code == 409
    assert Token.objects.count() == 3


def test_a_retiring_token_says_where_its_successor_is(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    successor = owner_client.post(address(token), GOOD).context["revealed"]
    for response, status in (
        (owner_client.get(address(token)), 200),
        (owner_client.post(address(token), GOOD | {"nonce": "m" * 22}), 409),
        (
            owner_client.post(
                address(token), GOOD | {"nonce": "m" * 22, "instead_of": token.identifier}
            ),
            409,
        ),
    ):
        assert response.status_code == status
        page = response.content.decode()
        assert successor.get_absolute_url() in page
        assert "Revoke it and renew again" in page
        assert 'name="overlap" value="24h"' in page
    assert Token.objects.count() == 2


def test_a_revoked_token_is_not_renewed(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    token.revoke()
    assert "You can&#x27;t renew a revoked token" in owner_client.get(
        address(token)
    ).content.decode().replace("'", "&#x27;")
    assert owner_client.post(address(token), GOOD).status_code == 409
    assert Token.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [({"overlap": "8d"}, "overlap"), ({"expires": "9y"}, "expires"), ({"nonce": ""}, "nonce")],
)
def test_what_is_not_offered_is_refused(
    issue: Issue, owner_client: Client, change: dict[str, str], field: str
) -> None:
    token, _ = issue()
    response = owner_client.post(address(token), GOOD | change)
    assert (response.status_code, list(response.context["form"].errors)) == (422, [field])
    assert Token.objects.count() == 1


def test_confirm_leads_back_to_what_was_chosen(issue: Issue, owner: User) -> None:
    token, _ = issue()
    client = signed_in(owner, seconds_ago=3600)
    back = parse_qs(
        urlsplit(client.post(address(token), GOOD | {"overlap": "1h"})["Location"]).query
    )["next"][0]
    assert back == f"{address(token)}?overlap=1h&expires=90d"
    assert client.get(back).context["form"]["overlap"].value() == "1h"
    assert Token.objects.count() == 1


def test_the_limit_counts_the_expired_one_in_and_the_active_one_not(
    issue: Issue, owner_client: Client, token_settings: TokenSettings
) -> None:
    token_settings.MAX_TOKENS_PER_USER = 1
    expired, _ = issue(expires_at=timezone.now() - timedelta(days=1))
    active, _ = issue()
    words = "You have 1 active token, the most allowed. Revoke one first."
    assert words in owner_client.get(address(expired)).content.decode()
    refused = owner_client.post(address(expired), GOOD)
    assert refused.status_code == 422
    assert refused.content.decode().count(words) == 1
    assert words not in owner_client.get(address(active)).content.decode()
    assert owner_client.post(address(active), GOOD).status_code == 200


def test_a_successor_that_was_replaced_is_not_lost(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    owner_client.post(address(token), GOOD)
    first = Token.objects.get(renewed_from=token)
    owner_client.post(address(first), GOOD | {"nonce": "m" * 22})
    page = owner_client.post(address(token), GOOD).content.decode()
    assert "This form was already sent" in page
    assert "Revoke it and renew again" not in page
    again = owner_client.post(
        address(token), GOOD | {"nonce": "o" * 22, "instead_of": first.identifier}
    )
    assert again.status_code == 409
    assert {each.revoked_at for each in Token.objects.all()} == {None}


def test_a_lost_one_stays_where_its_successor_may_not_be_made(
    issue: Issue, owner_client: Client, token_settings: TokenSettings
) -> None:
    token, _ = issue()
    owner_client.post(address(token), GOOD)
    lost = Token.objects.get(renewed_from=token)
    issue()
    token_settings.MAX_TOKENS_PER_USER = 1
    response = owner_client.post(
        address(token), GOOD | {"nonce": "m" * 22, "instead_of": lost.identifier}
    )
    assert response.status_code == 422
    page = response.content.decode()
    assert "the most allowed" in page
    assert "was already renewed" in page
    lost.refresh_from_db()
    assert lost.revoked_at is None


def test_both_pages_tell_the_lineage(issue: Issue, owner_client: Client) -> None:
    token, _ = issue()
    successor = owner_client.post(address(token), GOOD).context["revealed"]
    old, new = (
        owner_client.get(it.get_absolute_url()).content.decode() for it in (token, successor)
    )
    assert f'Replaced by <a href="{successor.get_absolute_url()}">' in old
    assert f"<bdi>replaced by {successor.identifier}</bdi>" in old
    assert "Revoke it and renew again" in old
    assert f'Renewed from <a href="{token.get_absolute_url()}">' in new
    assert f"Made by renewing {token.identifier}" in new


def test_teammate(issue: Issue, teammate_client: Client) -> None:
    token, _ = issue()
    assert teammate_client.post(address(token), GOOD).status_code == 404
    assert Token.objects.count() == 1


def test_stranger(issue: Issue, stranger_client: Client) -> None:
    token, _ = issue()
    assert stranger_client.post(address(token), GOOD).status_code == 302
    assert Token.objects.count() == 1


def test_needs_its_csrf_token(issue: Issue, owner: User) -> None:
    token, _ = issue()
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert client.post(address(token), GOOD).status_code == 403
