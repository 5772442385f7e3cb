"""The WSGI application that gunicorn runs."""

import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

CHARSET = re.compile(r";\s*charset\s*=[^;]*", re.IGNORECASE)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

try:
    django_application = get_wsgi_application()
except ImproperlyConfigured as error:
    sys.exit(f"tokenry: {error}")

# These need the applications.
from config.site_path import with_site_path  # noqa: E402
from config.verify_shortcut import with_verify_shortcut  # noqa: E402

product_application = with_site_path(with_verify_shortcut(django_application))


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer a request, without the charset of its Content-Type: Tokenry reads all text as UTF-8.

    With a charset that is no text encoding, such as hex, Django fails before any middleware runs.
    """
    if ";" in (content_type := environ.get("CONTENT_TYPE", "")):
        environ["CONTENT_TYPE"] = CHARSET.sub("", content_type)
    return product_application(environ, start_response)
