"""Cookies, and the redirect to https. SITE_URL decides about both."""

import re
from typing import Any

# Paths that are never redirected: a client of the API has sent its token already.
PROGRAM_PATHS = ("api/", "verify(/|$)", r"\.well-known/oauth-protected-resource$")


def transport_settings(https: bool, site_path: str) -> dict[str, Any]:
    """Return Django's settings of cookies and of the redirect, and COOKIE_SUFFIX.

    All ports and paths of a host share their cookies. So the names are not those that Django gives
    the cookies of other applications. Below a path the names end with COOKIE_SUFFIX, so that two
    installations on one host do not take each other's cookies.

    With the prefix `__Host-` a browser takes a cookie only from this host, but only with the path
    `/`. The prefix `__Secure-` allows other paths.
    """
    suffix = site_path.replace("/", "_")
    prefix = ("__Secure-" if site_path else "__Host-") if https else ""
    # Django compares a path without its first slash.
    site = re.escape(f"{site_path}/"[1:])
    return {
        "COOKIE_SUFFIX": suffix,
        "SESSION_COOKIE_NAME": f"{prefix}tokenry_session{suffix}",
        "CSRF_COOKIE_NAME": f"{prefix}tokenry_csrftoken{suffix}",
        "SESSION_COOKIE_PATH": f"{site_path}/",
        "CSRF_COOKIE_PATH": f"{site_path}/",
        "SESSION_COOKIE_SECURE": https,
        "CSRF_COOKIE_SECURE": https,
        "CSRF_COOKIE_HTTPONLY": True,
        "SECURE_SSL_REDIRECT": https,
        "SECURE_REDIRECT_EXEMPT": [f"^{site}{path}" for path in PROGRAM_PATHS],
        "SECURE_HSTS_SECONDS": 31_536_000 if https else 0,
    }
