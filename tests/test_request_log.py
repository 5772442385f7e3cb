"""The line that operators read of each request, in both forms."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from select import PIPE_BUF

import pytest
from django.test import Client
from pytest_django import Settings

from tests.conftest import Issue, a_call, bearer
from tokens import denial, request_log
from tokens.models import Token
from tokens.usage import recorder

NOW = datetime(2026, 11, 22, 12, 30, 15, 123_999, tzinfo=UTC)
Lines = Callable[[], list[str]]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Lines]:
    """What the log said since the last time."""

    def said() -> list[str]:
        recorder.flush()
        text = [record.getMessage() for record in caplog.records if record.name == "tokens.requests"]
        caplog.clear()
        return "\n".join(text).splitlines()

    request_log.log.addHandler(caplog.handler)
    yield said
    request_log.log.removeHandler(caplog.handler)


@pytest.mark.django_db
def test_every_request_has_a_line(issue: Issue, lines: Lines) -> None:
    token, value = issue()
    client = Client(headers={"User-Agent": "curl/8.5"})
    assert client.get("/api/v1/token?secret=1", headers=bearer(value)).status_code == 200
    refused = client.get("/api/v1/token").json()
    client.get("/api/nowhere")
    client.get("/settings/tokens/")
    good, bad, nowhere = map(json.loads, lines())
    assert list(good) == [
        "time", "reference", "identifier", "owner_id", "method", "path", "status", "code", "milliseconds", "address",
    ]  # fmt: skip
    assert (good["identifier"], good["owner_id"], good["reference"]) == (token.identifier, token.owner_id, None)
    assert (good["method"], good["path"], good["status"], good["code"]) == ("GET", "/api/v1/token", 200, None)
    assert (good["address"], good["milliseconds"] > 0) == ("127.0.0.1", True)
    assert (bad["code"], bad["identifier"], bad["status"]) == ("missing_credentials", None, 401)
    assert refused["instance"].endswith(bad["reference"])
    assert (nowhere["code"], nowhere["status"]) == ("not_found", 404)


def test_nothing_is_said_of_a_token_that_is_not_proven(issue: Issue, lines: Lines) -> None:
    token, value = issue()
    Client().get("/api/v1/token", headers=bearer(value[:-1]))
    (line,) = lines()
    assert token.identifier not in line
    assert json.loads(line)["code"] == "malformed_token"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/api/a b/é", "/api/a%20b/%C3%A9"),
        ("/api/\x00\x1b[31m", "/api/%00%1B%5B31m"),
        ("/api/" + "x" * 500, "/api/" + "x" * 195),
        ("/api/tkn_live_4mQ7wXb2ZpT9c1K" + "s" * 49, "/api/tkn_live_4mQ7wXb2ZpT9c1K•••"),
        ("/api/tkn_live_4mQ7wXb2ZpT9c1K" + "s" * 6 + "-é&'" + "s" * 43 + "/x", "/api/tkn_live_4mQ7wXb2ZpT9c1K•••/x"),
        ("/api/tkn_live_4mQ7wXb2ZpT9c1K" + "s" * 6 + "%252F" + "s" * 43, "/api/tkn_live_4mQ7wXb2ZpT9c1K•••"),
    ],
)
def test_paths(path: str, shown: str) -> None:
    assert a_call(path="/").shown_path == "/"
    call = a_call()
    call.path = path
    assert call.shown_path == shown


def test_both_forms(settings: Settings, lines: Lines) -> None:
    """Without a database: what is said comes from the call alone."""
    token = Token(pk=7, owner_id=3, identifier="tkn_live_4mQ7wXb2ZpT9c1K")
    refused = a_call(token, NOW, denial=denial.address_not_allowed("192.0.2.1"), seconds=0.0034)
    for form, line in (
        (
            "json",
            f'{{"time": "2026-11-22T12:30:15.123Z", "reference": "{refused.reference}", "identifier": '
            f'"{token.identifier}", "owner_id": 3, "method": "GET", "path": "/api/v1/token", "status": 403, '
            '"code": "address_not_allowed", "milliseconds": 3.4, "address": "192.0.2.1"}',
        ),
        (
            "plain",
            f"2026-11-22T12:30:15.123Z {refused.reference} {token.identifier} 3 GET /api/v1/token 403 "
            "address_not_allowed 3.4 ms 192.0.2.1",
        ),
        ("off", None),
    ):
        settings.REQUEST_LOG = form
        request_log.write([refused])
        assert lines() == ([line] if line else [])


def test_a_flood_is_cut_short_and_says_so(
    monkeypatch: pytest.MonkeyPatch, lines: Lines, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder._unreported, "_most", 2)
    for _ in range(5):
        recorder.record(a_call())
    recorder._add_up()
    recorder._report()
    assert "3 more requests are missing in the log and the metrics" in caplog.text
    assert len(lines()) == 2


@pytest.mark.parametrize("length", [1, 100, PIPE_BUF // 2, PIPE_BUF - 1, PIPE_BUF + 100])
@pytest.mark.parametrize("letter", ["x", "•"])
def test_an_entry_fits_into_a_pipe(length: int, letter: str) -> None:
    """With the end of its line; only a line that does not by itself stands alone."""
    lines = [f"{number:04}{letter * (length // len(letter.encode()) - 4)}" for number in range(300)]
    entries = list(request_log.entries(lines))
    assert "\n".join(entries).splitlines() == lines
    sizes = [len(f"{entry}\n".encode()) for entry in entries]
    assert max(sizes) <= PIPE_BUF or all(entry in lines for entry in entries)
    assert all(one + other > PIPE_BUF for one, other in pairwise(sizes))  # no more of them than it takes


def test_nothing_is_no_entry() -> None:
    assert list(request_log.entries([])) == []
