"""The pipeline: decide if an API request may pass. Read the functions from top to bottom.

identify        reads the token in the header, and finds it in the database with one query.
                If this fails, count_failure limits the failed attempts from one IP address.
count_request   counts the request against the token's rate limit, or against the limit of
                introspections.
authorize       checks scopes, environment and IP address. A scope that is restricted to a group
                needs another query.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from django.views.decorators.debug import sensitive_variables

from tokens.authentication import imported_lookup, lookup, policy
from tokens.authentication.credentials import Credential
from tokens.authentication.header import read_credential
from tokens.authentication.imported_values import ImportedCredential, key_of
from tokens.authentication.policy import INTROSPECT, Requirement
from tokens.core.circuit_breaker import ServiceUnavailable
from tokens.models import Digest, Scope, ScopeRequest, Token
from tokens.problems import problem
from tokens.problems.problem import Problem
from tokens.rate_limits import counters
from tokens.rate_limits.limits import RateLimitResult
from tokens.token_settings import token_settings
from tokens.usage.recorder import recorder


@dataclass(slots=True)
class Decision:
    """The result of the pipeline: the request may pass if `problem` is None.

    A problem is an error answer (RFC 9457). `token` is set if the client has sent the right
    secret, and `limits` if the request was counted. Both may be set together with `problem`,
    because an error answer also tells when the token expires and how many requests are left.
    """

    token: Token | None = None
    limits: RateLimitResult | None = None
    problem: Problem | None = None
    database_seconds: float = 0.0
    limiter_seconds: float = 0.0


# Error reports must not show the token. This also hides the variables of functions called here.
@sensitive_variables()
def authenticate(header: str, address: str, requirement: Requirement, now: datetime) -> Decision:
    """Decide whether a request may pass, and return the decision.

    `header` is the value of the Authorization header, or "" if there is none. `address` is the
    client's IP address. `requirement` says which scopes and environment the token must have. An
    error is in `problem` of the decision, and is not raised.
    """
    decision = Decision()
    try:
        token = identify(header, address, requirement, now, decision)
        count_request(token, requirement, decision)
        authorize(token, requirement, address)
    except ServiceUnavailable:
        decision.problem = problem.unavailable()
    except Problem as error:
        if requirement.basic and error.status == 401:
            error.challenge += ', Basic realm="api"'
        error.forget_frames()
        decision.problem = error
    return decision


def identify(
    header: str, address: str, requirement: Requirement, now: datetime, decision: Decision
) -> Token:
    """Return the token in the Authorization header, if the token is valid.

    Otherwise count the failed attempt for `address`, and raise Problem. If the token was hashed
    with an older pepper (key), let a background thread store a hash with the current pepper.
    """
    try:
        credential = read_credential(header, basic=requirement.basic)
        decision.token = token = find_token_or_refuse(credential, decision)
        if code := policy.check_validity(token, now):
            raise problem.invalid_token(code, token.expires_at, token.revoked_at, token.renewed_at)
    except Problem as error:
        raise count_failure(error, address) from None
    if token.has_older_digest:
        recorder.upgrade(token, Digest.of(credential.value), imported_key(credential))
    return token


def imported_key(credential: Credential | ImportedCredential) -> str:
    """Return the key under which an imported token is to be found from now on, or ""."""
    return key_of(credential.value) if isinstance(credential, ImportedCredential) else ""


def find_token_or_refuse(credential: Credential | ImportedCredential, decision: Decision) -> Token:
    """Find the token that the client has sent, and return it with its owner.

    Write the duration into `decision`. Raise Problem (`unknown_token`) if no token has this
    identifier, and also if the secret is wrong: clients without the secret must not find out
    whether the token exists. Raise ServiceUnavailable if the database does not answer.
    """
    began = perf_counter()
    if isinstance(credential, ImportedCredential):
        token = imported_lookup.find_imported_token(credential)
    else:
        token = lookup.find_proven_token(credential)
    decision.database_seconds = perf_counter() - began
    if token is None:
        raise problem.unknown_token()
    return token


# NOTE: This is called only after the token was looked up and found wrong. It would be cheaper to
# refuse all requests from an address with many failures, before the lookup. But then one client
# with a wrong token would block the valid tokens of all other clients with the same address.
def count_failure(error: Problem, address: str) -> Problem:
    """Count a failed authentication from the IP address, and return the problem to answer with.

    `error` is the problem that the attempt failed with. Return it, or the problem `rate_limited`
    if too many attempts from `address` have failed. A request without a token is not counted,
    because it is no attempt to guess a token.
    """
    if error.code == "missing_credentials":
        return error
    result = counters.hit_failure(address)
    if result.admitted:
        return error
    words = (
        "Too many failed authentications from this address: the limit is "
        f"{result.reached_limits}. A valid token still works."
    )
    return problem.rate_limited(words, result.retry_after, result.full_window_names)


def count_request(token: Token, requirement: Requirement, decision: Decision) -> None:
    """Count the request against a rate limit, and write the result into `decision`.

    The limit is that of the token. A service introspects a token for each of its own requests. So
    introspections have a limit of their own, or none, if the calling token has the scope for them.
    Raise Problem (`rate_limited`) if the limit is reached. Raise ServiceUnavailable if Redis does
    not answer.
    """
    introspects = requirement.introspects and INTROSPECT in effective_scopes(token)
    began = perf_counter()
    if introspects:
        decision.limits = result = counters.hit_introspection(token.limit_key)
    else:
        decision.limits = result = counters.hit_token(token.limit_key, token.rate_limit)
    decision.limiter_seconds = perf_counter() - began
    if result and not result.admitted:
        what = "For introspection this token" if introspects else "This token"
        words = f"{what} may make {result.reached_limits}."
        raise problem.rate_limited(words, result.retry_after, result.full_window_names)


def authorize(token: Token, requirement: Requirement, address: str) -> None:
    """Raise Problem if the token may not make this request from the IP address `address`.

    The problem says that a scope is missing, or that the environment or the address is wrong.
    Raise ServiceUnavailable if the database does not answer.
    """
    held = effective_scopes(token) if requirement.scopes else []
    environment = requirement.environment or token_settings.ENVIRONMENT
    match policy.check_access(token, held, requirement.scopes, environment, address):
        case "insufficient_scope":
            raise problem.insufficient_scope(
                requirement.scopes, held, token.scopes, approvers_of(token, requirement.scopes)
            )
        case "wrong_environment":
            raise problem.wrong_environment(token.environment, environment)
        case "address_not_allowed":
            raise problem.address_not_allowed(address)
        case None:
            return
        case code:
            raise NotImplementedError(code)  # a new code of the policy must not let requests in


def approvers_of(token: Token, needed: Sequence[str]) -> dict[str, str]:
    """Return which group may approve those scopes of `needed` that wait for approval.

    Only a request that is refused asks for this. Raise ServiceUnavailable if the database does
    not answer.
    """
    waiting = [name for name in needed if name in token.pending_scopes]
    if not waiting:
        return {}
    rows = ScopeRequest.objects.waiting().filter(token=token, scope__in=waiting)
    groups = lookup.read_rows(rows.order_by().values_list("scope", "approvers__name"))
    return dict.fromkeys(waiting, "") | {name: group or "" for name, group in groups}


def effective_scopes(token: Token) -> list[str]:
    """Return those scopes of the token that it may use now, in alphabetical order.

    A scope may be restricted to a group: then it counts only while the owner is a member. A scope
    may also be deleted. Raise ServiceUnavailable if the database does not answer.
    """
    # NOTE: `has_restricted_scopes` is False if none of the scopes is restricted or deleted. So
    # most requests need no second query.
    if not token.has_restricted_scopes:
        return token.scopes
    held = Scope.objects.held_by(token.owner).filter(name__in=token.scopes)
    return sorted(name for (name,) in lookup.read_rows(held.values_list("name")))
