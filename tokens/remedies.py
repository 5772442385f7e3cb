"""What each code of a refusal or failure means, and what to do about it: one place for every page. Pure."""

from typing import NamedTuple


class Remedy(NamedTuple):
    """What happened to the request, and what its sender can do. The README's table says the same of the latter."""

    meaning: str
    action: str


REMEDIES = {
    "missing_credentials": Remedy(
        "The request has no Authorization header, or one of another scheme than Bearer.",
        "Send the header. A token in the query string, the body or a cookie is not looked at. Where Basic came "
        "in its place, take the host out of ~/.netrc.",
    ),
    "malformed_header": Remedy(
        "The Authorization header is there, but it is not the word Bearer, one space and a token.",
        "One header, one space, then the token.",
    ),
    "malformed_token": Remedy(
        "What follows Bearer can't be a token of this installation.",
        "Copy the token again, whole: the detail counts its characters or says that it is mistyped.",
    ),
    "unknown_token": Remedy(
        "The token has the right form, but nobody here has it.",
        "The token belongs to another installation, the account is gone, or the token ended so long ago that it was "
        "deleted.",
    ),
    "expired_token": Remedy(
        "The token's time is over.",
        "Renew it under Settings, API tokens; if it was renewed already, use the new one.",
    ),
    "revoked_token": Remedy("The token was ended for good.", "Create another."),
    "inactive_owner": Remedy("The account that the token belongs to was switched off.", "Ask an administrator."),
    "insufficient_scope": Remedy(
        "The address asks for a scope that the token lacks, or that does not count for its owner now.",
        "Edit the token and give it the scope that the detail names.",
    ),
    "wrong_environment": Remedy(
        "The address accepts tokens of another environment alone.",
        "Use a token of the environment that the detail names.",
    ),
    "address_not_allowed": Remedy(
        "The request came from an address that is not among the token's allowed ones.",
        "Call from one that is, or edit the token to allow it.",
    ),
    "rate_limited": Remedy(
        "More requests came than the token's limit admits, or more failed ones than one address may send.",
        "Wait as many seconds as Retry-After says.",
    ),
    "unavailable": Remedy(
        "The database or the counters did not answer, so that no token could be checked.",
        "Try again after Retry-After seconds.",
    ),
    "forbidden": Remedy(
        "The token is good, but it or its owner may not do this, or the view declares nothing.",
        "Ask for the permission, or for less; declare the view.",
    ),
    "invalid_request": Remedy(
        "The request can be read, but a part of it is missing or wrong.",
        "Put right what the detail names; errors lists each field.",
    ),
    "conflict": Remedy(
        "The request is right, but not possible as things stand.",
        "Put right what the detail names; errors lists each field.",
    ),
    "unsupported_media_type": Remedy("The body is of another type than is taken.", "Send what the detail asks for."),
    "content_too_large": Remedy("The body is larger than anything that is taken.", "Send what the detail asks for."),
    "bad_request": Remedy(
        "The request can't be read: its body, its host, its encoding or its size is wrong.",
        "Read the detail; quote instance: the log has its reference.",
    ),
    "internal_error": Remedy(
        "The request failed here, not by a fault of its sender.",
        "Read the detail; quote instance: the log has its reference.",
    ),
    "not_found": Remedy("There is nothing at the address.", "Check the address and the method."),
    "method_not_allowed": Remedy("The address does not take that method.", "Check the address and the method."),
}
OTHER = Remedy(
    "The view that answers at the address refused, for reasons of its own.",
    "Read what its answer says beside the code.",
)


def remedy(code: str) -> Remedy:
    """What is known of `code`; views may fail with others than ours."""
    return REMEDIES.get(code, OTHER)
