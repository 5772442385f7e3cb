"""Share error handling and checks between all operations of the HTTP API.

The middleware authenticates a request. Then the `auth=` of the operation checks the scopes. Each
error is raised as a Problem (an error answer of the API), which the middleware sends.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NoReturn

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.operation import Operation

from tokens.api.policy_problems import policy_problem
from tokens.authentication.policy import Requirement
from tokens.authentication.requests import require
from tokens.core.circuit_breaker import ServiceUnavailable
from tokens.forms.tokens import limit_message
from tokens.models import (
    AlreadyRenewed,
    KeyReused,
    OwnerAway,
    PolicyBroken,
    ScopeNotAllowed,
    Token,
    TokenLimitReached,
    TokenRevoked,
)
from tokens.problems import problem
from tokens.problems.problem import FieldError, Problem

MAX_FIELD_LENGTH = 100  # of a field's name in an error, because a client can send any name
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PLAIN_DETAILS = {  # our texts for some of pydantic's types of errors
    "extra_forbidden": "There is no such field.",
    "missing": "This is needed.",
    "model_attributes_type": "This has to be a JSON object.",
    "model_type": "This has to be a JSON object.",
    "string_pattern_mismatch": "This has the wrong form, or a character that is not allowed.",
}
KEY_REUSED = FieldError(
    field="Idempotency-Key",
    detail="This key came with a different request before. Use a new key.",
)
OWNER_AWAY = (
    "The account of the owner is switched off, so its tokens can't be renewed and make no tokens."
)
View = Callable[..., HttpResponse]


class ProblemAPI(NinjaAPI):
    """The ninja API. It raises errors, so that the middleware can answer them.

    Errors that a client can correct are raised as Problems. All other errors are raised
    unchanged.

    Of these methods, ninja documents only `get_openapi_operation_id`. The others were read in
    django-ninja 1.7.1.
    """

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__

    def get_content_type(self) -> str:
        """Return the media type of JSON, which has no charset (RFC 8259 section 11)."""
        return JSON

    def on_exception(self, request: HttpRequest, exc: Any) -> NoReturn:
        as_problem = PROBLEMS_BY_EXCEPTION.get(type(exc))
        raise as_problem(exc) if as_problem else exc


class Needs:
    """The `auth=` of an operation: checks that the calling token has all of `scopes`.

    If `basic` is True, clients may also send the token as the password of HTTP Basic. If
    `introspects` is True, the operation has the rate limit of introspections.
    """

    def __init__(self, *scopes: str, basic: bool = False, introspects: bool = False) -> None:
        self.scopes = scopes
        self.basic = basic
        self.introspects = introspects

    def __call__(self, request: HttpRequest) -> bool:
        """Return True if the calling token has the scopes. Else raise Problem, an error answer."""
        require(request, Requirement(self.scopes))
        return True


def accepts(media_type: str) -> Callable[[View], View]:
    """Return a decorator for operations that refuses a wrong or too large request body.

    A body is wrong if its Content-Type is not `media_type`. Only POST and PATCH are checked.
    """

    def decorator(run: View) -> View:
        @wraps(run)
        def checked(request: HttpRequest, **path: Any) -> HttpResponse:
            if (
                request.method in {"POST", "PATCH"}
                and body_of(request)
                and request.content_type != media_type
            ):
                raise problem.unsupported_media_type(media_type)
            return run(request, **path)

        return checked

    return decorator


def body_of(request: HttpRequest) -> bytes:
    """Return the request's body. Raise Problem (413) if it exceeds DATA_UPLOAD_MAX_MEMORY_SIZE."""
    try:
        return request.body
    except RequestDataTooBig:
        raise problem.content_too_large() from None


def validation_problem(exc: ValidationError) -> Problem:
    """Return a Problem (an error answer) that names each wrong field.

    The status is 400 if a form is wrong, as OAuth requires, and 422 for all other input.
    """
    errors = [field_error(error) for error in exc.errors[: problem.MAX_ERRORS]]
    in_form = exc.errors[0]["loc"][0] == "form"
    return problem.invalid_form(errors) if in_form else problem.invalid_request(errors)


def field_error(error: dict[str, Any]) -> FieldError:
    """Convert an error of pydantic to the form in which the API answers.

    The answer does not repeat the value that was sent, because the value may be secret.
    """
    own = error["ctx"]["error"] if error["type"] == "value_error" else error["msg"]
    return FieldError(
        field=field_name(error["loc"]), detail=PLAIN_DETAILS.get(error["type"], str(own))
    )


def field_name(place: Sequence[str | int]) -> str:
    """Return the name of a wrong field as the client knows the name.

    For the place ("body", "wanted", "scopes", 0) in pydantic's error, this is "scopes.0". The
    client does not know the source ("body"), nor the name of our parameter for the body
    ("wanted").
    """
    where, *names = place
    if where == "body":
        names = names[1:]
    return ".".join(map(str, names))[:MAX_FIELD_LENGTH] or "body"


# How to answer an exception that the client caused, or a service that does not answer. All other
# exceptions are our own mistakes, and get the status 500.
PROBLEMS_BY_EXCEPTION: dict[type[Exception], Callable[[Any], Problem]] = {
    ValidationError: validation_problem,
    HttpError: lambda _: problem.bad_request("its body is not JSON"),
    ServiceUnavailable: lambda _: problem.unavailable(),
    InterfaceError: lambda _: problem.unavailable(),
    OperationalError: lambda _: problem.unavailable(),
    InternalError: lambda _: (
        problem.unavailable()
    ),  # the database refuses writes, for example during a fail-over
    KeyReused: lambda _: problem.invalid_request([KEY_REUSED]),
    ScopeNotAllowed: lambda exc: problem.exceeds_caller(
        [
            FieldError(
                field="scopes", detail=f"The owner may not give {', '.join(exc.names)} to a token."
            )
        ]
    ),
    # The token got another owner while the request ran.
    Token.DoesNotExist: lambda _: problem.unavailable(),
    OwnerAway: lambda _: Problem("forbidden", OWNER_AWAY),
    TokenLimitReached: lambda exc: Problem("conflict", limit_message(exc)),
    PolicyBroken: policy_problem,
    TokenRevoked: lambda _: Problem(
        "conflict", "The token is revoked, so it can't be changed any more."
    ),
    AlreadyRenewed: lambda exc: Problem(
        "conflict", f"The token was renewed before: its successor is {exc.successor.identifier}."
    ),
}
