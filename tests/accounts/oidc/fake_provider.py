"""An OpenID provider in this process, which signs whatever a test says."""

import json
import time
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.test import Client

CLIENT_ID, CLIENT_SECRET = "tokenry:1", "s/ecret+of the client"
LOGIN, CALLBACK = "/accounts/oidc/login/", "/accounts/oidc/callback/"
CONFIRM, LOGOUT = "/accounts/oidc/confirm/", "/accounts/oidc/logout/"
PERSON = {
    "sub": "person-1", "email": "Ada@Example.com", "email_verified": True, "name": "Ada  Lovelace",
}  # fmt: skip


class SigningKey:
    """A private key of the provider, with the public part as the provider publishes it."""

    def __init__(self, kid: str, algorithm: str = "RS256") -> None:
        self.kid, self.algorithm = kid, algorithm
        self.private: Any = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm == "ES256"
            else rsa.generate_private_key(65537, 2048)
        )
        kind: Any = jwt.get_algorithm_by_name(algorithm)
        public = kind.to_jwk(self.private.public_key(), as_dict=True)
        self.public: dict[str, Any] = public | {"kid": kid, "use": "sig"}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        return jwt.encode(claims, self.private, self.algorithm, {"kid": self.kid, **header})


RSA_KEY, NEW_KEY = SigningKey("first"), SigningKey("second")


class FakeProvider:
    """The provider. Tests change `claims`, `userinfo`, `keys` or `sign`."""

    def __init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, args=[0.02], daemon=True).start()
        self.reset()

    def reset(self) -> None:
        self.claims: dict[str, Any] = dict(PERSON)
        self.userinfo: dict[str, Any] = {}
        self.keys = [RSA_KEY]
        self.sign: Callable[[dict[str, Any]], object] = self.sign_with_the_key
        self.discovery: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}  # what each unused code was given for
        self.asked: Counter[str] = Counter()  # requests by path
        self.forms: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.status = 200

    def sign_with_the_key(self, claims: dict[str, Any]) -> str:
        return self.keys[0].sign(claims)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, path: str, form: dict[str, str], headers: dict[str, str]) -> tuple[int, Any]:
        self.asked[path] += 1
        if self.status != 200:
            return self.status, {}
        if path == "/.well-known/openid-configuration":
            addresses = {
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "jwks_uri": f"{self.issuer}/keys",
            }
            return 200, {"issuer": self.issuer, **addresses, **self.discovery}
        if path == "/keys":
            return 200, {"keys": [key.public for key in self.keys]}
        if path == "/userinfo":
            return 200, self.userinfo
        self.forms.append(form)
        self.headers.append(headers)
        begun = self.codes.pop(form.get("code", ""), None)
        digest = sha256(form.get("code_verifier", "").encode()).digest()
        challenge = urlsafe_b64encode(digest).decode().rstrip("=")
        if begun is None or challenge != begun["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        return 200, {
            "access_token": "an-access-token", "token_type": "Bearer",
            "id_token": self.sign(self.usual_claims(begun) | self.claims),
        }  # fmt: skip

    def authorize(self, sent: dict[str, str]) -> str:
        """Return where a browser goes that opens the address of the sign-in: back, with a code.

        The first step leads over another host, as providers do that know the person elsewhere.
        """
        if "elsewhere" not in sent:
            elsewhere = urlencode(sent | {"elsewhere": "1"})
            return f"{self.issuer.replace('127.0.0.1', 'localhost')}/authorize?{elsewhere}"
        code = f"code-{sent['state']}"
        self.codes[code] = sent
        return f"{sent['redirect_uri']}?{urlencode({'code': code, 'state': sent['state']})}"

    def usual_claims(self, begun: dict[str, str]) -> dict[str, Any]:
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300}
        return usual | {"nonce": begun["nonce"], "auth_time": now}

    def logout_token(self, key: SigningKey = RSA_KEY, **changes: Any) -> str:
        """Return a logout token. A claim that is changed to None is left out."""
        now = int(time.time())
        event: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
        claims = {
            "iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 120, "jti": "once",
            "sub": PERSON["sub"], "events": event,
        } | changes  # fmt: skip
        return key.sign({name: value for name, value in claims.items() if value is not None})

    def begin(self, client: Client, path: str = LOGIN, **form: str) -> dict[str, str]:
        """Press the button, and return what the browser sends to the provider."""
        page = client.post(path, form)
        assert page.status_code == 200, page.content.decode()
        sent = urlsplit(page.context["address"])
        assert f"{sent.scheme}://{sent.netloc}{sent.path}" == f"{self.issuer}/authorize"
        return {name: values[0] for name, values in parse_qs(sent.query).items()}

    def come_back(self, client: Client, begun: dict[str, str], **changes: str) -> Any:
        """Sign in at the provider, which sends the browser back with a code."""
        code = f"code-{begun['state']}"
        self.codes[code] = begun
        return client.get(CALLBACK, {"code": code, "state": begun["state"], **changes})

    def sign_in(self, client: Client, path: str = LOGIN, **form: str) -> Any:
        return self.come_back(client, self.begin(client, path, **form))


def handler(provider: FakeProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            form = {n: v[0] for n, v in parse_qs(self.rfile.read(length).decode()).items()}
            path = urlsplit(self.path).path
            body = b""
            if path == "/authorize":
                sent = {n: v[0] for n, v in parse_qs(urlsplit(self.path).query).items()}
                self.send_response(302)
                self.send_header("Location", provider.authorize(sent))
            else:
                status, found = provider.answer(path, form, dict(self.headers))
                body = json.dumps(found).encode()
                self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815  # the name that http.server looks for

        def log_message(self, *args: object) -> None:
            """Print nothing."""

    return Handler
