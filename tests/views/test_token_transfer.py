"""GET and POST /settings/tokens/<identifier>/transfer/ and /settings/tokens/offers/"""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue, bearer, page_of, signed_in
from tests.records import program
from tests.teams import make_team
from tokens.models import Membership, Team, Token, TransferOffer
from tokens.notifications.outbox import send_event_mails
from tokens.token_settings import TokenSettings

OFFERS = "/settings/tokens/offers/"
METHODS = ("get", "head", "post", "put", "delete")


@pytest.fixture
def token(issue: Issue) -> Token:
    return issue(name="CI")[0]


@pytest.fixture
def team(owner: User) -> Team:
    return make_team("billing-ci", owner)


def address(token: Token) -> str:
    return f"{token.get_absolute_url()}transfer/"


def offer(client: Client, token: Token, email: str = "teammate@example.com") -> Any:
    return client.post(address(token), {"to": "person", "email": email})


def owner_of(token: Token) -> str:
    return str(Token.objects.get(pk=token.pk).owner)


@pytest.mark.parametrize("method", METHODS)
def test_a_stranger_signs_in_first(token: Token, stranger_client: Client, method: str) -> None:
    for path in (address(token), OFFERS):
        answer = getattr(stranger_client, method)(path)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("method", METHODS)
def test_another_person_finds_nothing(token: Token, teammate_client: Client, method: str) -> None:
    assert getattr(teammate_client, method)(address(token)).status_code in {404, 405}
    assert owner_of(token) == "owner@example.com"


def test_to_a_team_of_mine_at_once(token: Token, team: Team, owner_client: Client) -> None:
    page = page_of(owner_client.get(address(token)))
    assert "Team billing-ci (billing-ci)" in page
    answer = owner_client.post(address(token), {"to": "team:billing-ci"}, follow=True)
    assert "“CI” is handed over. Programs use the same values as before." in page_of(answer)
    assert owner_of(token) == "billing-ci@teams.invalid"


def test_not_to_a_team_of_others(token: Token, teammate: User, owner_client: Client) -> None:
    make_team("theirs", teammate)
    answer = owner_client.post(address(token), {"to": "team:theirs"})
    assert answer.status_code == 422
    assert "Select a valid choice" in page_of(answer)
    assert owner_of(token) == "owner@example.com"


def test_needs_fresh_authentication(token: Token, owner: User, team: Team) -> None:
    client = signed_in(owner, seconds_ago=3600)
    answer = client.post(address(token), {"to": "team:billing-ci"})
    assert answer.status_code == 302
    assert "billing-ci" in answer["Location"]
    assert owner_of(token) == "owner@example.com"
    page = page_of(client.get(f"{address(token)}?to=team:billing-ci"))
    assert re.search('value="team:billing-ci"[^>]* checked', page)


def test_another_person_is_asked_and_accepts(
    token: Token, owner_client: Client, teammate_client: Client
) -> None:
    answer = offer(owner_client, token, "Teammate@Example.com")
    page = page_of(owner_client.get(answer["Location"]))
    assert "Offered to <strong><bdi>teammate@example.com</bdi></strong>" in page
    assert owner_of(token) == "owner@example.com"
    assert "1 token is offered to you." in page_of(teammate_client.get("/settings/tokens/"))
    page = page_of(teammate_client.get(OFFERS))
    assert "Offered by <bdi>owner@example.com</bdi>" in page
    assert token.identifier in page
    answer = teammate_client.post(OFFERS, {"token": token.identifier, "accept": ""}, follow=True)
    assert "1 token is yours now: “CI”." in page_of(answer)
    assert owner_of(token) == "teammate@example.com"
    assert owner_client.get(token.get_absolute_url()).status_code == 404


def test_the_page_does_not_tell_who_has_an_account(
    issue: Issue, owner_client: Client, teammate: User
) -> None:
    pages = []
    for email in ("teammate@example.com", "nobody@example.com"):
        token, _ = issue(name="CI")
        answer = offer(owner_client, token, email)
        shown = page_of(owner_client.get(answer["Location"])).split("<main")[1]
        shown = shown.replace(email, "E").replace(token.identifier, "T")
        pages.append(
            re.sub('csrfmiddlewaretoken" value="[^"]*|datetime="[^"]*|title="[^"]*', "", shown)
        )
    assert "Offered to" in pages[0]
    assert pages[0] == pages[1]


def test_the_receiver_declines(
    token: Token, owner_client: Client, teammate_client: Client
) -> None:
    offer(owner_client, token)
    teammate_client.post(OFFERS, {"token": token.identifier, "decline": ""})
    assert not TransferOffer.objects.exists()
    assert owner_of(token) == "owner@example.com"


def test_the_giver_withdraws(token: Token, owner_client: Client, teammate_client: Client) -> None:
    offer(owner_client, token)
    owner_client.post(address(token), {"withdraw": ""})
    assert "Nobody offers you a token." in page_of(teammate_client.get(OFFERS))
    answer = teammate_client.post(OFFERS, {"token": token.identifier, "accept": ""})
    assert answer.status_code == 404


def test_accepting_needs_fresh_authentication(
    token: Token, owner_client: Client, teammate: User
) -> None:
    offer(owner_client, token)
    client = signed_in(teammate, seconds_ago=3600)
    answer = client.post(OFFERS, {"token": token.identifier, "accept": ""})
    assert answer.status_code == 302
    assert owner_of(token) == "owner@example.com"


