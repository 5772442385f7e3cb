"""What each problem code means, and what to do. A problem is an error answer of the API."""

from typing import NamedTuple


class Remedy(NamedTuple):
    """What the code of an error answer means (`meaning`), and what to do (`action`).

    docs/refusals.md repeats `action`.
    """

    meaning: str
    action: str


REMEDIES = {
    "missing_credentials": Remedy(
        "The request has no Authorization header, or its scheme is not Bearer.",
        "Send the header. Tokens are not read from the query string, the body or a cookie. "
        "If the header says Basic instead of Bearer, remove the host from ~/.netrc.",
    ),
    "malformed_header": Remedy(
        "The Authorization header has another form than the word Bearer, one space and a token.",
        "Send one header: the word Bearer, one space, then the token.",
    ),
    "malformed_token": Remedy(
        "The text after Bearer can't be a token of this installation.",
        "Copy the whole token again: the detail counts its characters or says that it is "
        "mistyped.",
    ),
    "unknown_token": Remedy(
        "The token has the right form, but there is no such token here.",
        "The token belongs to another installation, the account is gone, or the token ended so "
        "long ago that it was deleted.",
    ),
    "expired_token": Remedy(
        "The token has expired.",
        "Renew it under Settings, API tokens; if it was renewed already, use the new one.",
    ),
    "revoked_token": Remedy("The token was revoked.", "Create another."),
    "inactive_owner": Remedy(
        "The account that the token belongs to was switched off.", "Ask an administrator."
    ),
    "insufficient_scope": Remedy(
        "The address needs a scope that the token lacks, or that does not count for its owner "
        "now.",
        "Edit the token and give it the scope that the detail names.",
    ),
    "wrong_environment": Remedy(
        "The address accepts only tokens of another environment.",
        "Use a token of the environment that the detail names.",
    ),
    "address_not_allowed": Remedy(
        "The request came from an address that the token does not allow.",
        "Send the request from an allowed address, or edit the token to allow this one.",
    ),
    "rate_limited": Remedy(
        "The token made more requests than its limit admits, or too many requests from one "
        "address failed.",
        "Wait as many seconds as Retry-After says.",
    ),
    "unavailable": Remedy(
        "The database or the counters did not answer, so that no token could be checked.",
        "Try again after Retry-After seconds.",
    ),
    "forbidden": Remedy(
        "The token is valid, but it or its owner may not do this, or the view declares nothing.",
        "Ask for the permission, or for less. A view of your own must be declared.",
    ),
    "invalid_request": Remedy(
        "The request can be read, but a part is missing or wrong.",
        "Correct what the detail names; errors lists each field.",
    ),
    "conflict": Remedy(
        "The request is right, but not possible in the present state.",
        "Correct what the detail names; errors lists each field.",
    ),
    "unsupported_media_type": Remedy(
        "The body has a type that is not accepted.", "Send what the detail asks for."
    ),
    "content_too_large": Remedy(
        "The body is larger than anything that is accepted.", "Send what the detail asks for."
    ),
    "bad_request": Remedy(
        "The request can't be read: its body, its host, its encoding or its size is wrong.",
        "Read the detail. In a report, quote instance: the log has its reference.",
    ),
    "internal_error": Remedy(
        "The server failed. The request may be right.",
        "Read the detail. In a report, quote instance: the log has its reference.",
    ),
    "not_found": Remedy("There is nothing at the address.", "Check the address and the method."),
    "method_not_allowed": Remedy(
        "The address does not take that method.", "Check the address and the method."
    ),
}
OTHER = Remedy(
    "The view at the address refused the request, for a reason of its own.",
    "Read what the answer says beside the code.",
)


def remedy(code: str) -> Remedy:
    """Return what the code of an error answer means, and what to do; OTHER for an unknown code.

    Views of other applications may answer with codes of their own.
    """
    return REMEDIES.get(code, OTHER)
