"""django-ninja behind our own middleware: that authenticates, an operation's `auth=` declares the scope, and whatever
either refuses, or ninja does, is a Denial, which the middleware answers as problem+json."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NoReturn

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.operation import Operation

from tokens import denial
from tokens.authentication import require
from tokens.breaker import Down
from tokens.denial import Denial, FieldError
from tokens.forms import refusal
from tokens.models import (
    AlreadyRenewed,
    KeyReused,
    ScopeNotAllowed,
    TokenLimitReached,
    TokenRevoked,
)
from tokens.policy import Requirement

FIELD_LENGTH = 100  # of a field's name, which the client chose
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PLAINER = {  # than pydantic's own words
    "extra_forbidden": "There is no such field.",
    "missing": "This is needed.",
    "model_attributes_type": "This has to be a JSON object.",
    "model_type": "This has to be a JSON object.",
    "string_pattern_mismatch": "This is not of the right form, or has a character that it can't have.",
}
View = Callable[..., HttpResponse]


class API(NinjaAPI):
    """One whose failures are Denials where they are the client's, and go on to the middleware as they are else."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__

    def on_exception(self, request: HttpRequest, exc: Any) -> NoReturn:
        refuse = DENIALS.get(type(exc))
        raise refuse(exc) if refuse else exc


class Needs:
    """The `auth=` of an operation: the scopes that the calling token needs besides being valid.

    `basic` says that its route takes Basic credentials too; see tokens.api.urls.
    """

    def __init__(self, *scopes: str, basic: bool = False) -> None:
        self.scopes = scopes
        self.basic = basic

    def __call__(self, request: HttpRequest) -> bool:
        """Whether the proven token has them: True, or a Denial, recorded as the pipeline's own are."""
        require(request, Requirement(self.scopes))
        return True


def accepts(media_type: str) -> Callable[[View], View]:
    """A decorator for operations: a body has to be of that type, and no larger than Django reads."""

    def decorator(run: View) -> View:
        @wraps(run)
        def checked(request: HttpRequest, **path: Any) -> HttpResponse:
            if request.method in {"POST", "PATCH"} and body_of(request) and request.content_type != media_type:
                raise denial.unsupported_media_type(media_type)
            return run(request, **path)

        return checked

    return decorator


def body_of(request: HttpRequest) -> bytes:
    """The body; a Denial where it is too large (DATA_UPLOAD_MAX_MEMORY_SIZE)."""
    try:
        return request.body
    except RequestDataTooBig:
        raise denial.content_too_large() from None


def not_valid(failure: ValidationError) -> Denial:
    """Every field that is wrong, in the form that this kind of body asks for."""
    errors = [field_error(error) for error in failure.errors[: denial.MOST_ERRORS]]
    in_form = failure.errors[0]["loc"][0] == "form"
    return denial.invalid_form(errors) if in_form else denial.invalid_request(errors)


def field_error(error: dict[str, Any]) -> FieldError:
    """One of pydantic's in our form; it never quotes the value."""
    own = error["ctx"]["error"] if error["type"] == "value_error" else error["msg"]
    return FieldError(field=field_name(error["loc"]), detail=PLAINER.get(error["type"], str(own)))


def field_name(place: Sequence[str | int]) -> str:
    """A field as the client wrote it: ninja puts where it comes from first, and our name of the whole body next."""
    where, *names = place
    if where == "body":
        names = names[1:]
    return ".".join(map(str, names))[:FIELD_LENGTH] or "body"


# What is the client's to put right; anything else is a fault of ours.
DENIALS: dict[type[Exception], Callable[[Any], Denial]] = {
    ValidationError: not_valid,
    HttpError: lambda _: denial.bad_request("its body is not JSON"),
    Down: lambda _: denial.unavailable(),
    InterfaceError: lambda _: denial.unavailable(),
    OperationalError: lambda _: denial.unavailable(),
    InternalError: lambda _: denial.unavailable(),  # it takes no writes, as in a fail-over
    KeyReused: lambda _: denial.invalid_request(
        [FieldError(field="Idempotency-Key", detail="It came with another request before. Use a new one for this.")]
    ),
    ScopeNotAllowed: lambda failure: denial.beyond_caller(
        [FieldError(field="scopes", detail=f"Not its owner's to give: {', '.join(failure.names)}.")]
    ),
    TokenLimitReached: lambda failure: denial.conflict(refusal(failure)),
    TokenRevoked: lambda _: denial.conflict("The token is revoked: nothing about it can change any more."),
    AlreadyRenewed: lambda failure: denial.conflict(
        f"The token was renewed before: {failure.successor.identifier} replaces it."
    ),
}
