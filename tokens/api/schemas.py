"""Schemas of the token resources: they check requests, serialise answers and describe both."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from django.core.exceptions import ValidationError
from django.utils import timezone
from ninja.params.functions import Header, Path  # mypy rejects the same names of `ninja`
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from tokens.api.owner import Owned, Owner, TeamName
from tokens.authentication.credentials import IDENTIFIER_LENGTH
from tokens.core import networks, pagination
from tokens.core.text import BLANK, NOT_ONE_LINE
from tokens.forms.one_line import ONE_LINE_VALIDATORS
from tokens.models import DESCRIPTION_LENGTH, KEY_LENGTH, NAME_LENGTH, Environment, Status
from tokens.models.scope import MAX_TOKEN_SCOPES, NAME
from tokens.token_settings import token_settings

INSTANT = re.compile(r"(?ai)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
OTHERS, UNSEEN = (
    "".join(char if char == "-" else f"\\u{ord(char):04x}" for char in chars)
    for chars in (NOT_ONE_LINE[1:-1], BLANK)
)
LINE = f"^[^{OTHERS}]*$"
LINE_WITH_TEXT = rf"^[^{OTHERS}]*[^\s{OTHERS}{UNSEEN}][^{OTHERS}]*$"


def as_name(text: str) -> str:
    """Return `text` without spaces around it. Raise ValueError for line breaks and the like."""
    for check in ONE_LINE_VALIDATORS:
        try:
            check(text)
        except ValidationError as wrong:
            raise ValueError(" ".join(wrong.messages)) from None
    return text.strip()


def with_text(text: str) -> str:
    """Return `text`. Raise ValueError if it is empty."""
    if not text:
        raise ValueError("Give the token a name, so that people know it again.")
    return text


def not_null(value: Any) -> Any:
    """Return `value`. Raise ValueError for null: a client must leave the field out instead."""
    if value is None:
        raise ValueError("Leave this out, or give it a value.")
    return value


def without_null(schema: dict[str, Any]) -> None:
    """Change the JSON schema of a field, in place, so that null is not an allowed value."""
    value, _ = schema.pop("anyOf")
    schema.update(value | schema)


def optional(description: str = "") -> Any:
    """Return a field that a client may leave out. The field is then None in our code."""
    return Field(None, description=description or None, json_schema_extra=without_null)


def instant(value: Any) -> Any:
    """Return `value`. Raise ValueError if it is not an RFC 3339 time with a UTC offset."""
    if not isinstance(value, str) or not INSTANT.fullmatch(value):
        raise ValueError(
            "Write an instant with its offset, such as 2027-02-20T09:30:00Z (RFC 3339)."
        )
    return value


def each_once(entries: Sequence[str]) -> list[str]:
    """Return `entries` as networks in CIDR form, such as 10.0.0.0/8, without duplicates."""
    return list(dict.fromkeys(str(networks.parse_network(entry)) for entry in entries))


def or_default(rate_limit: str) -> str:
    """Return `rate_limit`, or the limit of the installation if `rate_limit` is empty."""
    return rate_limit or token_settings.RATE_LIMIT


Name = Annotated[
    str,
    Field(
        max_length=NAME_LENGTH,
        description="What uses the token.",
        json_schema_extra={"pattern": LINE_WITH_TEXT},
    ),
    AfterValidator(as_name),
    AfterValidator(with_text),
]
Description = Annotated[
    str,
    Field(
        max_length=DESCRIPTION_LENGTH,
        description="What the token is for, and whom to ask if it fails.",
        json_schema_extra={"pattern": LINE},
    ),
    AfterValidator(as_name),
]
Scopes = Annotated[
    list[Annotated[str, Field(max_length=100, pattern=NAME.regex.pattern)]],
    Field(
        max_length=MAX_TOKEN_SCOPES,
        description="The names of scopes, each resource:action.",
    ),
]
Networks = Annotated[
    list[Annotated[str, Field(max_length=49, json_schema_extra={"format": "ip-network"})]],
    Field(
        max_length=networks.MAX_NETWORKS,
        description="IPv4 or IPv6 addresses, or networks (CIDR). An empty list means anywhere.",
    ),
    AfterValidator(each_once),
]
Expires = Literal["30d", "90d", "6m", "1y", "4y"]  # the keys of tokens.core.lifetimes.LIFETIMES
OverlapKey = Literal["now", "1h", "24h", "7d"]  # the keys of tokens.core.lifetimes.OVERLAPS
Identifier = Annotated[
    str,
    Path(min_length=IDENTIFIER_LENGTH, max_length=IDENTIFIER_LENGTH, pattern="^[0-9A-Za-z_]+$"),
]
IdempotencyHeader = Annotated[
    str,
    AfterValidator(as_name),
    Header(
        "",
        alias="Idempotency-Key",
        max_length=KEY_LENGTH,
        pattern=r"^[!-~]([ -~]*[!-~])?$",
        description="The same token can send the same key and request again within 24 hours. The "
        "answer is then 200 with replayed: true, without the value, and no second token is made. "
        "A different request with the same key is refused.",
    ),
]


class Body(BaseModel):
    """A schema that refuses unknown fields, so that no misspelt field is ignored silently."""

    model_config = ConfigDict(extra="forbid")


class TokenToMake(Body):
    """A token to create. It can have no rights that the calling token lacks."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {"required": ["expires", "expires_at"]},
            "examples": [
                {"name": "Deploy bot", "expires": "30d", "description": "Ships the website."}
            ],
        }
    )

    name: Name
    description: Description = ""
    environment: Annotated[Environment | None, BeforeValidator(not_null)] = optional(
        "The environment of the calling token if left out."
    )
    expires: Annotated[Expires | None, BeforeValidator(not_null)] = optional(
        "How long the token works. Without expires and expires_at: 90 days, but not "
        "longer than the calling token."
    )
    expires_at: Annotated[AwareDatetime | None, BeforeValidator(instant)] = optional(
        "When the token expires, in place of expires: a time in the future."
    )
    scopes: Scopes = []
    allowed_addresses: Annotated[Networks | None, BeforeValidator(not_null)] = optional(
        "From where the token may be used: IPv4 or IPv6 addresses, or networks in CIDR notation. "
        "An empty list means anywhere. The addresses of the calling token if left out."
    )

    @field_validator("expires_at")
    @classmethod
    def in_future(cls, at: datetime, info: ValidationInfo) -> datetime:
        if info.data.get("expires"):
            raise ValueError("Give `expires` or `expires_at`, not both.")
        if at <= timezone.now():
            raise ValueError("This is in the past.")
        try:
            return at.astimezone(UTC)
        except OverflowError:
            raise ValueError("This is too far away.") from None


