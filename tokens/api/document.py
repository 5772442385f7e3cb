"""The OpenAPI 3.1 document: ninja's own, with who may call, every refusal, headers and examples."""

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from tokens import denial
from tokens.api.base import Needs
from tokens.api.operations import api
from tokens.decorators import public
from tokens.denial import KINDS, Denial, FieldError

PREFIX = "api/v1"
FORM, BODY = "form", "body"
FOR_EVERYBODY = {"Access-Control-Allow-Origin": "*"}  # readers of the document run on other sites (Fetch standard)
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The token, in the header `Authorization`."},
    "basic": {"type": "http", "scheme": "basic", "description": "The identifier as user name, the token as password."},
}
NOON = datetime(2027, 2, 20, 12, tzinfo=UTC)
WITHOUT_TOKEN = [FieldError(field="token", detail="This is needed.")]
REFUSALS: dict[int, list[Denial]] = {
    400: [
        denial.malformed_header("extra spaces"),
        denial.bad_request("its body is not JSON"),
        denial.invalid_form(WITHOUT_TOKEN),
    ],
    401: [
        denial.missing_credentials(),
        denial.malformed_token("incomplete: 70 of 73 characters", "Copy it again, whole, from where it is kept."),
        denial.unknown_token(),
        denial.of_proven_token("expired_token", NOON, None, None),
        denial.of_proven_token("revoked_token", NOON, NOON, None),
        denial.of_proven_token("inactive_owner", NOON, None, None),
    ],
    403: [
        denial.insufficient_scope(["tokens:write"], []),
        denial.wrong_environment("test", "live"),
        denial.address_not_allowed("203.0.113.7"),
        denial.beyond_caller([FieldError(field="scopes", detail="The calling token does not have reports:read.")]),
    ],
    404: [denial.for_status(404)],
    409: [denial.conflict("The token is revoked: nothing about it can change any more.")],
    413: [denial.content_too_large()],
    415: [denial.unsupported_media_type("application/json")],
    422: [denial.invalid_request([FieldError(field="name", detail="This is needed.")])],
    429: [denial.rate_limited("This token may make 1000 requests in an hour.", 1750, ["token"])],
    503: [denial.unavailable()],
}
TEXT = {"type": "string"}
PROBLEM = {
    "type": "object",
    "description": "A failure (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "instance"],
    "properties": {
        "type": {**TEXT, "description": "The kind of problem, as a URI."},
        "title": {**TEXT, "description": "The kind in words."},
        "status": {"type": "integer"},
        "detail": {**TEXT, "description": "What went wrong here, and what to do."},
        "code": {**TEXT, "enum": [*KINDS, "request_failed"], "description": "The kind, for programs."},
        "instance": {**TEXT, "description": "What to quote in a report; the log has it too."},
        "errors": {
            "type": "array",
            "description": "With `invalid_request`, and where a request goes beyond its token: what is wrong, where.",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": TEXT, "detail": TEXT},
            },
        },
        "error": {**TEXT, "description": "What RFC 6749 section 5.2 calls it, for OAuth clients."},
        "violated-policies": {"type": "array", "items": TEXT, "description": "With `rate_limited`."},
    },
}
HEADERS = {
    "Token-Expires-At": {"description": "When the calling token expires.", "schema": {**TEXT, "format": "date-time"}},
    "RateLimit-Policy": {"description": "Its limits (draft-ietf-httpapi-ratelimit-headers-10).", "schema": TEXT},
    "RateLimit": {"description": "What is left of them, and for how many seconds.", "schema": TEXT},
}


