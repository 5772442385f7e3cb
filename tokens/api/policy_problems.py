"""The error answers of the API for a token that would break a policy."""

from tokens.forms.tokens import limit_message
from tokens.models import LifetimeTooLong, PolicyBroken
from tokens.policies.rules import EXPIRES, NUMBER, SCOPES, SECOND_FACTOR
from tokens.problems import problem
from tokens.problems.problem import FieldError, Problem

# What the API answers if no field of the request is wrong.
CODES = {NUMBER: "conflict", SECOND_FACTOR: "forbidden"}


def expiry_problem(error: LifetimeTooLong | PolicyBroken, expiry: str) -> Problem:
    """Return the error answer for a token that would work too long, or break policies otherwise.

    `expiry` is the name of the field in which the client gave the expiration.
    """
    if isinstance(error, PolicyBroken):
        return policy_problem(error, expiry)
    return problem.invalid_request([FieldError(field=expiry, detail=limit_message(error))])


def policy_problem(error: PolicyBroken, expiry: str = "expires_at") -> Problem:
    """Return the error answer that names each field by which a token would break a policy.

    `expiry` is the name of the field in which the client gave the expiration. Too many scopes are
    forbidden (403), as they are if the calling token lacks them. Other fields are wrong (422).
    """
    fields = {breach.field for breach in error.breaches}
    for field, code in CODES.items():
        if field in fields:
            return Problem(code, str(error))
    errors = [
        FieldError(field=expiry if field == EXPIRES else field, detail=message)
        for _, field, message in error.breaches
    ]
    if fields == {SCOPES}:
        return Problem("forbidden", str(error), members={"errors": errors})
    return problem.invalid_request(errors)
