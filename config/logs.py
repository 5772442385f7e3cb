"""What is logged, and where: requests of programs to stdout, everything else to stderr. Tokens are masked in both."""

from typing import Any

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "tokens.redaction.RedactingFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
            "datefmt": "%Y-%m-%d %H:%M:%S %z",
        },
        "bare": {"format": "%(message)s"},  # tokens.request_log masks what clients chose, field by field
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "plain"},
        "requests": {"class": "logging.StreamHandler", "formatter": "bare", "stream": "ext://sys.stdout"},
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # Anybody may send any host, and is answered 400; a traceback for each would fill the log.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django.request": {"level": "ERROR"},  # a line for each 4xx besides would say nothing that counts
        "tokens.requests": {"handlers": ["requests"], "propagate": False},
    },
}
