"""The HTTP API as one object, `api`, and its OpenAPI 3.1 document.

ninja makes the document. This module adds who may make each call, errors, headers and examples.
"""

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from tokens.api import current_token, oauth, tokens
from tokens.api.base import FORM, JSON, Needs, ProblemAPI
from tokens.api.components import HEADERS, LINK, LOCATION, PROBLEM, SECURITY_SCHEMES, TEXT
from tokens.decorators import public
from tokens.problems import problem
from tokens.problems.problem import FieldError, Problem
from tokens.token_settings import token_settings

API_PATH = "api/v1"
ABOUT = "Manage API tokens with a token."
API_RULES = [  # in Markdown, for the OpenAPI document and the documentation page
    "A call never gives a token more than the calling token has.",
    "Times are RFC 3339 in UTC. Addresses are in CIDR notation.",
    "Every error is `application/problem+json` (RFC 9457): "
    "`code` is for programs, `detail` for people. Quote `instance` in a report.",
    "Lists come in pages, newest first: `next` is the address of the next page, or null.",
    "With the header `Idempotency-Key` a request can be sent again safely: "
    "within 24 hours, the same token, key and request create only one token.",
]
# Lets web pages of other sites read the document and the documentation page (CORS).
FOR_EVERYBODY = {"Access-Control-Allow-Origin": "*"}
NOON = datetime(2027, 2, 20, 12, tzinfo=UTC)
WITHOUT_TOKEN = [FieldError(field="token", detail="This is needed.")]
PROBLEMS_BY_STATUS: dict[int, list[Problem]] = {
    400: [
        problem.malformed_header("extra spaces"),
        problem.bad_request("its body is not JSON"),
        problem.invalid_form(WITHOUT_TOKEN),
    ],
    401: [
        problem.missing_credentials(),
        problem.malformed_token(
            "incomplete: 70 of 73 characters",
            "Copy the whole token again from where it is stored.",
        ),
        problem.unknown_token(),
        problem.invalid_token("expired_token", NOON, None, None),
        problem.invalid_token("revoked_token", NOON, NOON, None),
        problem.invalid_token("inactive_owner", NOON, None, None),
    ],
    403: [
        problem.insufficient_scope(["tokens:write"], []),
        problem.wrong_environment("test", "live"),
        problem.address_not_allowed("203.0.113.7"),
        problem.exceeds_caller(
            [FieldError(field="scopes", detail="The calling token does not have reports:read.")]
        ),
    ],
    404: [problem.for_status(404)],
    409: [Problem("conflict", "The token is revoked, so it can't be changed any more.")],
    413: [problem.content_too_large()],
    415: [problem.unsupported_media_type("application/json")],
    422: [problem.invalid_request([FieldError(field="name", detail="This is needed.")])],
    429: [problem.rate_limited("This token may make 1000 requests in an hour.", 1750, ["token"])],
    503: [problem.unavailable()],
}
REPLAYED = "The token of an earlier request with this Idempotency-Key, without its value"

api = ProblemAPI(
    version="1",
    description="\n".join([ABOUT, "", *(f"- {rule}" for rule in API_RULES)]),
    openapi_url=None,
    docs_url=None,
)
ROUTERS = [current_token.router, tokens.router, oauth.router]
for router in ROUTERS:
    api.add_router("", router)


