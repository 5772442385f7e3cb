"""Well-formed values of tokens that no installation issued. They are the same in each run."""

import re

from tokens.authentication import credentials

SECRET = "Zq8rLw3KdN6vYc0HsJ5mTf1BgX9pEu7RaViO2hWlCkD"


def token_value(
    prefix: str = "tkn", environment: str = "live", letters: str = "4mQ7wXb2ZpT9c1K"
) -> str:
    """Return a value with a correct checksum.

    `letters` are the last 15 characters of the identifier.
    """
    body = f"{prefix}_{environment}_{letters}{SECRET}"
    return body + credentials.checksum(body)


def challenge(*parameters: str, site: str = "http://localhost:8000") -> str:
    """Return the header WWW-Authenticate of an answer with status 401.

    `parameters` stand between the realm and the address of the metadata (RFC 9728).
    """
    metadata = f'resource_metadata="{site}/.well-known/oauth-protected-resource"'
    return ", ".join(['Bearer realm="api"', *parameters, metadata])


def names_metadata(header: str) -> bool:
    """Return True if a challenge names the metadata of a server on this machine."""
    path = "/.well-known/oauth-protected-resource"
    return re.search(rf'resource_metadata="http://localhost:\d+{path}"', header) is not None
