"""Searches ignore case and Unicode form, on every page and in the API."""

from unicodedata import normalize
from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.conftest import Issue, bearer
from tokens.models import Event, Scope, Token

NAMES = [  # the text of a search, and a name that contains the text
    ("über", "ÜBER-Prüfung"),
    ("PRÜFUNG", "ÜBER-Prüfung"),
    ("café", normalize("NFD", "Café")),
    (normalize("NFD", "café"), "CAFÉ"),
    ("ABC", "ａｂｃ wide"),
    ("отчёт", "Отчёт"),
    ("100%", "at 100% of it"),
    ("a_b", "A_B"),
    ("\\", "back\\slash"),
    ("'", "it's"),
]
OTHER = "1000 axb, nothing like it"
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("text", "name"), NAMES)
def test_tokens(issue: Issue, owner_client: Client, text: str, name: str) -> None:
    token, value = issue(name=name, scopes=["tokens:read"])
    issue(name=OTHER)
    assert list(Token.objects.search(text)) == [token]
    page = owner_client.get(f"/settings/tokens/?q={quote(text)}").context["listing"].page
    assert list(page) == [token.pk]
    listed = Client().get(f"/api/v1/tokens?q={quote(text)}", headers=bearer(value)).json()["items"]
    assert [item["identifier"] for item in listed] == [token.identifier]


@pytest.mark.parametrize(("text", "name"), NAMES)
def test_events(issue: Issue, owner_client: Client, text: str, name: str) -> None:
    issue(name=name)
    other, _ = issue(name=OTHER)
    Event.record(Event.Kind.CHANGED, other, None, name)
    events = (
        owner_client.get(f"/settings/activity/?q={quote(text)}").context["activity"].page.events
    )
    assert {event.kind for event in events} == {"created", "changed"}
    assert len(events) == 2


def test_kinds(issue: Issue, owner_client: Client) -> None:
    issue()
    events = (
        owner_client.get(f"/settings/activity/?q={quote('ＣＲＥＡＴＥＤ')}")
        .context["activity"]
        .page.events
    )
    assert [event.kind for event in events] == ["created"]


@pytest.mark.parametrize(
    "path", ["/admin/tokens/token/", "/admin/tokens/event/", "/admin/tokens/scope/"]
)
def test_administration(issue: Issue, admin_client: Client, path: str) -> None:
    issue(name="ÜBER-Prüfung")
    issue(name=OTHER)
    Scope.objects.create(name="a:read", words="ÜBER-Prüfung lesen")
    shown = admin_client.get(f"{path}?q={quote('über-prüfung')}").context["cl"].queryset
    assert len(shown) == 1


def test_a_search_is_one_query(
    issue: Issue, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    issue(name="ÜBER")
    with django_assert_num_queries(1):
        assert len(Token.objects.search("über")) == 1
