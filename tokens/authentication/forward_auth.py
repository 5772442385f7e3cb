"""Forward auth (/verify): a gateway asks if a request may pass, and whose token it has.

A gateway is a server such as nginx that forwards requests to other applications. It asks before
each request, so the answer must be fast. Django's request and response objects would take more
time than all the rest, so `answer_gateway` uses plain values. The standalone product calls it
without Django's request handler (config/verify_shortcut.py). In other Django projects
`answer_forward_auth` is a view (tokens/verify_urls.py).
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_variables

from tokens.authentication import lookup
from tokens.authentication.credentials import ENVIRONMENTS
from tokens.authentication.header import find_header
from tokens.authentication.pipeline import authenticate, effective_scopes
from tokens.authentication.policy import SCOPE, Requirement
from tokens.authentication.requests import attach_token, record_decision
from tokens.core.circuit_breaker import ServiceUnavailable
from tokens.models import Token, owner_email
from tokens.problems import problem
from tokens.problems.problem import FieldError, Problem
from tokens.problems.responses import Answer, answer_of, response_of
from tokens.usage.request_record import RequestRecord

PATH = "/verify"
# Parsed queries stay in memory, and anybody can send queries. So their length is limited.
MAX_QUERY_LENGTH = 1000
# The scheme and the host in an absolute URL. ingress-nginx sends absolute URLs.
ORIGIN = re.compile(r"^[a-z][a-z0-9+.-]*://[^/?#]*", re.IGNORECASE)
# If the gateway does not know a status, the answer has one of these instead, the best first.
SUBSTITUTES = {400: (401, 403), 429: (403, 401), 503: (403, 401)}


class VerifyQuery(NamedTuple):
    """The parsed query string of a gateway's request to /verify."""

    requirement: Requirement  # the scopes and the environment that the token must have
    known_statuses: frozenset[int]  # error statuses that the gateway handles; empty: all
    wants_lease: bool  # whether the answer must say for how long it may be used again


def is_forward_auth_path(path: str) -> bool:
    """Return True if `path` is /verify or below it."""
    return path.startswith(PATH) and path[len(PATH) : len(PATH) + 1] in {"", "/"}


def answer_forward_auth(request: HttpRequest, path: str | None = None) -> HttpResponse:
    """Answer a gateway that asks at /verify whether a request may pass. Return the response.

    This is a view. `path` is the part of the URL after /verify. `answer_gateway` decides. If the
    token may pass, `request.user` and `request.token` are set too.
    """
    record: RequestRecord = request.record  # type: ignore[attr-defined]  # set by the middleware
    answer = answer_gateway(request.META, path or request.path_info, record)
    attach_token(request, record, record.problem)
    return response_of(answer)


@sensitive_variables()
def answer_gateway(meta: Mapping[str, Any], path: str, record: RequestRecord) -> Answer:
    """Answer a gateway that asks at /verify whether a request may pass. Use plain values only.

    Return 200 with the token and its owner in headers, or the problem (an error answer). `meta` is
    the WSGI environ of the gateway's request, and `path` is its decoded path after /verify, or
    /verify itself if nothing follows. The method does not matter. Write the request that the
    gateway received, and the result, into `record`.
    """
    record.set_target(*original_request(meta, record.method, path))
    try:
        query = parse_query(meta.get("QUERY_STRING", ""))
    except Problem as error:
        return refuse_gateway(error, record, frozenset())
    requirement = query.requirement
    decision = authenticate(find_header(meta), record.address, requirement, record.at)
    record_decision(record, requirement, decision)
    if decision.token and not decision.problem:
        with suppress(ServiceUnavailable):
            headers = identity_headers(decision.token)
            if query.wants_lease:
                headers["Tokenry-Lease"] = lease_left(decision.token, record.at)
            return Answer(200, headers)
    # If the decision has no problem, the database failed in identity_headers().
    found = decision.problem or problem.unavailable()
    return refuse_gateway(found, record, query.known_statuses)


def original_request(meta: Mapping[str, Any], method: str, path: str) -> tuple[str, str]:
    """Return the method and the path, without query, of the request that the gateway received.

    `meta` (the headers), `method` and `path` are those of the gateway's own request to /verify.
    Most gateways put the original method and URL into headers. If there are several, those named
    X-Original- are used before those named X-Forwarded-. Envoy sends no such headers. Its own
    request has the original method, and has the original path after /verify.
    """
    method = meta.get("HTTP_X_ORIGINAL_METHOD", meta.get("HTTP_X_FORWARDED_METHOD", method))
    url = meta.get("HTTP_X_ORIGINAL_URL", meta.get("HTTP_X_FORWARDED_URI", ""))
    if url := meta.get("HTTP_X_ORIGINAL_URI", url):
        # Decode the path, because Django decodes the paths of other requests too.
        return method, unquote(ORIGIN.sub("", url, count=1).partition("?")[0] or "/")
    return method, path


