"""What a view under /api/ says of itself: `@token_required`, or `@public`. The middleware holds it to that.

@token_required("reports:read")
def report(request):
    request.user     # the token's owner
    request.token    # the Token
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast, overload

from asgiref.sync import iscoroutinefunction, markcoroutinefunction

from tokens.credential import ENVIRONMENTS
from tokens.policy import Requirement

View = TypeVar("View", bound=Callable[..., Any])


@overload
def token_required(view: View, /) -> View: ...
@overload
def token_required(*scopes: str, environment: str = "") -> Callable[[View], View]: ...
def token_required(*arguments: Any, environment: str = "") -> Any:
    """The view answers requests made with a valid token that has every one of the scopes named.

    With `environment` ("live", "test" or "dev") only tokens of that one; without, those that the installation
    accepts. CSRF does not apply: no cookie signs anybody in. Write it bare, or with arguments.
    """
    if arguments and callable(arguments[0]):
        return declare(arguments[0], Requirement())
    if not all(isinstance(scope, str) for scope in arguments) or environment not in {"", *ENVIRONMENTS}:
        raise TypeError(f"@token_required takes names of scopes, and one of {', '.join(ENVIRONMENTS)} as environment")
    return lambda view: declare(view, Requirement(arguments, environment))


def public(view: View) -> View:
    """The view answers everybody, and nobody is signed in there."""
    return declare(view, None)


def declare(view: View, requirement: Requirement | None) -> View:
    """The view with what it declares written on it; Django reads the other two, of which the last forbids redirects."""
    if hasattr(view, "requirement"):
        raise TypeError(f"{view!r} is declared twice: one @token_required or @public names all")

    @wraps(view)
    def declared(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    if iscoroutinefunction(view):
        markcoroutinefunction(declared)
    vars(declared).update(requirement=requirement, csrf_exempt=True, should_append_slash=False)
    return cast(View, declared)
