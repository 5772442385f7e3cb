"""Django's LOGGING: API requests go to stdout, other lines to stderr. Tokens are masked."""

import logging
from typing import Any


def is_no_probe(record: logging.LogRecord) -> bool:
    """Return False for Django's error line about a request to /readyz, so that it is dropped.

    Django logs an error for each 503. config.health.readiness logs each change, which is enough.
    """
    return getattr(getattr(record, "request", None), "path_info", "") != "/readyz"


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "tokens.core.redaction.RedactingFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
            "datefmt": "%Y-%m-%d %H:%M:%S %z",
        },
        # tokens.usage.request_log masks the fields whose values clients choose.
        "bare": {"format": "%(message)s"},
    },
    "filters": {
        "is_no_probe": {"()": lambda: is_no_probe},
        "outages": {"()": "config.log_repetition.OutageFilter"},
        "repetitions": {"()": "config.log_repetition.RepetitionFilter", "name": "opentelemetry"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "plain",
            "filters": ["repetitions"],
        },
        "requests": {
            "class": "logging.StreamHandler",
            "formatter": "bare",
            "stream": "ext://sys.stdout",
        },
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # Any client may send a wrong host, and gets 400. A traceback for each would fill the log.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        # ERROR leaves out the lines for 4xx, which tell nothing important.
        "django.request": {"level": "ERROR", "filters": ["is_no_probe", "outages"]},
        "tokens.requests": {"handlers": ["requests"], "propagate": False},
    },
}
