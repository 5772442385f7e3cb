"""The header WWW-Authenticate of error answers, called the challenge (RFC 6750, RFC 9728)."""

from functools import cache
from urllib.parse import urlsplit

from tokens.core.addresses import path_if_mounted
from tokens.token_settings import token_settings

# Where clients find out how the API takes tokens (RFC 9728): views/protected_resource.py.
METADATA_PATH = "/.well-known/oauth-protected-resource"


def bearer_challenge(status: int, title: str, error: str | None) -> str:
    """Return the challenge of an error answer, or "" if it has none.

    There is a challenge for status 401, and for each OAuth `error` (RFC 6750 section 3.1). For
    status 401 it names the address of the metadata (RFC 9728 section 5.1), unless the project
    does not mount them.
    """
    if status != 401 and not error:
        return ""
    challenge = 'Bearer realm="api"'
    if error:
        challenge += f', error="{error}", error_description="{title}"'
    if status == 401 and path_if_mounted("protected_resource"):
        challenge += f', resource_metadata="{metadata_url(token_settings.SITE_URL)}"'
    return challenge


@cache
def metadata_url(site_url: str) -> str:
    """Return the address of the metadata of the site at `site_url`.

    If the address of the site has a path, it stands behind METADATA_PATH (RFC 9728 section 3.1).
    """
    site = urlsplit(site_url)
    return f"{site.scheme}://{site.netloc}{METADATA_PATH}{site.path.rstrip('/')}"
