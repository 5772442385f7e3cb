"""“Add to calendar”: files in the iCalendar format with the times at which tokens expire."""

from django.conf import settings
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from tokens.models import Status, Token, TokenQuerySet
from tokens.pages.icalendar import calendar
from tokens.pages.page_owner import OwnerRequest
from tokens.token_settings import token_settings
from tokens.views.guards import of_owner, own_token

MAX_CALENDAR_EVENTS = 1000  # in one file


@own_token
@require_safe
def token_calendar(request: OwnerRequest, token: Token) -> HttpResponse:
    """Return a calendar file with the expiry of one token. Raise Http404 if it does not work."""
    if token.status in {Status.EXPIRED, Status.REVOKED}:
        raise Http404
    return calendar_response(Token.objects.filter(pk=token.pk), f"{token.identifier}.ics")


@of_owner
@require_safe
def tokens_calendar(request: OwnerRequest) -> HttpResponse:
    """Return a calendar file with the expiry of all active tokens of the owner, soonest first.

    Tokens that were renewed are left out, because nobody has to renew them again.
    """
    active = Token.objects.owned_by(request.page_owner.account).active().filter(renewed_at=None)
    tokens = active.order_by("expires_at", "pk")[:MAX_CALENDAR_EVENTS]
    return calendar_response(tokens, "api-tokens.ics")


def calendar_response(tokens: TokenQuerySet, name: str) -> HttpResponse:
    """Return a response with a calendar file called `name`, with an event for each of `tokens`."""
    tokens = tokens.select_related("imported").with_last_change()
    content = calendar(tokens, token_settings.SITE_URL, settings.SITE_HOST, timezone.now())
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, "text/calendar; charset=utf-8", headers=headers)
