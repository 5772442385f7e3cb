"""What protects the pages of tokens: the check of the owner, and fresh authentication."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.cache import never_cache

from tokens.authentication.requests import PageRequest
from tokens.models import Team, Token
from tokens.pages.page_owner import OwnerRequest, PageOwner
from tokens.token_settings import token_settings


def ask_to_confirm(request: PageRequest, back_to: str) -> HttpResponse | None:
    """Return None if the person has fresh authentication, or else a response that asks for it.

    Fresh means: the person signed in, or confirmed who they are, a short time ago. The function
    that the setting FRESH_AUTHENTICATION names decides. After confirming, the person goes to
    the URL `back_to`.
    """
    answer: HttpResponse | None = token_settings.FRESH_AUTHENTICATION(request, back_to)
    return answer


def confirms_itself(view: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a page of administration that calls `ask_to_confirm` itself.

    The administration of Tokenry asks before each change, and then forgets what was typed.
    """
    vars(view)["confirms_itself"] = True
    return view


def of_owner(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Decorate a view of the tokens of one owner: set `request.page_owner`, a PageOwner.

    The parameter `owner` of the URL names a team. The person must be signed in. If the person is
    not in the team, the answer is 404 for every HTTP method, as if there were no such team.
    """

    @login_required
    @never_cache
    @wraps(view)
    def with_owner(request: OwnerRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        slug = request.GET.get("owner", "")
        request.page_owner = PageOwner(request.user)
        if slug:
            team = own_team(request.user, slug)
            request.page_owner = PageOwner(team.account, team)
        try:
            return view(request, *args, **kwargs)
        except Token.DoesNotExist:  # one of the tokens was handed over or deleted meanwhile
            raise Http404 from None

    return with_owner


def own_team(person: AbstractBaseUser, slug: str) -> Team:
    """Return the team of `person` with this short name. Raise Http404 if there is none."""
    if not token_settings.TEAM_USER or "\0" in slug:
        raise Http404
    return get_object_or_404(Team.objects.of(person).select_related("account"), pk=slug)


def own_token(view: Callable[[OwnerRequest, Token], HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorate a view of one token, so that it gets the Token whose identifier is in the URL.

    Also set `request.page_owner`, the owner of the token. The person must be signed in. If the
    token does not exist, or belongs neither to the person nor to a team of the person, the answer
    is 404 for every HTTP method. So nobody learns which identifiers exist.
    """

    @login_required
    @never_cache
    @wraps(view)
    def with_token(request: OwnerRequest, identifier: str) -> HttpResponse:
        reachable = Token.objects.reachable_by(request.user)
        tokens = reachable.select_related("imported", "owner", "team")
        token = get_object_or_404(tokens, identifier=identifier)
        request.page_owner = PageOwner.of(token)
        try:
            return view(request, token)
        except Token.DoesNotExist:  # handed over or deleted meanwhile
            raise Http404 from None

    return with_token
