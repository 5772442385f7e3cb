"""A passkey or security key in software, for tests without a browser."""

import json
import secrets
from hashlib import sha256
from typing import Any

from allauth.account.utils import user_pk_to_url_str
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from django.conf import settings
from django.test import Client
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from accounts.models import User

FLAG = AuthenticatorData.FLAG


class Key:
    """A key of `user`. With `pin`, the key verifies its user, for example by a fingerprint."""

    def __init__(self, user: User, *, pin: bool) -> None:
        self.user, self.pin = user, pin
        self.id = secrets.token_bytes(16)
        self.private = ec.generate_private_key(ec.SECP256R1())

    def data(self, flags: int = 0, credential: bytes = b"") -> Any:
        """Return the authenticator data of the key."""
        site = sha256(settings.SITE_HOST.encode()).digest()
        return AuthenticatorData.create(
            site, FLAG(flags | FLAG.UP | (FLAG.UV if self.pin else 0)), 0, credential
        )

    def credential(self, response: dict[str, Any], results: dict[str, Any]) -> dict[str, Any]:
        """Return `response` in the form of a browser."""
        name = websafe_encode(self.id)
        encoded = {key: websafe_encode(value) for key, value in response.items()}
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "response": encoded,
            "clientExtensionResults": results,
        }

    def registration(self, challenge: str, results: dict[str, Any]) -> dict[str, Any]:
        """Answer the challenge to add the key.

        `results` are the results of the browser's extensions.
        """
        key = self.private.public_key()
        public = ES256.from_cryptography_key(key)  # type: ignore[no-untyped-call]
        attested = AttestedCredentialData.create(bytes(16), self.id, public)
        attestation = AttestationObject.create("none", self.data(FLAG.AT, attested), {})
        client = CollectedClientData.create("webauthn.create", challenge, settings.SITE_URL)
        return self.credential(
            {"clientDataJSON": client, "attestationObject": attestation}, results
        )

    def assertion(self, challenge: str) -> dict[str, Any]:
        """Answer the challenge to sign in."""
        client = CollectedClientData.create("webauthn.get", challenge, settings.SITE_URL)
        data = self.data()
        response = {
            "clientDataJSON": client,
            "authenticatorData": data,
            "signature": self.private.sign(data + client.hash, ec.ECDSA(SHA256())),
            "userHandle": user_pk_to_url_str(self.user).encode(),
        }
        return self.credential(response, {})

    def add(
        self, client: Client, *, passwordless: bool, results: dict[str, Any] | None = None
    ) -> Any:
        """Add the key to the account that is signed in with `client`."""
        path = "/accounts/2fa/webauthn/add/"
        challenge = client.get(path).context["js_data"]["creation_options"]["publicKey"][
            "challenge"
        ]
        results = {"credProps": {"rk": passwordless}} if results is None else results
        form = {"name": "Key", "credential": json.dumps(self.registration(challenge, results))}
        return client.post(path, form | ({"passwordless": "on"} if passwordless else {}))
