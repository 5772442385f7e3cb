"""Exported events: no formula for a spreadsheet, no control character, no text lost."""

import csv
import io
import json
import unicodedata

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.conftest import Issue
from tokens.audit import log
from tokens.audit.export import as_csv, as_json_lines, safe_cell
from tokens.models import Event

PATH = "/settings/activity/export."
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    '=HYPERLINK("https://example.org","click")',
    "one\r\ntwo",
    "safe\u202egnp.exe",
    "🦄" * 100,
]
HEADER = '"time","event","detail","token_name","token","by","address","user_agent"\r\n'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("", ""),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1+1", "'  =1+1"),
        ("\u00a0=1+1", "'\u00a0=1+1"),
        ("\u2003=1+1", "'\u2003=1+1"),
        ("\u2009\u1680=1+1", "'\u2009\u1680=1+1"),
        ("'=1+1", "''=1+1"),
        ('"=1+1', "'\"=1+1"),
        ("＝1+1", "'＝1+1"),
        ("\t=1+1", "<U+0009>=1+1"),
        ("\r\n=1+1", "<U+000D><U+000A>=1+1"),
        ("\ufeff=1+1", "<U+FEFF>=1+1"),
        ("a=1", "a=1"),
        ("a\x00\x1b[31mb", "a<U+0000><U+001B>[31mb"),
        ("safe\u202egnp.exe", "safe<U+202E>gnp.exe"),
        ("\u2066\u2028\U000e0041", "<U+2066><U+2028><U+E0041>"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("日本語", "日本語"),
    ],
)
def test_a_cell(text: str, shown: str) -> None:
    assert safe_cell(text) == shown


@given(st.text())
def test_no_cell_is_a_formula_or_has_an_invisible_character(text: str) -> None:
    shown = safe_cell(text)
    assert not shown.strip().startswith(("=", "+", "-", "@", "\t", "\r"))
    assert {unicodedata.category(letter) for letter in shown if letter not in "\u200c\u200d"} <= (
        {unicodedata.category(chr(code)) for code in range(0x3000)} | {"Lo"}
    ) - {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}


@given(st.lists(st.fixed_dictionaries({"a": st.text(), "b": st.text()})))
def test_every_reader_reads_it_back(rows: list[dict[str, str]]) -> None:
    text = "".join(as_csv(["a", "b"], rows))
    assert text[0] == "\ufeff"
    text = text[1:]
    assert text.count("\r\n") == len(rows) + 1
    assert "\n" not in text.replace("\r\n", "")
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    assert found == [{key: safe_cell(value) for key, value in row.items()} for row in rows]
    lines = "".join(as_json_lines(["a", "b"], rows))
    assert lines.isascii()
    assert [json.loads(line) for line in lines.splitlines()] == rows


@pytest.fixture
def hostile(owner: User) -> None:
    for name in HOSTILE:
        Event.objects.create(
            owner=owner, actor=owner, kind="created", token_name=name[:100], user_agent=name
        )


def test_csv(hostile: None, owner_client: Client) -> None:
    response = owner_client.get(f"{PATH}csv")
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert response["Content-Disposition"].startswith('attachment; filename="activity-20')
    assert "no-store" in response["Cache-Control"]
    content = response.getvalue()
    assert content.startswith(b"\xef\xbb\xbf")  # otherwise Excel reads Latin-1
    assert content.count(b"\xef\xbb\xbf") == 1
    text = content.decode("utf-8-sig")
    assert text.startswith(HEADER)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["token_name"] for row in reversed(rows)] == [safe_cell(name) for name in HOSTILE]
    assert rows[0]["by"] == "you"
    assert rows[0]["time"].endswith("Z")
    for name in ("\r\ntwo", "\u202e", '"=HYPERLINK'):
        assert name not in text


def test_json_lines(hostile: None, owner_client: Client) -> None:
    response = owner_client.get(f"{PATH}jsonl")
    assert response["Content-Type"] == "application/jsonl; charset=utf-8"
    lines = response.getvalue().decode().splitlines()
    assert [json.loads(line)["token_name"] for line in reversed(lines)] == HOSTILE
    assert all(line.isascii() for line in lines)


def test_pages_show_them_harmlessly(hostile: None, issue: Issue, owner_client: Client) -> None:
    for name in HOSTILE:
        issue(name=name)
    for path in ("/settings/activity/", "/settings/tokens/"):
        page = owner_client.get(path).content.decode()
        assert "<img src=x" not in page
        assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_a_file_has_only_ones_own_filtered_events(
    issue: Issue, owner_client: Client, teammate: User, teammate_client: Client
) -> None:
    token, value = issue(name="Deploy")
    token.revoke()
    issue(owner=teammate, name="Theirs")
    for kind in ("csv", "jsonl"):
        text = owner_client.get(f"{PATH}{kind}?kind=revoked").getvalue().decode()
        assert text.count("Deploy") == 1
        assert "created" not in text
        theirs = teammate_client.get(f"{PATH}{kind}?token={token.identifier}").getvalue().decode()
        assert "Deploy" not in theirs
        assert "Theirs" not in owner_client.get(PATH + kind).getvalue().decode()
        assert value[24:] not in owner_client.get(PATH + kind).getvalue().decode()


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_stranger(stranger_client: Client, kind: str) -> None:
    assert stranger_client.get(PATH + kind)["Location"] == f"/accounts/login/?next={PATH}{kind}"


def test_a_file_is_sent_in_batches(
    hostile: None,
    owner_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    monkeypatch.setattr(log, "EXPORT_BATCH", 2)
    response = owner_client.get(f"{PATH}jsonl")
    with django_assert_num_queries(4):  # batches of 2, 2, 1 and 0 events
        assert len(response.getvalue().splitlines()) == 5


@pytest.mark.parametrize(("kind", "lines"), [("csv", 4), ("jsonl", 3)])
def test_a_file_has_a_maximum_of_events(
    issue: Issue, owner_client: Client, monkeypatch: pytest.MonkeyPatch, kind: str, lines: int
) -> None:
    """The file has the newest events. The filter of days leads to older events."""
    monkeypatch.setattr(log, "MAX_EXPORTED", 3)
    token, _ = issue()
    for limit in range(1, 5):
        token.set_rate_limit(f"{limit}/minute")
    file = owner_client.get(f"{PATH}{kind}").getvalue().decode()
    assert file.count("\n") == lines
    assert "4/minute" in file
    assert "installation's" not in file
