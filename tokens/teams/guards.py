"""What protects the pages of teams: strangers and installations without teams get 404."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.cache import never_cache

from tokens.authentication.requests import PageRequest
from tokens.models import Membership, Team
from tokens.token_settings import token_settings


def where_teams_are_on(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorate a view for signed-in people. Without the setting TEAM_USER the answer is 404."""

    @login_required
    @never_cache
    @wraps(view)
    def with_teams(request: PageRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not token_settings.TEAM_USER:
            raise Http404
        return view(request, *args, **kwargs)

    return with_teams


def as_member(
    view: Callable[[PageRequest, Membership], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Decorate a view of one team, so that it gets the person's own Membership.

    If the person is not in the team, or the team is deleted meanwhile, the answer is 404.
    """

    @where_teams_are_on
    @wraps(view)
    def with_membership(request: PageRequest, slug: str) -> HttpResponse:
        own = Membership.objects.filter(user_id=request.user.pk)
        membership = get_object_or_404(own.select_related("team__account"), team_id=slug)
        try:
            return view(request, membership)
        except (Team.DoesNotExist, Membership.DoesNotExist):
            raise Http404 from None

    return with_membership
