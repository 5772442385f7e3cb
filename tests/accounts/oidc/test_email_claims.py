"""The e-mail address that a provider tells: whose it is, and who has verified it."""

from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts.models import User
from accounts.oidc.email_claims import GOOGLE, claimed_email, is_verified
from tests.accounts.oidc.fake_provider import FakeProvider
from tests.server import PASSWORD


@pytest.mark.parametrize(
    ("claims", "email"),
    [
        ({"email": "Ada@Example.com"}, "Ada@Example.com"),
        ({"email": "k\u00e5te@example.com"}, "k\u00e5te@example.com"),
        ({"email": "\u212aate@example.com"}, ""),  # the sign for kelvin
        ({"email": "k\u212bte@example.com"}, ""),  # the sign for angstrom
        ({"email": "kate@\uff45xample.com"}, ""),  # a wide e
        ({"email": "a\0@example.com"}, ""),
        ({"email": "a@example.com\ud800"}, ""),
        ({"email": ["a@example.com"]}, ""),
        ({}, ""),
    ],
    ids=range(9),
)
def test_claimed_email(claims: dict[str, Any], email: str) -> None:
    assert claimed_email(claims) == email


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, False),
        *[({"email_verified": said}, True) for said in (True, "true", "True")],
        *[
            ({"email_verified": said}, False)
            for said in (False, "false", None, 1, "1", ["true"], "yes", {"true": True})
        ],
        *[({"xms_edov": said}, True) for said in (True, "true", 1, "1")],
        *[({"xms_edov": said}, False) for said in (False, 0, "0", None, "", [1])],
        ({"email_verified": False, "xms_edov": True}, False),
        ({"iss": GOOGLE, "email": "a@gmail.com", "email_verified": True}, True),
        ({"iss": GOOGLE, "email": "a@GoogleMail.com", "email_verified": True}, True),
        ({"iss": GOOGLE, "email": "a@gmail.com", "email_verified": False}, False),
        ({"iss": GOOGLE, "email": "a@example.com", "email_verified": True}, False),
        ({"iss": GOOGLE, "email": "a@notgmail.com", "email_verified": True}, False),
        (
            {"iss": GOOGLE, "email": "a@example.com", "email_verified": True, "hd": "example.com"},
            True,
        ),
        ({"iss": GOOGLE, "email": "a@example.com", "email_verified": True, "hd": ""}, False),
    ],
)
def test_is_verified(claims: dict[str, Any], *, expected: bool) -> None:
    assert is_verified(claims) is expected


@pytest.mark.django_db
@pytest.mark.parametrize(
    "email",
    [
        "\u212aate@example.com", "k\u0430te@example.com", " kate@example.com", "",
        "kate@example.com\ud800", "evil@example.org,kate@example.com",
        "kate@example.com\r\nBcc: x",
        '"kate@example.com" <evil@example.org>', "x" * 300 + "@example.com",
    ],
    ids=range(9),
)  # fmt: skip
def test_an_address_like_that_of_somebody_else(
    provider: FakeProvider, client: Client, email: str
) -> None:
    """Otherwise whoever gets such an address at the provider signs in as Kate."""
    User.objects.create_user(email="kate@example.com", password=PASSWORD)
    provider.claims |= {"sub": "evil", "email": email}
    response = provider.sign_in(client)
    assert (response.status_code, response.context["code"]) == (403, "email_missing")
    assert not SocialAccount.objects.exists()
