"""Troubleshoot: the answers for the person's own tokens."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.conftest import Issue
from tests.troubleshooting.refusals import ELSEWHERE, call, paste
from tests.views.test_many_used_tokens import plan
from tokens.authentication import credentials
from tokens.core.text import utc_time
from tokens.models import Actor, Event, Scope, Token
from tokens.pages.code_examples import examples
from tokens.problems.problem import TYPES
from tokens.token_settings import TokenSettings

WORKS = "This token works"
PARTLY = "This token works, but not for all that it was used for"
ADDRESS_REFUSED = "This token works, but not from where it was used"
pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.troubleshooting.refusals")]


def test_a_good_token(issue: Issue, owner_client: Client, token_settings: TokenSettings) -> None:
    token, value = issue()
    token_settings.SITE_URL = "https://tokens.example.com"
    shown = paste(owner_client, value)
    assert shown.headline == WORKS
    assert (
        " ".join(examples("https://tokens.example.com", "/api/v1/token")[0].code.split())
        in shown.text
    )
    assert "It has no scope. Requests that need a scope get insufficient_scope." in shown.text
    assert shown.links[token.name] == token.get_absolute_url()


def test_troubleshoot_uses_no_quota(issue: Issue, owner_client: Client) -> None:
    token, value = issue()
    token.set_rate_limit("1/hour")
    for _ in range(3):
        assert paste(owner_client, value).headline == WORKS
    assert call(f"Bearer {value}") == {}


def test_errors_and_facts_about_the_token(issue: Issue, owner_client: Client) -> None:
    token, value = issue()
    shown = paste(owner_client, f"Authorization: Bearer  {value}")
    assert shown.headline == "This is “Production API”, but it has extra spaces"
    for words in ("It has extra spaces.", "The token itself works.", token.name):
        assert words in shown.text
    cut = paste(owner_client, f"Bearer Bearer {value[:60]}")
    assert cut.headline == "This is “Production API”, but its last 13 characters are missing"
    assert cut.links["Renew it"] == f"{token.get_absolute_url()}renew/"
    assert "The word Bearer is there twice." in cut.text
    assert "It is incomplete: 60 of 73 characters." in cut.text
    assert token.name in cut.text
    assert "The token itself works." not in cut.text


@pytest.mark.parametrize("own", [True, False])
def test_a_wrong_secret(
    issue: Issue, owner_client: Client, teammate_client: Client, own: bool
) -> None:
    """Only the owner learns that a token begins like this."""
    body = issue()[0].identifier + "0" * credentials.SECRET_LENGTH
    shown = paste(owner_client if own else teammate_client, body + credentials.checksum(body))
    assert shown.headline == (
        "This begins like “Production API”, but the rest differs"
        if own
        else "This is not one of your tokens"
    )
    assert ("It begins like one of your tokens" in shown.text) == own


@pytest.mark.parametrize(
    ("who", "by"),
    [
        ("owner@example.com", "by you, from 127.0.0.1"),
        ("boss@example.com", "by an administrator"),
        ("", "by somebody who had its value, from 127.0.0.1"),
        (None, "by the command line"),
    ],
)
@pytest.mark.usefixtures("administrator")
def test_revoked_when_and_by_whom(
    issue: Issue, owner_client: Client, who: str | None, by: str
) -> None:
    token, value = issue(allowed_addresses=["203.0.113.7/32"])
    token.revoke(None if who is None else actor(User.objects.filter(email=who).first()))
    assert token.revoked_at is not None
    shown = paste(owner_client, value)
    assert f"It was revoked on {utc_time(token.revoked_at)} {by}." in shown.text
    assert shown.links["Create a token like it"] == (
        "/settings/tokens/new/?name=Production+API&environment=live&allowed_addresses=203.0.113.7"
    )


def actor(user: User | None) -> Actor:
    """Return an actor with a client address: `user`, or somebody who is not signed in."""
    return Actor(user=user, address="127.0.0.1", user_agent="curl/8.5")


def test_revoked_before_the_oldest_event(issue: Issue, owner_client: Client) -> None:
    token, value = issue()
    token.revoke()
    assert token.revoked_at is not None
    Event._base_manager.all().delete()
    assert (
        f"It was revoked on {utc_time(token.revoked_at)}. Create another."
        in paste(owner_client, value).text
    )


def test_expired_and_expired_since_it_was_renewed(issue: Issue, owner_client: Client) -> None:
    expires_at = timezone.now() + timedelta(days=1)  # the session lasts longer
    token, value = issue(expires_at=expires_at)
    with time_machine.travel(expires_at, tick=False):
        shown = paste(owner_client, value)
        assert f"It expired on {utc_time(expires_at)}. Renew it" in shown.text
        assert shown.links["Renew it"] == f"{token.get_absolute_url()}renew/"
    successor, _ = Token.objects.renew(token, expires_at=expires_at, overlap=timedelta(hours=1))
    retiring = paste(owner_client, value)
    assert retiring.headline == WORKS
    assert (
        f"It was renewed: it works until {utc_time(token.expires_at)}, and {successor.identifier}"
        in retiring.text
    )
    with time_machine.travel(token.expires_at, tick=False):
        shown = paste(owner_client, value)
    assert shown.headline == TYPES["expired_token"].title
    assert f"{successor.identifier} replaced it. Use the new token." in shown.text
    assert shown.links["See the new token"] == successor.get_absolute_url()


def test_rate_limited_until(issue: Issue, owner_client: Client) -> None:
    token, value = issue()
    token.set_rate_limit("2/minute;1000/hour")
    with time_machine.travel(timezone.now(), tick=False):
        for _ in range(3):
            call(f"Bearer {value}")
        shown = paste(owner_client, value)
        until = [utc_time(timezone.now() + timedelta(seconds=seconds)) for seconds in (59, 60)]
    assert (
        "It may make 2 requests in a minute, and has made them all. It is refused until"
        in shown.text
    )
    assert any(at in shown.text for at in until)


def test_an_address_that_failed_too_often(
    owner_client: Client, token_settings: TokenSettings
) -> None:
    token_settings.FAILED_AUTH_LIMIT = "2/minute"
    for _ in range(2):
        assert "Too many requests" not in paste(owner_client, ELSEWHERE).text
        call("Bearer x")
    shown = paste(owner_client, ELSEWHERE)
    assert (
        "Too many requests from your present address, 127.0.0.1, failed. "
        "The limit is 2 requests in a minute." in shown.text
    )


def test_the_environment_of_the_installation(
    issue: Issue, owner_client: Client, token_settings: TokenSettings
) -> None:
    _, value = issue(environment="test", name="CI")
    token_settings.ENVIRONMENT = "live"
    shown = paste(owner_client, value)
    assert shown.headline == TYPES["wrong_environment"].title
    assert "It is for Staging; this installation accepts tokens for Production." in shown.text
    assert (
        shown.links["Create a token for Production"]
        == "/settings/tokens/new/?name=CI&environment=live"
    )


def test_an_address_that_is_not_allowed_and_later_is(issue: Issue, owner_client: Client) -> None:
    token, value = issue(allowed_addresses=["203.0.113.0/24", "2001:db8::1/128"])
    problem = call(f"Bearer {value}", REMOTE_ADDR="198.51.100.7")
    assert "The token itself works now." not in paste(owner_client, problem["instance"]).text
    shown = paste(owner_client, value)
    assert (shown.headline, "then try this" in shown.text) == (ADDRESS_REFUSED, False)
    assert "It was used from 198.51.100.7, which is not among its allowed addresses." in shown.text
    assert "It may be used only from 203.0.113.0/24 and 2001:db8::1." in shown.text
    assert "Your present address, 127.0.0.1, is not one of them." in shown.text
    assert shown.links["Allow that address"].endswith(
        "/edit/?allowed_addresses=203.0.113.0/24,2001:db8::1,198.51.100.7"
    )
    token.change(name="x", description="", scopes=[], allowed_addresses=["198.51.100.7/32"])
    shown = paste(owner_client, value)
    assert shown.headline == WORKS
    assert "It was used from an address that it allows now." in shown.text
    assert "then try this" in shown.text
    shown = paste(owner_client, problem["instance"])
    assert "The token itself works now. Requests that it may make are accepted." in shown.text


@pytest.mark.parametrize("text", ["{}\n", " {}\r\n", "\t{} "])
def test_blanks_around_a_token_are_a_note(issue: Issue, owner_client: Client, text: str) -> None:
    value = issue()[1]
    shown = paste(owner_client, text.replace("{}", value))
    assert shown.headline == WORKS
    assert "remove the line break" in shown.text
    assert "remove the line break" not in paste(owner_client, value).text


def test_a_current_problem_is_shown_once(issue: Issue, owner_client: Client) -> None:
    token, value = issue(expires_at=timezone.now() + timedelta(hours=1))
    token.set_rate_limit("1/hour")
    for _ in range(2):
        call(f"Bearer {value}")
    shown = paste(owner_client, value)
    assert (shown.headline, shown.text.count("rate_limited")) == (TYPES["rate_limited"].title, 1)
    assert "It may make 1 request in an hour" in shown.text
    Token.objects.filter(pk=token.pk).update(expires_at=timezone.now())
    call(f"Bearer {value}")
    shown = paste(owner_client, value)
    assert [shown.text.count(code) for code in ("expired_token", "rate_limited")] == [1, 1]
    assert "expired_token GET /api/v1/token" in shown.text
    assert shown.text.index("It expired on") < shown.text.index("rate_limited")


def test_a_reference_is_found_by_its_index(issue: Issue, owner_client: Client) -> None:
    with CaptureQueriesContext(connection) as asked:
        paste(owner_client, "f" * 16)
    [query] = [query["sql"] for query in asked.captured_queries if "f" * 16 in query["sql"]]
    if connection.vendor == "postgresql":  # would read a small table without an index
        connection.cursor().execute("SET LOCAL enable_seqscan = off")
    assert "recent_request_reference" in plan(query)


def test_the_latest_refusal_of_each_kind(issue: Issue, owner_client: Client) -> None:
    _, value = issue(environment="test")
    for path in ("/api/report", "/api/live", "/api/report?last"):
        call(f"Bearer {value}", path)
    text = paste(owner_client, value).text
    assert text.count("insufficient_scope GET") == text.count("wrong_environment GET") == 1
    assert text.index("insufficient_scope GET") < text.index("wrong_environment GET")


def test_a_reference_of_a_token_that_was_revoked_since(issue: Issue, owner_client: Client) -> None:
    token, value = issue()
    problem = call(f"Bearer {value}", "/api/report")
    token.revoke()
    shown = paste(owner_client, problem["instance"])
    assert shown.headline == TYPES["insufficient_scope"].title
    assert "It was revoked on" in shown.text
    assert "Add to this token" not in shown.links


def test_queries_do_not_grow(
    issue: Issue, owner_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    names = [f"reports:read{number}" for number in range(20)]
    Scope.objects.bulk_create(Scope(name=name, words="May") for name in names)
    _, value = issue(scopes=names)
    for _ in range(20):
        call(f"Bearer {value}", "/api/report")
    # Session, user, token, scopes, held scopes, refused requests, required scopes, which of them
    # exist, and which can be added. For the navigation: is the person an approver?
    with django_assert_max_num_queries(10):
        paste(owner_client, value)
