"""“Add to calendar”: when tokens expire, as files that calendars read."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tokens.calendar import calendar
from tokens.guards import own_token
from tokens.models import Status, Token, TokenQuerySet
from tokens.requests import PageRequest

MOST_EVENTS = 1000  # in one file


@own_token
@require_safe
def token_calendar(request: PageRequest, token: Token) -> HttpResponse:
    """The expiry of one token; 404 once that is past."""
    if token.status in {Status.EXPIRED, Status.REVOKED}:
        raise Http404
    return as_file(Token.objects.filter(pk=token.pk), f"{token.identifier}.ics")


@login_required
@never_cache
@require_safe
def tokens_calendar(request: PageRequest) -> HttpResponse:
    """The expiry of the person's active tokens, the next first, but for those that have a successor."""
    tokens = Token.objects.owned_by(request.user).active().filter(renewed_at=None).order_by("expires_at", "pk")
    return as_file(tokens[:MOST_EVENTS], "api-tokens.ics")


def as_file(tokens: TokenQuerySet, name: str) -> HttpResponse:
    content = calendar(tokens.with_last_change(), settings.SITE_URL, settings.SITE_HOST, timezone.now())
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, "text/calendar; charset=utf-8", headers=headers)
