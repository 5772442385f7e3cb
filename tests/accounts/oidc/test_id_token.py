"""ID tokens that must not be accepted, and those that must."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client

from accounts.models import User
from accounts.oidc.id_token import UntrustedToken, check_id_token
from tests.accounts.oidc.fake_provider import NEW_KEY, RSA_KEY, FakeProvider, SigningKey

ISSUER, CLIENT, NONCE = "https://id.example.com", "tokenry", "n" * 43
EC_KEY = SigningKey("elliptic", "ES256")
PUBLISHED = [RSA_KEY.public, EC_KEY.public]
Claims = dict[str, Any]


def good() -> Claims:
    now = int(time.time())
    return {
        "iss": ISSUER, "aud": CLIENT, "sub": "s", "iat": now, "exp": now + 60, "nonce": NONCE,
    }  # fmt: skip


def check(token: object, published: list[dict[str, Any]] = PUBLISHED) -> Claims:
    return check_id_token(
        token,
        lambda kid: [key for key in published if kid in {None, key.get("kid")}],
        issuer=ISSUER,
        client_id=CLIENT,
        nonce=NONCE,
        now=time.time(),
    )


def without(name: str) -> Claims:
    return {claim: value for claim, value in good().items() if claim != name}


def raw(header: Claims, claims: Claims, signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def signed_with_the_public_key(form: str) -> str:
    """HMAC with what everybody can read: the key's text, or its JWK."""
    public = RSA_KEY.private.public_key()
    texts = {
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "jwk": json.dumps(RSA_KEY.public).encode(),
    }
    header = {"alg": "HS256", "kid": "first", "typ": "JWT"}
    unsigned = raw(header, good()).rsplit(".", 1)[0]
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = urlsafe_b64encode(mac.sign(unsigned.encode(), texts[form])).decode().rstrip("=")
    return f"{unsigned}.{signature}"


@pytest.mark.parametrize(
    "claims",
    [
        good,
        lambda: good() | {"aud": [CLIENT]},
        lambda: good() | {"aud": [CLIENT, "other"], "azp": CLIENT},
        lambda: good() | {"azp": CLIENT},
        lambda: good() | {"auth_time": time.time() - 99},
        lambda: good() | {"exp": time.time() - 30},  # clocks differ
        lambda: good() | {"iat": time.time() + 30},
    ],
)
@pytest.mark.parametrize("key", [RSA_KEY, EC_KEY], ids=["RS256", "ES256"])
def test_accepted(claims: Callable[[], Claims], key: SigningKey) -> None:
    assert check(key.sign(claims()))["sub"] == "s"


def test_accepted_without_a_key_name_if_one_key_fits() -> None:
    token = jwt.encode(good(), RSA_KEY.private, "PS256")
    assert check(token)["sub"] == "s"
    with pytest.raises(UntrustedToken, match="no single key"):
        check(token, [RSA_KEY.public, NEW_KEY.public])


@pytest.mark.parametrize(
    "claims",
    [
        lambda: good() | {"iss": "https://evil.example"},
        lambda: good() | {"iss": ISSUER + "/"},
        lambda: without("iss"),
        lambda: good() | {"aud": "another client"},
        lambda: good() | {"aud": []},
        lambda: good() | {"aud": [CLIENT, "other"]},
        lambda: good() | {"aud": [CLIENT, "other"], "azp": "other"},
        lambda: good() | {"azp": "other"},
        lambda: without("aud"),
        lambda: good() | {"exp": time.time() - 61},
        lambda: without("exp"),
        lambda: good() | {"iat": time.time() + 61},
        lambda: good() | {"iat": time.time() - 601},
        lambda: without("iat"),
        lambda: good() | {"nbf": time.time() + 61},
        lambda: good() | {"nonce": "m" * 43},
        lambda: good() | {"nonce": None},
        lambda: without("nonce"),
        lambda: good() | {"sub": ""},
        lambda: good() | {"sub": "s" * 192},
        lambda: good() | {"sub": 7},
        lambda: good() | {"sub": "a\0b"},
        lambda: without("sub"),
        lambda: good() | {"auth_time": "yesterday"},
        lambda: good() | {"auth_time": True},
        lambda: good() | {"auth_time": time.time() + 61},
        lambda: good() | {"auth_time": float("nan")},  # which is less than no time
        lambda: good() | {"auth_time": -1},
        lambda: good() | {"auth_time": 10**400},
        lambda: good() | {"iat": float("nan")},
        lambda: good() | {"exp": float("inf")},
        lambda: good() | {"azp": None},
        lambda: good() | {"azp": [CLIENT]},
        lambda: good() | {"aud": [[CLIENT]]},
    ],
)
def test_wrong_claims(claims: Callable[[], Claims]) -> None:
    token = jwt.encode(claims(), RSA_KEY.private, "RS256", {"kid": "first"})
    with pytest.raises(UntrustedToken):
        check(token)


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (lambda: raw({"alg": "none"}, good()), "algorithm is not accepted"),
        (lambda: raw({"alg": "None", "kid": "first"}, good()), "algorithm is not accepted"),
        (lambda: raw({"kid": "first"}, good()), "DecodeError|algorithm is not accepted"),
        (lambda: signed_with_the_public_key("pem"), "algorithm is not accepted"),
        (lambda: signed_with_the_public_key("jwk"), "algorithm is not accepted"),
        (lambda: NEW_KEY.sign(good(), kid="first"), "InvalidSignatureError"),
        (lambda: NEW_KEY.sign(good()), "no single key"),
        (lambda: EC_KEY.sign(good(), kid="first"), "no single key"),
        (lambda: RSA_KEY.sign(good(), kid="elliptic"), "no single key"),
        (lambda: RSA_KEY.sign(good(), jwk=NEW_KEY.public, kid="second"), "no single key"),
        (lambda: RSA_KEY.sign(good())[:-4] + "AAAA", "InvalidSignatureError"),
        (lambda: RSA_KEY.sign(good(), crit=["b64"], b64=False), "Token|Error"),
        (lambda: "", "DecodeError"),
        (lambda: None, "missing or too long"),
        (lambda: ["a"], "missing or too long"),
        (lambda: "a" * 65_537, "missing or too long"),
        (lambda: "e30.e30.", "Error|not accepted"),
    ],
)
def test_wrong_signatures(token: Callable[[], object], why: str) -> None:
    with pytest.raises(UntrustedToken, match=why):
        check(token())


