"""Decorators for views: `@token_required`, `@public` and `@changes_no_decision`.

The middleware enforces them.

@token_required("reports:read")
def report(request):
    request.user     # the token's owner
    request.token    # the Token
"""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar, cast, overload

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import ImproperlyConfigured

from tokens.authentication.credentials import ENVIRONMENTS
from tokens.authentication.policy import Requirement

View = TypeVar("View", bound=Callable[..., Any])
scopes_of_views: set[str] = set()  # all scopes that a view requires
UNCHECKED_VIEW = (
    "A view with @token_required was called, but TokenMiddleware did not check a token for it. "
    "MIDDLEWARE lacks TokenMiddleware, or the decorator is not on the view that the URL names: of "
    "a class, decorate `dispatch` or the result of `as_view()`; other decorators between need "
    "functools.wraps."
)


@overload
def token_required(view: View, /) -> View: ...
@overload
def token_required(*scopes: str, environment: str = "") -> Callable[[View], View]: ...
def token_required(*arguments: Any, environment: str = "") -> Any:
    """Require a valid token with all of the named scopes. Works with and without arguments.

    With `environment` ("live", "test" or "dev"), require a token of that environment. Without
    it, the setting of the installation applies. The view is exempt from CSRF protection, which
    is not needed: requests carry the token in a header, not in a cookie.
    """
    if arguments and callable(arguments[0]):
        return declare(arguments[0], Requirement())
    requirement = requirement_for(arguments, environment)
    return lambda view: declare(view, requirement)


def requirement_for(scopes: tuple[str, ...], environment: str) -> Requirement:
    """Return the requirement of a view. Remember the scopes, which a system check looks up.

    Raise TypeError if a name of a scope is no text, or if there is no such environment.
    """
    are_names = all(isinstance(scope, str) for scope in scopes)
    if not are_names or environment not in {"", *ENVIRONMENTS}:
        raise TypeError(
            "A requirement takes names of scopes, "
            f"and one of {', '.join(ENVIRONMENTS)} as environment"
        )
    scopes_of_views.update(scopes)
    return Requirement(scopes, environment)


def public(view: View) -> View:
    """Let everybody call the view. Its requests have no user and no token."""
    return declare(view, None)


def declare(view: View, requirement: Requirement | None) -> View:
    """Return a copy of `view` that carries its requirement as an attribute, for the middleware.

    None as `requirement` makes the view public. Attributes of Django are set too: no CSRF
    protection, no redirect to an address with a slash, and no sign-in by LoginRequiredMiddleware.
    Raise TypeError if the view has a requirement already.

    The middleware finds the attribute only on the view that the URL names. If the middleware did
    not check the requirement, the copy raises ImproperlyConfigured, so nobody passes.
    """
    if hasattr(view, "requirement"):
        raise TypeError(f"{view!r} is declared twice: use a single @token_required or @public")

    @wraps(view)
    def declared(*args: Any, **kwargs: Any) -> Any:
        if requirement is not None:
            forbid_unchecked(args, requirement)
        return view(*args, **kwargs)

    if iscoroutinefunction(view):
        markcoroutinefunction(declared)
    vars(declared).update(
        requirement=requirement, csrf_exempt=True, should_append_slash=False, login_required=False
    )
    return cast(View, declared)


def forbid_unchecked(arguments: Iterable[Any], requirement: Requirement) -> None:
    """Raise ImproperlyConfigured if a view is called whose `requirement` was not checked.

    `arguments` are those of the view. One of them is the request: the second one of a method.
    """
    requests = [argument for argument in arguments if hasattr(argument, "META")]
    if not requests or getattr(requests[0], "met_requirement", None) != requirement:
        raise ImproperlyConfigured(UNCHECKED_VIEW)


def changes_no_decision(view: View) -> View:
    """Mark a view that never changes what an existing token may do.

    On PostgreSQL, the answer to POST, PUT, PATCH or DELETE waits a quarter of a second, until
    the change holds in each process: see tokens/authentication/change_wait.py. The answers of a
    marked view do not wait.
    """

    vars(view)["changes_no_decision"] = True
    return view
