"""System checks of the settings as a whole."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks

LOCAL = {"localhost", "127.0.0.1", "::1"}


@checks.register()
def warn_about_plain_http(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Warn if SITE_URL uses http, except on this machine: others could read passwords."""
    if settings.HTTPS or urlsplit(settings.SITE_URL).hostname in LOCAL:
        return []
    hint = "Put a gateway with TLS in front and set SITE_URL to its https:// address."
    return [
        checks.Warning(
            f"SITE_URL is {settings.SITE_URL}: passwords and tokens travel unencrypted.",
            hint=hint,
            id="tokenry.W001",
        )
    ]
