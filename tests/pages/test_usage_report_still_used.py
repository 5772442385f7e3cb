"""The usage report: callers that still use a token after its end."""

from datetime import datetime

import pytest
import time_machine

from tests.pages.conftest import HOUR, NOW, record
from tokens.models import Token
from tokens.pages import usage_report
from tokens.pages.usage_report import Report
from tokens.problems import problem

pytestmark = pytest.mark.usefixtures("clock")


@pytest.mark.parametrize(
    ("ended", "word"),
    [
        ({"revoked_at": NOW - HOUR}, "revoked"),
        ({"expires_at": NOW - HOUR}, "expired"),
        ({"renewed_at": NOW - 25 * HOUR}, "replaced"),
    ],
)
def test_who_still_uses_it(token: Token, ended: dict[str, datetime], word: str) -> None:
    Token.objects.filter(pk=token.pk).update(**ended)
    token.refresh_from_db()
    refused = (
        None if word == "replaced" else problem.invalid_token(f"{word}_token", NOW, NOW, None)
    )
    record(token, NOW - 13 * HOUR, times=7, address="192.0.2.3", problem=refused)  # yesterday
    record(token, NOW - 2 * HOUR, times=7, address="192.0.2.3")
    if word != "replaced":
        assert Report(token).still_used is None
    record(token, times=2, address="203.0.113.9", problem=refused)
    record(token, times=1, address="203.0.113.8", problem=refused)
    used = Report(token).still_used
    assert used is not None
    callers = [(caller.address, caller.requests) for caller in used.callers.shown]
    if word == "replaced":
        assert (used.word, used.requests) == (word, 10)
        assert callers == [("192.0.2.3", 7), ("203.0.113.9", 2), ("203.0.113.8", 1)]
    else:
        assert (used.word, used.requests) == (word, 3)
        assert callers == [("203.0.113.9", 2), ("203.0.113.8", 1)]


def test_on_the_day_of_its_renewal_earlier_requests_do_not_count(token: Token) -> None:
    Token.objects.filter(pk=token.pk).update(renewed_at=NOW - HOUR)
    token.refresh_from_db()
    record(token, NOW - 2 * HOUR, times=7)
    assert Report(token).still_used is None
    record(token)
    used = Report(token).still_used
    assert used is not None
    assert [caller.address for caller in used.callers.shown] == ["192.0.2.1"]
    assert used.requests is None


@pytest.mark.parametrize("word", ["revoked", "expired"])
def test_on_the_day_of_its_end_earlier_refused_requests_do_not_count(
    token: Token, word: str
) -> None:
    Token.objects.filter(pk=token.pk).update(
        **{"revoked_at" if word == "revoked" else "expires_at": NOW - HOUR}
    )
    token.refresh_from_db()
    record(token, NOW - 2 * HOUR, times=7, problem=problem.insufficient_scope(["a:admin"], []))
    record(token, problem=problem.invalid_token(f"{word}_token", NOW, NOW, None))
    used = Report(token).still_used
    assert used is not None
    assert (used.word, used.requests) == (word, 1)


def test_no_number_if_more_requests_came_than_are_kept(
    token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_report, "KEPT_REFUSED", 3)
    with time_machine.travel(NOW - HOUR, tick=False):
        token.revoke()
    record(token, times=3, problem=problem.invalid_token("revoked_token", NOW, NOW, None))
    used = Report(token).still_used
    assert used is not None
    assert used.requests is None


def test_many_who_still_use_it(token: Token) -> None:
    with time_machine.travel(NOW - HOUR, tick=False):
        token.revoke()
    refused = problem.invalid_token("revoked_token", NOW, NOW, None)
    for n in range(5):
        record(token, address=f"192.0.2.{n}", problem=refused)
    used = Report(token).still_used
    assert used is not None
    assert (len(used.callers.shown), used.callers.others, used.requests) == (3, 2, 5)


def test_a_token_that_works_has_nobody_who_still_uses_it(token: Token) -> None:
    record(token)
    assert Report(token).still_used is None
