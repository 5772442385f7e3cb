"""Values of tokens that no installation issued: well formed, and the same in each run."""

from tokens import credential

SECRET = "Zq8rLw3KdN6vYc0HsJ5mTf1BgX9pEu7RaViO2hWlCkD"


def token_value(prefix: str = "tkn", environment: str = "live", letters: str = "4mQ7wXb2ZpT9c1K") -> str:
    """Return a value with a right checksum, whose identifier has those 15 letters."""
    body = f"{prefix}_{environment}_{letters}{SECRET}"
    return body + credential.checksum(body)
