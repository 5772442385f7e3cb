"""System checks of the configuration as a whole."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks

LOCAL = {"localhost", "127.0.0.1", "::1"}


@checks.register()
def plain_http_stays_at_home(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Over http, passwords and tokens can be read on the way: good enough for one's own machine only."""
    if settings.HTTPS or urlsplit(settings.SITE_URL).hostname in LOCAL:
        return []
    hint = "Put a gateway with TLS in front and set SITE_URL to its https:// address."
    return [
        checks.Warning(
            f"SITE_URL is {settings.SITE_URL}: passwords and tokens travel unencrypted.", hint=hint, id="tokenry.W001"
        )
    ]
