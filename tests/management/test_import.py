"""`manage.py token import`: what it reads, what it refuses, and what it says."""

import io
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256, sha512
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from tokens.models import Event, ImportedToken, Notification, Scope, Token
from tokens.token_settings import TokenSettings

pytestmark = pytest.mark.django_db
VALUE = "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b"
UNTIL = timezone.now() + timedelta(days=60)
DAY = f"{UNTIL:%Y-%m-%d}"
GOOD = {"owner": "owner@example.com", "name": "Billing", "value": VALUE}


@pytest.fixture(autouse=True)
def accounts(owner: User) -> None:
    """Let the owner exist in each test."""


def run(*arguments: str) -> tuple[str, str]:
    """Return what the command says, and its error."""
    out, error = io.StringIO(), ""
    try:
        call_command("token", "import", *arguments, stdout=out, stderr=io.StringIO())
    except CommandError as raised:
        error = str(raised)
    return out.getvalue(), error


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.jsonl"


def import_lines(path: Path, *lines: Any, options: tuple[str, ...] = ()) -> dict[str, Any]:
    """Import tokens from JSON Lines, and return what the command says."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts))
    out, _ = run(str(path), "--until", DAY, "--json", *options)
    assert VALUE not in out
    result: dict[str, Any] = json.loads(out)
    return result


def problems(path: Path, *lines: Any, options: tuple[str, ...] = ()) -> list[str]:
    """Return the problems of the lines that are left out."""
    result = import_lines(path, *lines, options=options)
    return [problem for token in result["left_out"] for problem in token["problems"]]


def test_each_kind_of_value(path: Path) -> None:
    lines = [
        GOOD,
        {**GOOD, "value": None, "sha256": sha256(b"another value of 1").hexdigest()},
        {**GOOD, "value": None, "sha512": sha512(b"another value of 2").hexdigest().upper()},
    ]
    assert import_lines(path, *lines)["imported"] == 3
    keys = set(ImportedToken.objects.values_list("key", flat=True))
    assert keys == {
        f"sha256:{sha256(VALUE.encode()).hexdigest()}",
        f"sha256:{sha256(b'another value of 1').hexdigest()}",
        f"sha512:{sha512(b'another value of 2').hexdigest()}",
    }


def test_each_member(path: Path, owner: User) -> None:
    before = {
        "scopes": ["tokens:write", "tokens:read"],
        "expires": f"{UNTIL - timedelta(days=30):%Y-%m-%dT09:00:00+02:00}",
        "created": "2024-05-06T07:08:09Z",
        "environment": "test",
        "description": "Ask Ann",
        "addresses": ["203.0.113.7", "10.0.0.0/8"],
        "rate_limit": "10/minute",
    }
    assert import_lines(path, {**GOOD, **before})["imported"] == 1
    token = Token.objects.get()
    assert (token.owner, token.name, token.environment) == (owner, "Billing", "test")
    assert token.scopes == ["tokens:read", "tokens:write"]
    assert f"{token.expires_at:%Y-%m-%d %H:%M}" == f"{UNTIL - timedelta(days=30):%Y-%m-%d} 07:00"
    assert token.imported.made_at == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert token.allowed_addresses == ["203.0.113.7/32", "10.0.0.0/8"]
    assert (token.description, token.rate_limit) == ("Ask Ann", "10/minute")
    assert not token.identifier.startswith(VALUE[:8])
    event = Event.objects.get()
    assert (event.kind, event.detail, event.who) == ("imported", "from a file", "the command line")


def test_the_day_ends_each_token(path: Path) -> None:
    import_lines(path, GOOD, {**GOOD, "value": "x" * 16, "expires": "2999-01-01T00:00:00Z"})
    ends = set(Token.objects.values_list("expires_at", flat=True))
    assert ends == {UNTIL.replace(hour=0, minute=0, second=0, microsecond=0)}


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"scope": []}, "“scope”: is unknown. The members are owner, name,"),
        ({"name": ""}, "“name”: must be a text that is not empty."),
        ({"name": None}, "“name” is missing."),
        ({"name": "x" * 101}, "“name”: Ensure this value has at most 100 characters"),
        ({"name": "a\nb"}, "“name”: This is one line of text, without control characters."),
        ({"name": "a\0b"}, "“name”: has a character that is not allowed."),
        ({"owner": 7}, "“owner”: must be a text that is not empty."),
        ({"owner": None}, "It has no owner. --owner names an account for such tokens."),
        ({"owner": "a@b.com"}, "No account has the name or address “a@b.com”."),
        ({"owner": VALUE}, "No account has the name a text of 40 characters."),
        ({"value": "short"}, "“value”: the value is shorter than 16 characters"),
        ({"value": "x" * 1001}, "“value”: the value is longer than 1000 characters."),
        ({"value": "a value with spaces"}, "“value”: the value has a space, a comma"),
        ({"value": "tkn_live_" + "x" * 64}, "“value”: the value begins with tkn_live_"),
        ({"value": None}, "There must be exactly one of value, sha256, sha512."),
        ({"sha256": "0" * 64}, "There must be exactly one of value, sha256, sha512."),
        ({"value": None, "sha256": "xyz"}, "“sha256”: the hash must be 64 hexadecimal"),
        ({"scopes": {"a": 1}}, "“scopes”: must be a text, or a list of texts."),
        ({"scopes": "a:b tokens:read"}, "owner@example.com can't give a token the scope “a:b”."),
        ({"scopes": VALUE}, "owner@example.com can't give a token the scope a text of 40"),
        ({"expires": "2027-03-01"}, "“expires”: must be a time with its zone"),
        ({"expires": "2027-03-01T09:00:00"}, "“expires”: must be a time with its zone"),
        ({"created": "2027-13-01T09:00:00Z"}, "“created”: must be a time with its zone"),
        ({"created": "0001-01-01T00:00:00+02:00"}, "“created”: must be a time with its zone"),
        ({"environment": "prod"}, "“environment”: must be one of live, test, dev."),
        ({"addresses": ["10.0.0.1/8"]}, "“addresses”: must be addresses such as 203.0.113.7"),
        ({"rate_limit": "many"}, "“rate_limit”: must be a limit such as 10/minute"),
        ({VALUE: 1}, "a text of 40 characters: is unknown."),
    ],
)
def test_a_wrong_member(path: Path, members: dict[str, Any], problem: str) -> None:
    found, *_ = problems(path, {**GOOD, **members})
    assert found.startswith(problem)
    assert not Token.objects.exists()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "The line is not JSON. Each line is a JSON object."),
        ("[" * 100_000, "The line is not JSON. Each line is a JSON object."),
        ("[1]", "The line is JSON, but not an object: {…}."),
    ],
)
def test_a_line_that_is_no_object(path: Path, line: str, problem: str) -> None:
    assert problems(path, line) == [problem]


def test_good_lines_are_imported_and_wrong_lines_are_named(path: Path) -> None:
    path.write_text(json.dumps(GOOD) + "\n\n{\n")
    out, error = run(str(path), "--until", DAY)
    assert out.splitlines() == [
        f"1 token of 1 owner is imported. The old values work until {DAY} 00:00:00 UTC, or until "
        "they expire themselves.",
        "1 of them has no scopes, and can call only what needs none. --scope gives them scopes.",
        "Left out: The line is not JSON. Each line is a JSON object.",
        "    line 3",
    ]
    assert error == "1 token left out because of a problem."
    path.write_text(json.dumps(GOOD) + "\n")
    out, error = run(str(path), "--until", DAY)
    assert "0 tokens of 0 owners are imported." in out
    assert "1 imported before." in out
    assert (error, Token.objects.count()) == ("", 1)


def test_the_same_token_twice_in_a_file(path: Path) -> None:
    again = {**GOOD, "value": None, "sha256": sha256(VALUE.encode()).hexdigest()}
    assert problems(path, GOOD, again) == ["This is the same token as line 1."]
    assert Token.objects.count() == 1


def test_expired_tokens_are_counted(path: Path) -> None:
    result = import_lines(path, {**GOOD, "owner": "gone", "expires": "2020-01-01T00:00:00Z"})
    assert (result["expired"], result["imported"], result["left_out"]) == (1, 0, [])


def test_accounts_by_address(path: Path, owner: User) -> None:
    assert import_lines(path, {**GOOD, "owner": "OWNER@example.com"})["imported"] == 1
    owner.is_active = False
    owner.save()
    [problem] = problems(path, {**GOOD, "value": "x" * 16})
    assert problem == "The account owner@example.com is switched off, so its tokens are refused."


def test_options_for_every_token(path: Path, owner: User, teammate: User) -> None:
    options = ("--owner", teammate.email, "--environment", "dev", "--scope", "tokens:read")
    lines = [{**GOOD, "scopes": ["old"]}, {**GOOD, "owner": None, "value": "y" * 16}]
    assert import_lines(path, *lines, options=options)["imported"] == 2
    tokens = Token.objects.order_by("pk")
    assert [token.owner for token in tokens] == [owner, teammate]
    assert {(token.environment, token.scope) for token in tokens} == {("dev", "tokens:read")}


def test_restricted_scopes_need_the_group(path: Path, owner: User) -> None:
    group = Group.objects.create(name="finance")
    Scope.objects.create(name="invoices:read", words="Read invoices", group=group)
    line = {**GOOD, "scopes": "invoices:read"}
    assert "can't give a token the scope “invoices:read”" in problems(path, line)[0]
    owner.groups.add(group)
    assert import_lines(path, line)["imported"] == 1
    assert Token.objects.get().has_restricted_scopes


def test_an_environment_that_this_installation_lacks(
    path: Path, token_settings: TokenSettings
) -> None:
    token_settings.ENVIRONMENT = "test"
    assert problems(path, {**GOOD, "environment": "live"}) == [
        "This installation has only the environment test."
    ]


def test_more_tokens_than_a_person_may_make(path: Path, token_settings: TokenSettings) -> None:
    token_settings.MAX_TOKENS_PER_USER = 1
    assert import_lines(path, GOOD, {**GOOD, "value": "y" * 16})["imported"] == 2
    for token in Token.objects.all():
        Token.objects.renew(token, expires_at=UNTIL, overlap=timedelta(hours=1))
    assert Token.objects.count() == 4


@pytest.mark.parametrize(
    ("until", "error"),
    [
        ("2020-01-01", "--until is 2020-01-01 00:00:00 UTC, which has passed."),
        ("tomorrow", "--until must be a time with its zone, such as 2027-03-01T09:00:00Z, or a"),
        ("2027-03-01T09:00", "--until must be a time with its zone"),
        ("2027-02-30", "--until must be a time with its zone"),
        (
            f"{timezone.now() + timedelta(days=91):%Y-%m-%d}",
            "Tokens live for 90 days at most here (MAX_TOKEN_LIFETIME_DAYS), and --until is 91",
        ),
    ],
    ids=["passed", "word", "no zone", "no day", "too long"],
)
def test_a_wrong_day(path: Path, token_settings: TokenSettings, until: str, error: str) -> None:
    token_settings.MAX_TOKEN_LIFETIME_DAYS = 90
    path.write_text(json.dumps(GOOD))
    assert run(str(path), "--until", until)[1].startswith(error)
    assert not Token.objects.exists()


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO(json.dumps(GOOD).encode())
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=content))
    assert run("-", "--until", DAY)[0].startswith("1 token of 1 owner is imported.")


def test_a_dry_run(path: Path) -> None:
    result = import_lines(path, GOOD, options=("--dry-run",))
    assert (result["dry_run"], result["imported"], result["owners"]) == (True, 1, 1)
    assert not Token.objects.exists()


def test_mails_are_queued_once(path: Path, owner: User) -> None:
    queued = Notification.objects.filter(token__owner=owner, kind="imported")
    import_lines(path, GOOD, {**GOOD, "value": "y" * 16}, options=("--no-mail",))
    assert not queued.exists()
    for _ in range(2):  # also if the first run was interrupted before its mails
        import_lines(path, GOOD, {**GOOD, "value": "y" * 16})
        assert queued.count() == 1


def test_a_file_that_is_not_there() -> None:
    assert run("/nowhere", "--until", DAY)[1] == (
        "/nowhere can't be read: No such file or directory."
    )


def test_a_package_that_is_not_installed() -> None:
    assert run("--from-knox", "--until", DAY)[1] == (
        "This project has no model knox.AuthToken: its application is not in INSTALLED_APPS. "
        "Tokens of another installation come from a file: docs/import.md shows how to write it."
    )


def test_settings_that_let_no_request_in(path: Path, token_settings: TokenSettings) -> None:
    path.write_text(json.dumps(GOOD))
    notes = io.StringIO()
    call_command("token", "import", str(path), "--until", DAY, stdout=io.StringIO(), stderr=notes)
    assert "LEGACY_SCHEMES and LEGACY_HEADERS are not set" in notes.getvalue()
