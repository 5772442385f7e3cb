"""GET and POST /settings/tokens/new/: scopes, addresses and environments."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.conftest import page_of, signed_in
from tests.views.test_token_create import GOOD, PATH
from tokens.models import Scope, Token, TokenQuerySet
from tokens.token_settings import TokenSettings


@pytest.fixture
def catalogue(owner: User) -> Group:
    """Create two free scopes, one of the owner's group Finance, and one of another group."""
    Scope.objects.all().delete()
    finance = Group.objects.create(name="Finance")
    owner.groups.add(finance)
    for name, words, group in [
        ("reports:read", "Read reports", None),
        ("reports:export", "Export reports", None),
        ("invoices:read", "Read invoices", finance),
        ("crm:read", "Read the CRM", Group.objects.create(name="Sales")),
    ]:
        Scope.objects.create(name=name, words=words, group=group)
    return finance


def boxes(page: str) -> dict[str, bool]:
    """Return the scopes on the form, and whether each is ticked."""
    found = re.findall(
        r'<input type="checkbox" name="scopes" value="([^"]+)"[^>]*?(\schecked)?>', page
    )
    return {name: bool(checked) for name, checked in found}


def test_scopes_that_the_person_may_give(
    catalogue: Group, owner_client: Client, teammate_client: Client
) -> None:
    page = owner_client.get(PATH).content.decode()
    assert boxes(page) == {"invoices:read": False, "reports:read": False, "reports:export": False}
    assert "<legend>Scopes</legend>" in page
    assert "while you are a member of Finance" in page
    assert list(boxes(teammate_client.get(PATH).content.decode())) == [
        "reports:read",
        "reports:export",
    ]


def test_without_a_catalogue_there_is_nothing_to_choose(owner_client: Client) -> None:
    Scope.objects.all().delete()
    assert "Scopes" not in owner_client.get(PATH).content.decode()
    assert owner_client.post(PATH, GOOD).status_code == 200


def test_a_row_for_each_resource_can_be_chosen_at_once(
    catalogue: Group, owner_client: Client
) -> None:
    page = page_of(owner_client.get(PATH))
    table = page.partition('<div class="resources">')[2].partition("</ul>")[0]
    assert re.findall("<b>(.+?)</b>", table) == ["invoices", "reports"]
    assert "<details" not in table
    assert len(boxes(table)) == 3
    for name in boxes(table):  # each box is described by the words of its scope
        assert f'aria-describedby="words-{name}"' in table
        assert f'<small id="words-{name}">' in table


@pytest.mark.parametrize(("resources", "filtered"), [(11, False), (12, True)])
def test_many_resources_have_a_filter(
    owner_client: Client, resources: int, filtered: bool
) -> None:
    Scope.objects.all().delete()
    Scope.objects.bulk_create(
        Scope(name=f"resource-{number}:{action}", words="May")
        for number in range(resources)
        for action in ("read", "write")
    )
    assert ("Filter the resources" in owner_client.get(PATH).content.decode()) == filtered


def test_a_link_chooses_scopes_on_offer(catalogue: Group, owner_client: Client) -> None:
    page = owner_client.get(f"{PATH}?scopes=reports:read,crm:read,nonsense").content.decode()
    assert [name for name, ticked in boxes(page).items() if ticked] == ["reports:read"]
    assert "crm:read" not in page