class Document(OpenAPISchema):
    """ninja's document, completed where it asks its own methods."""

    def __init__(self, site_url: str) -> None:
        super().__init__(api, PREFIX)
        tidy(self["paths"])
        tidy(self["components"]["schemas"])
        self["servers"] = [{"url": site_url}]
        self["components"]["schemas"]["Problem"] = PROBLEM
        self["components"] |= {
            "securitySchemes": SCHEMES,
            "headers": HEADERS,
            "responses": {f"Refused{status}": refused(*examples) for status, examples in REFUSALS.items()},
        }

    def methods(self, operations: list[Operation]) -> dict[str, Any]:
        """Without HEAD, which goes wherever GET does."""
        described: dict[str, Any] = super().methods(operations)
        described.pop("head", None)
        return described

    def operation_details(self, operation: Operation) -> dict[str, Any]:
        """The first sentence of what the operation says of itself in front, the rest below."""
        described: dict[str, Any] = super().operation_details(operation)
        summary, _, more = described.pop("description").partition("\n\n")
        return described | {"summary": summary} | ({"description": more} if more else {})

    def operation_security(self, operation: Operation) -> list[dict[str, Any]]:
        """The scopes that the operation needs, by each way to send a token."""
        needs = needed(operation)
        if needs is None:
            return [{}, {"basic": []}]  # what OAuth clients send is not looked at
        return [{scheme: list(needs.scopes)} for scheme in (SCHEMES if needs.basic else ["bearer"])]

    def request_body(self, operation: Operation) -> dict[str, Any]:
        """Without a default for the whole body, which generators of clients trip over: its properties have theirs."""
        described: dict[str, Any] = super().request_body(operation)
        for content in described.get("content", {}).values():
            (content["schema"],) = content["schema"].get("allOf", [content["schema"]])
        return described

    def responses(self, operation: Operation) -> dict[Any, Any]:
        """ninja's, each with its headers, and the refusals."""
        described: dict[Any, Any] = super().responses(operation)
        if needed(operation):
            for answer in described.values():
                answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS}
        if 201 in described:
            where = {"description": "The address of the new token.", "schema": {**TEXT, "format": "uri-reference"}}
            described[201]["headers"]["Location"] = where
            described[200]["description"] = "Made before with the same Idempotency-Key: the token without its value"
        described |= {status: {"$ref": f"#/components/responses/Refused{status}"} for status in statuses(operation)}
        return described


def tidy(part: Any) -> None:
    """Drop names that pydantic makes up, and empty defaults: for us they say “left out”."""
    if isinstance(part, dict):
        for name in ("title", "default"):
            if name in part and (part[name] in ("", []) or (name == "title" and isinstance(part[name], str))):
                del part[name]
        part = list(part.values())
    if isinstance(part, list):
        for entry in part:
            tidy(entry)


def needed(operation: Operation) -> Needs | None:
    """What the operation's `auth=` says; None where anybody may call."""
    return next((entry for entry in operation.auth_callbacks if isinstance(entry, Needs)), None)


def statuses(operation: Operation) -> list[int]:
    """How the operation can be refused."""
    sources = {model.__ninja_param_source__ for model in operation.models}
    possible = {400, 429, 503}
    if needed(operation):
        possible |= {401, 403}
    if "path" in sources:
        possible.add(404)
    if sources & {BODY, FORM}:
        possible |= {413, 415}
    if BODY in sources:
        possible.add(409)
    if sources & {BODY, "query", "header"}:
        possible.add(422)
    return sorted(possible)


def refused(*examples: Denial) -> dict[str, Any]:
    """The answer that each of the examples is, with the headers that all of them have."""
    shown = {entry.code: {"value": entry.problem() | {"instance": "urn:tokenry:denial:0"}} for entry in examples}
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": shown}
    names = set.intersection(*(set(entry.response_headers()) for entry in examples)) & {
        "WWW-Authenticate",
        "Retry-After",
    }
    return {
        "description": ", ".join(shown),
        "headers": {name: {"schema": TEXT, "required": True} for name in sorted(names)},
        "content": {"application/problem+json": content},
    }


@cache
def document(site_url: str) -> Document:
    """The document of the installation at that address."""
    return Document(site_url)


@cache
def content(site_url: str) -> bytes:
    """The document as it is sent: made once, because anybody may ask for it as often as they like."""
    return json.dumps(document(site_url), cls=DjangoJSONEncoder).encode()


@public
@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """The document, for programs."""
    return HttpResponse(content(settings.SITE_URL), "application/json", headers=FOR_EVERYBODY)
