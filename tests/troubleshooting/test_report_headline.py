"""Troubleshoot: the headline is the strongest finding, and nothing below contradicts it."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.conftest import Issue
from tests.troubleshooting.refusals import PATH, call, paste
from tokens.authentication import credentials
from tokens.problems.problem import TYPES

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.troubleshooting.refusals")]


@pytest.mark.parametrize(
    ("change", "ending"),
    [
        (lambda value: value[:-1], "its last character is missing"),
        (lambda value: f"{value}xy", "it has 2 characters too many"),
        (lambda value: f"{value[:40]}-{value[41:]}", "it is mistyped: character 41"),
        (lambda value: value[:24], "all of its secret is missing"),
        (lambda value: credentials.mask(value[:24]), "its secret is hidden"),
        (lambda value: f"Token {value}", "its scheme is not Bearer"),
        (lambda value: f"“{value}”", "it has characters that are not plain ASCII"),
        (lambda value: f"curl 'http://x/?key={value}'", "it is not in the Authorization header"),
    ],
)
def test_the_headline_names_the_token_and_what_is_wrong(
    issue: Issue, owner_client: Client, change: Callable[[str], str], ending: str
) -> None:
    shown = paste(owner_client, change(issue()[1]))
    assert shown.headline.startswith(f"This is “Production API”, but {ending}")


def test_that_a_token_ended_is_stronger_than_how_it_was_sent(
    issue: Issue, owner_client: Client
) -> None:
    token, value = issue()
    token.revoke()
    shown = paste(owner_client, f"Bearer  {value[:60]}")
    assert shown.headline == TYPES["revoked_token"].title
    assert (
        shown.text.index("It was revoked on")
        < shown.text.index("It is incomplete")
        < shown.text.index("It has extra spaces")
    )


def test_problems_of_other_requests_do_not_distract_from_an_error(
    issue: Issue, owner_client: Client
) -> None:
    _, value = issue()
    call(f"Bearer {value}", "/api/report")
    assert "reports:write" in paste(owner_client, value).text
    assert "reports:write" not in paste(owner_client, value[:-3]).text


def test_a_name_is_no_markup_in_the_headline(issue: Issue, owner_client: Client) -> None:
    _, value = issue(name="<b>{}</b>")
    page = owner_client.post(PATH, {"pasted": value[:-3]}).content.decode()
    assert "This is “<bdi>&lt;b&gt;{}&lt;/b&gt;</bdi>”, but its last 3" in page