def test_the_form_costs_few_queries(
    catalogue: Group, owner_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    # session, user, teams, scopes with their groups, policies, tokens that count, approver
    with django_assert_num_queries(7):
        owner_client.get(PATH)


def test_scopes_and_addresses_of_the_token(catalogue: Group, owner_client: Client) -> None:
    chosen = {
        "scopes": ["invoices:read", "reports:read"],
        # The last is the checkbox.
        "allowed_addresses": ["::ffff:203.0.113.7, 10.0.0.0/8", "127.0.0.1"],
    }
    assert owner_client.post(PATH, GOOD | chosen).status_code == 200
    token = Token.objects.get()
    assert token.scopes == ["invoices:read", "reports:read"]
    assert token.allowed_addresses == ["203.0.113.7/32", "10.0.0.0/8", "127.0.0.1/32"]


def test_a_token_has_no_more_scopes_than_the_api_gives_one(owner_client: Client) -> None:
    names = [f"reports:read{number}" for number in range(101)]
    Scope.objects.bulk_create(Scope(name=name, words="Read") for name in names)
    page = owner_client.post(PATH, GOOD | {"scopes": names})
    assert page.status_code == 422
    assert "A token has 100 scopes at most: choose fewer." in page.content.decode()
    assert owner_client.post(PATH, GOOD | {"scopes": names[:100]}).status_code == 200


def test_nothing_chosen_is_nothing_given(catalogue: Group, owner_client: Client) -> None:
    owner_client.post(PATH, GOOD)
    token = Token.objects.get()
    assert (token.scope, token.addresses) == ("", "")


@pytest.mark.parametrize("name", ["crm:read", "nonsense", "reports:read\0"])
def test_scopes_of_others_are_refused_and_the_rest_kept(
    catalogue: Group, owner_client: Client, name: str
) -> None:
    response = owner_client.post(
        PATH, GOOD | {"scopes": ["reports:export", name], "allowed_addresses": "10.0.0.0/8"}
    )
    assert response.status_code == 422
    form = response.context["form"]
    assert form.errors == {
        "scopes": [f"Not yours to give now: {name}. The rest of your choice is kept."]
    }
    page = response.content.decode()
    assert boxes(page) == {"invoices:read": False, "reports:read": False, "reports:export": True}
    assert ">\n10.0.0.0/8</textarea>" in page
    assert re.search(
        r'<fieldset class="field scopes"\s+aria-describedby="[^"]*id_scopes_error"[^>]* autofocus',
        page,
    )
    assert page.count("autofocus") == 1
    assert not Token.objects.exists()


def test_the_catalogue_changes_while_the_form_is_on_its_way(
    catalogue: Group, owner_client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The catalogue changes between the check of the form and the check of the token."""
    issue = TokenQuerySet.issue

    def late(self: Any, **settings: Any) -> Any:
        owner.groups.clear()
        return issue(self, **settings)

    monkeypatch.setattr(TokenQuerySet, "issue", late)
    response = owner_client.post(PATH, GOOD | {"scopes": ["invoices:read", "reports:read"]})
    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["scopes"]
    page = response.content.decode()
    assert "Not yours to give now: invoices:read." in page
    assert boxes(page) == {"reports:read": True, "reports:export": False}
    assert 'value="Production API"' in page
    assert not Token.objects.exists()


def test_an_emptied_catalogue_refuses_too(owner_client: Client) -> None:
    Scope.objects.all().delete()
    response = owner_client.post(PATH, GOOD | {"scopes": "reports:read"})
    assert response.status_code == 422
    assert "Not yours to give now: reports:read." in response.content.decode()


def test_wrong_addresses_are_said_and_kept(owner_client: Client) -> None:
    response = owner_client.post(
        PATH, GOOD | {"allowed_addresses": ["10.0.0.5/8 <b>", "127.0.0.1"]}
    )
    assert response.status_code == 422
    first, second = response.context["form"].errors["allowed_addresses"]
    assert first == "10.0.0.5/8 has host bits: did you mean 10.0.0.0/8?"
    assert second.startswith("<b> is neither an address")
    page = response.content.decode()
    assert ">\n10.0.0.5/8 &lt;b&gt;\n127.0.0.1</textarea>" in page
    assert '<details class="more" open>' in page_of(response)
    assert "id_allowed_addresses_error" in page
    assert not Token.objects.exists()


def test_only_the_first_error_has_the_focus(catalogue: Group, owner_client: Client) -> None:
    wrong = {"name": "", "scopes": "nonsense", "allowed_addresses": "nonsense"}
    page = owner_client.post(PATH, GOOD | wrong).content.decode()
    assert re.findall(r'name="(\w+)"[^>]* autofocus', page) == ["name"]
    assert page.count("autofocus") == 1


@pytest.mark.parametrize(
    ("peer", "shown"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("", ""),
    ],
)
def test_the_current_address_is_offered_where_it_is_known(
    owner_client: Client, peer: str, shown: str
) -> None:
    page = owner_client.get(PATH, REMOTE_ADDR=peer).content.decode()
    assert re.search(r'<details class="more"\s*>', page)
    assert ("Add my current address" in page) == bool(shown)
    assert re.findall(r'type="checkbox" name="allowed_addresses" value="([^"]*)"', page) == (
        [shown] if shown else []
    )


@pytest.mark.parametrize("environment", ["live", "test"])
def test_an_installation_for_one_environment_offers_that_alone(
    owner_client: Client, token_settings: TokenSettings, environment: str
) -> None:
    token_settings.ENVIRONMENT = environment
    page = owner_client.get(f"{PATH}?environment=dev").content.decode()
    assert re.findall(r'name="environment" value="(\w+)"[^>]*?( checked)?>', page) == [
        (environment, " checked")
    ]
    response = owner_client.post(PATH, GOOD | {"environment": "dev"})
    assert (response.status_code, list(response.context["form"].errors)) == (422, ["environment"])
    assert owner_client.post(PATH, GOOD | {"environment": environment}).status_code == 200


def test_confirm_leads_back_to_all_that_was_typed(catalogue: Group, owner: User) -> None:
    typed = {
        "name": "A & B",
        "description": "For C, D",
        "environment": "test",
        "expires": "1y",
        "scopes": ["reports:read", "invoices:read"],
        "allowed_addresses": ["203.0.113.7\r\n2001:db8::/32", "127.0.0.1"],
    }
    client = signed_in(owner, seconds_ago=3600)
    back = parse_qs(urlsplit(client.post(PATH, GOOD | typed)["Location"]).query)["next"][0]
    page = client.get(back)
    assert page.context["form"].initial["name"] == "A & B"
    assert page.context["form"].initial["description"] == "For C, D"
    assert [name for name, ticked in boxes(page.content.decode()).items() if ticked] == [
        "invoices:read",
        "reports:read",
    ]
    assert ">\n203.0.113.7\n2001:db8::/32\n127.0.0.1</textarea>" in page.content.decode()
    assert '<details class="more" open>' in page_of(page)


def test_the_longest_form_fits_into_an_address(owner: User) -> None:
    """50 long networks, 40 scopes, a long name and a long description fit.

    Request lines have 8190 bytes at most.
    """
    names = [f"resource-{number:02}:administer" for number in range(40)]
    Scope.objects.bulk_create(Scope(name=name, words="All") for name in names)
    networks = [
        f"2001:db8:1111:2222:3333:4444:5555:{number:04x}" for number in range(0x1000, 0x1032)
    ]
    typed = {
        "name": "é" * 100,
        "description": "d" * 200,
        "scopes": names,
        "allowed_addresses": "\n".join(networks),
    }
    client = signed_in(owner, seconds_ago=3600)
    location = client.post(PATH, GOOD | typed)["Location"]
    assert len(f"GET {location} HTTP/1.1\r\n") < 8190
    back = parse_qs(urlsplit(location).query)["next"][0]
    assert client.get(back).context["form"]["allowed_addresses"].value().split() == networks
