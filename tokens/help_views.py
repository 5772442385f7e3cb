"""The guide for people who hold tokens, with this installation's own values."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from tokens.denial import KINDS, REFUSALS
from tokens.examples import VARIABLE, examples
from tokens.lifetime import DEFAULT, DEFAULT_OVERLAP, OVERLAPS, within
from tokens.models import Environment
from tokens.quota import in_words, parse
from tokens.remedies import REMEDIES


@require_safe
def guide(request: HttpRequest) -> HttpResponse:
    """Everybody may read it, signed in or not: it says what anybody learns who calls the API."""
    now = timezone.now()
    lifetimes = within(settings.MAX_TOKEN_LIFETIME_DAYS, now).values()
    context = {
        "site_url": settings.SITE_URL,
        "prefix": settings.TOKEN_PREFIX,
        "most_tokens": settings.MAX_TOKENS_PER_USER,
        "limit": in_words(parse(settings.TOKEN_RATE_LIMIT)),
        "failures": in_words(parse(settings.FAILED_AUTH_LIMIT)),
        "environments": Environment.choices,
        "lifetimes": [(lifetime, lifetime.end(now)) for lifetime in lifetimes],
        "preselected": DEFAULT,
        "overlaps": OVERLAPS.values(),
        "usual_overlap": OVERLAPS[DEFAULT_OVERLAP],
        "refusals": [(code, KINDS[code].status, remedy) for code, remedy in REMEDIES.items() if code in REFUSALS],
        "examples": examples(settings.SITE_URL),
        "variable": VARIABLE,
    }
    return render(request, "tokens/help.html", context)
