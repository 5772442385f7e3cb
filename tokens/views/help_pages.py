"""The guide at /help/ for people who hold tokens. It shows the values of this installation."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from tokens.core.addresses import absolute_url, path_if_mounted
from tokens.core.lifetimes import DEFAULT_OVERLAP, OVERLAPS
from tokens.forms.tokens import default_lifetime, environments, lifetimes
from tokens.pages.code_examples import VARIABLE, example_path, examples
from tokens.pages.rendering import render_page
from tokens.problems.catalog import REMEDIES
from tokens.problems.problem import AUTHENTICATION_CODES, TYPES
from tokens.rate_limits.limits import limit_in_words, parse_rate_limit
from tokens.token_settings import token_settings


@require_safe
def guide(request: HttpRequest) -> HttpResponse:
    """Show the guide, also to people who are not signed in.

    It contains nothing secret: each caller of the API learns the same from its answers.
    """
    now = timezone.now()
    choices = lifetimes()
    offered = environments()
    api_path = path_if_mounted("api_token")
    context = {
        "list_url": absolute_url(token_settings.SITE_URL, reverse("tokens:list")),
        "prefix": token_settings.PREFIX[0],
        "other_prefixes": token_settings.PREFIX[1:],
        "retention": token_settings.RETENTION_DAYS,
        "most_tokens": token_settings.MAX_TOKENS_PER_USER,
        "limit": limit_in_words(parse_rate_limit(token_settings.RATE_LIMIT)),
        "failures": limit_in_words(parse_rate_limit(token_settings.FAILED_AUTH_LIMIT)),
        "environments": offered,
        "environment": offered[0][0],
        "lifetimes": [(lifetime, lifetime.end(now)) for lifetime in choices.values()],
        "preselected": choices[default_lifetime()],
        "overlaps": OVERLAPS.values(),
        "usual_overlap": OVERLAPS[DEFAULT_OVERLAP],
        "refusals": [
            (code, TYPES[code].status, remedy)
            for code, remedy in REMEDIES.items()
            if code in AUTHENTICATION_CODES
        ],
        "examples": examples(token_settings.SITE_URL, example_path()),
        "variable": VARIABLE,
        "api_url": api_path and absolute_url(token_settings.SITE_URL, api_path),
        "choices_path": path_if_mounted("profile"),
    }
    return render_page(request, "tokens/help.html", context)
