"""Tokenry below a path of a host that it shares: SITE_URL=https://intranet.example.com/tokens.

Inside Tokenry the paths are the same as without it, such as `/api/v1/token`. This module cuts the
path of SITE_URL off each request (PEP 3333: SCRIPT_NAME and PATH_INFO). Django puts it before each
link (FORCE_SCRIPT_NAME).
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings

from config.health.probes import PROBES
from config.server.work_permits import Application
from tokens.authentication.forward_auth import is_forward_auth_path
from tokens.problems.challenge import METADATA_PATH


def with_site_path(application: Application) -> Application:
    """Return a WSGI application that answers only below the path of SITE_URL, by `application`.

    Return `application` itself if SITE_URL has no path.
    """
    if not settings.SITE_PATH:
        return application

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = path_below_site(environ.get("PATH_INFO", ""), settings.SITE_PATH)
        if path is None:
            return answer_outside(start_response)
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = settings.SITE_PATH, path
        return application(environ, start_response)

    return answer


# NOTE: A path that a gateway has cut already is refused, although most such paths could be told
# from others. If both were accepted, a gateway that cuts would pass /tokens/tokens/admin/ as
# /tokens/admin/, and so past its own rule for /tokens/admin/.
def path_below_site(path: str, site_path: str) -> str | None:
    """Return what `path` is inside Tokenry, which is at `site_path`. Return None if it is outside.

    Some paths have a meaning at the root of the host too: the address of the metadata, which has
    the path of the site behind it (RFC 9728 section 3.1), and what other servers ask this one
    directly, by its IP address: probes and `/verify`.
    """
    if f"{path}/".startswith(f"{site_path}/"):
        return path.removeprefix(site_path) or "/"
    if path == METADATA_PATH + site_path:
        return METADATA_PATH
    return path if path in PROBES or is_forward_auth_path(path) else None


def answer_outside(start_response: Callable[..., Any]) -> list[bytes]:
    """Answer 404 outside the path of SITE_URL, in words for whoever sets up the gateway."""
    body = (
        f"404 Not Found. Tokenry is at {settings.SITE_URL}/ and answers only below that path. "
        f"A gateway in front must pass the path unchanged, with {settings.SITE_PATH} before it.\n"
    ).encode()
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    start_response("404 Not Found", headers)
    return [body]
