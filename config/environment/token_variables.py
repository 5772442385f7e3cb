"""The environment variables about tokens, which become parts of the setting TOKENRY."""

from collections.abc import Mapping
from typing import Any

from config.environment.variables import setting
from tokens.core.colors import accent_color
from tokens.core.setting_values import (
    boolean,
    chosen_pepper,
    days,
    leaver_tokens,
    legacy_headers,
    legacy_schemes,
    prefixes,
    token_environment,
    whole_number,
)
from tokens.token_settings import optional_rate_limit, rate_limit


def read_token_settings(peppers: Mapping[int, str]) -> dict[str, Any]:
    """Return the part of the setting TOKENRY that comes from variables of its own.

    `peppers` has the secret keys with which tokens are hashed, by number.
    """
    return {
        "PEPPERS": peppers,
        # Read as a secret: if the variable holds a pepper by mistake, the error message must not
        # quote the pepper.
        "PEPPER_CURRENT": setting(
            "TOKEN_PEPPER_CURRENT", str(max(peppers)), chosen_pepper(peppers), secret=True
        ),
        "PREFIX": setting("TOKEN_PREFIX", "tkn", prefixes),
        "ENVIRONMENT": setting("TOKEN_ENVIRONMENT", "", token_environment),
        "RATE_LIMIT": setting("TOKEN_RATE_LIMIT", "1000/hour", rate_limit),
        "FAILED_AUTH_LIMIT": setting("FAILED_AUTH_LIMIT", "60/minute", rate_limit),
        "INTROSPECTION_LIMIT": setting("INTROSPECTION_LIMIT", "", optional_rate_limit),
        "LEGACY_SCHEMES": setting("LEGACY_SCHEMES", "", legacy_schemes),
        "LEGACY_HEADERS": setting("LEGACY_HEADERS", "", legacy_headers),
        "ACCENT_COLOR": setting("ACCENT_COLOR", "", accent_color),
        "LEASES": setting("TOKEN_LEASES", "on", boolean),
        "MAX_TOKEN_LIFETIME_DAYS": setting("MAX_TOKEN_LIFETIME_DAYS", "", days),
        "MAX_TOKENS_PER_USER": setting("MAX_TOKENS_PER_USER", "100", whole_number(1, 1_000_000)),
        "LEAVER_TOKENS": setting("LEAVER_TOKENS", "end", leaver_tokens),
        "RETENTION_DAYS": setting("TOKEN_RETENTION_DAYS", "90", whole_number(1, 36_500)),
        "EVENT_RETENTION_DAYS": setting("EVENT_RETENTION_DAYS", "730", whole_number(1, 36_500)),
        "REQUEST_RETENTION_DAYS": setting("REQUEST_RETENTION_DAYS", "30", whole_number(1, 36_500)),
        "HOUR_RETENTION_DAYS": setting("HOUR_RETENTION_DAYS", "90", whole_number(2, 36_500)),
        "DAY_RETENTION_DAYS": setting("DAY_RETENTION_DAYS", "730", whole_number(30, 36_500)),
    }