class Document(OpenAPISchema):
    """ninja's OpenAPI document, completed with errors, headers, examples and who may call.

    The methods below are no documented API of ninja. They were read in django-ninja 1.7.1.
    """

    def __init__(self, site_url: str, name: str) -> None:
        super().__init__(api, API_PATH)
        self["info"]["title"] = name
        tidy(self["paths"])
        tidy(self["components"]["schemas"])
        self["servers"] = [{"url": site_url}]
        self["components"]["schemas"]["Problem"] = PROBLEM
        self["components"] |= {
            "securitySchemes": SECURITY_SCHEMES,
            "headers": {"Link": LINK, **HEADERS},
            "responses": {
                f"Refused{status}": examples_response(*examples)
                for status, examples in PROBLEMS_BY_STATUS.items()
            },
        }

    def methods(self, operations: list[Operation]) -> dict[str, Any]:
        """Return the operations of a path without HEAD, because every path with GET has HEAD."""
        described: dict[str, Any] = super().methods(operations)
        described.pop("head", None)
        return described

    def operation_details(self, operation: Operation) -> dict[str, Any]:
        """Return the description of an operation: its docstring, scopes, parameters and errors."""
        described: dict[str, Any] = super().operation_details(operation)
        summary, _, more = described.pop("description").partition("\n\n")
        needs = needed(operation)
        answers = described["responses"]
        if needs:
            for answer in answers.values():
                answer["headers"] = {
                    name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS
                }
        if 201 in answers:
            answers[201]["headers"]["Location"] = LOCATION
            answers[200]["description"] = REPLAYED
        body = described.get("requestBody", {}).get("content", {})
        for content in body.values():
            # Some client generators fail if the body has a default. Each field keeps its default.
            (content["schema"],) = content["schema"].get("allOf", [content["schema"]])
        sources = {*body, *(parameter["in"] for parameter in described["parameters"])}
        for status in problem_statuses(needs, sources):
            answers[status] = {"$ref": f"#/components/responses/Refused{status}"}
        described |= {"summary": summary, "security": security(needs)}
        return described | ({"description": more} if more else {})


def tidy(part: Any) -> None:
    """Remove titles and defaults that say nothing from `part` of the document, in place.

    pydantic invents the titles. An empty default means only that the field may be left out.
    """
    if isinstance(part, dict):
        for name in ("title", "default"):
            if name in part and (
                part[name] in ("", []) or (name == "title" and isinstance(part[name], str))
            ):
                del part[name]
        part = list(part.values())
    if isinstance(part, list):
        for entry in part:
            tidy(entry)


def needed(operation: Operation) -> Needs | None:
    """Return the `auth=` of an operation, or None if anybody may call the operation."""
    return next((entry for entry in operation.auth_callbacks if isinstance(entry, Needs)), None)


def security(needs: Needs | None) -> list[dict[str, Any]]:
    """Return the value of `security` for an operation in the OpenAPI document.

    It has the scopes that are needed, for each way to send a token. None: anybody may call.
    """
    if needs is None:
        return [{}, {"basic": []}]  # OAuth clients may send credentials, which are ignored
    return [
        {scheme: list(needs.scopes)}
        for scheme in (SECURITY_SCHEMES if needs.basic else ["bearer"])
    ]


def problem_statuses(needs: Needs | None, sources: set[str]) -> list[int]:
    """Return the HTTP statuses of the errors that an operation can answer, in ascending order.

    `needs` is the `auth=` of the operation. `sources` are the media types of its body, and the
    places of its parameters, such as "query".
    """
    possible = {400, 429, 503}
    if needs:
        possible |= {401, 403}
    if "path" in sources:
        possible.add(404)
    if sources & {JSON, FORM}:
        possible |= {413, 415}
    if JSON in sources:
        possible.add(409)
    if sources & {JSON, "query", "header"}:
        possible.add(422)
    return sorted(possible)


def examples_response(*examples: Problem) -> dict[str, Any]:
    """Return the OpenAPI description of an error response with these example errors.

    WWW-Authenticate and Retry-After are described only if every example has the header.
    """
    shown = {
        entry.code: {"value": entry.as_dict() | {"instance": "urn:tokenry:denial:0"}}
        for entry in examples
    }
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": shown}
    names = set.intersection(*(set(entry.response_headers()) for entry in examples)) & {
        "WWW-Authenticate",
        "Retry-After",
    }
    return {
        "description": ", ".join(shown),
        "headers": {
            "Link": {"$ref": "#/components/headers/Link"},
            **{name: {"schema": TEXT, "required": True} for name in sorted(names)},
        },
        "content": {"application/problem+json": content},
    }


@cache
def document(site_url: str, name: str) -> Document:
    """Return the OpenAPI document of the installation with this address and product name."""
    return Document(site_url, name)


@cache
def document_bytes(site_url: str, name: str) -> bytes:
    """Return the document as JSON. It is cached, because anybody may request it very often."""
    return json.dumps(document(site_url, name), cls=DjangoJSONEncoder).encode()


@public
@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """Answer with the OpenAPI document."""
    content = document_bytes(token_settings.SITE_URL, token_settings.PRODUCT_NAME)
    return HttpResponse(content, "application/json", headers=FOR_EVERYBODY)
