"""POST /api/v1/tokens by a token that was ended or narrowed since its request began."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import RequestFactory
from django.utils import timezone

from accounts.models import User
from tests.api.conftest import SCOPES, Caller
from tests.api.test_create import NAME
from tests.conftest import Issue
from tokens.api.delegation import locked_caller
from tokens.models import Token, TokenQuerySet
from tokens.problems.problem import Problem
from tokens.usage.request_record import RequestRecord


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (lambda token: token.revoke(), "revoked_token"),
        (
            lambda token: Token.objects.filter(pk=token.pk).update(expires_at=timezone.now()),
            "expired_token",
        ),
        (
            lambda token: User.objects.filter(tokens=token).update(is_active=False),
            "inactive_owner",
        ),
        (
            lambda token: Token.objects.filter(pk=token.pk).update(scope="tokens:read"),
            "insufficient_scope",
        ),
        (
            lambda token: Token.objects.filter(pk=token.pk).update(addresses="10.0.0.0/8"),
            "address_not_allowed",
        ),
    ],
)
def test_a_caller_that_was_ended_since_its_request_began(
    issue: Issue, happens: Callable[[Token], object], code: str
) -> None:
    """As by “revoke all”, while the request waited for its turn."""
    token, _ = issue(scopes=SCOPES)
    request: Any = RequestFactory().post("/api/v1/tokens")
    request.record = RequestRecord(request.META, "POST", request.path_info)
    request.token = Token.objects.get(pk=token.pk)
    happens(token)
    with pytest.raises(Problem) as refused, locked_caller(request, "tokens:write"):
        pytest.fail("it had its turn")
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "tokens", NAME),
        ("POST", "token/renew", {}),
        ("PATCH", "tokens/{identifier}", {"name": "New"}),
    ],
)
def test_a_caller_that_lost_its_scopes_while_it_waited(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: dict[str, str]
) -> None:
    first_come = TokenQuerySet.locked_for

    @contextmanager
    def later(tokens: TokenQuerySet, owner_pk: int) -> Iterator[None]:
        with first_come(tokens, owner_pk):
            Token.objects.filter(pk=caller.token.pk).update(scope="")
            yield

    monkeypatch.setattr(TokenQuerySet, "locked_for", later)
    answer = caller(method, path.format(identifier=caller.token.identifier), body)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert Token.objects.get().name == "Caller"
