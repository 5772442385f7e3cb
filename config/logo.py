"""The product's own logo (LOGO), and the address of the icon that browsers show in a tab."""

from functools import cache
from hashlib import sha256

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

from tokens.views.appearance import KEPT_FOREVER

# For somebody who opens the logo as a page: nothing runs and nothing is loaded.
DRAWING_ONLY = "default-src 'none'; style-src 'unsafe-inline'"


@cache
def version_of(content: bytes) -> str:
    """Return a name for this version of the logo, for its address."""
    return sha256(content).hexdigest()[:16]


@require_safe
def logo(request: HttpRequest) -> HttpResponse:
    """Answer with the logo, or 404 if there is none or the version is another."""
    if not settings.LOGO or request.GET.get("v") != version_of(settings.LOGO):
        raise Http404
    headers = {"Cache-Control": KEPT_FOREVER, "Content-Security-Policy": DRAWING_ONLY}
    return HttpResponse(settings.LOGO, "image/svg+xml", headers=headers)


def logo_path() -> str:
    """Return the path of the logo, or "" if there is none."""
    return f"{reverse('logo')}?v={version_of(settings.LOGO)}" if settings.LOGO else ""


def icon_path() -> str:
    """Return the path of the icon for tabs and bookmarks: the logo, or the product's key."""
    return logo_path() or static("icon.svg")
