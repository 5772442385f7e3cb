"""The environment variables about single sign-on (OIDC_...), as settings."""

import re
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from accounts.oidc.configuration import SignOn
from config.environment.variables import setting
from tokens.core.setting_values import InvalidValue, boolean, split_list

LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}
ISSUER_FORM = (
    "the issuer of an OpenID provider as its discovery document writes it, by https and at most "
    "200 characters long, such as https://id.example.com/realms/main."
)


def issuer(text: str) -> str:
    """Return the address of the OpenID provider, or "" for none. http is for one's own machine."""
    if not text:
        return ""
    try:
        url = urlsplit(text)
        secure = url.scheme == "https" or (url.scheme == "http" and url.hostname in LOCAL_HOSTS)
    except ValueError:
        raise InvalidValue(ISSUER_FORM) from None
    if not secure or not url.hostname or not re.fullmatch(r"[^\s?#@]{1,200}", text):
        raise InvalidValue(ISSUER_FORM)
    return text


def line_of(length: int) -> Any:
    """Return a parser of texts on one line, of at most `length` characters. They may be empty."""

    def parse(text: str) -> str:
        if len(text) > length or not text.isprintable():
            raise InvalidValue(f"at most {length} characters on one line.")
        return text

    return parse


def domains(text: str) -> tuple[str, ...]:
    """Return the domains of e-mail addresses, in lower case."""
    found = tuple(name.lower() for name in split_list(text))
    if not all(re.fullmatch(r"[0-9a-z-]+(\.[0-9a-z-]+)+", name) for name in found):
        raise InvalidValue(
            "domains of email addresses, separated by commas, such as example.com,example.org."
        )
    return found


def group_names(text: str) -> tuple[str, ...]:
    """Return the names of groups, which are separated by commas."""
    return tuple(split_list(text))


def read_sign_on() -> SignOn | None:
    """Return the settings of single sign-on, or None if OIDC_ISSUER is not set.

    Raise ImproperlyConfigured if a value is wrong, or if a value needs another that is missing.
    """
    address = setting("OIDC_ISSUER", "", issuer)
    values: dict[str, Any] = {
        "OIDC_CLIENT_ID": setting("OIDC_CLIENT_ID", "", line_of(191)),
        "OIDC_CLIENT_SECRET": setting("OIDC_CLIENT_SECRET", "", line_of(191), secret=True),
        "OIDC_NAME": setting("OIDC_NAME", "", line_of(40)),
        "OIDC_GROUPS_CLAIM": setting("OIDC_GROUPS_CLAIM", "", line_of(200)),
        "OIDC_ONLY": setting("OIDC_ONLY", "false", boolean),
        "OIDC_ALLOWED_DOMAINS": setting("OIDC_ALLOWED_DOMAINS", "", domains),
        "OIDC_ALLOWED_GROUPS": setting("OIDC_ALLOWED_GROUPS", "", group_names),
    }
    refuse_incomplete(address, values)
    if not address:
        return None
    return SignOn(
        issuer=address,
        client_id=values["OIDC_CLIENT_ID"],
        client_secret=values["OIDC_CLIENT_SECRET"],
        name=values["OIDC_NAME"] or urlsplit(address).hostname or "",
        groups_claim=values["OIDC_GROUPS_CLAIM"],
        only=values["OIDC_ONLY"],
        allowed_domains=values["OIDC_ALLOWED_DOMAINS"],
        allowed_groups=values["OIDC_ALLOWED_GROUPS"],
    )


def refuse_incomplete(address: str, values: dict[str, Any]) -> None:
    """Raise ImproperlyConfigured if a variable is missing that another one needs."""
    is_set = [name for name, value in values.items() if value]
    if not address and is_set:
        raise ImproperlyConfigured(
            f"OIDC_ISSUER is not set, but {is_set[0]} is; it takes {ISSUER_FORM}"
        )
    for name in ("OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"):
        if address and not values[name]:
            raise ImproperlyConfigured(
                f"{name} is not set, but OIDC_ISSUER is; it takes the value that the OpenID "
                "provider shows for Tokenry."
            )
    if values["OIDC_ALLOWED_GROUPS"] and not values["OIDC_GROUPS_CLAIM"]:
        raise ImproperlyConfigured(
            "OIDC_GROUPS_CLAIM is not set, but OIDC_ALLOWED_GROUPS is; it takes the name of the "
            "claim that has the person's groups, such as groups."
        )
