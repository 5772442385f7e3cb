"""No page shows a time of day without its time zone."""

import logging
import re
from datetime import UTC, datetime, timedelta
from logging.config import DictConfigurator
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from config.logging_config import LOGGING
from tests.conftest import Issue, bearer, signed_in
from tests.records import a_record
from tokens.models import Token
from tokens.usage.recorder import recorder

NOW = datetime(2026, 11, 28, 17, 15, tzinfo=UTC)
TAG = re.compile(r"<[^>]*>")
TITLE = re.compile(r'title="([^"]*)"|<title>([^<]*)</title>')
BARE = re.compile(r"(?<![\w:.-])\d{1,2}:\d\d(?::\d\d)?(?![:\d]| UTC\b| JST\b)")


def without_zone(page: str) -> list[str]:
    """Return the times of day in the texts and titles of `page` that have no time zone."""
    titles = "\n".join("".join(found) for found in TITLE.findall(page))
    return BARE.findall(f"{TAG.sub(' ', page)}\n{titles}")


def test_the_test_finds_them() -> None:
    page = '<p title="9:30">at 12:00 UTC, 02:15:30 JST, <b>14:05</b> and 2:31 p.m.</p>'
    assert without_zone(page) == ["14:05", "2:31", "9:30"]


@pytest.fixture
def token(owner: User, issue: Issue) -> Token:
    """Return a used, refused and renewed token whose owner is in Tokyo."""
    User.objects.filter(pk=owner.pk).update(time_zone="Asia/Tokyo")
    with time_machine.travel(NOW - timedelta(hours=2)):
        token, value = issue(scopes=["tokens:read"])
        Client().get("/api/v1/token", headers=bearer(value))
        recorder.record(a_record(token, status=404))
        recorder.flush()
        Token.objects.renew(
            token, expires_at=NOW + timedelta(days=90), overlap=timedelta(hours=24)
        )
    return token


@pytest.mark.parametrize(
    "path",
    [
        "/settings/tokens/",
        "{token}",
        "{token}?by=hour",
        "{token}renew/",
        "{token}revoke/",
        "{token}edit/",
        "{token}narrow/",
        "{successor}renew/",
        "/settings/tokens/new/",
        "/settings/activity/",
        "/settings/sessions/",
        "/settings/security/",
        "/settings/profile/",
        "/help/",
    ],
)
def test_pages(token: Token, owner: User, path: str) -> None:
    assert token.successor is not None
    with time_machine.travel(NOW, tick=False):
        addresses = {
            "token": token.get_absolute_url(),
            "successor": token.successor.get_absolute_url(),
        }
        page = signed_in(owner).get(path.format(**addresses))
    assert page.status_code == 200
    assert without_zone(page.content.decode()) == []


def test_a_form_that_was_sent_before(owner: User) -> None:
    form = {"name": "Deploy", "environment": "live", "expires": "90d", "nonce": "n" * 22}
    with time_machine.travel(NOW, tick=False):
        client = signed_in(owner)
        client.post("/settings/tokens/new/", form)
        page = client.post("/settings/tokens/new/", form).content.decode()
    assert "created at" in page
    assert without_zone(page) == []


def test_troubleshoot(token: Token, owner: User) -> None:
    with time_machine.travel(NOW, tick=False):
        page = (
            signed_in(owner)
            .post("/settings/tokens/troubleshoot/", {"pasted": token.identifier})
            .content.decode()
        )
    assert without_zone(page) == []


@pytest.mark.parametrize(
    "path", ["tokens/token/", "tokens/token/{pk}/change/", "tokens/event/", "accounts/user/"]
)
def test_administration(token: Token, administrator: User, path: str) -> None:
    with time_machine.travel(NOW, tick=False):
        page = signed_in(administrator).get(f"/admin/{path.format(pk=token.pk)}")
    assert page.status_code == 200
    assert without_zone(page.content.decode()) == []


def test_log_lines() -> None:
    plain: Any = DictConfigurator({}).configure_formatter(dict(LOGGING["formatters"]["plain"]))
    assert re.match(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} ", plain.format(logging.makeLogRecord({}))
    )