class TokenChanges(Body):
    """The changes to a token. A field that is left out stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"description": "Ships the website, asks Ops."}]}
    )

    name: Name = ""
    description: Description = ""
    scopes: Scopes = []
    allowed_addresses: Networks = []


class Renewal(Body):
    """How long the old token works beside the new one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap": "1h"}]})

    overlap: OverlapKey = "24h"


class Revocation(BaseModel):
    """The choice to revoke other tokens too."""

    include_made: bool = Field(
        False,
        description="Also revoke the tokens that were made with this token, directly or "
        "indirectly. Needs tokens:write.",
    )


class Filters(BaseModel):
    """Which tokens to list, and how many at once."""

    status: Status | None = optional()
    environment: Environment | None = optional()
    q: str = Field(
        "",
        max_length=100,
        pattern=r"^[^\x00]*$",
        description="Part of the name or the identifier.",
    )
    made_with: str = Field(
        "",
        pattern=f"^([0-9A-Za-z_]{{{IDENTIFIER_LENGTH}}})?$",
        description="The identifier of a token: list only tokens that were made with that token, "
        "directly or indirectly.",
    )
    limit: int = Field(25, ge=1, le=100)
    cursor: str = Field(
        "",
        pattern=f"^$|{pagination.PATTERN}",
        description="The cursor in the address next of the previous page. Do not make up a "
        "cursor.",
    )


class TokenFacts(Owned):
    """A token, without its value."""

    # Not a Schema of ninja, because a pydantic model reads the attributes of a token faster.
    model_config = ConfigDict(from_attributes=True)

    identifier: str = Field(examples=["tkn_live_4mQ7wXb2ZpT9c1K"])
    name: str
    description: str
    environment: Environment
    scopes: list[str]
    pending_scopes: list[str] = Field(description="Those that wait for approval.")
    allowed_addresses: list[str] = Field(description="An empty list means anywhere.")
    rate_limit: Annotated[str, AfterValidator(or_default)] = Field(examples=["1000/hour"])
    status: Status
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="Exact to one minute.")
    owner: Owner | TeamName
    owner_leaves_at: datetime | None = Field(description="Until when a leaver's tokens work.")


class NewToken(TokenFacts):
    """A token that this request made, or an earlier request with the same key."""

    token: str | None = Field(repr=False, description="The value; null if replayed is true.")
    replayed: bool = Field(description="Whether an earlier request made the token.")
    if_lost: str = Field(description="What to do if the value did not arrive.")


class TokenPage(BaseModel):
    """A page of tokens, newest first."""

    items: list[TokenFacts]
    next: str | None = Field(description="The address of the next page, if there is one.")
