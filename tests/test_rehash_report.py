"""manage.py rehash_report: when an older pepper can go."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from tests.conftest import Issue, bearer
from tokens.models import Token
from tokens.usage import recorder

pytestmark = pytest.mark.django_db


def report(*options: str) -> str:
    out = StringIO()
    call_command("rehash_report", *options, stdout=out)
    return out.getvalue()


def test_an_older_pepper_goes_once_every_usable_token_was_used(issue: Issue, settings: Settings) -> None:
    _, value = issue()
    revoked, _ = issue()
    revoked.revoke()
    first = settings.TOKEN_PEPPERS[1]
    settings.TOKEN_PEPPERS = {1: first, 2: "q" * 40}
    issue()
    assert report().splitlines() == [
        "pepper  tokens  usable now",
        "2       1       1           the newest: new and used tokens have it",
        "1       2       1           still needed",
    ]
    assert Client().get("/api/v1/token", headers=bearer(value)).status_code == 200
    recorder.flush()
    assert report().splitlines()[2] == "1       1       0           can go"


def test_a_pepper_that_went_too_soon(issue: Issue, settings: Settings) -> None:
    issue()
    settings.TOKEN_PEPPERS = {2: "q" * 40}
    assert "missing from TOKEN_PEPPERS: its tokens are refused" in report()
    Token.objects.get().revoke()
    assert report().splitlines()[-1].endswith("gone")


def test_for_scripts(issue: Issue) -> None:
    issue()
    assert json.loads(report("--json")) == [{"pepper": 1, "set": True, "newest": True, "tokens": 1, "usable": 1}]
