"""What Troubleshoot says of the person's own tokens."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import AnonymousUser, Group
from django.db import connection
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from tests.conftest import Issue
from tests.test_many_usage import plan
from tests.views.refusals import ELSEWHERE, call, paste
from tokens import credential
from tokens.denial import KINDS, moment
from tokens.examples import examples
from tokens.models import Event, Scope, Token

WORKS = "This token works"
PARTLY = "This token works, but not for all that it was used for"
KEPT_OUT = "This token works, but not from where it was used"
pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.views.refusals")]


def test_a_good_token(issue: Issue, owner_client: Client, settings: Settings) -> None:
    token, value = issue()
    settings.SITE_URL = "https://tokens.example.com"
    shown = paste(owner_client, value)
    assert shown.verdict == WORKS
    assert " ".join(examples("https://tokens.example.com")[0].code.split()) in shown.text
    assert "It has no scope. Requests that ask for one get insufficient_scope." in shown.text
    assert shown.links[token.name] == token.get_absolute_url()


def test_looking_uses_nothing_up(issue: Issue, owner_client: Client) -> None:
    token, value = issue()
    token.limit("1/hour")
    for _ in range(3):
        assert paste(owner_client, value).verdict == WORKS
    assert call(f"Bearer {value}") == {}


def test_faults_and_what_is_known_of_the_token(issue: Issue, owner_client: Client) -> None:
    token, value = issue()
    shown = paste(owner_client, f"Authorization: Bearer  {value}")
    assert shown.verdict == KINDS["malformed_header"].title
    for words in ("It has extra spaces.", "The token itself works.", token.name):
        assert words in shown.text
    cut = paste(owner_client, f"Bearer Bearer {value[:60]}")
    assert "The word Bearer is there twice." in cut.text
    assert "It is incomplete: 60 of 73 characters." in cut.text
    assert token.name in cut.text
    assert "The token itself works." not in cut.text


@pytest.mark.parametrize("own", [True, False])
def test_a_wrong_secret(issue: Issue, owner_client: Client, teammate_client: Client, own: bool) -> None:
    """Only to its owner is a beginning worth anything."""
    body = issue()[0].identifier + "0" * credential.SECRET_LENGTH
    shown = paste(owner_client if own else teammate_client, body + credential.checksum(body))
    assert shown.verdict == (KINDS["unknown_token"].title if own else "This is not one of your tokens")
    assert ("It begins like a token of yours" in shown.text) == own


@pytest.mark.parametrize(
    ("who", "by"),
    [
        ("owner@example.com", "by you, from 127.0.0.1"),
        ("boss@example.com", "by an administrator"),
        ("", "by somebody who held its value, from 127.0.0.1"),
        (None, "by the command line"),
    ],
)
@pytest.mark.usefixtures("administrator")
def test_revoked_when_and_by_whom(issue: Issue, owner_client: Client, who: str | None, by: str) -> None:
    token, value = issue(allowed_addresses=["203.0.113.7/32"])
    token.revoke(None if who is None else request_of(User.objects.filter(email=who).first()))
    assert token.revoked_at is not None
    shown = paste(owner_client, value)
    assert f"It was revoked on {moment(token.revoked_at)} {by}." in shown.text
    assert shown.links["Create one like it"] == (
        "/settings/tokens/new/?name=Production+API&environment=live&allowed_addresses=203.0.113.7"
    )


def request_of(user: User | None) -> HttpRequest:
    """A request that `user` makes, or nobody who is signed in."""
    request = RequestFactory().post("/", headers={"User-Agent": "curl/8.5"})
    request.user = user or AnonymousUser()
    return request


def test_revoked_longer_ago_than_the_record(issue: Issue, owner_client: Client) -> None:
    token, value = issue()
    token.revoke()
    assert token.revoked_at is not None
    Event._base_manager.all().delete()
    assert f"It was revoked on {moment(token.revoked_at)}. Create another." in paste(owner_client, value).text


def test_expired_and_expired_since_it_was_renewed(issue: Issue, owner_client: Client) -> None:
    expires_at = timezone.now() + timedelta(days=1)  # the session lasts for longer
    token, value = issue(expires_at=expires_at)
    with time_machine.travel(expires_at, tick=False):
        shown = paste(owner_client, value)
        assert f"It expired on {moment(expires_at)}. Renew it" in shown.text
        assert shown.links["Renew it"] == f"{token.get_absolute_url()}renew/"
    successor, _ = Token.objects.renew(token, expires_at=expires_at, overlap=timedelta(hours=1))
    retiring = paste(owner_client, value)
    assert retiring.verdict == WORKS
    assert f"It was renewed: it works until {moment(token.expires_at)}, and {successor.identifier}" in retiring.text
    with time_machine.travel(token.expires_at, tick=False):
        shown = paste(owner_client, value)
    assert shown.verdict == KINDS["expired_token"].title
    assert f"{successor.identifier} replaced it. Use the one that replaced it." in shown.text
    assert shown.links["See the one that replaced it"] == successor.get_absolute_url()


def test_limited_until(issue: Issue, owner_client: Client) -> None:
    token, value = issue()
    token.limit("2/minute;1000/hour")
    with time_machine.travel(timezone.now(), tick=False):
        for _ in range(3):
            call(f"Bearer {value}")
        shown = paste(owner_client, value)
        until = [moment(timezone.now() + timedelta(seconds=seconds)) for seconds in (59, 60)]
    assert "It may make 2 requests in a minute and has made them: it is refused until" in shown.text
    assert any(at in shown.text for at in until)


def test_an_address_that_failed_too_often(owner_client: Client, settings: Settings) -> None:
    settings.FAILED_AUTH_LIMIT = "2/minute"
    for _ in range(2):
        assert "failed more often" not in paste(owner_client, ELSEWHERE).text
        call("Bearer x")
    shown = paste(owner_client, ELSEWHERE)
    assert "Requests from 127.0.0.1, your address now, failed more often than 2 requests in a minute." in shown.text


def test_the_environment_of_the_installation(issue: Issue, owner_client: Client, settings: Settings) -> None:
    _, value = issue(environment="test", name="CI")
    settings.TOKEN_ENVIRONMENT = "live"
    shown = paste(owner_client, value)
    assert shown.verdict == KINDS["wrong_environment"].title
    assert "It is for Staging; this installation accepts tokens for Production." in shown.text
    assert shown.links["Create one for Production"] == "/settings/tokens/new/?name=CI&environment=live"


def test_a_missing_scope_and_then_it_is_there(issue: Issue, owner: User, owner_client: Client) -> None:
    Scope.objects.bulk_create(Scope(name=name, words="May") for name in ("reports:read", "reports:write"))
    token, value = issue(scopes=["reports:read"])
    problem = call(f"Bearer {value}", "/api/report")
    for text in (value, problem["instance"]):
        shown = paste(owner_client, text)
        assert "Requests with it asked for reports:write, which it lacks." in shown.text
        assert "GET /api/report" in shown.text
        assert shown.links["Add to this token"].endswith("/edit/?scopes=reports:read,reports:write")
        assert shown.links["Create one that has it"].endswith("&scopes=reports:read,reports:write")
    token.change(name="x", description="", scopes=["reports:read", "reports:write"], allowed_addresses=[])
    shown = paste(owner_client, value)
    assert shown.verdict == WORKS
    assert "It lacked a scope that it has now." in shown.text
    assert "It may do what needs reports:read and reports:write." in shown.text


def test_a_scope_that_does_not_count_now(issue: Issue, owner: User, owner_client: Client) -> None:
    finance = Group.objects.create(name="Finance")
    owner.groups.add(finance)
    Scope.objects.create(name="reports:write", words="May", group=finance)
    _, value = issue(scopes=["reports:write"])
    owner.groups.clear()
    assert call(f"Bearer {value}", "/api/report")["code"] == "insufficient_scope"
    shown = paste(owner_client, value)
    assert shown.verdict == PARTLY
    assert "It has no scope that counts." in shown.text
    assert "Not counted now: reports:write (not while you are outside Finance)." in shown.text
    assert "Only members of its group may have reports:write: ask an administrator." in shown.text
    assert "Create one that has it" not in shown.links


@pytest.mark.parametrize("restricted", [True, False])
def test_a_scope_that_it_can_not_be_given(issue: Issue, owner_client: Client, restricted: bool) -> None:
    """One of a group of others, and one that nobody ever made: no link leads to a form that lacks it."""
    if restricted:
        Scope.objects.create(name="reports:write", words="May", group=Group.objects.create(name="Finance"))
    _, value = issue()
    problem = call(f"Bearer {value}", "/api/report")
    for text in (value, problem["instance"]):
        shown = paste(owner_client, text)
        assert "Requests with it asked for reports:write, which it lacks." in shown.text
        assert ("Only members of its group may have reports:write" in shown.text) == restricted
        assert ("No scope here has such a name: an administrator adds it in Django admin" in shown.text) != restricted
        assert not {"Add to this token", "Create one that has it"} & shown.links.keys()


def test_many_scopes_that_it_lacks(issue: Issue, owner_client: Client) -> None:
    """The latest are named, and of those the ones that it can be given are offered."""
    _, value = issue()
    names = [f"made-up:n{number:02}" for number in range(30)]
    Scope.objects.create(name=names[20], words="May")
    for number, name in enumerate(names):
        with time_machine.travel(timezone.now() + timedelta(seconds=number), tick=False):
            call(f"Bearer {value}", f"/verify?scope={name}")
    shown = paste(owner_client, value)
    assert f"asked for {', '.join(names[20:])} and 20 more, which it lacks." in shown.text
    assert f"Add {names[20]} to this token" in shown.text
    assert f"No scope here has the name {', '.join(names[21:29])} or {names[29]}: an admin" in shown.text
    assert names[19] not in shown.text
    assert shown.links["Add to this token"].endswith(f"/edit/?scopes={names[20]}")


def test_an_address_that_is_not_allowed_and_then_is(issue: Issue, owner_client: Client) -> None:
    token, value = issue(allowed_addresses=["203.0.113.0/24", "2001:db8::1/128"])
    problem = call(f"Bearer {value}", REMOTE_ADDR="198.51.100.7")
    assert "The token itself works now." not in paste(owner_client, problem["instance"]).text
    shown = paste(owner_client, value)
    assert (shown.verdict, "Try this" in shown.text) == (KEPT_OUT, False)
    assert "It was used from 198.51.100.7, which is not among its allowed addresses." in shown.text
    assert "It may be used from 203.0.113.0/24 and 2001:db8::1 alone. Yours now, 127.0.0.1, is not among" in shown.text
    assert shown.links["Allow that address"].endswith(
        "/edit/?allowed_addresses=203.0.113.0/24,2001:db8::1,198.51.100.7"
    )
    token.change(name="x", description="", scopes=[], allowed_addresses=["198.51.100.7/32"])
    shown = paste(owner_client, value)
    assert (shown.verdict, "It was used from an address that it allows now." in shown.text) == (WORKS, True)
    assert "Try this" in shown.text
    shown = paste(owner_client, problem["instance"])
    assert "The token itself works now. Requests that it may make are answered." in shown.text


@pytest.mark.parametrize("text", ["{}\n", " {}\r\n", "\t{} "])
def test_blanks_around_a_token_are_a_note(issue: Issue, owner_client: Client, text: str) -> None:
    value = issue()[1]
    shown = paste(owner_client, text.replace("{}", value))
    assert shown.verdict == WORKS
    assert "leave the end of the line out" in shown.text
    assert "leave the end of the line out" not in paste(owner_client, value).text


def test_what_it_is_refused_for_is_said_once(issue: Issue, owner_client: Client) -> None:
    token, value = issue(expires_at=timezone.now() + timedelta(hours=1))
    token.limit("1/hour")
    for _ in range(2):
        call(f"Bearer {value}")
    shown = paste(owner_client, value)
    assert (shown.verdict, shown.text.count("rate_limited")) == (KINDS["rate_limited"].title, 1)
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
    if connection.vendor == "postgresql":  # which would read so small a table from end to end
        connection.cursor().execute("SET LOCAL enable_seqscan = off")
    assert "recent_request_reference" in plan(query)


def test_the_latest_refusal_of_each_kind(issue: Issue, owner_client: Client) -> None:
    _, value = issue(environment="test")
    for path in ("/api/report", "/api/live", "/api/report?last"):
        call(f"Bearer {value}", path)
    text = paste(owner_client, value).text
    assert [text.count(code) for code in ("insufficient_scope GET", "wrong_environment GET")] == [1, 1]
    assert text.index("insufficient_scope GET") < text.index("wrong_environment GET")


def test_a_reference_of_a_token_that_was_revoked_since(issue: Issue, owner_client: Client) -> None:
    token, value = issue()
    problem = call(f"Bearer {value}", "/api/report")
    token.revoke()
    shown = paste(owner_client, problem["instance"])
    assert shown.verdict == KINDS["insufficient_scope"].title
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
    # session, user, token, scopes, those held, refusals, scopes asked for, which of them exist, which can be given
    with django_assert_max_num_queries(9):
        paste(owner_client, value)
