"""Unsafe requests to all our URLs: their answers never stream, and on SQLite none waits."""

import re
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from tests.conftest import Issue, bearer, signed_in
from tokens.authentication import change_wait

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")
REGEX_PART = re.compile(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)")


def routes(resolver: URLResolver, before: str = "") -> Iterator[str]:
    """Yield the routes of all views, as they are written in the URL configurations."""
    for entry in resolver.url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield route
        else:
            yield from routes(entry, route)


def path_of(route: str, **arguments: str) -> str:
    """Return a path of this route, with an argument's own value or "1"."""

    def value(match: re.Match[str]) -> str:
        return arguments.get(match[1], "1")

    path = ARGUMENT.sub(value, REGEX_PART.sub(value, route))
    return "/" + path.translate({ord(character): None for character in "^$\\?"}).lstrip("/")


@pytest.mark.django_db(transaction=True)
def test_only_postgresql_lets_answers_wait(
    issue: Issue, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(change_wait, "time", SimpleNamespace(sleep=slept.append))
    monkeypatch.setattr(change_wait, "is_on", True)
    token, value = issue(scopes=["tokens:write"])
    changed = Client().patch(
        f"/api/v1/tokens/{token.identifier}",
        {"name": "Renamed"},
        content_type="application/json",
        headers=bearer(value),
    )
    assert changed.status_code == 200
    page = signed_in(owner).post(f"/settings/tokens/{token.identifier}/revoke/")
    assert page.status_code == 302
    waits = 2 if connection.vendor == "postgresql" else 0
    assert slept == [change_wait.CHANGE_WAIT_SECONDS] * waits


def test_no_answer_streams(issue: Issue, owner: User) -> None:
    """A stream would be computed after the wait, and could change something."""
    User.objects.filter(pk=owner.pk).update(is_staff=True, is_superuser=True)
    token, value = issue(scopes=["tokens:write", "tokens:renew", "tokens:introspect"])
    browser = signed_in(owner)
    program = Client(headers=bearer(value))
    paths = {path_of(each, identifier=token.identifier) for each in routes(get_resolver())}
    assert {"/settings/activity/export.csv", f"/settings/tokens/{token.identifier}/"} <= paths
    for path in paths:
        client = program if path.startswith("/api/") else browser
        for method in ("POST",) if path.startswith("/admin/") else UNSAFE:
            with transaction.atomic():
                answer = client.generic(method, path)
                transaction.set_rollback(True)
            assert not answer.streaming, (method, path)
