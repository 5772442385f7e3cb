"""Why a request is refused: code, status, header and words, as RFC 9457 problem details. Pure."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from http.client import responses
from typing import Any, NamedTuple, TypedDict


class Kind(NamedTuple):
    """What all refusals with one code share. `error` is the RFC 6750 section 3.1 code, where there is one."""

    status: int
    title: str
    error: str | None = None


class FieldError(TypedDict):
    """What is wrong with one field of a request: its name, with dots where it lies deeper, and the fault in words."""

    field: str
    detail: str


ENVIRONMENTS = {"live": "Production", "test": "Staging", "dev": "Development"}
MOST_ERRORS = 20  # that one answer names
QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
KINDS = {
    "missing_credentials": Kind(401, "A token is needed"),
    "malformed_header": Kind(400, "The Authorization header can't be read", "invalid_request"),
    "malformed_token": Kind(401, "This can't be a token of this installation", "invalid_token"),
    "unknown_token": Kind(401, "This token is not known", "invalid_token"),
    "expired_token": Kind(401, "This token has expired", "invalid_token"),
    "revoked_token": Kind(401, "This token was revoked", "invalid_token"),
    "inactive_owner": Kind(401, "The owner of this token is not active", "invalid_token"),
    "insufficient_scope": Kind(403, "This token lacks a scope", "insufficient_scope"),
    "wrong_environment": Kind(403, "This token is for another environment"),
    "address_not_allowed": Kind(403, "This token may not be used from here"),
    "rate_limited": Kind(429, "Too many requests"),
    "forbidden": Kind(403, "Not allowed"),
    "not_found": Kind(404, "Not found"),
    "method_not_allowed": Kind(405, "Method not allowed"),
    "conflict": Kind(409, "Not possible as things stand"),
    "content_too_large": Kind(413, "The body is too large"),
    "unsupported_media_type": Kind(415, "The body is of the wrong type"),
    "invalid_request": Kind(422, "Some of this is not right"),
    "bad_request": Kind(400, "The request can't be read"),
    "internal_error": Kind(500, "Something went wrong here"),
    "unavailable": Kind(503, "Not available for the moment"),
}
REFUSALS = {  # Tokenry's own; the others are a view's
    "missing_credentials", "malformed_header", "malformed_token", "unknown_token", "expired_token", "revoked_token",
    "inactive_owner", "insufficient_scope", "wrong_environment", "address_not_allowed", "rate_limited", "unavailable",
}  # fmt: skip


@dataclass(eq=False)
class Denial(Exception):
    """A refusal. Raised by the pipeline, turned into an answer by the middleware."""

    code: str
    detail: str
    headers: dict[str, str] = field(default_factory=dict)
    members: dict[str, Any] = field(default_factory=dict)  # of the problem, beside those that all have
    challenge: str = ""  # what WWW-Authenticate says after the parameters that all have
    reference: str = field(default_factory=lambda: secrets.token_hex(8))
    view_status: int | None = None  # where the code says less than the status

    def __post_init__(self) -> None:
        status, known = self.view_status, KINDS.get(self.code)
        if status is None:
            self.kind = KINDS[self.code]
        else:
            self.kind = Kind(status, known.title if known else responses.get(status, "Request failed"))

    @property
    def status(self) -> int:
        return self.kind.status

    def problem(self) -> dict[str, Any]:
        """The body: RFC 9457 section 3.1 members, and `code` for programs to branch on."""
        return {
            "type": f"urn:tokenry:problem:{self.code}",
            "title": self.kind.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "instance": f"urn:tokenry:denial:{self.reference}",
            **self.members,
        }

    def response_headers(self) -> dict[str, str]:
        """Never stored; every 401, and every fault in the credential, carries its challenge (RFC 6750 section 3)."""
        headers = {"Cache-Control": "no-store", "Vary": "Authorization", **self.headers}
        if self.kind.error:
            headers["WWW-Authenticate"] = (
                f'Bearer realm="api", error="{self.kind.error}", error_description="{self.kind.title}"{self.challenge}'
            )
        elif self.status == 401:
            headers["WWW-Authenticate"] = f'Bearer realm="api"{self.challenge}'
        return headers


def missing_credentials(*, scheme: str = "", basic: bool = False) -> Denial:
    """No token came; the header began with `scheme`, "" for no header; `basic`: Basic credentials would do too."""
    fault = "The Authorization header does not begin with `Bearer`. " if scheme else ""
    if scheme.lower() == "basic":
        fault = (
            "The Authorization header begins with `Basic`, not `Bearer`: curl and Python's requests take that from "
            "~/.netrc where it names this host. "
        )
    other = "Basic credentials do too: the token's identifier, and the token." if basic else ""
    words = "Send the header `Authorization: Bearer <token>`. "
    return Denial("missing_credentials", fault + words + (other or "Nothing else signs a request in."))


def malformed_header(fault: str) -> Denial:
    return Denial(
        "malformed_header", f"The Authorization header has {fault}. The right form is `Authorization: Bearer <token>`."
    )


def malformed_token(fault: str, action: str) -> Denial:
    return Denial("malformed_token", f"The token is {fault}. {action}")


def unknown_token() -> Denial:
    return Denial(
        "unknown_token",
        "No token here has this value. It may belong to another installation, its owner's account may be gone, or it "
        "ended so long ago that it was deleted.",
    )


def of_proven_token(
    code: str, expires_at: datetime, revoked_at: datetime | None, renewed_at: datetime | None
) -> Denial:
    """Why a token whose secret is proven may not be used: only its holder learns this."""
    words = {
        "revoked_token": "The token was revoked on {revoked}. Its owner can create another under Settings, API tokens.",
        "expired_token": (
            "The token expired on {expired}. It was renewed on {renewed}: use the one that replaced it. "
            "If that one was lost, the owner can renew again under Settings, API tokens."
            if renewed_at
            else "The token expired on {expired}. Its owner can renew it under Settings, API tokens."
        ),
        "inactive_owner": "The account of the token's owner is switched off. An administrator can switch it on again.",
    }
    instants = {"expired": expires_at, "revoked": revoked_at, "renewed": renewed_at}
    return Denial(code, words[code].format(**{word: moment(at) for word, at in instants.items() if at}))


def insufficient_scope(needed: Sequence[str], held: Collection[str], own: Collection[str] = ()) -> Denial:
    """The endpoint needs all of `needed` (RFC 6750 section 3.1); the token has `own`, of which `held` count now."""
    missing = [name for name in needed if name not in held]
    lacked, lapsed = ([name for name in missing if (name in own) == lapses] for lapses in (False, True))
    words = []
    if lacked:
        add = "Its owner can add it under Settings, API tokens; if it is not offered there, ask an administrator."
        words.append(f"The token lacks the scope {' and '.join(lacked)}. {add}")
    if lapsed:
        why = "the owner is outside its group, or it was deleted. Ask an administrator."
        words.append(f"The token's scope {' and '.join(lapsed)} does not count now: {why}")
    return Denial("insufficient_scope", " ".join(words), challenge=f', scope="{" ".join(needed)}"')


def wrong_environment(token: str, wanted: str) -> Denial:
    return Denial(
        "wrong_environment",
        f"The token is for {ENVIRONMENTS[token]} ({token}); this endpoint accepts {ENVIRONMENTS[wanted]} ({wanted}).",
    )


def address_not_allowed(address: str) -> Denial:
    came_from = f"the address {address}" if address else "an address that can't be known here"
    return Denial(
        "address_not_allowed",
        f"The request came from {came_from}, which is not among the token's allowed addresses.",
    )


def rate_limited(limit: str, retry_after: int, violated: Sequence[str]) -> Denial:
    """More requests than `limit` (in words) admits; `violated` are the names of the policies."""
    return Denial(
        "rate_limited",
        f"{limit} Try again in {retry_after} second{'s' if retry_after > 1 else ''}.",
        {"Retry-After": str(retry_after)},
        {"type": QUOTA_EXCEEDED, "violated-policies": list(violated)},
    )


def unavailable() -> Denial:
    return Denial(
        "unavailable", "Tokens can't be checked at the moment. Try again in a few seconds.", {"Retry-After": "2"}
    )


def undeclared() -> Denial:
    return Denial("forbidden", "This address is closed: its view declares neither @token_required nor @public.")


def bad_request(fault: str) -> Denial:
    return Denial("bad_request", f"The request can't be read: {fault}.")


def not_found(words: str) -> Denial:
    return Denial("not_found", words)


def conflict(words: str) -> Denial:
    return Denial("conflict", words)


def content_too_large() -> Denial:
    return Denial("content_too_large", "The body is far larger than anything that is taken here.")


def unsupported_media_type(taken: str) -> Denial:
    """The body's Content-Type is not `taken` (RFC 9110 section 15.5.16)."""
    return Denial("unsupported_media_type", f"Send the body as {taken}, with that Content-Type.", {"Accept": taken})


