"""The WSGI application that the server runs."""

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


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Django's, which fails before any middleware over a charset that is no text's, such as hex: all here is UTF-8."""
    if ";" in (content_type := environ.get("CONTENT_TYPE", "")):
        environ["CONTENT_TYPE"] = CHARSET.sub("", content_type)
    return django_application(environ, start_response)
