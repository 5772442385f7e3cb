"""What protects the pages of a token: the check of the owner, and fresh authentication."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.cache import never_cache

from tokens.authentication.requests import PageRequest
from tokens.models import Token
from tokens.token_settings import token_settings


def ask_to_confirm(request: PageRequest, back_to: str) -> HttpResponse | None:
    """Return None if the person has fresh authentication, or else a response that asks for it.

    Fresh means: the person signed in, or confirmed who they are, a short time ago. The function
    that the setting FRESH_AUTHENTICATION names decides. After confirming, the person goes to
    the URL `back_to`.
    """
    answer: HttpResponse | None = token_settings.FRESH_AUTHENTICATION(request, back_to)
    return answer


def own_token(view: Callable[[PageRequest, Token], HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorate a view of one token, so that it gets the Token whose identifier is in the URL.

    The person must be signed in. If the token does not exist or belongs to somebody else, the
    answer is 404 for every HTTP method. So nobody learns which identifiers exist.
    """

    @login_required
    @never_cache
    @wraps(view)
    def with_token(request: PageRequest, identifier: str) -> HttpResponse:
        own = Token.objects.owned_by(request.user).select_related("imported")
        return view(request, get_object_or_404(own, identifier=identifier))

    return with_token
