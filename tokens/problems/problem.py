"""The error answers of the API, called problems: code, status, headers and texts (RFC 9457)."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from http.client import responses
from typing import Any, NamedTuple, TypedDict

from tokens.core.text import utc_time
from tokens.problems.challenge import bearer_challenge
from tokens.problems.scope_words import NONE_WAIT, lacking_scopes_in_words


class ProblemType(NamedTuple):
    """What all error answers with one code share. `error` is for OAuth (RFC 6750 section 3.1)."""

    status: int
    title: str
    error: str | None = None


class FieldError(TypedDict):
    """What is wrong with one field of a request. The name of a nested field has dots."""

    field: str
    detail: str


ENVIRONMENT_NAMES = {"live": "Production", "test": "Staging", "dev": "Development"}
MAX_ERRORS = 20  # wrong fields that one problem names
TYPES = {
    "missing_credentials": ProblemType(401, "A token is needed"),
    "malformed_header": ProblemType(400, "The Authorization header is wrong", "invalid_request"),
    "malformed_token": ProblemType(
        401, "This can't be a token of this installation", "invalid_token"
    ),
    "unknown_token": ProblemType(401, "This token is not known", "invalid_token"),
    "expired_token": ProblemType(401, "This token has expired", "invalid_token"),
    "revoked_token": ProblemType(401, "This token was revoked", "invalid_token"),
    "inactive_owner": ProblemType(401, "The owner of this token is not active", "invalid_token"),
    "insufficient_scope": ProblemType(403, "This token lacks a scope", "insufficient_scope"),
    "wrong_environment": ProblemType(403, "This token is for another environment"),
    "address_not_allowed": ProblemType(403, "This token may not be used from here"),
    "rate_limited": ProblemType(429, "Too many requests"),
    "forbidden": ProblemType(403, "Not allowed"),
    "not_found": ProblemType(404, "Not found"),
    "method_not_allowed": ProblemType(405, "Method not allowed"),
    "conflict": ProblemType(409, "Not possible in the present state"),
    "content_too_large": ProblemType(413, "The body is too large"),
    "unsupported_media_type": ProblemType(415, "The body is of the wrong type"),
    "invalid_request": ProblemType(422, "Something in the request is wrong"),
    "bad_request": ProblemType(400, "The request can't be read"),
    "internal_error": ProblemType(500, "Something went wrong here"),
    "unavailable": ProblemType(503, "Not available for the moment"),
}
# The codes with which authentication refuses a request. The others come from views.
AUTHENTICATION_CODES = {
    "missing_credentials", "malformed_header", "malformed_token", "unknown_token",
    "expired_token", "revoked_token", "inactive_owner", "insufficient_scope",
    "wrong_environment", "address_not_allowed", "rate_limited", "unavailable",
}  # fmt: skip


@dataclass(eq=False)
class Problem(Exception):
    """An error answer of the API. Authentication or a view raises it; the middleware sends it."""

    code: str
    detail: str
    headers: dict[str, str] = field(default_factory=dict)
    members: dict[str, Any] = field(default_factory=dict)  # more members of the JSON body
    challenge: str = ""  # further parameters of WWW-Authenticate, with a leading comma
    reference: str = field(default_factory=lambda: secrets.token_hex(8))
    view_status: int | None = None  # the HTTP status, if not the usual one of the code

    def __post_init__(self) -> None:
        if self.view_status is None:
            self.problem_type = TYPES[self.code]
        else:
            known = TYPES.get(self.code)
            title = known.title if known else responses.get(self.view_status, "Request failed")
            self.problem_type = ProblemType(self.view_status, title)

    @property
    def status(self) -> int:
        return self.problem_type.status

    def forget_frames(self) -> None:
        """Remove the traceback, because it keeps the request and its secret in memory."""
        self.__context__ = self.__traceback__ = None

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON body: the members of RFC 9457 section 3.1, and `code` for programs."""
        return {
            "type": f"urn:tokenry:problem:{self.code}",
            "title": self.problem_type.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "instance": f"urn:tokenry:denial:{self.reference}",
            **self.members,
        }

    def response_headers(self) -> dict[str, str]:
        """Return the HTTP headers of the answer, which forbid caches to store it."""
        headers = {"Cache-Control": "no-store", "Vary": "Authorization", **self.headers}
        if challenge := bearer_challenge(*self.problem_type):
            headers["WWW-Authenticate"] = challenge + self.challenge
        return headers


def missing_credentials(*, scheme: str = "", basic: bool = False) -> Problem:
    """Return the error answer for a request without a token.

    `scheme` is the first word of the Authorization header, "" without a header. `basic` is True
    if the endpoint accepts Basic credentials too.
    """
    reason = "The Authorization header does not begin with `Bearer`. " if scheme else ""
    if scheme.lower() == "basic":
        reason = (
            "The Authorization header begins with `Basic`, not `Bearer`: curl and Python's "
            "requests take that from ~/.netrc where it names this host. "
        )
    basic_form = "Basic credentials work too: the token's identifier, and the token."
    other = basic_form if basic else "Nothing else is accepted."
    action = "Send the header `Authorization: Bearer <token>`."
    return Problem("missing_credentials", f"{reason}{action} {other}")


def malformed_header(reason: str) -> Problem:
    """Return the error answer for a wrong header, which has `reason`: "extra spaces"."""
    form = "The right form is `Authorization: Bearer <token>`."
    return Problem("malformed_header", f"The Authorization header has {reason}. {form}")


def malformed_token(reason: str, action: str) -> Problem:
    """Return the error answer for a text that is no token. `reason` follows "The token is"."""
    return Problem("malformed_token", f"The token is {reason}. {action}")