def test_keys_that_are_not_for_signatures() -> None:
    token = RSA_KEY.sign(good())
    for changes in ({"use": "enc"}, {"alg": "RS512"}, {"kty": "oct", "k": "aaaa"}):
        with pytest.raises(UntrustedToken):
            check(token, [RSA_KEY.public | changes])
    for broken in ({"kid": "first", "kty": "RSA"}, {"kid": "first", "kty": "RSA", "n": 1, "e": 2}):
        with pytest.raises(UntrustedToken):
            check(token, [broken])


def wrong_nonce(provider: FakeProvider) -> None:
    provider.claims["nonce"] = "m" * 43


def wrong_issuer(provider: FakeProvider) -> None:
    provider.claims["iss"] = "https://evil.example"


def confused(provider: FakeProvider) -> None:
    provider.sign = lambda claims: raw({"alg": "none", "kid": "first"}, claims)


def no_id_token(provider: FakeProvider) -> None:
    provider.sign = lambda _: None


def another_discovery(provider: FakeProvider) -> None:
    provider.discovery = {"issuer": "https://evil.example"}


def plain_addresses(provider: FakeProvider) -> None:
    provider.discovery = {"token_endpoint": "ftp://evil.example"}


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [wrong_nonce, wrong_issuer, confused, no_id_token])
def test_nobody_is_signed_in(
    provider: FakeProvider, client: Client, wrong: Callable[[FakeProvider], None]
) -> None:
    wrong(provider)
    response = provider.sign_in(client)
    assert (response.status_code, response.context["code"]) == (502, "invalid")
    assert "_auth_user_id" not in client.session
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [another_discovery, plain_addresses])
def test_nobody_is_sent_to_another_provider(
    provider: FakeProvider, client: Client, wrong: Callable[[FakeProvider], None]
) -> None:
    wrong(provider)
    response = client.post("/accounts/oidc/login/")
    assert (response.status_code, response.context["code"]) == (502, "invalid")
    assert not provider.asked["/keys"]


@pytest.mark.django_db
def test_a_code_works_once(provider: FakeProvider, client: Client) -> None:
    """The state of the sign-in too, and only in the browser where it began."""
    begun = provider.begin(client)
    other = provider.come_back(Client(), begun)
    assert (other.status_code, other.context["code"]) == (400, "expired")
    assert provider.come_back(client, begun).status_code == 302
    again = provider.come_back(client, begun)
    assert (again.status_code, again.context["code"]) == (400, "expired")
    third = Client()
    second = provider.begin(third)
    replayed = third.get(
        "/accounts/oidc/callback/", {"code": f"code-{begun['state']}", "state": second["state"]}
    )
    assert (replayed.status_code, replayed.context["code"]) == (502, "invalid")
    assert "_auth_user_id" not in third.session


@pytest.mark.django_db
def test_a_code_for_another_challenge(provider: FakeProvider, client: Client) -> None:
    """A stolen code is of no use without the verifier, which only the session has."""
    begun = provider.begin(client) | {"code_challenge": "another"}
    assert provider.come_back(client, begun).context["code"] == "invalid"


@pytest.mark.django_db
def test_the_answer_of_another_issuer(provider: FakeProvider, client: Client) -> None:
    begun = provider.begin(client)
    response = provider.come_back(client, begun, iss="https://evil.example")
    assert response.context["code"] == "invalid"
    assert not provider.forms
    begun = provider.begin(client)
    assert provider.come_back(client, begun, iss=provider.issuer).status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "code"), [("access_denied", "cancelled"), ("server_error", "refused")]
)
def test_an_error_in_place_of_a_code(
    provider: FakeProvider, client: Client, error: str, code: str
) -> None:
    begun = provider.begin(client)
    response = client.get("/accounts/oidc/callback/", {"error": error, "state": begun["state"]})
    assert (response.status_code, response.context["code"]) == (403, code)
