"""Read tokens of Laravel Sanctum from an export of its table personal_access_tokens.

docs/import.md shows the query, which also takes the owner's e-mail address from the users.
"""

import csv
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from django.core.management.base import CommandError
from django.utils.text import capfirst

from tokens.authentication.imported_values import sanctum_key
from tokens.management.importing.foreign_token import (
    NEVER,
    ForeignToken,
    credential_of_hash,
    parse_instant,
    short_name,
)
from tokens.models import ForeignCredential

SANCTUM_COLUMNS = {"id", "name", "token", "abilities", "email"}
NULLS = {"", "NULL", "\\N", None}  # as databases write it into CSV


def read_sanctum(content: bytes) -> Iterator[ForeignToken]:
    """Yield a token for each row of an export. Raise CommandError if it can't be read."""
    for row in read_export(content):
        if not isinstance(row, dict) or not row.keys() >= SANCTUM_COLUMNS:
            raise CommandError(
                "The export needs the columns id, name, token, abilities, expires_at, created_at "
                "and email: docs/import.md shows the query."
            )
        given = {key: str(value) for key, value in row.items() if value not in NULLS}
        token = ForeignToken(f"the token {given.get('id', '?')}")
        token.name = short_name(given.get("name", "Sanctum token"))
        token.owner_name = given.get("email", "")
        # A value begins with the number of its row and a bar.
        token.facts["begins_with"] = f"{given.get('id', '')[:20]}|"
        try:
            token.credential = credential_of_row(given.get("id", ""), given.get("token", ""))
            token.scopes = read_abilities(row["abilities"])
            token.facts["made_at"] = read_time(given, "created_at")
            token.expires_at = read_time(given, "expires_at") or NEVER
        except ValueError as error:
            token.problems.append(capfirst(f"{error}."))
        yield token


def read_export(content: bytes) -> Iterator[Any]:
    """Yield the rows of an export in CSV with a head, in JSON, or in JSON Lines."""
    try:
        text = content.decode("utf-8-sig").strip()
        if text.startswith("["):
            yield from json.loads(text)
        elif text.startswith("{"):
            yield from map(json.loads, filter(str.strip, text.split("\n")))
        else:
            yield from csv.DictReader(StringIO(text, newline=""), strict=True)
    except (ValueError, RecursionError, csv.Error):
        raise CommandError(
            "The export is neither CSV with a head, nor JSON, nor JSON Lines, in UTF-8."
        ) from None


def credential_of_row(number: str, digest: str) -> ForeignCredential:
    """Return what is stored of a token, whose value is for example "12|secret".

    Raise ValueError if `digest` is not the SHA-256 of the part after the bar, in hexadecimal.
    """
    credential_of_hash("sha256", digest)
    if not re.fullmatch("[0-9]{1,20}", number):
        raise ValueError("the id must be a number")
    return ForeignCredential(sanctum_key(number, digest))


def read_time(given: dict[str, str], column: str) -> datetime | None:
    """Return the time in a column, or None if there is none. Raise ValueError if it is wrong."""
    try:
        return parse_instant(given[column], UTC) if column in given else None
    except ValueError as error:
        raise ValueError(f"“{column}” {error}") from None


def read_abilities(stored: Any) -> list[str]:
    """Return the abilities of a token: a list of texts, or JSON of such a list."""
    try:
        found = json.loads(stored) if isinstance(stored, str) else stored
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(entry, str) for entry in found):
        raise ValueError('the abilities must be a JSON list such as ["reports:read"]')
    return found
