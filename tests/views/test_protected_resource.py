"""/.well-known/oauth-protected-resource (RFC 9728), and the challenges that name it."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries, Settings

from tests.conftest import Issue, bearer
from tests.values import challenge, token_value
from tokens.authentication import lookup
from tokens.core.circuit_breaker import ServiceUnavailable
from tokens.models import Scope
from tokens.problems.challenge import METADATA_PATH, bearer_challenge, metadata_url
from tokens.token_settings import TokenSettings
from tokens.views.protected_resource import protected_resource

pytestmark = pytest.mark.django_db


def test_what_a_stranger_reads(
    stranger_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    Scope.objects.all().delete()
    finance = Group.objects.create(name="Finance")
    Scope.objects.create(name="reports:read", words="Read reports")
    Scope.objects.create(name="books:read", words="Read the books", group=finance)
    with django_assert_num_queries(1):
        answer = stranger_client.get(METADATA_PATH)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert answer.json() == {
        "resource": "http://localhost:8000",
        "resource_name": "Tokenry",
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["books:read", "reports:read"],
        "resource_documentation": "http://localhost:8000/help/",
    }


def test_caches_and_pages_of_other_sites_may_have_it(stranger_client: Client) -> None:
    answer = stranger_client.get(METADATA_PATH, headers={"Origin": "https://agent.example"})
    assert answer["Cache-Control"] == "public, max-age=300"
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "Vary" not in answer
    assert not answer.cookies


def test_the_owner_reads_the_same_without_a_session(
    owner_client: Client,
    stranger_client: Client,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(1):
        answer = owner_client.get(METADATA_PATH)
    assert answer.content == stranger_client.get(METADATA_PATH).content
    assert not answer.cookies


def test_the_documentation_is_there(stranger_client: Client) -> None:
    address = stranger_client.get(METADATA_PATH).json()["resource_documentation"]
    assert stranger_client.get(address.removeprefix("http://localhost:8000")).status_code == 200


def test_a_list_without_entries_is_left_out(stranger_client: Client) -> None:
    Scope.objects.all().delete()
    assert "scopes_supported" not in stranger_client.get(METADATA_PATH).json()


def test_head(stranger_client: Client) -> None:
    answer = stranger_client.head(METADATA_PATH)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_other_methods(stranger_client: Client, method: str) -> None:
    answer = getattr(stranger_client, method)(METADATA_PATH)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("more", ["/", "/x", "x"])
def test_no_other_path(stranger_client: Client, more: str) -> None:
    assert stranger_client.get(METADATA_PATH + more).status_code == 404


def test_it_is_not_redirected_to_https(stranger_client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert stranger_client.get(METADATA_PATH).status_code == 200


def test_a_database_that_does_not_answer(
    stranger_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: Any) -> None:
        raise ServiceUnavailable

    monkeypatch.setattr(lookup, "read_rows", gone)
    answer = stranger_client.get(METADATA_PATH)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.urls("tokens.urls")
def test_a_project_without_the_help_page_names_no_documentation(
    token_settings: TokenSettings,
) -> None:
    """Another project mounts the view itself, and perhaps not the help page."""
    token_settings.SITE_URL = "https://api.example.com"
    answer = protected_resource(RequestFactory().get("/"))
    assert b'"resource": "https://api.example.com"' in answer.content
    assert b"resource_documentation" not in answer.content


@pytest.mark.parametrize(
    ("site", "address"),
    [
        ("https://example.com", "https://example.com/.well-known/oauth-protected-resource"),
        ("http://localhost:8000", "http://localhost:8000/.well-known/oauth-protected-resource"),
        ("https://example.com/", "https://example.com/.well-known/oauth-protected-resource"),
        (
            "https://example.com/a/b",
            "https://example.com/.well-known/oauth-protected-resource/a/b",
        ),
        ("https://example.com/a/", "https://example.com/.well-known/oauth-protected-resource/a"),
    ],
)
def test_where_the_metadata_are(site: str, address: str) -> None:
    assert metadata_url(site) == address


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize(
    "address",
    ["/verify", "/verify?statuses=401,403", "/verify/x", "/api/v1/token", "/api/v1/tokens"],
)
def test_each_challenge_names_it(token_settings: TokenSettings, address: str) -> None:
    site = token_settings.SITE_URL = "https://tokens.example.com"
    answer = Client().get(address)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == challenge(site=site)
    answer = Client().get(address, headers=bearer(token_value()))
    words = ['error="invalid_token"', 'error_description="This token is not known"']
    assert answer["WWW-Authenticate"] == challenge(*words, site=site)


@pytest.mark.usefixtures("each_way")
def test_a_challenge_of_another_status_does_not(issue: Issue) -> None:
    answer = Client().get("/verify?scope=a:b", headers=bearer(issue()[1]))
    assert answer.status_code == 403
    assert "resource_metadata" not in answer["WWW-Authenticate"]


@pytest.mark.urls("tokens.urls")
def test_a_project_without_the_metadata_names_no_address() -> None:
    assert bearer_challenge(401, "", None) == 'Bearer realm="api"'
