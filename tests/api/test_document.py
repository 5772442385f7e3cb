"""The OpenAPI document says what there is, all of it, and the page says what the document does."""

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import get_resolver
from ninja import Status
from ninja.operation import Operation, PathView

from tests.conftest import page_of
from tests.test_architecture import patterns
from tokens.api import docs as page
from tokens.api.base import Needs
from tokens.api.docs import Reader
from tokens.api.openapi import api, needed
from tokens.api.urls import requirement_of
from tokens.token_settings import token_settings

JSON_PATH, PAGE = "/api/v1/openapi.json", "/api/v1/docs"


@pytest.fixture
def document() -> dict[str, Any]:
    response = Client().get(JSON_PATH)
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    found: dict[str, Any] = response.json()
    return found


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (path, method): found
        for path, each in document["paths"].items()
        for method, found in each.items()
    }


def served() -> Iterator[tuple[str, Operation]]:
    """Yield each operation of the routers, with its path."""
    for router in api._get_bound_routers():
        for path, view in router.path_operations.items():
            for operation in view.operations:
                yield path, operation


def routes() -> dict[tuple[str, str], Needs | None]:
    """Return each method of each route, without HEAD, and what it needs."""
    return {
        ("/api/v1" + path.replace("identifier:", ""), method.lower()): needed(operation)
        for path, operation in served()
        for method in operation.methods
        if method != "HEAD"
    }


def test_schemas_serialise_every_answer() -> None:
    """Each operation returns what it declares as its response."""
    for path, operation in served():
        returned = get_type_hints(operation.view_func)["return"]
        if get_origin(returned) is Status:
            (returned,) = get_args(returned)
        for status, model in operation.response_models.items():
            declared = model.model_fields["response"].annotation if model else HttpResponse
            assert returned == declared, (path, status)


def test_each_route_and_method_and_no_other(document: dict[str, Any]) -> None:
    assert set(operations(document)) == set(routes())
    addresses = {
        re.sub(r"<\w+:(\w+)>", r"{\1}", "/" + address)
        for address, _ in patterns(get_resolver())
        if address.startswith("api/")
    }
    assert addresses == {*document["paths"], JSON_PATH, PAGE}


def test_who_may_call(document: dict[str, Any]) -> None:
    for place, needs in routes().items():
        security = operations(document)[place]["security"]
        if place[0] == "/api/v1/revoke":
            assert (needs, security) == (None, [{}, {"basic": []}])
        else:
            assert needs
            ways = ["bearer", "basic"] if place[0] == "/api/v1/introspect" else ["bearer"]
            assert security == [{way: list(needs.scopes)} for way in ways]
    assert set(document["components"]["securitySchemes"]) == {"bearer", "basic"}


def test_the_middleware_lets_no_other_call_through() -> None:
    requirements = {
        address.removeprefix("api/v1/"): entry.callback.requirement  # type: ignore[attr-defined]
        for address, entry in patterns(get_resolver())
        if address.startswith("api/v1/")
    }
    public = {address for address, requirement in requirements.items() if requirement is None}
    assert public == {"revoke", "openapi.json", "docs"}
    by_basic = {address for address in requirements.keys() - public if requirements[address].basic}
    assert by_basic == {"introspect"}


def test_scopes_are_those_of_the_contract(document: dict[str, Any]) -> None:
    scopes = {place: found["security"][-1] for place, found in operations(document).items()}
    one = "/api/v1/tokens/{identifier}"
    assert scopes == {
        ("/api/v1/token", "get"): {"bearer": []},
        ("/api/v1/token", "delete"): {"bearer": []},
        ("/api/v1/token/renew", "post"): {"bearer": ["tokens:renew"]},
        ("/api/v1/tokens", "get"): {"bearer": ["tokens:read"]},
        ("/api/v1/tokens", "post"): {"bearer": ["tokens:write"]},
        (one, "get"): {"bearer": ["tokens:read"]},
        (one, "patch"): {"bearer": ["tokens:write"]},
        (one, "delete"): {"bearer": ["tokens:write"]},
        ("/api/v1/introspect", "post"): {"basic": ["tokens:introspect"]},
        ("/api/v1/revoke", "post"): {"basic": []},
    }


def test_only_refusals_promise_a_link(document: dict[str, Any]) -> None:
    answers = [
        answer
        for methods in document["paths"].values()
        for operation in methods.values()
        for status, answer in operation["responses"].items()
        if int(status) < 400
    ]
    assert any("RateLimit" in answer.get("headers", {}) for answer in answers)
    assert not any("Link" in answer.get("headers", {}) for answer in answers)


