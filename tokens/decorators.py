"""What a view under /api/ says of itself: `@token_required`, or `@public`. The middleware holds it to that.

@token_required
def report(request):
    request.user     # the token's owner
    request.token    # the Token
"""

from collections.abc import Callable
from typing import Any, TypeVar

from django.views.decorators.common import no_append_slash
from django.views.decorators.csrf import csrf_exempt

View = TypeVar("View", bound=Callable[..., Any])


def token_required(view: View) -> View:
    """The view answers requests made with a valid token. CSRF does not apply: no cookie signs them in."""
    return declare(view, token_required=True)


def public(view: View) -> View:
    """The view answers everybody, and nobody is signed in there."""
    return declare(view, token_required=False)


def declare(view: View, *, token_required: bool) -> View:
    declared = no_append_slash(csrf_exempt(view))  # an API never redirects
    declared.token_required = token_required  # type: ignore[attr-defined]
    return declared
