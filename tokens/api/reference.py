"""The documentation page: the OpenAPI document as people read it, rendered here, with a command for each call."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from tokens.api.document import FOR_EVERYBODY, PREFIX, SCHEMES, document
from tokens.decorators import public
from tokens.examples import VARIABLE

OWN = "script-src 'self'; style-src 'self'; img-src 'self'"
POLICY = f"default-src 'none'; {OWN}; base-uri 'none'; frame-ancestors 'none'"
PLAIN = {"integer": "whole number", "string": "text", "boolean": "true or false", "object": "object"}


class Field(NamedTuple):
    """A parameter, or a field of a body."""

    name: str
    kind: str
    required: bool
    words: str


class Call(NamedTuple):
    """One operation."""

    name: str
    method: str
    path: str
    short: str
    title: str
    more: str
    access: str
    parameters: list[Field]
    fields: list[Field]
    answers: list[tuple[str, str]]
    command: str


class Reader:
    """Reads one document."""

    def __init__(self, site_url: str) -> None:
        self.document = document(site_url)
        self.site_url = site_url

    def calls(self) -> Iterator[Call]:
        """Every operation, in the order of the document."""
        for path, methods in self.document["paths"].items():
            for method, found in methods.items():
                yield Call(
                    name=found["operationId"],
                    method=method.upper(),
                    path=path,
                    short=path.removeprefix(f"/{PREFIX}"),
                    title=found["summary"],
                    more=found.get("description", ""),
                    access=access(found["security"]),
                    parameters=[self.parameter(entry) for entry in found["parameters"]],
                    fields=self.fields(found),
                    answers=[(str(status), self.answer(entry)) for status, entry in found["responses"].items()],
                    command=self.command(method.upper(), path, found),
                )

    def at(self, entry: Any) -> Any:
        """What `entry` is, or refers to."""
        while "$ref" in entry:
            _, *steps = entry["$ref"].split("/")
            entry = self.document
            for step in steps:
                entry = entry[step]
        return entry

    def body(self, found: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """The media type and the schema of a body; both empty where there is none."""
        for media_type, content in found.get("requestBody", {"content": {}})["content"].items():
            return media_type, self.at(content["schema"])
        return "", {}

    def answer(self, entry: dict[str, Any]) -> str:
        """What an answer is; of one that succeeds, the fields that it has too."""
        found = self.at(entry)
        schema = self.at(found.get("content", {}).get("application/json", {}).get("schema", {}))
        schema = self.at(schema.get("anyOf", [schema])[0])
        names = ", ".join(schema.get("properties", []))
        return f"{found['description']}. Fields: {names}" if names else str(found["description"])

    def parameter(self, entry: dict[str, Any]) -> Field:
        return Field(entry["name"], self.kind(entry["schema"]), entry["required"], entry.get("description", ""))

    def fields(self, found: dict[str, Any]) -> list[Field]:
        _, schema = self.body(found)
        needed = schema.get("required", [])
        return [
            Field(name, self.kind(entry), name in needed, entry.get("description", ""))
            for name, entry in schema.get("properties", {}).items()
        ]

    def kind(self, schema: dict[str, Any]) -> str:
        """What a value looks like, in words."""
        schema = self.at(schema)
        if "enum" in schema:
            return " or ".join(schema["enum"])
        if schema["type"] == "array":
            return "list of " + self.kind(schema["items"]).partition(",")[0]
        return str(schema.get("format", PLAIN[schema["type"]])) + bounds(schema)

    def command(self, method: str, path: str, found: dict[str, Any]) -> str:
        """The call with cURL; its token comes from the environment."""
        options = [] if method == "GET" else [f"-X {method}"]
        if {} not in found["security"]:
            options.append(f'-H "Authorization: Bearer ${VARIABLE}"')
        media_type, schema = self.body(found)
        if media_type == "application/json":
            options += [f"-H 'Content-Type: {media_type}'", f"-d '{json.dumps(schema['examples'][0])}'"]
        elif media_type:
            options.append("-d token=$TOKEN")
        address = self.site_url + path.replace("{identifier}", "$IDENTIFIER")
        return " \\\n  ".join(["curl", *options, address]).replace("curl \\\n ", "curl", 1)


def bounds(schema: dict[str, Any]) -> str:
    """How large a number may be, how long a text, and which it is where none is sent."""
    lowest, highest, longest = (schema.get(name) for name in ("minimum", "maximum", "maxLength"))
    said = [
        f"{lowest} to {highest}" if highest else "",
        f"at most {longest} characters" if longest and longest != schema.get("minLength") else "",
        f"{schema['default']} where left out" if schema.get("default") else "",
    ]
    return "".join(f", {words}" for words in said if words)


def access(security: list[dict[str, list[str]]]) -> str:
    """Who may make a call, in words."""
    if {} in security:
        return "anybody"
    scopes = " and ".join(security[0]["bearer"]) or "any valid token"
    return f"{scopes}, Bearer or Basic" if len(security) == len(SCHEMES) else scopes


@cache
def page(site_url: str) -> bytes:
    """The page as it is sent: made once, because anybody may ask for it as often as they like."""
    context = {"calls": list(Reader(site_url).calls()), "variable": VARIABLE}
    return render_to_string("tokens/reference.html", context).encode()


@public
@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    """The page. Middleware that pages have does not run here, so it brings its own policy."""
    headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer", **FOR_EVERYBODY}
    return HttpResponse(page(settings.SITE_URL), headers=headers)
