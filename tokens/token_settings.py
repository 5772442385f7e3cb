"""The settings of Tokenry: the values of Django's setting TOKENRY, with their defaults.

    TOKENRY = {"PEPPERS": env("TOKEN_PEPPERS"), "RATE_LIMIT": "100/minute"}

Only PEPPERS has no default. docs/django.md lists them all. In the standalone product they come
from environment variables (config/settings.py).
"""

from collections.abc import Callable
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.views.decorators.debug import sensitive_variables

from tokens.core import colors, setting_values
from tokens.core.setting_values import InvalidValue, whole_number
from tokens.rate_limits.limits import parse_rate_limit


def rate_limit(value: Any) -> str:
    """Return `value` unchanged. Raise InvalidValue if it is no rate limit such as `1000/hour`."""
    try:
        parse_rate_limit(value)
    except (TypeError, ValueError):
        raise InvalidValue("limits such as 1000/hour, or several: 10/second;1000/hour.") from None
    return str(value)


def optional_rate_limit(value: Any) -> str:
    """Return a rate limit unchanged, or "" for an empty text or None, which mean: no limit."""
    return "" if value in ("", None) else rate_limit(value)


# The default and the parser of each setting.
SETTINGS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "PEPPERS": ("", setting_values.peppers),
    "PREFIX": ("tkn", setting_values.prefixes),
    "ENVIRONMENT": ("", setting_values.token_environment),
    "RATE_LIMIT": ("1000/hour", rate_limit),
    "FAILED_AUTH_LIMIT": ("60/minute", rate_limit),
    "INTROSPECTION_LIMIT": ("", optional_rate_limit),
    "LEGACY_SCHEMES": ((), setting_values.legacy_schemes),
    "LEGACY_HEADERS": ((), setting_values.legacy_headers),
    "LEASES": (True, setting_values.boolean),
    "MAX_TOKEN_LIFETIME_DAYS": (None, setting_values.days),
    "MAX_TOKENS_PER_USER": (100, whole_number(1, 1_000_000)),
    "RETENTION_DAYS": (90, whole_number(1, 36_500)),
    "EVENT_RETENTION_DAYS": (730, whole_number(1, 36_500)),
    "REQUEST_RETENTION_DAYS": (30, whole_number(1, 36_500)),
    "HOUR_RETENTION_DAYS": (90, whole_number(2, 36_500)),
    "DAY_RETENTION_DAYS": (730, whole_number(30, 36_500)),
    "API_PREFIXES": ((), setting_values.path_prefixes),
    "ALL_CHANGES_WAIT": (False, setting_values.boolean),
    "BASE_TEMPLATE": ("tokens/base.html", setting_values.text),
    "FRESH_AUTHENTICATION": ("tokens.views.confirm.ask_if_stale", setting_values.function),
    "TEAM_USER": (None, setting_values.optional_function),
    "LEAVER_TOKENS": ("end", setting_values.leaver_tokens),
    "HAS_SECOND_FACTOR": (None, setting_values.optional_function),
    "EXAMPLE_PATH": ("", setting_values.text),
    "PRODUCT_NAME": ("API tokens", setting_values.display_name),
    "ACCENT_COLOR": ("", colors.accent_color),
    "SITE_URL": ("http://localhost:8000", setting_values.site_url),
    "REDIS_URL": ("", setting_values.text),
    "REQUEST_LOG": ("off", setting_values.one_of("json", "plain", "off")),
    "METRICS": (False, setting_values.metrics_switch),
}


class TokenSettings:
    """The value of each setting, checked and parsed. The first use of a value parses it."""

    PEPPERS: dict[int, str]
    PREFIX: tuple[str, ...]
    ENVIRONMENT: str
    RATE_LIMIT: str
    FAILED_AUTH_LIMIT: str
    INTROSPECTION_LIMIT: str
    LEGACY_SCHEMES: tuple[str, ...]
    LEGACY_HEADERS: tuple[str, ...]
    LEASES: bool
    MAX_TOKEN_LIFETIME_DAYS: int | None
    MAX_TOKENS_PER_USER: int
    RETENTION_DAYS: int
    EVENT_RETENTION_DAYS: int
    REQUEST_RETENTION_DAYS: int
    HOUR_RETENTION_DAYS: int
    DAY_RETENTION_DAYS: int
    API_PREFIXES: tuple[str, ...]
    ALL_CHANGES_WAIT: bool
    BASE_TEMPLATE: str
    FRESH_AUTHENTICATION: Callable[..., Any]
    TEAM_USER: Callable[..., Any] | None
    LEAVER_TOKENS: timedelta | None
    HAS_SECOND_FACTOR: Callable[..., Any] | None
    EXAMPLE_PATH: str
    PRODUCT_NAME: str
    ACCENT_COLOR: str
    SITE_URL: str
    REDIS_URL: str
    REQUEST_LOG: str
    METRICS: bool
    PEPPER_CURRENT: int

    @sensitive_variables()
    def __getattr__(self, name: str) -> Any:
        """Parse a value, and keep it as an attribute. Later uses do not come here.

        Raise ImproperlyConfigured if the value is wrong.
        """
        if name == "PEPPER_CURRENT":  # its default depends on PEPPERS
            default, parse = max(self.PEPPERS), setting_values.chosen_pepper(self.PEPPERS)
        elif name in SETTINGS:
            default, parse = SETTINGS[name]
        else:
            raise AttributeError(name)
        value = given_settings().get(name, default)
        try:
            vars(self)[name] = parse(value)
        except InvalidValue as error:
            shown = "can't be used" if "PEPPER" in name else f"is {value!r}"
            raise ImproperlyConfigured(f"TOKENRY[{name!r}] {shown}; it takes {error}") from None
        return vars(self)[name]


token_settings = TokenSettings()


def given_settings() -> dict[str, Any]:
    """Return the setting TOKENRY as it is, or an empty dictionary if it is not set."""
    given: dict[str, Any] = getattr(settings, "TOKENRY", {})
    return given


def setting_errors() -> list[str]:
    """Return what is wrong with the setting TOKENRY: a message for each wrong value or key."""
    names = [*SETTINGS, "PEPPER_CURRENT"]
    errors = []
    for unknown in given_settings().keys() - names:
        near = get_close_matches(str(unknown), names, 1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        errors.append(f"TOKENRY has no key {unknown!r}.{meant}")
    for name in names:
        try:
            getattr(token_settings, name)
        except ImproperlyConfigured as error:
            errors.append(str(error))
    return errors


@receiver(setting_changed)
def forget_settings(*, setting: str, **kwargs: Any) -> None:
    """Read the values anew after a test has changed the setting TOKENRY."""
    if setting == "TOKENRY":
        vars(token_settings).clear()
