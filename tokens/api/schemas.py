"""What goes into the API and comes out of it, for checks and for the document. Instants are RFC 3339."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from django.core.exceptions import ValidationError
from django.utils import timezone
from ninja.params.functions import Header, Path
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from tokens import addresses, cursor
from tokens.credential import IDENTIFIER_LENGTH
from tokens.forms import ONE_LINE
from tokens.models import DESCRIPTION_LENGTH, KEY_LENGTH, NAME_LENGTH, Environment, Status
from tokens.models.scope import MOST_SCOPES, NAME
from tokens.plain import BLANK, NOT_ONE_LINE

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)
OTHERS, UNSEEN = (
    "".join(char if char == "-" else f"\\u{ord(char):04x}" for char in chars) for chars in (NOT_ONE_LINE[1:-1], BLANK)
)
LINE = f"^[^{OTHERS}]*$"
LINE_WITH_TEXT = rf"^[^{OTHERS}]*[^\s{OTHERS}{UNSEEN}][^{OTHERS}]*$"


def one_line(text: str) -> str:
    """What the forms take as a name: one line without spaces around it, and no token that was pasted here."""
    for check in ONE_LINE:
        try:
            check(text)
        except ValidationError as wrong:
            raise ValueError(" ".join(wrong.messages)) from None
    return text.strip()


def with_text(text: str) -> str:
    if not text:
        raise ValueError("Give the token a name, so that people know it again.")
    return text


def given(value: Any) -> Any:
    """Leaving a field out is one thing, null another, which nothing here means."""
    if value is None:
        raise ValueError("Leave this out, or give it a value.")
    return value


def without_null(schema: dict[str, Any]) -> None:
    """The schema of a field that may be left out: None is how we say that, and no client can."""
    value, _ = schema.pop("anyOf")
    schema.update(value)


def instant(value: Any) -> Any:
    if not isinstance(value, str) or not INSTANT.fullmatch(value):
        raise ValueError("Write an instant with its offset, such as 2027-02-20T09:30:00Z (RFC 3339).")
    return value


def networks(entries: Sequence[str]) -> list[str]:
    """Each once, in CIDR form."""
    return list(dict.fromkeys(str(addresses.network(entry)) for entry in entries))


Name = Annotated[
    str,
    Field(max_length=NAME_LENGTH, description="What uses it.", json_schema_extra={"pattern": LINE_WITH_TEXT}),
    AfterValidator(one_line),
    AfterValidator(with_text),
]
Description = Annotated[
    str,
    Field(
        max_length=DESCRIPTION_LENGTH,
        description="What it is for, and who asks when it fails.",
        json_schema_extra={"pattern": LINE},
    ),
    AfterValidator(one_line),
]
Scopes = Annotated[
    list[Annotated[str, Field(max_length=100, pattern=NAME.regex.pattern)]],
    Field(max_length=MOST_SCOPES, description="What it may do: names of scopes, each resource:action."),
]
Networks = Annotated[
    list[Annotated[str, Field(max_length=49, json_schema_extra={"format": "ip-network"})]],
    Field(
        max_length=addresses.MOST,
        description="Where it may be used from: IPv4 or IPv6 addresses, or networks in CIDR form. An empty list means "
        "anywhere.",
    ),
    AfterValidator(networks),
]
Expires = Literal["30d", "90d", "6m", "1y", "4y"]  # tokens.lifetime
Overlap = Literal["now", "1h", "24h", "7d"]  # the same
Identifier = Annotated[str, Path(min_length=IDENTIFIER_LENGTH, max_length=IDENTIFIER_LENGTH, pattern="^[0-9A-Za-z_]+$")]
Key = Annotated[
    str,
    AfterValidator(one_line),
    Header(
        "",
        alias="Idempotency-Key",
        max_length=KEY_LENGTH,
        pattern=r"^[!-~]([ -~]*[!-~])?$",
        description="Sent again within 24 hours by the same token, it makes nothing again: the answer is then 200 "
        "with replayed: true and without the value. With another request it is refused.",
    ),
]


class Body(BaseModel):
    """Of a request: a field that does not exist is an error, so that none is ignored in silence."""

    model_config = ConfigDict(extra="forbid")


class TokenToMake(Body):
    """A token that is to be made. It can hold no scope, lifetime, address or environment that the calling one lacks."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {"required": ["expires", "expires_at"]},
            "examples": [{"name": "Deploy bot", "expires": "30d", "description": "Ships the website."}],
        }
    )

    name: Name
    description: Description = ""
    environment: Annotated[Environment | None, BeforeValidator(given)] = Field(
        None, description="Left out, it is the calling token's.", json_schema_extra=without_null
    )
    expires: Annotated[Expires | None, BeforeValidator(given)] = Field(
        None,
        description="How long it lives. Left out, like expires_at: 90 days, or as long as the calling one.",
        json_schema_extra=without_null,
    )
    expires_at: Annotated[AwareDatetime | None, BeforeValidator(instant)] = Field(
        None,
        description="When it expires, instead of expires: an instant in the future.",
        json_schema_extra=without_null,
    )
    scopes: Scopes = []
    allowed_addresses: Annotated[Networks | None, BeforeValidator(given)] = Field(
        None,
        description="Where it may be used from; an empty list means anywhere. Left out, they are the calling token's.",
        json_schema_extra=without_null,
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
    """What changes about a token; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"description": "Ships the website, asks Ops."}]})

    name: Name = ""
    description: Description = ""
    scopes: Scopes = []
    allowed_addresses: Networks = []


class Renewal(Body):
    """How long the old token works beside the new one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap": "1h"}]})

    overlap: Overlap = "24h"


class Revocation(BaseModel):
    """What ends besides the token."""

    include_made: bool = Field(
        False,
        description="Revoke the tokens made with it too, and those made with these. Needs tokens:write.",
    )


class Filters(BaseModel):
    """Which tokens, and how many at once."""

    status: Status | None = Field(None, json_schema_extra=without_null)
    environment: Environment | None = Field(None, json_schema_extra=without_null)
    q: str = Field("", max_length=100, pattern=r"^[^\x00]*$", description="In the name or the identifier.")
    made_with: str = Field(
        "",
        pattern=f"^([0-9A-Za-z_]{{{IDENTIFIER_LENGTH}}})?$",
        description="An identifier: tokens that were made with that one, or with those that it made.",
    )
    limit: int = Field(25, ge=1, le=100)
    cursor: str = Field("", pattern=f"^$|{cursor.PATTERN}", description="Out of next; make none of your own.")


class Owner(BaseModel):
    """Whose token it is."""

    id: int
    email: str


class TokenFacts(BaseModel):
    """A token as its owner sees it: never its value."""

    identifier: str = Field(examples=["tkn_live_4mQ7wXb2ZpT9c1K"])
    name: str
    description: str
    environment: Environment
    scopes: list[str]
    allowed_addresses: list[str] = Field(description="An empty list means anywhere.")
    rate_limit: str = Field(examples=["1000/hour"])
    status: Status
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="Exact to a minute.")
    owner: Owner


class NewToken(TokenFacts):
    """A token that was made, with its value, this once."""

    token: str | None = Field(description="The value. null where replayed is true.")
    replayed: bool = Field(description="Whether an earlier request with the same key made it.")
    if_lost: str = Field(description="What to do where the value did not arrive.")


class TokenPage(BaseModel):
    """Some of the tokens, newest first, and the address of those after them."""

    items: list[TokenFacts]
    next: str | None


class TokenForm(BaseModel):
    """The form of an OAuth client. What else it sends is ignored."""

    token: str = Field(min_length=1, description="The value of the token.", examples=["tkn_live_4mQ7wXb2ZpT9c1K..."])
    token_type_hint: str = Field("", description="Ignored: there is one type.")


class Usable(BaseModel):
    """A token that is usable now (RFC 7662 section 2.2). Times are seconds since 1970."""

    active: Literal[True]
    scope: str = Field(description="What it may do now, with spaces between.")
    client_id: str = Field(description="Its identifier.")
    username: str = Field(description="Its owner's e-mail address.")
    token_type: Literal["Bearer"]
    exp: int
    iat: int
    sub: str = Field(description="The number of its owner.")
    environment: Environment


class NotUsable(Body):
    """Anything else."""

    active: Literal[False]