def invalid_request(errors: Sequence[FieldError]) -> Denial:
    """What was sent can be read, but each of `errors` has to be put right first; the first MOST_ERRORS are told."""
    errors = errors[:MOST_ERRORS]
    words = f"To be put right: {', '.join(dict.fromkeys(error['field'] for error in errors))}."
    return Denial("invalid_request", words, members={"errors": list(errors)})


def invalid_form(errors: Sequence[FieldError]) -> Denial:
    """The same where OAuth asks for 400 and a member `error` (RFC 6749 section 5.2)."""
    plain = invalid_request(errors)
    return replace(plain, view_status=400, members={"error": "invalid_request", **plain.members})


def beyond_caller(errors: Sequence[FieldError]) -> Denial:
    """The calling token may make or widen no token beyond itself: in none of the fields that `errors` name."""
    words = "A token gives no more than it has itself. `errors` names what goes beyond the calling one."
    return Denial("forbidden", words, members={"errors": list(errors)})


WORDS = {  # for failures that are known by their status alone: a view's own, or the framework's
    400: ("bad_request", "The request can't be read: its host, its encoding or its size is wrong."),
    403: ("forbidden", "Your account may not do this."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take that method; the Allow header lists those it takes."),
    500: ("internal_error", "The request failed here, not by your fault. Quote the reference when you report it."),
    503: ("unavailable", "This can't be done at the moment. Try again in a few seconds."),
}


def for_status(status: int) -> Denial:
    """The failure with that status, about which nothing else is known."""
    if status in WORDS:
        return Denial(*WORDS[status])
    return Denial("request_failed", "The view that answers here says no more.", view_status=status)


def moment(at: datetime) -> str:
    """An instant as people read it, to the second, in UTC."""
    return f"{at:%-d %B %Y at %H:%M:%S} UTC"
