"""What stands before a page of tokens: whose the token is, and how long ago the person proved who they are."""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache

from tokens.models import Token
from tokens.requests import PageRequest


def confirm_if_stale(request: PageRequest, back_to: str) -> HttpResponse | None:
    """Fresh authentication, wherever the project keeps it: a response that asks for it, or None."""
    answer: HttpResponse | None = import_string(settings.FRESH_AUTHENTICATION)(request, back_to)
    return answer


def own_token(view: Callable[[PageRequest, Token], HttpResponse]) -> Callable[..., HttpResponse]:
    """Give the view the person's own token of that identifier; anything else is 404, whatever the method."""

    @login_required
    @never_cache
    @wraps(view)
    def with_token(request: PageRequest, identifier: str) -> HttpResponse:
        return view(request, get_object_or_404(Token.objects.owned_by(request.user), identifier=identifier))

    return with_token
