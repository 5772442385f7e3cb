"""Operations of OAuth clients: introspect a token (RFC 7662) and revoke a token (RFC 7009)."""

from typing import Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from ninja import Form, Router
from pydantic import BaseModel, Field, field_validator

from tokens.api.base import FORM, Needs, accepts
from tokens.api.schemas import Body
from tokens.authentication import (
    change_wait,
    credentials,
    imported_lookup,
    lookup,
    policy,
)
from tokens.authentication.pipeline import count_failure, effective_scopes
from tokens.authentication.requests import actor_of
from tokens.core import networks
from tokens.models import Environment, Token, owner_name
from tokens.problems import problem
from tokens.problems.problem import FieldError
from tokens.rate_limits import counters
from tokens.token_settings import token_settings

router = Router(tags=["OAuth"])
router.add_decorator(accepts(FORM), mode="view")


class OAuthTokenForm(BaseModel):
    """The form of an OAuth client. Other fields are ignored."""

    token: str = Field(
        min_length=1,
        description="The value of the token.",
        examples=["tkn_live_4mQ7wXb2ZpT9c1K..."],
    )
    token_type_hint: str = Field("", description="Ignored, because there is only one type.")


class IntrospectionForm(OAuthTokenForm):
    """The form of an introspection. The last three fields say what the token is used for.

    A field without a value counts as left out (RFC 6749 section 3.1).
    """

    address: str = Field(
        "",
        description="The address of the client that sent the token. Without this field, the "
        "token's allowed addresses are not checked.",
        examples=["203.0.113.7"],
        json_schema_extra={"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}, {"maxLength": 0}]},
    )
    scope: str = Field(
        "",
        description="The scopes that the client's request needs, with spaces between them.",
        examples=["reports:read"],
        json_schema_extra={"pattern": f"^({policy.SCOPE.pattern}( {policy.SCOPE.pattern})*)?$"},
    )
    count: str = Field(
        "",
        description="If true, the client's request counts for the token's rate limit.",
        examples=["true"],
        json_schema_extra={"enum": ["true", "false", ""]},
    )

    @field_validator("address")
    @classmethod
    def read_address(cls, value: str) -> str:
        """Return the address in its usual form. Raise ValueError if it is no IP address."""
        try:
            return networks.parse_address(value) if value else ""
        except ValueError:
            raise ValueError("It takes an IP address such as 203.0.113.7.") from None

    @field_validator("scope")
    @classmethod
    def check_scope(cls, value: str) -> str:
        """Return the value. Raise ValueError if it has anything but names of scopes."""
        if not all(map(policy.SCOPE.fullmatch, value.split())):
            raise ValueError("It takes names such as reports:read.")
        return value

    @field_validator("count")
    @classmethod
    def check_count(cls, value: str) -> str:
        """Return the value. Raise ValueError if it is neither true nor false."""
        if value not in {"", "true", "false"}:
            raise ValueError("It takes true or false.")
        return value


class Usable(BaseModel):
    """A usable token (RFC 7662 section 2.2). Times are seconds since 1970."""

    active: Literal[True]
    scope: str = Field(description="The scopes that count now, with spaces between them.")
    client_id: str = Field(description="The identifier of the token.")
    username: str = Field(
        description="The email address of the owner, or “team:” and a short name."
    )
    token_type: Literal["Bearer"]
    exp: int
    iat: int
    sub: str = Field(description="The id of the owner's account.")
    environment: Environment


class NotUsable(Body):
    """A token that is not usable, or a value that is no token."""

    active: Literal[False]


@router.post(
    "/introspect",
    auth=Needs(policy.INTROSPECT, basic=True, introspects=True),
    response=Usable | NotUsable,
)
@sensitive_variables()
def introspect(request: HttpRequest, form: Form[IntrospectionForm]) -> Usable | NotUsable:
    """Tell whether a token is usable now, and what it may do (RFC 7662).

    The token may belong to any owner. With address, scope and count, the answer is the one that
    /verify gives about such a request. The call does not count for the rate limit of the calling
    token.
    """
    refuse_repeated_fields(request, IntrospectionForm)
    token = token_of_value(form.token)
    if token is None or policy.check_validity(token, timezone.now()):
        return NotUsable(active=False)
    held = effective_scopes(token)
    return introspected(token, held) if may_pass(token, held, form) else NotUsable(active=False)


@router.post("/revoke", auth=None, response=dict[str, Any])
@sensitive_variables()
def revoke_by_value(request: HttpRequest, form: Form[OAuthTokenForm]) -> dict[str, Any]:
    """Revoke a token by its value (RFC 7009).

    Anybody who has the value may do this. The answer is 200 even if there is no such token.
    """
    refuse_repeated_fields(request, OAuthTokenForm)
    token = token_of_value(form.token)
    if token is None or token.revoked_at is not None:
        refused = count_failure(problem.unknown_token(), request.META.get("REMOTE_ADDR", ""))
        if refused.status == 429:
            raise refused
    # The answer waits until the revocation holds in each process, even if the token was revoked
    # before. That is counted above: otherwise anybody with an old token could take all places.
    if token and not change_wait.begin(request, None, change_wait.program_places, is_proven=True):
        raise problem.unavailable(change_wait.TOO_MANY_CHANGES)
    if token and token.revoked_at is None:
        token.revoke(actor_of(request))
    return {}


def refuse_repeated_fields(request: HttpRequest, form: type[BaseModel]) -> None:
    """Raise Problem (400) if a field of `form` is sent more than once (RFC 6749 section 3.2)."""
    if repeated := [name for name in form.model_fields if len(request.POST.getlist(name)) > 1]:
        raise problem.invalid_form(
            [FieldError(field=name, detail="Send this once.") for name in repeated]
        )


@sensitive_variables()
def token_of_value(value: str) -> Token | None:
    """Return the token with this value, or None. The token may be expired or revoked.

    Where imported tokens are accepted, this may be one of them.
    """
    try:
        presented = credentials.parse(value, token_settings.PREFIX)
    except credentials.MalformedToken:
        return imported_lookup.find_if_accepted(value)
    return lookup.find_proven_token(presented)


def may_pass(token: Token, held: list[str], form: IntrospectionForm) -> bool:
    """Return True if a valid token may make the request that `form` describes.

    `held` has the scopes that the token may use now. If the request is to be counted, count it
    first, as at /verify: a request that is refused counts too.
    """
    if form.count == "true":
        limits = counters.hit_token(token.limit_key, token.rate_limit)
        if not limits.admitted:
            return False
    environment = token_settings.ENVIRONMENT
    refusal = policy.check_access(token, held, form.scope.split(), environment, form.address)
    # The last check is that of the address. If the caller names no address, only that may fail.
    return refusal is None or (refusal == "address_not_allowed" and not form.address)


def introspected(token: Token, held: list[str]) -> Usable:
    """Return the answer about a usable token with the scopes `held`, in the form of RFC 7662."""
    return Usable(
        active=True,
        scope=" ".join(held),
        client_id=token.identifier,
        username=owner_name(token),
        token_type="Bearer",  # noqa: S106
        exp=int(token.expires_at.timestamp()),
        iat=int(token.created_at.timestamp()),
        sub=str(token.owner_id),
        environment=Environment(token.environment),
    )
