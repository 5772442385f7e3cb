"""A token of another program, as a source of imports describes it."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime
from django.views.decorators.debug import sensitive_variables

from tokens.authentication import credentials
from tokens.authentication.imported_values import (
    HASH_LENGTHS,
    MAX_VALUE_LENGTH,
    MIN_VALUE_LENGTH,
    hash_key,
)
from tokens.core.text import one_line
from tokens.forms.tokens import TokenForm
from tokens.models import NAME_LENGTH, ForeignCredential
from tokens.token_settings import token_settings

NEVER = datetime.max.replace(tzinfo=UTC)
UNKNOWN = ForeignCredential("")
POSSIBLE_IN_A_HEADER = re.compile(r"[\x21-\x2b\x2d-\x7e]+")  # no space, no comma


@dataclass(slots=True)
class ForeignToken:
    """A token of another program, before it is checked.

    `place` says where it is, such as "line 3". The owner is an account, or `owner_name`, or
    nobody. `facts` are further arguments of `ImportedTokenManager.add`. `problems` are the
    reasons why the token can't be imported.
    """

    place: str
    name: str = ""
    credential: ForeignCredential = field(default=UNKNOWN, repr=False)
    owner: Any = None
    owner_name: str = ""
    scopes: list[str] = field(default_factory=list)
    environment: str = ""
    expires_at: datetime = NEVER
    is_revoked: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def shown(text: str) -> str:
    """Return a text from a source for an error message.

    A long text may be the value of a token in a wrong place, so only its length is named, unless
    it contains a sign of an e-mail address or a scope.
    """
    if len(text) < MIN_VALUE_LENGTH or re.search("[@:]", text):
        return f"“{one_line(text, 60)}”"
    return f"a text of {len(text)} characters"


def short_name(text: str) -> str:
    """Return the name of something in another program as the name of a token."""
    return one_line(text, NAME_LENGTH)


@sensitive_variables()
def credential_of(value: str) -> ForeignCredential:
    """Return what is stored of a token whose value is known.

    Raise ValueError if the value could be guessed, or can't be sent in a header.
    """
    if len(value) < MIN_VALUE_LENGTH:
        raise ValueError(
            f"the value is shorter than {MIN_VALUE_LENGTH} characters, so it could be guessed. "
            "Make a new token in its place"
        )
    if len(value) > MAX_VALUE_LENGTH:
        raise ValueError(f"the value is longer than {MAX_VALUE_LENGTH} characters")
    if not POSSIBLE_IN_A_HEADER.fullmatch(value):
        raise ValueError(
            "the value has a space, a comma or a character that is not printable ASCII, so no "
            "header can carry it"
        )
    if value.startswith(starts := credentials.token_starts(token_settings.PREFIX)):
        raise ValueError(
            f"the value begins with {starts[0]}, like a token of Tokenry, so it can't be imported"
        )
    return ForeignCredential.of(value)


def credential_of_hash(algorithm: str, digest: str) -> ForeignCredential:
    """Return what is stored of a token of which only a hash is known.

    `algorithm` is "sha256" or "sha512". Raise ValueError if `digest` has another form.
    """
    length = HASH_LENGTHS[algorithm]
    if not re.fullmatch(f"[0-9A-Fa-f]{{{length}}}", digest):
        raise ValueError(f"the hash must be {length} hexadecimal characters")
    return ForeignCredential(hash_key(algorithm, digest))


def parse_instant(text: str, zone: tzinfo | None = None) -> datetime:
    """Return a time, as RFC 3339 writes it. A time without a zone is in `zone`.

    Raise ValueError for another form, or without a zone.
    """
    with suppress(ValueError, OverflowError):  # such as month 13, or a time after the year 9999
        found = parse_datetime(text)
        if found and (found.tzinfo or zone):
            return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    raise ValueError("must be a time with its zone, such as 2027-03-01T09:00:00Z")


def form_text(name: str, text: str) -> str:
    """Return `text` as the field `name` of the form for tokens cleans it. Raise ValueError."""
    try:
        return str(TokenForm.base_fields[name].clean(text))
    except ValidationError as error:
        raise ValueError(" ".join(error.messages)) from None