@lru_cache(maxsize=256)
def parse_query(query: str) -> VerifyQuery:
    """Return the parsed query string of a request to /verify.

    The parameters are `scope` (any number of times), `environment`, `statuses` and `lease`. Raise
    Problem (`invalid_request`) for other parameters. They are mistakes in the gateway's
    configuration: if a misspelled `scope` were ignored, every token would be admitted.
    """
    if len(query) > MAX_QUERY_LENGTH:
        raise problem.invalid_request(
            [FieldError(field="query", detail=f"It has over {MAX_QUERY_LENGTH} characters.")]
        )
    values = parse_qs(query, keep_blank_values=True)
    scopes = [scope for text in values.pop("scope", []) for scope in text.split()]
    environment, *others = values.pop("environment", [""])
    statuses = ",".join(values.pop("statuses", []))
    lease = values.pop("lease", [])
    errors = [
        FieldError(
            field=name, detail="It is not known. Use scope, environment, statuses or lease."
        )
        for name in values
    ]
    if not all(map(SCOPE.fullmatch, scopes)):
        errors.append(FieldError(field="scope", detail="It takes names such as reports:read."))
    if others or environment not in {"", *ENVIRONMENTS}:
        detail = f"It takes one of {', '.join(ENVIRONMENTS)}."
        errors.append(FieldError(field="environment", detail=detail))
    if not {*statuses.split(",")} <= {"", "400", "401", "403", "429", "503"}:
        detail = "It takes the statuses that the gateway knows, such as 401,403."
        errors.append(FieldError(field="statuses", detail=detail))
    if lease not in ([], ["1"]):
        errors.append(FieldError(field="lease", detail="It takes only 1."))
    if errors:
        raise problem.invalid_request(errors)
    known_statuses = frozenset(map(int, filter(None, statuses.split(","))))
    return VerifyQuery(Requirement(tuple(scopes), environment), known_statuses, bool(lease))


# NOTE: The answer always has all identity headers, even if a value is empty. The gateway copies
# them into the request that it forwards. If the answer lacks a header, Caddy and Envoy leave the
# header of the same name that the client has sent. So the client could pretend to be anybody.
# Add each new header to deploy/nginx.conf, deploy/Caddyfile and docs/gateways.md too.
def identity_headers(token: Token) -> dict[str, str]:
    """Return the headers that tell the gateway the token's owner, identifier and scopes.

    Raise ServiceUnavailable if the database does not answer.
    """
    return {
        "Content-Type": "text/html; charset=utf-8",  # of an empty body, as Django sends it
        "X-Auth-User": str(token.owner_id),
        "X-Auth-Email": owner_email(token),
        "X-Auth-Team": token.team_id or "",
        "X-Auth-Token": token.identifier,
        "X-Auth-Scopes": " ".join(effective_scopes(token)),
        "X-Auth-Environment": token.environment,
        "Cache-Control": "no-store",
    }


# NOTE: The caller counts from the moment at which it SENT its request, which is before the moment
# at which this function reads the clock. So the caller stops to use the answer before the lease of
# the row ends here. A request that the caller admits by itself is therefore like a request that
# this process admits with the leased row: none begins after the answer to a change, as
# docs/performance.md proves. Use the lease of the row that made the decision (`leased_until`), not
# the newest lease of the token: another thread may have read a newer row in the meantime.
def lease_left(token: Token, at: datetime) -> str:
    """Return for how long a caller may use an admission again, as "ms=" and milliseconds.

    The caller counts from the moment at which it sent its request. `at` is when the request
    began. The time ends with the lease of the token's row, and never after the token expires. It
    is 0 without a lease.
    """
    lease = lookup.leases.seconds_left(token.leased_until)
    seconds = min(lease, (token.expires_at - at).total_seconds())
    return f"ms={max(0, int(seconds * 1000))}"


def refuse_gateway(
    error: Problem, record: RequestRecord, known_statuses: frozenset[int]
) -> Answer:
    """Return the problem (an error) as an answer to the gateway, and write it into `record`.

    `known_statuses` has the error statuses that the gateway handles, or is empty if it handles
    all. If it does not handle the problem's status, the answer has another status. A gateway that
    handles only some statuses, such as nginx, ignores the body too. So the answer to such a
    gateway also has the problem in headers.
    """
    record.refuse(error)
    status, headers, body = answer_of(error)
    if known_statuses:
        headers["X-Auth-Status"] = str(status)
        headers["X-Auth-Problem"] = body.decode()
        if status not in known_statuses:
            instead = (known for known in SUBSTITUTES.get(status, ()) if known in known_statuses)
            status = next(instead, min(known_statuses))
    return Answer(status, headers, body)
