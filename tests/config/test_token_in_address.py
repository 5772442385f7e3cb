"""No answer repeats a token that somebody pasted into an address."""

from urllib.parse import quote, urlencode

import pytest
from django.test import Client
from django.urls import get_resolver

from accounts.models import User
from tests.conftest import Issue, page_of, signed_in
from tests.test_unsafe_answers import path_of, routes
from tests.values import SECRET, token_value

TOKEN = token_value()
IDENTIFIER = TOKEN[:24]
# The parameters of all our pages, of allauth's and of Django admin's.
PARAMETERS = (
    "next", "q", "o", "e", "p", "_changelist_filters", "name", "description", "environment",
    "expires", "scopes", "allowed_addresses", "status", "sort", "page", "by", "token", "kind",
    "group", "since", "until", "reference", "caller", "again", "tokens", "login", "email",
)  # fmt: skip
QUERY = urlencode(dict.fromkeys(PARAMETERS, TOKEN))
METHODS = ["get", "head", "post", "put", "delete"]


def addresses(identifier: str) -> list[str]:
    """Return addresses with a token for each route: in the path, after the path, in the query."""
    paths = {path_of(route, identifier=identifier) for route in routes(get_resolver())}
    paths |= {"/nothing/", "/verify", "/healthz"}
    return sorted(
        address
        for path in paths
        for address in (f"{path}?{QUERY}", f"{path}{TOKEN}/", path.replace("/1", f"/{TOKEN}"))
        if TOKEN in address
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("who", ["owner", "administrator", "nobody"])
def test_no_answer_repeats_it(
    owner: User, administrator: User, issue: Issue, who: str, method: str
) -> None:
    token, _ = issue()
    people = {"owner": owner, "administrator": administrator}
    client = signed_in(people[who]) if who in people else Client()
    client.raise_request_exception = False
    for address in addresses(token.identifier):
        response = getattr(client, method)(address)
        assert not response.streaming, address
        assert SECRET not in f"{response.content.decode()}{response.headers}", address
        assert response.status_code < 500, address


@pytest.mark.parametrize(
    ("pasted", "leads_to"),
    [
        (f"/settings/tokens/{TOKEN}/", f"/settings/tokens/{IDENTIFIER}/"),
        (f"/settings/tokens/{TOKEN}/edit/", f"/settings/tokens/{IDENTIFIER}/edit/"),
        (f"/settings/tokens/{TOKEN[:40]}", f"/settings/tokens/{IDENTIFIER}"),
        (f"/settings/tokens/?q={TOKEN}&page=2", f"/settings/tokens/?q={IDENTIFIER}&page=2"),
        (f"/settings/tokens/?{TOKEN}=1", f"/settings/tokens/?{IDENTIFIER}=1"),
        (f"/settings/tokens/?q={TOKEN.replace('_', '%5F')}", f"/settings/tokens/?q={IDENTIFIER}"),
        (
            f"/accounts/login/?next={quote(f'/settings/tokens/{TOKEN}/')}",
            f"/accounts/login/?next={quote(f'/settings/tokens/{IDENTIFIER}/', safe='')}",
        ),
    ],
)
def test_an_address_with_a_token_leads_to_one_without(pasted: str, leads_to: str) -> None:
    response = Client().get(pasted)
    assert (response.status_code, response["Location"]) == (302, leads_to)
    assert response["Cache-Control"] == "no-store"


def test_the_address_without_it_is_on_this_site() -> None:
    response = Client().get("/", PATH_INFO=f"//evil.example/{TOKEN}")
    assert response["Location"] == f"/%2Fevil.example/{IDENTIFIER}"


def test_a_form_is_not_sent_there() -> None:
    response = Client().post(f"/accounts/login/?next={TOKEN}")
    assert response.status_code == 400
    assert "This address contains a token" in page_of(response)


@pytest.mark.parametrize(
    "address",
    [
        f"/settings/tokens/{IDENTIFIER}/renew/?from=list",
        f"/accounts/password/reset/key/1-{SECRET}/",
        f"/settings/tokens/?q={IDENTIFIER}",
    ],
)
def test_other_addresses_stay(stranger_client: Client, address: str) -> None:
    answers = (stranger_client.get(address), stranger_client.post(address))
    assert [answer.status_code for answer in answers] != [302, 400]
