"""Read tokens from JSON Lines: each line is one token as a JSON object."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

from django.views.decorators.debug import sensitive_variables

from tokens.authentication.imported_values import HASH_LENGTHS
from tokens.core.networks import parse_networks
from tokens.management.importing.foreign_token import (
    ForeignToken,
    credential_of,
    credential_of_hash,
    form_text,
    parse_instant,
    shown,
)
from tokens.models import Environment
from tokens.rate_limits.limits import parse_rate_limit

MAX_LIMIT_LENGTH = 100  # as the column Token.rate_limit
CREDENTIALS = ("value", *HASH_LENGTHS)


def read_json_lines(lines: Iterable[bytes]) -> Iterator[ForeignToken]:
    """Yield a token for each line that is not empty."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield read_line(f"line {number}", line)


@sensitive_variables()
def read_line(place: str, line: bytes) -> ForeignToken:
    """Return the token of one line. `problems` of the token name each wrong member."""
    try:
        members = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return ForeignToken(place, problems=["The line is not valid UTF-8."])
    except (ValueError, RecursionError):
        return ForeignToken(place, problems=["The line is not JSON. Each line is a JSON object."])
    if not isinstance(members, dict):
        return ForeignToken(place, problems=["The line is JSON, but not an object: {…}."])
    return read_members(place, {key: value for key, value in members.items() if value is not None})


@sensitive_variables()
def read_members(place: str, members: dict[str, Any]) -> ForeignToken:
    """Return the token with these members of a JSON object."""
    token = ForeignToken(place)
    for key, value in members.items():
        try:
            MEMBERS.get(key, reject_member)(token, value)
        except ValueError as error:
            token.problems.append(f"{shown(key)}: {error}.".replace("..", "."))
    if "name" not in members:
        token.problems.append("“name” is missing.")
    if len(set(CREDENTIALS) & members.keys()) != 1:
        token.problems.append(f"There must be exactly one of {', '.join(CREDENTIALS)}.")
    return token


def as_text(value: Any) -> str:
    """Return `value` if it is a text that a database can store. Raise ValueError otherwise."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text that is not empty")
    if re.search("[\0\ud800-\udfff]", value):
        raise ValueError("has a character that is not allowed")
    return value


def as_texts(value: Any) -> list[str]:
    """Return a list of texts, or the words of a text. Raise ValueError otherwise."""
    if isinstance(value, str):
        return value.replace(",", " ").split()
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ValueError("must be a text, or a list of texts")
    return value


def reject_member(token: ForeignToken, value: Any) -> NoReturn:
    raise ValueError(f"is unknown. The members are {', '.join(MEMBERS)}")


def set_owner(token: ForeignToken, value: Any) -> None:
    token.owner_name = as_text(value)


def set_name(token: ForeignToken, value: Any) -> None:
    token.name = form_text("name", as_text(value))


@sensitive_variables()
def set_value(token: ForeignToken, value: Any) -> None:
    token.credential = credential_of(as_text(value))


def set_sha256(token: ForeignToken, value: Any) -> None:
    token.credential = credential_of_hash("sha256", as_text(value))


def set_sha512(token: ForeignToken, value: Any) -> None:
    token.credential = credential_of_hash("sha512", as_text(value))


def set_scopes(token: ForeignToken, value: Any) -> None:
    token.scopes = as_texts(value)


def set_expires(token: ForeignToken, value: Any) -> None:
    token.expires_at = parse_instant(as_text(value))


def set_created(token: ForeignToken, value: Any) -> None:
    token.facts["made_at"] = parse_instant(as_text(value))


def set_environment(token: ForeignToken, value: Any) -> None:
    if value not in Environment.values:
        raise ValueError(f"must be one of {', '.join(Environment.values)}")
    token.environment = value


def set_description(token: ForeignToken, value: Any) -> None:
    token.facts["description"] = form_text("description", as_text(value))


def set_addresses(token: ForeignToken, value: Any) -> None:
    try:
        token.facts["addresses"] = " ".join(parse_networks(" ".join(as_texts(value))))
    except ValueError:
        raise ValueError(
            "must be addresses such as 203.0.113.7, or networks such as 10.0.0.0/8"
        ) from None


def set_rate_limit(token: ForeignToken, value: Any) -> None:
    try:
        parse_rate_limit(as_text(value)[:MAX_LIMIT_LENGTH])
    except ValueError:
        raise ValueError("must be a limit such as 10/minute or 10/second;1000/hour") from None
    if len(value) > MAX_LIMIT_LENGTH:
        raise ValueError(f"must have at most {MAX_LIMIT_LENGTH} characters")
    token.facts["rate_limit"] = value


MEMBERS: dict[str, Callable[[ForeignToken, Any], None]] = {
    "owner": set_owner,
    "name": set_name,
    "value": set_value,
    "sha256": set_sha256,
    "sha512": set_sha512,
    "scopes": set_scopes,
    "expires": set_expires,
    "created": set_created,
    "environment": set_environment,
    "description": set_description,
    "addresses": set_addresses,
    "rate_limit": set_rate_limit,
}
