"""The documentation page of the API: the OpenAPI document as HTML, with cURL commands."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from tokens.api.components import SECURITY_SCHEMES
from tokens.api.openapi import API_PATH, API_RULES, FOR_EVERYBODY, document
from tokens.decorators import public
from tokens.pages.code_examples import VARIABLE
from tokens.token_settings import token_settings

OWN = "script-src 'self'; style-src 'self'; img-src 'self'"
POLICY = f"default-src 'none'; {OWN}; base-uri 'none'; frame-ancestors 'none'"
PLAIN = {
    "integer": "whole number",
    "string": "text",
    "boolean": "true or false",
    "object": "object",
}


class Field(NamedTuple):
    """A parameter of a call, or a field of its body, as the page shows it."""

    name: str
    kind: str
    required: bool
    description: str


class Reader:
    """Reads the OpenAPI document, and prepares what the documentation page shows."""

    def __init__(self, site_url: str, name: str) -> None:
        self.document = document(site_url, name)
        self.site_url = site_url

    def calls(self) -> Iterator[dict[str, Any]]:
        """Yield a dictionary for each API call: its part of the document, and more keys.

        The template needs these keys: method, path, answers, cURL command and so on.
        """
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                yield operation | {
                    "method": method.upper(),
                    "path": path,
                    "short": path.removeprefix(f"/{API_PATH}"),
                    "access": access(operation["security"]),
                    "parameters": [
                        self.field(entry["name"], entry["schema"], entry["required"])
                        for entry in operation["parameters"]
                    ],
                    "fields": self.fields(operation),
                    "answers": [
                        (str(status), self.answer(entry))
                        for status, entry in operation["responses"].items()
                    ],
                    "command": self.command(method.upper(), path, operation),
                }

    def resolved(self, entry: Any) -> Any:
        """Return the part of the document to which `entry` refers; `entry` if it has no `$ref`."""
        while "$ref" in entry:
            _, *steps = entry["$ref"].split("/")
            entry = self.document
            for step in steps:
                entry = entry[step]
        return entry

    def body(self, operation: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return the media type and the schema of the request body; "" and {} without a body."""
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            return media_type, self.resolved(content["schema"])
        return "", {}

    def answer(self, entry: dict[str, Any]) -> str:
        """Return the description of a response, and for a success the names of its fields."""
        response: dict[str, Any] = self.resolved(entry)
        content = response.get("content", {}).get("application/json", {})
        schema = self.resolved(content.get("schema", {}))
        schema = self.resolved(schema.get("anyOf", [schema])[0])
        names = ", ".join(schema.get("properties", []))
        return f"{response['description']}{f'. Fields: {names}' if names else ''}"

    def field(self, name: str, schema: dict[str, Any], required: bool) -> Field:
        return Field(name, self.kind(schema), required, schema.get("description", ""))

    def fields(self, operation: dict[str, Any]) -> list[Field]:
        _, schema = self.body(operation)
        required = schema.get("required", [])
        return [
            self.field(name, entry, name in required)
            for name, entry in schema.get("properties", {}).items()
        ]

    def kind(self, schema: dict[str, Any]) -> str:
        """Return in words which values a schema takes, such as "whole number, 1 to 100"."""
        schema = self.resolved(schema)
        if "enum" in schema:
            return " or ".join(filter(None, schema["enum"]))
        if schema["type"] == "array":
            return "list of " + self.kind(schema["items"]).partition(",")[0]
        return str(schema.get("format", PLAIN[schema["type"]])) + bounds(schema)

    def command(self, method: str, path: str, operation: dict[str, Any]) -> str:
        """Return a cURL command for the call. A shell variable holds the calling token."""
        options = [] if method == "GET" else [f"-X {method}"]
        if {} not in operation["security"]:
            options.append(f'-H "Authorization: Bearer ${VARIABLE}"')
        media_type, schema = self.body(operation)
        if media_type == "application/json":
            options += [
                f"-H 'Content-Type: {media_type}'",
                f"-d '{json.dumps(schema['examples'][0])}'",
            ]
        elif media_type:
            options.append("-d token=$TOKEN")
        address = self.site_url + path.replace("{identifier}", "$IDENTIFIER")
        return " \\\n  ".join(["curl", *options, address]).replace("curl \\\n ", "curl", 1)


def bounds(schema: dict[str, Any]) -> str:
    """Return the limits of a value in words, such as ", 1 to 100" or ", at most 50 characters".

    The default value is named too. The text begins with a comma, because it follows another
    text. Return "" if `schema` has neither limits nor a default.
    """
    lowest, highest, longest = (schema.get(name) for name in ("minimum", "maximum", "maxLength"))
    said = [
        f"{lowest} to {highest}" if highest else "",
        f"at most {longest} characters" if longest and longest != schema.get("minLength") else "",
        f"{schema['default']} if left out" if schema.get("default") else "",
    ]
    return "".join(f", {words}" for words in said if words)


def access(security: list[dict[str, list[str]]]) -> str:
    """Return in words who may make a call, such as "anybody" or "tokens:read"."""
    if {} in security:
        return "anybody"
    scopes = " and ".join(security[0]["bearer"]) or "any valid token"
    return f"{scopes}, Bearer or Basic" if len(security) == len(SECURITY_SCHEMES) else scopes


@cache
def docs_page(site_url: str, name: str, color: str) -> bytes:
    """Return the HTML of the page. It is cached, because anybody may request it very often.

    `name` and `color` are those of the product. The template reads them from the settings.
    """
    context = {
        "calls": list(Reader(site_url, name).calls()),
        "rules": [rule.split("`") for rule in API_RULES],  # every second part is code
        "variable": VARIABLE,
    }
    return render_to_string("tokens/reference.html", context).encode()


@public
@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    """Answer with the documentation page and its Content-Security-Policy.

    API requests skip the middleware that adds this header to all other pages.
    """
    headers = {
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "no-referrer",
        **FOR_EVERYBODY,
    }
    page = docs_page(
        token_settings.SITE_URL, token_settings.PRODUCT_NAME, token_settings.ACCENT_COLOR
    )
    return HttpResponse(page, headers=headers)
