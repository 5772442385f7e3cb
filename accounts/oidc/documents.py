"""The provider's documents: its addresses (discovery) and its public keys, kept for a while."""

import logging
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from accounts.oidc.configuration import sign_on
from accounts.oidc.errors import SignOnError

log = logging.getLogger(__name__)

KEEP_SECONDS = 3600.0
# The least time between two requests for the keys because of an unknown key. Anybody can send a
# token that names an unknown key.
NEW_KEYS_SECONDS = 60.0
NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")

Fetch = Callable[[str], dict[str, Any]]


class ProviderDocuments:
    """The documents of one issuer. Several threads may use the object."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}  # by URL: since when, and what
        self._asked_again_at = 0.0  # when an unknown key last led to a request

    def configuration(self, fetch: Fetch) -> dict[str, Any]:
        """Return the discovery document. Raise SignOnError "away" or "invalid"."""
        url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        return self._document(url, fetch, check=self._check)

    def keys(self, kid: str | None, fetch: Fetch) -> list[dict[str, Any]]:
        """Return the public keys with the name `kid`, or all keys if `kid` is None.

        If no key has this name, the provider may have new keys. So fetch the keys again, at most
        every NEW_KEYS_SECONDS.
        """
        url = self.configuration(fetch)["jwks_uri"]
        found = named(self._document(url, fetch), kid)
        last = max(self._kept[url][0], self._asked_again_at)
        if not found and time.monotonic() - last >= NEW_KEYS_SECONDS:
            self._asked_again_at = time.monotonic()  # also if the provider does not answer
            found = named(self._document(url, fetch, keep=0), kid)
        return found

    def _document(
        self,
        url: str,
        fetch: Fetch,
        *,
        keep: float = KEEP_SECONDS,
        check: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> dict[str, Any]:
        since, document = self._kept.get(url, (0.0, {}))
        if not document or time.monotonic() - since >= keep:
            document = fetch(url)
            check(document)
            self._kept[url] = time.monotonic(), document
        return document

    def _check(self, document: dict[str, Any]) -> None:
        """Raise SignOnError "invalid" if the document is another issuer's or lacks an address."""
        scheme = urlsplit(self.issuer).scheme
        addresses = [document.get(name) for name in NEEDED]
        if "userinfo_endpoint" in document:
            addresses.append(document["userinfo_endpoint"])
        if document.get("issuer") != self.issuer:
            log.error("the OpenID provider names another issuer than OIDC_ISSUER, %s", self.issuer)
        elif not all(
            isinstance(address, str) and urlsplit(address).scheme in {scheme, "https"}
            for address in addresses
        ):
            log.error("the discovery document of %s lacks an address by https", self.issuer)
        else:
            return
        raise SignOnError("invalid")


def named(document: dict[str, Any], kid: str | None) -> list[dict[str, Any]]:
    """Return the keys of a key set (RFC 7517) with the name `kid`, or all if `kid` is None."""
    keys = document.get("keys")
    found = [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []
    return [key for key in found if kid is None or key.get("kid") == kid]


_documents = ProviderDocuments("")


def provider_documents() -> ProviderDocuments:
    """Return the documents of the provider in the settings."""
    global _documents  # noqa: PLW0603  # one provider for each process
    on = sign_on()
    issuer = on.issuer if on else ""
    if _documents.issuer != issuer:
        _documents = ProviderDocuments(issuer)
    return _documents
