"""What stays of a decision: no secret, and no way past the policy."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from tests.conftest import Issue, bearer
from tokens.authentication import policy
from tokens.authentication.pipeline import authenticate
from tokens.authentication.policy import Requirement
from tokens.usage.recorder import recorder

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("spoilt", [lambda value: value[:-1], lambda value: value[:-6] + "000000"])
def test_a_decision_keeps_no_frame_that_holds_the_secret(
    issue: Issue, spoilt: Callable[[str], str]
) -> None:
    header = bearer(spoilt(issue()[1]))["Authorization"]
    problem = authenticate(header, "192.0.2.1", Requirement(), timezone.now()).problem
    assert problem is not None
    assert (problem.code, problem.__traceback__, problem.__context__) == (
        "malformed_token",
        None,
        None,
    )


def test_a_refused_scope_keeps_no_frame_either(issue: Issue) -> None:
    token, value = issue()
    assert Client().get("/api/v1/tokens", headers=bearer(value)).status_code == 403
    [record] = recorder._records
    assert record.problem is not None
    assert (record.token, record.problem.code) == (token, "insufficient_scope")
    assert (record.problem.__traceback__, record.problem.__context__) == (None, None)


def test_a_code_of_the_policy_that_nobody_knows_lets_nobody_in(
    issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "check_access", lambda *_: "on_a_holiday")
    response = Client(raise_request_exception=False).get(
        "/api/v1/token", headers=bearer(issue()[1])
    )
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
