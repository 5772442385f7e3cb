"""`manage.py token import --from-sanctum`: exports of Laravel's table, in CSV and in JSON."""

import csv
import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.conftest import bearer
from tests.management.test_import import DAY, run
from tokens.models import Token
from tokens.token_settings import TokenSettings

pytestmark = [pytest.mark.services, pytest.mark.django_db]
HASH = sha256(b"the_part_after_the_bar").hexdigest()
ROW = {
    "id": "12",
    "tokenable_id": "3",
    "name": "Billing",
    "token": HASH,
    "abilities": '["tokens:read"]',
    "last_used_at": "NULL",
    "expires_at": "NULL",
    "created_at": "2024-05-06 07:08:09",
    "email": "owner@example.com",
}


@pytest.fixture
def path(tmp_path: Path, owner: User) -> Path:
    return tmp_path / "export"


def as_csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_json_lines(rows: list[dict[str, Any]]) -> str:
    return "\n".join(map(json.dumps, rows))


def run_export(path: Path, text: str, *options: str) -> dict[str, Any]:
    path.write_text(text)
    out, error = run("--from-sanctum", str(path), "--until", DAY, "--json", *options)
    assert out, error
    result: dict[str, Any] = json.loads(out)
    return result


@pytest.mark.parametrize("write", [as_csv, json.dumps, as_json_lines])
def test_each_format(path: Path, write: Any) -> None:
    result = run_export(path, "\ufeff" + write([ROW]))
    assert (result["imported"], result["left_out"]) == (1, [])
    token = Token.objects.get()
    assert (token.name, token.scopes) == ("Billing", ["tokens:read"])
    assert (token.imported.source, token.imported.begins_with) == ("sanctum", "12|")
    assert token.imported.key == f"sanctum:12:{HASH}"
    assert f"{token.imported.made_at:%Y-%m-%d %H:%M}" == "2024-05-06 07:08"


def test_a_token_that_may_do_everything_needs_scopes(path: Path) -> None:
    text = as_csv([{**ROW, "abilities": '["*"]'}])
    [left_out] = run_export(path, text)["left_out"]
    assert left_out["place"] == "the token 12"
    assert "the scope “*”. --scope names scopes in place" in left_out["problems"][0]
    assert run_export(path, text, "--scope", "tokens:read")["imported"] == 1


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"token": "12|secret"}, "The hash must be 64 hexadecimal characters."),
        ({"id": "x"}, "The id must be a number."),
        ({"abilities": "read"}, 'The abilities must be a JSON list such as ["reports:read"].'),
        ({"email": "\\N"}, "It has no owner. --owner names an account for such tokens."),
        (
            {"created_at": "May"},
            "“created_at” must be a time with its zone, such as 2027-03-01T09:00:00Z.",
        ),
    ],
)
def test_a_wrong_row(path: Path, change: dict[str, str], problem: str) -> None:
    [left_out] = run_export(path, as_csv([{**ROW, **change}]))["left_out"]
    assert left_out["problems"] == [problem]


def test_the_old_value_works(path: Path, token_settings: TokenSettings) -> None:
    token_settings.LEGACY_SCHEMES = "Bearer"  # type: ignore[assignment]  # it is parsed
    run_export(path, as_csv([ROW]))
    header = bearer("12|the_part_after_the_bar")
    answer = Client().get("/api/v1/token", headers=header)
    assert (answer.status_code, answer.json()["name"]) == (200, "Billing")


def test_expired_tokens_are_counted(path: Path) -> None:
    result = run_export(path, as_csv([{**ROW, "expires_at": "2025-01-01 00:00:00.123"}]))
    assert (result["imported"], result["expired"]) == (0, 1)


@pytest.mark.parametrize("text", ["[1", "[1]", '{"id": 1}', "id,name\n1,x", "\x00\xff"])
def test_another_file(path: Path, text: str) -> None:
    path.write_bytes(text.encode("latin-1"))
    assert "The export" in run("--from-sanctum", str(path), "--until", DAY)[1]
