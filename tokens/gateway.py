"""/verify: a gateway asks whether a request may pass, and as whose. No view, because it is on the hot path too."""

import json
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qs, unquote

from django.http import HttpRequest, HttpResponse

from tokens import denial
from tokens.answers import answer
from tokens.authentication import authenticate, held_scopes
from tokens.breaker import Down
from tokens.call import Call
from tokens.credential import ENVIRONMENTS
from tokens.denial import Denial, FieldError
from tokens.policy import SCOPE, Requirement

PATH = "/verify"
MOST_CHARACTERS = 1000  # of a question: what anybody may ask is kept in memory
# The method and the address of the request that waits, as gateways name them; Envoy asks with its own, below PATH.
METHODS = ("HTTP_X_ORIGINAL_METHOD", "HTTP_X_FORWARDED_METHOD")
ADDRESSES = ("HTTP_X_ORIGINAL_URI", "HTTP_X_ORIGINAL_URL", "HTTP_X_FORWARDED_URI")
SITE = re.compile(r"^[a-z][a-z0-9+.-]*://[^/?#]*", re.IGNORECASE)  # of a whole URL, which ingress-nginx sends
INSTEAD = {400: (401, 403), 429: (403, 401), 503: (403, 401)}  # for gateways that do not know that status


class Question(NamedTuple):
    """What the query string of a gateway's request asks for."""

    requirement: Requirement
    statuses: frozenset[int]  # of refusals that the gateway knows; none means all


def is_asked(path: str) -> bool:
    """Whether `path` is /verify or below it."""
    return path.startswith(PATH) and path[len(PATH) : len(PATH) + 1] in {"", "/"}


def verify(request: HttpRequest) -> HttpResponse:
    """200 and whose request it is, whatever its method; else the refusal. Every header of identity is always there,
    because a gateway passes on what a client made up where one is missing."""
    call: Call = request.call  # type: ignore[attr-defined]  # the middleware made it
    call.ask(*original(request, request.path_info))
    try:
        question = read(request.META.get("QUERY_STRING", ""))
    except Denial as wrong:
        return answer(request, wrong)
    try:
        authenticate(request, question.requirement)
        return identity(request)
    except Denial as refused:
        return in_known_status(answer(request, refused), refused, question.statuses)


def original(request: HttpRequest, path: str) -> tuple[str, str]:
    """The method and the path, without query, of the request that waits at the gateway."""
    meta = request.META
    method = next((meta[name] for name in METHODS if name in meta), request.method or "")
    if address := next((meta[name] for name in ADDRESSES if name in meta), ""):
        return method, unquote(SITE.sub("", address, count=1).partition("?")[0] or "/")  # as a path of our own comes
    return method, path[len(PATH) :] or path  # /verify itself where the gateway does not say


@lru_cache(maxsize=256)
def read(query: str) -> Question:
    """`scope=` as often as needed, `environment=` and `statuses=`. Anything else is a mistake of the configuration,
    and lets nobody in: raises denial.Denial."""
    if len(query) > MOST_CHARACTERS:
        raise denial.invalid_request([FieldError(field="query", detail=f"It has over {MOST_CHARACTERS} characters.")])
    asked = parse_qs(query, keep_blank_values=True)
    scopes = [scope for text in asked.pop("scope", []) for scope in text.split()]
    environment, *others = asked.pop("environment", [""])
    statuses = ",".join(asked.pop("statuses", []))
    errors = [FieldError(field=name, detail="It is not known: scope, environment and statuses are.") for name in asked]
    if not all(map(SCOPE.fullmatch, scopes)):
        errors.append(FieldError(field="scope", detail="It takes names such as reports:read."))
    if others or environment not in {"", *ENVIRONMENTS}:
        errors.append(FieldError(field="environment", detail=f"It takes one of {', '.join(ENVIRONMENTS)}."))
    if not {*statuses.split(",")} <= {"", "400", "401", "403", "429", "503"}:
        errors.append(FieldError(field="statuses", detail="It takes those that the gateway knows, such as 401,403."))
    if errors:
        raise denial.invalid_request(errors)
    return Question(Requirement(tuple(scopes), environment), frozenset(map(int, filter(None, statuses.split(",")))))


def identity(request: HttpRequest) -> HttpResponse:
    """200 with the owner and the token in headers."""
    token = request.token  # type: ignore[attr-defined]  # authenticated
    try:
        scopes = held_scopes(token)
    except Down:
        raise denial.unavailable() from None
    return HttpResponse(
        headers={
            "X-Auth-User": str(token.owner_id),
            "X-Auth-Email": token.owner.get_username(),
            "X-Auth-Token": token.identifier,
            "X-Auth-Scopes": " ".join(scopes),
            "X-Auth-Environment": token.environment,
            "Cache-Control": "no-store",
        }
    )


def in_known_status(response: HttpResponse, refused: Denial, known: frozenset[int]) -> HttpResponse:
    """For a gateway that knows but `known` statuses and no body (nginx): another one, with the refusal in headers."""
    if known:
        response["X-Auth-Status"] = str(refused.status)
        response["X-Auth-Problem"] = json.dumps(refused.problem())
        if refused.status not in known:
            response.status_code = next((s for s in INSTEAD.get(refused.status, ()) if s in known), min(known))
    return response
