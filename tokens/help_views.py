"""The guide for people who hold tokens, with this installation's own values."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from tokens.denial import KINDS, REFUSALS
from tokens.examples import VARIABLE, examples
from tokens.forms import default_lifetime, environments, lifetimes
from tokens.lifetime import DEFAULT_OVERLAP, OVERLAPS
from tokens.quota import in_words, parse
from tokens.remedies import REMEDIES


@require_safe
def guide(request: HttpRequest) -> HttpResponse:
    """Everybody may read it, signed in or not: it says what anybody learns who calls the API."""
    now = timezone.now()
    choices = lifetimes()
    kinds = environments()
    context = {
        "site_url": settings.SITE_URL,
        "prefix": settings.TOKEN_PREFIX,
        "retention": settings.TOKEN_RETENTION_DAYS,
        "most_tokens": settings.MAX_TOKENS_PER_USER,
        "limit": in_words(parse(settings.TOKEN_RATE_LIMIT)),
        "failures": in_words(parse(settings.FAILED_AUTH_LIMIT)),
        "environments": kinds,
        "environment": kinds[0][0],
        "lifetimes": [(lifetime, lifetime.end(now)) for lifetime in choices.values()],
        "preselected": choices[default_lifetime()],
        "overlaps": OVERLAPS.values(),
        "usual_overlap": OVERLAPS[DEFAULT_OVERLAP],
        "refusals": [(code, KINDS[code].status, remedy) for code, remedy in REMEDIES.items() if code in REFUSALS],
        "examples": examples(settings.SITE_URL),
        "variable": VARIABLE,
    }
    return render(request, "tokens/help.html", context)
