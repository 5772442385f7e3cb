"""The e-mail address in the claims of a provider, and whether the provider has verified it."""

import unicodedata
from collections.abc import Mapping
from typing import Any

# The claims that say that the e-mail address is verified. The second is Microsoft Entra ID's,
# which has only this one: the owner of the address's domain is verified.
VERIFIED = {"email_verified", "xms_edov"}
GOOGLE = "https://accounts.google.com"
GOOGLE_DOMAINS = {"gmail.com", "googlemail.com"}


def claimed_email(claims: Mapping[str, Any]) -> str:
    """Return the e-mail address, or "" if it is missing or must not be compared with others.

    Addresses are stored in lower case. Some letters become ASCII letters then: U+212A (the sign
    for kelvin) becomes "k". Unicode's normal form NFKC replaces all these letters, so an address
    in this form is no other address than the provider has verified.
    """
    email = claims.get("email")
    if not isinstance(email, str) or not email.isprintable():
        return ""
    return email if unicodedata.is_normalized("NFKC", email) else ""


def is_verified(claims: Mapping[str, Any]) -> bool:
    """Return True if the provider says that the person owns the e-mail address today.

    NOTE: Google's word is old for an address of another mail server: Google checked it once, when
    the account was made. Somebody who left a company keeps such an account. The claim `hd` names
    the domain of an organisation at Google, which manages its accounts.
    """
    if claims.get("iss") == GOOGLE:
        domain = claimed_email(claims).rpartition("@")[2].lower()
        if domain not in GOOGLE_DOMAINS and not claims.get("hd"):
            return False
    if "email_verified" in claims:
        return is_true(claims["email_verified"])
    said = claims.get("xms_edov")
    return is_true(said) or str(said) == "1"  # Entra ID sends both forms


def is_true(said: object) -> bool:
    """Return True for true, also as a text: some providers send "true"."""
    return said is True or (isinstance(said, str) and said.lower() == "true")
