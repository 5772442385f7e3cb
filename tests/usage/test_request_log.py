"""The request log, in both formats."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from select import PIPE_BUF

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Issue, bearer
from tests.records import a_record
from tokens.models import Token
from tokens.problems import problem
from tokens.token_settings import TokenSettings
from tokens.usage import request_log
from tokens.usage.recorder import recorder
from tokens.usage.request_log import LineMaker
from tokens.usage.request_record import RequestRecord

NOW = datetime(2026, 11, 22, 12, 30, 15, 123_999, tzinfo=UTC)
Lines = Callable[[], list[str]]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Lines]:
    """Return a function that returns the new lines of the log."""

    def new_lines() -> list[str]:
        recorder.flush()
        text = [
            record.getMessage() for record in caplog.records if record.name == "tokens.requests"
        ]
        caplog.clear()
        return "\n".join(text).splitlines()

    request_log.log.addHandler(caplog.handler)
    yield new_lines
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
        "time", "reference", "identifier", "owner_id", "method", "path", "status", "code",
        "milliseconds", "address",
    ]  # fmt: skip
    assert (good["identifier"], good["owner_id"]) == (token.identifier, token.owner_id)
    assert (good["method"], good["path"], good["status"]) == ("GET", "/api/v1/token", 200)
    assert good["reference"] is good["code"] is None
    assert (good["address"], good["milliseconds"] > 0) == ("127.0.0.1", True)
    assert (bad["code"], bad["identifier"], bad["status"]) == ("missing_credentials", None, 401)
    assert refused["instance"].endswith(bad["reference"])
    assert (nowhere["code"], nowhere["status"]) == ("not_found", 404)


def test_a_token_that_is_not_proven_is_not_logged(issue: Issue, lines: Lines) -> None:
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
        (
            "/api/tkn_live_4mQ7wXb2ZpT9c1K" + "s" * 6 + "-é&'" + "s" * 43 + "/x",
            "/api/tkn_live_4mQ7wXb2ZpT9c1K•••/x",
        ),
        (
            "/api/tkn_live_4mQ7wXb2ZpT9c1K" + "s" * 6 + "%252F" + "s" * 43,
            "/api/tkn_live_4mQ7wXb2ZpT9c1K•••",
        ),
    ],
)
def test_paths(path: str, shown: str) -> None:
    assert a_record(path="/").shown_path == "/"
    record = a_record()
    record.path = path
    assert record.shown_path == shown


def test_both_formats(token_settings: TokenSettings, lines: Lines) -> None:
    """Lines come from the record alone, without a database."""
    token = Token(pk=7, owner_id=3, identifier="tkn_live_4mQ7wXb2ZpT9c1K")
    refused = a_record(
        token, NOW, problem=problem.address_not_allowed("192.0.2.1"), seconds=0.0034
    )
    for format_name, line in (
        (
            "json",
            f'{{"time": "2026-11-22T12:30:15.123Z", "reference": "{refused.reference}", '
            f'"identifier": "{token.identifier}", "owner_id": 3, "method": "GET", '
            '"path": "/api/v1/token", "status": 403, "code": "address_not_allowed", '
            '"milliseconds": 3.4, "address": "192.0.2.1"}',
        ),
        (
            "plain",
            f"2026-11-22T12:30:15.123Z {refused.reference} {token.identifier} 3 "
            "GET /api/v1/token 403 address_not_allowed 3.4 ms 192.0.2.1",
        ),
        ("off", None),
    ):
        token_settings.REQUEST_LOG = format_name
        request_log.write_lines([refused])
        assert lines() == ([line] if line else [])


ANY_TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=8)
LOGGED = st.builds(
    lambda seconds, facts: a_record(at=NOW + timedelta(seconds=seconds), **facts),
    st.floats(-2, 2),
    st.fixed_dictionaries(
        {
            "method": st.sampled_from(["GET", "G\x00T"]),
            "path": ANY_TEXT.map("/{}".format),
            "address": ANY_TEXT,
            "code": st.sampled_from(["", "not_found"]),
            "reference": st.sampled_from(["", "0" * 16]),
            "seconds": st.sampled_from([0.0, 0.0034, 2.0]),
            "token": st.sampled_from(
                [None, Token(id=2, owner_id=2, identifier="tkn_live_4mQ7wXb2ZpT9c1K")]
            ),
        }
    ),
)


@given(st.lists(LOGGED, max_size=5))
def test_lines_made_together_are_as_if_made_alone(records: list[RequestRecord]) -> None:
    """What two records share is encoded once, which must not mix their lines."""
    maker = LineMaker()
    for record in records:
        line = json.loads(maker.json_line(record))
        assert line == {
            "time": record.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "reference": record.reference or None,
            "identifier": record.token and record.token.identifier,
            "owner_id": record.token and record.token.owner_id,
            "method": record.shown_method,
            "path": record.shown_path,
            "status": 200,
            "code": record.code or None,
            "milliseconds": record.milliseconds,
            "address": record.address or None,
        }
        assert json.dumps(line) == maker.json_line(record)


def test_a_flood_is_cut_short_and_logged(
    monkeypatch: pytest.MonkeyPatch, lines: Lines, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder._unreported, "_limit", 2)
    for _ in range(5):
        recorder.record(a_record())
    recorder._add_up()
    recorder._report()
    assert "3 more requests are missing in the log and the metrics" in caplog.text
    assert len(lines()) == 2


@pytest.mark.parametrize("length", [1, 100, PIPE_BUF // 2, PIPE_BUF - 1, PIPE_BUF + 100])
@pytest.mark.parametrize("letter", ["x", "•"])
def test_an_entry_fits_into_a_pipe(length: int, letter: str) -> None:
    """An entry with its line break fits. A line that is too long is an entry by itself."""
    lines = [
        f"{number:04}{letter * (length // len(letter.encode()) - 4)}" for number in range(300)
    ]
    entries = list(request_log.join_lines(lines))
    assert "\n".join(entries).splitlines() == lines
    sizes = [len(f"{entry}\n".encode()) for entry in entries]
    assert max(sizes) <= PIPE_BUF or all(entry in lines for entry in entries)
    # There are no more entries than necessary.
    assert all(one + other > PIPE_BUF for one, other in pairwise(sizes))


def test_no_lines_give_no_entry() -> None:
    assert list(request_log.join_lines([])) == []