def unknown_token() -> Problem:
    """Return the error answer for an unknown token. A wrong secret gets the same answer."""
    return Problem(
        "unknown_token",
        "No token here has this value. It may belong to another installation, its owner's account "
        "may be gone, or it ended so long ago that it was deleted.",
    )


def invalid_token(
    code: str, expires_at: datetime, revoked_at: datetime | None, renewed_at: datetime | None
) -> Problem:
    """Return the error answer for an expired or revoked token, or an inactive owner.

    The detail may say when the token ended, because only clients with the secret see the detail.
    """
    place = "under Settings, API tokens"
    if code == "revoked_token" and revoked_at:
        reason = f"The token was revoked on {utc_time(revoked_at)}."
        action = f"Its owner can create another {place}."
    elif code == "inactive_owner":
        reason = "The account of the token's owner is switched off."
        action = "An administrator can switch it on again."
    else:
        reason = f"The token expired on {utc_time(expires_at)}."
        action = f"Its owner can renew it {place}."
        if renewed_at:
            action = (
                f"It was renewed on {utc_time(renewed_at)}: use the token that replaced it. "
                f"If that token was lost, the owner can renew again {place}."
            )
    return Problem(code, f"{reason} {action}")


def insufficient_scope(
    needed: Sequence[str],
    held: Collection[str],
    token_scopes: Collection[str] = (),
    waiting: Mapping[str, str] = NONE_WAIT,
) -> Problem:
    """Return the error answer for a token without some `needed` scopes (RFC 6750 section 3.1).

    `lacking_scopes_in_words` explains the arguments.
    """
    challenge = f', scope="{" ".join(needed)}"'
    detail = lacking_scopes_in_words(needed, held, token_scopes, waiting)
    return Problem("insufficient_scope", detail, challenge=challenge)


def wrong_environment(token: str, accepted: str) -> Problem:
    """Return the error answer for a token of another environment than `accepted`."""
    return Problem(
        "wrong_environment",
        f"The token is for {ENVIRONMENT_NAMES[token]} ({token}); "
        f"this endpoint accepts {ENVIRONMENT_NAMES[accepted]} ({accepted}).",
    )


def address_not_allowed(address: str) -> Problem:
    """Return the error answer for an `address` that a token does not allow; "": unknown."""
    source = f"the address {address}" if address else "an unknown address"
    return Problem(
        "address_not_allowed",
        f"The request came from {source}, which is not among the token's allowed addresses.",
    )


def rate_limited(reason: str, retry_after: int, violated: Sequence[str]) -> Problem:
    """Return the error answer for used-up limits (`violated`). `retry_after` is in seconds."""
    return Problem(
        "rate_limited",
        f"{reason} Try again in {retry_after} second{'s' if retry_after > 1 else ''}.",
        {"Retry-After": str(retry_after)},
        {
            "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
            "violated-policies": list(violated),
        },
    )


def unavailable(detail: str = "Tokens can't be checked at the moment.") -> Problem:
    """Return the error answer for a database or Redis that fails, or for too many changes."""
    return Problem("unavailable", f"{detail} Try again in a few seconds.", {"Retry-After": "2"})


def undeclared_view() -> Problem:
    """Return the error answer for a view that has neither @token_required nor @public."""
    detail = "This address is closed: its view declares neither @token_required nor @public."
    return Problem("forbidden", detail)


def bad_request(reason: str) -> Problem:
    """Return the error answer for an unreadable request. `reason` is a clause, no sentence."""
    return Problem("bad_request", f"The request can't be read: {reason}.")


def content_too_large() -> Problem:
    """Return the error answer for a request body that is too large."""
    return Problem("content_too_large", "The body is far larger than anything accepted here.")


def unsupported_media_type(accepted: str) -> Problem:
    """Return the error answer for a Content-Type that is not `accepted` (RFC 9110)."""
    detail = f"Send the body as {accepted}, with that Content-Type."
    return Problem("unsupported_media_type", detail, {"Accept": accepted})


def invalid_request(errors: Sequence[FieldError]) -> Problem:
    """Return the error answer for wrong fields. Only MAX_ERRORS fields are named."""
    errors = errors[:MAX_ERRORS]
    detail = f"Correct these: {', '.join(dict.fromkeys(error['field'] for error in errors))}."
    return Problem("invalid_request", detail, members={"errors": list(errors)})


def invalid_form(errors: Sequence[FieldError]) -> Problem:
    """Return `invalid_request` as OAuth requires it: status 400, `error` (RFC 6749)."""
    plain = invalid_request(errors)
    return replace(plain, view_status=400, members={"error": "invalid_request", **plain.members})


def exceeds_caller(errors: Sequence[FieldError]) -> Problem:
    """Return the error answer for a token that gives more rights than it has itself."""
    detail = "A token can give no more than it has. `errors` names what goes beyond the caller."
    return Problem("forbidden", detail, members={"errors": list(errors)})


# The code and the text for errors of a view or of Django, if only their status is known.
STATUS_DETAILS = {
    400: ("bad_request", "The request can't be read: its host, encoding or size is wrong."),
    403: ("forbidden", "Your account may not do this."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address takes only the methods in the Allow header."),
    500: ("internal_error", "The server failed. Quote the reference when you report this."),
    503: ("unavailable", "This can't be done at the moment. Try again in a few seconds."),
}


def for_status(status: int) -> Problem:
    """Return the error answer for a response of which only the HTTP status is known."""
    if status in STATUS_DETAILS:
        return Problem(*STATUS_DETAILS[status])
    return Problem("request_failed", "The view gave no reason.", view_status=status)