def test_nobody_else_accepts(token: Token, owner_client: Client, admin_client: Client) -> None:
    offer(owner_client, token, "teammate@example.com")
    for kind in ("accept", "decline"):
        answer = admin_client.post(OFFERS, {"token": token.identifier, kind: ""})
        assert answer.status_code == 404
    assert offer_count() == 1


def offer_count() -> int:
    return TransferOffer.objects.open().count()


ENDS: dict[str, Callable[[Token], Any]] = {
    "revoked": lambda token: token.revoke(),
    "expired": lambda _: Token.objects.update(expires_at=timezone.now()),
    "old": lambda _: TransferOffer.objects.update(made_at=timezone.now() - timedelta(days=14)),
    "giver away": lambda token: User.objects.filter(pk=token.owner_id).update(is_active=False),
}


@pytest.mark.parametrize("end", ENDS)
def test_an_offer_ends(
    token: Token, owner_client: Client, teammate_client: Client, end: str
) -> None:
    offer(owner_client, token)
    assert offer_count() == 1
    ENDS[end](token)
    assert offer_count() == 0
    answer = teammate_client.post(OFFERS, {"token": token.identifier, "accept": ""})
    assert answer.status_code == 404
    assert owner_of(token) == "owner@example.com"


def test_only_managers_hand_tokens_out_of_a_team(
    token: Token, owner: User, teammate: User, owner_client: Client, teammate_client: Client
) -> None:
    team = make_team("billing-ci", owner, managers=(teammate,))
    owner_client.post(address(token), {"to": "team:billing-ci"})
    answer = owner_client.post(address(token), {"to": "me"})
    assert answer.status_code == 403
    assert "Only managers hand tokens over" in page_of(answer)
    assert owner_of(token) == "billing-ci@teams.invalid"
    assert offer(owner_client, token).status_code == 403
    teammate_client.post(address(token), {"to": "me"})
    assert owner_of(token) == "teammate@example.com"
    assert Token.objects.get(pk=token.pk).team_id is None
    assert team.memberships.count() == 2


def test_an_offer_ends_with_the_role_of_its_giver(
    token: Token, owner: User, owner_client: Client, teammate_client: Client
) -> None:
    make_team("billing-ci", managers=(owner,))
    owner_client.post(address(token), {"to": "team:billing-ci"})
    offer(owner_client, token)
    assert offer_count() == 1
    assert "for the team billing-ci" in page_of(teammate_client.get(OFFERS))
    Membership.objects.update(role=Membership.Role.MEMBER)
    assert offer_count() == 0


@pytest.mark.parametrize(
    ("email", "words"),
    [
        ("", "Type the email address of the person."),
        ("OWNER@example.com", "This is your own address."),
        ("nobody", "Enter a valid email address."),
    ],
)
def test_a_wrong_address(token: Token, owner_client: Client, email: str, words: str) -> None:
    answer = offer(owner_client, token, email)
    assert answer.status_code == 422
    assert words in page_of(answer)


def test_a_token_made_with_another_moves_with_that(
    token: Token, issue: Issue, team: Team, owner_client: Client
) -> None:
    child, _ = issue(name="child", actor=program(token))
    answer = owner_client.post(address(child), {"to": "team:billing-ci"})
    assert answer.status_code == 422
    assert f"made this token with {token.identifier}, which still works" in page_of(answer)
    assert "1 more token moves too" in page_of(owner_client.get(address(token)))


def test_a_full_receiver(
    token: Token, team: Team, owner_client: Client, token_settings: TokenSettings
) -> None:
    Token.objects.issue(
        owner=team.account, name="x", environment="live", expires_at=token.expires_at
    )
    token_settings.MAX_TOKENS_PER_USER = 1
    answer = owner_client.post(address(token), {"to": "team:billing-ci"})
    assert answer.status_code == 422
    assert "more than 1 active tokens" in page_of(answer)


def test_few_offers_at_once(
    issue: Issue, owner_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.models.offer.MAX_OPEN_OFFERS", 1)
    assert offer(owner_client, issue()[0]).status_code == 302
    answer = offer(owner_client, issue()[0])
    assert answer.status_code == 422
    assert "offers are open, the most allowed" in page_of(answer)


def test_one_mail_a_day_about_an_offer(
    token: Token,
    owner_client: Client,
    teammate: User,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    for _ in range(3):
        with django_capture_on_commit_callbacks(execute=True):
            offer(owner_client, token)
            owner_client.post(address(token), {"withdraw": ""})
        send_event_mails(timezone.now())
    assert [message.to for message in mail.outbox] == [["teammate@example.com"]]
    assert mail.outbox[0].subject == "“CI” was offered to you"
    assert OFFERS in mail.outbox[0].body


def test_the_token_works_on(issue: Issue, team: Team, owner_client: Client) -> None:
    token, value = issue()
    owner_client.post(address(token), {"to": "team:billing-ci"})
    answer = Client().get("/api/v1/token", headers=bearer(value))
    assert (answer.status_code, answer.json()["identifier"]) == (200, token.identifier)


def test_says_which_scopes_wait(token: Token, owner_client: Client) -> None:
    words = "These scopes wait for approval. The requests are withdrawn"
    assert words not in " ".join(page_of(owner_client.get(address(token))).split())
    Token.objects.filter(pk=token.pk).update(pending_scope="pay:write")
    page = " ".join(page_of(owner_client.get(address(token))).split())
    assert words in page
    assert "<li><code>pay:write</code></li>" in page
