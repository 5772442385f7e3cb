"""The npm package oidc-provider, an OpenID provider, and a browser that signs in there."""

import json
import os
import re
import shutil
import subprocess
from html import unescape
from typing import Any, Self
from urllib.parse import urljoin

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests import run
from tests.run import ROOT, patience
from tests.server import free_port

FOLDER = ROOT / "var/openid-provider"
MODULE = FOLDER / "node_modules/oidc-provider/lib/index.js"
SECRET = "a secret for tests, of the client"


def private_key(kid: str, algorithm: str = "RS256") -> dict[str, Any]:
    """Return a new private key as a JWK."""
    key: Any = (
        ec.generate_private_key(ec.SECP256R1())
        if algorithm == "ES256"
        else rsa.generate_private_key(65537, 2048)
    )
    kind: Any = jwt.get_algorithm_by_name(algorithm)
    found: dict[str, Any] = kind.to_jwk(key, as_dict=True)
    found.pop("key_ops", None)
    return found | {"kid": kid, "use": "sig", "alg": algorithm}


class OpenIDProvider:
    """The provider. It forgets everything when it starts again."""

    def __init__(self, site: str, people: dict[str, dict[str, Any]]) -> None:
        """`site` is the address of Tokenry. `people` has the claims of each person, by name."""
        if not shutil.which("node") or not MODULE.exists():
            pytest.skip("oidc-provider is not installed: make var/openid-provider/node_modules")
        self.port = free_port()
        self.issuer = f"http://localhost:{self.port}"
        self.people = people
        self.client = {
            "client_id": "tokenry",
            "client_secret": SECRET,
            "redirect_uris": [f"{site}/accounts/oidc/callback/"],
            "backchannel_logout_uri": f"{site}/accounts/oidc/logout/",
        }
        self.keys = [private_key("first")]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        environment = {
            "PATH": os.environ["PATH"], "NODE_ENV": "test", "MODULE": str(MODULE),
            "PORT": str(self.port), "CLIENT": json.dumps(self.client),
            "PEOPLE": json.dumps(self.people), "JWKS": json.dumps({"keys": self.keys}),
        }  # fmt: skip
        quiet = subprocess.DEVNULL
        program = ["node", str(ROOT / "tests/system/oidc/provider.mjs")]
        self.process = subprocess.Popen(program, env=environment, stdout=quiet, stderr=quiet)
        run.until(self.ping, requests.ConnectionError)
        return self

    def ping(self) -> None:
        assert self.process is not None
        assert self.process.poll() is None, "the provider ended"
        requests.get(f"{self.issuer}/jwks", timeout=patience(5)).raise_for_status()

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=patience(5))
            self.process = None


class Browser:
    """A browser of a person. Cookies of the provider and of Tokenry are kept apart."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.here, self.there = requests.Session(), requests.Session()

    def close(self) -> None:
        self.here.close()
        self.there.close()

    def get(self, path: str) -> requests.Response:
        return self.here.get(self.site + path, allow_redirects=False, timeout=patience(10))

    def post(self, path: str, form: dict[str, str], page: str = "") -> requests.Response:
        """Send a form of the page `page`."""
        (csrf, *_) = re.findall(r'csrfmiddlewaretoken" value="(\w+)', self.get(page or path).text)
        return self.here.post(
            self.site + path,
            {"csrfmiddlewaretoken": csrf, **form},
            allow_redirects=False,
            timeout=patience(10),
        )

    def begin(self, path: str = "/accounts/oidc/login/", back_to: str = "") -> str:
        """Press the button, and return the address at the provider to which it leads."""
        page = path if "confirm" in path else "/accounts/login/"
        answer = self.post(path, {"next": back_to}, page)
        assert answer.status_code == 200, answer.text
        (address,) = re.findall(r'class="button primary" href="([^"]+)"', answer.text)
        return unescape(address)

    def at_provider(self, address: str, person: str) -> str:
        """Sign in at the provider if it asks, and return the address to which it sends back."""
        answer = self.there.get(address, allow_redirects=False, timeout=patience(10))
        for _ in range(8):
            if answer.is_redirect:
                address = urljoin(answer.url, answer.headers["Location"])
                if address.startswith(self.site):
                    return address
                answer = self.there.get(address, allow_redirects=False, timeout=patience(10))
            else:
                (action,) = re.findall(r'<form[^>]* action="([^"]+)"', answer.text)
                form = {"prompt": "login", "login": person, "password": "any"}
                answer = self.there.post(
                    urljoin(answer.url, action),
                    form,
                    allow_redirects=False,
                    timeout=patience(10),
                )
        raise AssertionError("the provider does not send the browser back")

    def sign_in(self, person: str, path: str = "/accounts/oidc/login/", back_to: str = "") -> Any:
        """Go through the whole sign-in, and return Tokenry's last answer."""
        address = self.at_provider(self.begin(path, back_to), person)
        return self.get(address.removeprefix(self.site))
