"""The style sheet of one's own accent colour (ACCENT_COLOR)."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from tokens.core.colors import accent_styles
from tokens.token_settings import token_settings

KEPT_FOREVER = "public, max-age=31536000, immutable"  # `v` in the address names the version


@require_safe
def accent_sheet(request: HttpRequest) -> HttpResponse:
    """Answer with the style sheet, or 404 if there is none or the version is another."""
    styles, current = accent_styles(token_settings.ACCENT_COLOR)
    if not token_settings.ACCENT_COLOR or request.GET.get("v") != current:
        raise Http404
    return HttpResponse(styles, "text/css; charset=utf-8", headers={"Cache-Control": KEPT_FOREVER})
