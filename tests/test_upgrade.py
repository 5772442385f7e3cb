"""Data of an old release (tests/upgrades) is complete and works after this code's migrations."""

import gzip
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pyotp
import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.conf import settings as django_settings
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests import databases, run
from tests.conftest import bearer
from tokens.core.setting_values import peppers
from tokens.models import DayCount, Event, HourCount, Token
from tokens.token_settings import TokenSettings
from tokens.usage import recorder

pytestmark = pytest.mark.services  # it counts requests and tries

RELEASES = sorted((run.ROOT / "tests/upgrades").glob("*.json"))
SECOND = "/accounts/2fa/authenticate/"
Facts = dict[str, Any]


@pytest.fixture(params=RELEASES, ids=lambda path: path.stem)
def facts(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    settings: Settings,
    token_settings: TokenSettings,
) -> Iterator[Facts]:
    """Yield the facts about a migrated database, at the time at which the data was made."""
    found: Facts = json.loads(request.param.read_text())
    settings.SECRET_KEY, token_settings.PEPPERS = (
        found["SECRET_KEY"],
        peppers(found["TOKEN_PEPPERS"]),
    )
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    path = tmp_path / "old.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            gzip.decompress(request.param.with_suffix(".sql.gz").read_bytes()).decode()
        )
    databases.migrate(f"sqlite:///{path}")
    with (
        databases.connected(f"sqlite:///{path}"),
        time_machine.travel(datetime.fromisoformat(found["at"])),
    ):
        yield found


def test_every_row_is_there(facts: Facts) -> None:
    kinds = (Authenticator, DayCount, Event, HourCount, Token, User)
    assert {kind.__name__: kind.objects.count() for kind in kinds} == facts["rows"]


def test_every_token_is_answered_as_before(facts: Facts) -> None:
    for person in facts["people"]:
        for name, value in person["tokens"].items():
            answer = Client().get("/api/v1/token", headers=bearer(value))
            assert answer.json().get("code", answer.status_code) == person["answers"][name], name
    recorder.recorder.flush()
    assert DayCount.objects.count() >= facts["rows"]["DayCount"]
    limited = Token.objects.get(owner__email="person1@example.com", name="limited")
    assert (limited.rate_limit, limited.allowed_addresses) == ("5/hour", ["127.0.0.1/32"])
    retiring = Token.objects.get(identifier=facts["people"][0]["tokens"]["retiring"][:24])
    assert retiring.successor
    assert retiring.successor.identifier == facts["people"][0]["tokens"]["successor"][:24]


def test_every_session_is_signed_in(facts: Facts) -> None:
    for person in facts["people"]:
        client = Client()
        client.cookies[django_settings.SESSION_COOKIE_NAME] = person["session"]
        page = client.get("/settings/tokens/")
        assert (page.status_code, person["email"] in page.content.decode()) == (200, True)
        activity = client.get("/settings/activity/")
        assert (activity.status_code, "retiring" in activity.content.decode()) == (200, True)


def test_everybody_signs_in_with_each_second_factor(facts: Facts) -> None:
    for person in facts["people"]:
        at = datetime.fromisoformat(facts["at"]).timestamp()
        later = pyotp.TOTP(person["secret"]).at(
            int(at) + 30
        )  # the code of the moment was used by the old release
        for code in (later, *person["codes"]):
            client = Client()
            asked = client.post(
                "/accounts/login/", {"login": person["email"], "password": person["password"]}
            )
            assert asked["Location"].startswith(SECOND)
            assert client.post(SECOND, {"code": code})["Location"] == "/settings/tokens/"
            assert client.get("/settings/tokens/").status_code == 200