def test_every_problem_has_examples(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    codes = document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
    for name, response in document["components"]["responses"].items():
        content = response["content"]["application/problem+json"]
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert response["headers"]["Link"] == {"$ref": "#/components/headers/Link"}
        for code, example in content["examples"].items():
            assert code in codes
            assert (example["value"]["code"], f"Refused{example['value']['status']}") == (
                code,
                name,
            )
    for place, found in operations(document).items():
        refused = {status for status, answer in found["responses"].items() if "$ref" in answer}
        assert {"400", "429", "503"} <= refused, place
        assert ({"401", "403"} <= refused) == ({} not in found["security"]), place
        assert ({"413", "415"} <= refused) == ("requestBody" in found), place


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in set(
        re.findall(r'"\$ref": "#/([^"]+)"', Client().get(JSON_PATH).content.decode())
    ):
        found = document
        for step in reference.split("/"):
            found = found[step]


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    for found in operations(document).values():
        for content in found.get("requestBody", {"content": {}})["content"].values():
            schema = content["schema"]
            reference = schema.get("$ref", "")
            described = (
                document["components"]["schemas"][reference.rsplit("/", 1)[1]]
                if reference
                else schema
            )
            assert described.get("examples") or described["properties"]["token"]["examples"], (
                found["operationId"]
            )


def test_no_body_has_a_default_of_its_own(document: dict[str, Any]) -> None:
    """openapi-python-client leaves out an operation whose body has a default.

    Properties of the body may have defaults.
    """
    for found in operations(document).values():
        for content in found.get("requestBody", {"content": {}})["content"].values():
            assert not {"default", "allOf"} & set(content["schema"])
    assert (
        document["components"]["schemas"]["Renewal"]["properties"]["overlap"]["default"] == "24h"
    )


@pytest.mark.parametrize("address", [JSON_PATH, PAGE])
def test_made_once(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Client().get(address).content
    monkeypatch.setattr(json, "dumps", None)
    monkeypatch.setattr(page, "render_to_string", None)
    monkeypatch.setattr(Reader, "calls", None)
    assert Client().get(address).content == first


@pytest.mark.parametrize("address", [JSON_PATH, PAGE])
def test_other_sites_may_read_it(address: str) -> None:
    origin = {"Origin": "https://editor.swagger.io"}
    assert Client().get(address, headers=origin)["Access-Control-Allow-Origin"] == "*"
    for method in ("post", "put", "delete", "options"):
        assert "Access-Control-Allow-Origin" not in getattr(Client(), method)(
            address, headers=origin
        )


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize(
    "address", ["/api/v1/token", "/api/v1/tokens", "/api/nowhere", "/verify", "/help/"]
)
def test_and_nothing_else(db: None, address: str) -> None:
    response = Client().get(address, headers={"Origin": "https://editor.swagger.io"})
    assert "Access-Control-Allow-Origin" not in response


@pytest.mark.parametrize("address", [JSON_PATH, PAGE])
def test_public_and_without_cookies(address: str) -> None:
    response = Client().get(address)
    assert response.status_code == 200
    assert not response.cookies
    refused = Client().post(address)
    assert (refused.status_code, refused.json()["code"], refused["Allow"]) == (
        405,
        "method_not_allowed",
        "GET, HEAD",
    )


def test_the_page(document: dict[str, Any]) -> None:
    response = Client().get(PAGE)
    page = unescape(response.content.decode())
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert page.count("<script") == page.count("Copy as cURL") // page.count("<pre") == 1
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
    for (path, method), found in operations(document).items():
        section = page.split(f'id="{found["operationId"]}"')[1].split("</section>")[0]
        assert f"{method.upper()} {path}" in section
        assert found["summary"] in section
        assert " ".join(found["security"][0].get("bearer", [])) in section
        assert f"{token_settings.SITE_URL}{path}".replace("{identifier}", "$IDENTIFIER") in section
        for status in found["responses"]:
            assert f"<code>{status}</code>" in section
        for parameter in found["parameters"]:
            assert f"<code>{parameter['name']}</code>" in section
    for field in document["components"]["schemas"]["TokenToMake"]["properties"]:
        assert f"<code>{field}</code>" in page.split('id="create_token"')[1].split("</section>")[0]


def test_the_page_tells_bounds_and_defaults() -> None:
    page = page_of(Client().get(PAGE))
    assert "<code>limit</code> <small>whole number, 1 to 100, 25 if left out</small>" in page
    assert "<code>name</code> <small>text, at most 100 characters, required</small>" in page
    assert "<dd>OK. Fields: items, next</dd>" in page


def api_forgotten(request: HttpRequest) -> None:
    """Stand for an operation whose auth= was forgotten."""


def test_a_forgotten_auth_stops_the_start() -> None:
    view = PathView()
    view.add_operation("/forgotten", ["GET"], api_forgotten)
    with pytest.raises(TypeError, match=r"/forgotten: give each operation auth=Needs"):
        requirement_of("/forgotten", view)
