"""`manage.py rehash_report` says when an older pepper can be removed."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from tests.conftest import Issue, bearer
from tokens.models import Token
from tokens.token_settings import TokenSettings
from tokens.usage.recorder import recorder

pytestmark = pytest.mark.django_db


def report(*options: str) -> str:
    out = StringIO()
    call_command("rehash_report", *options, stdout=out)
    return out.getvalue()


def test_an_older_pepper_can_go_when_every_active_token_was_used(
    issue: Issue, token_settings: TokenSettings
) -> None:
    _, value = issue()
    revoked, _ = issue()
    revoked.revoke()
    first = token_settings.PEPPERS[1]
    token_settings.PEPPERS, token_settings.PEPPER_CURRENT = {1: first, 2: "q" * 40}, 1
    current = "current: new tokens have it, and tokens with a lower number move to it on use"
    assert [line[28:] for line in report().splitlines()[1:]] == ["not in use yet", current]
    token_settings.PEPPER_CURRENT = 2
    issue()
    assert report().splitlines() == [
        "pepper  tokens  usable now",
        f"2       1       1           {current}",
        "1       2       1           still needed",
    ]
    assert Client().get("/api/v1/token", headers=bearer(value)).status_code == 200
    recorder.flush()
    assert report().splitlines()[2] == "1       1       0           can go"


def test_a_pepper_that_was_removed_too_soon(issue: Issue, token_settings: TokenSettings) -> None:
    issue()
    token_settings.PEPPERS, token_settings.PEPPER_CURRENT = {2: "q" * 40}, 2
    assert "missing from TOKEN_PEPPERS: its tokens get 503" in report()
    Token.objects.get().revoke()
    assert report().splitlines()[-1].endswith("gone")


def test_for_scripts(issue: Issue) -> None:
    issue()
    assert json.loads(report("--json")) == [
        {"pepper": 1, "set": True, "current": True, "tokens": 1, "usable": 1}
    ]
