"""How `manage.py serve` runs gunicorn; docs/performance.md says why it and not another server."""

import socket
import struct
from functools import partial
from typing import Any

import psycopg
from django.db.backends.signals import connection_created
from gunicorn.glogging import Logger

from config import settings
from tokens.redaction import RedactingFormatter

SOCKET_SECONDS = 5
DATABASE_SECONDS = 2
CONNECT_SECONDS = 0.8  # for each address of the database's host, of which localhost has two

wsgi_app = "config.wsgi"
bind = f"[{settings.HOST}]:{settings.PORT}" if ":" in settings.HOST else f"{settings.HOST}:{settings.PORT}"
workers = settings.WEB_WORKERS
worker_class = "gthread"
threads = settings.WEB_THREADS
keepalive = 5
timeout = 30
graceful_timeout = 10
control_socket_disable = True

# config.middleware.ProxyMiddleware alone decides whom to believe: gunicorn would trust any peer on 127.0.0.1.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}

# A header of up to 16 KB reaches the application, whose refusal says what is wrong with it.
limit_request_field_size = 16_380
# A form that waits for Confirm travels in the address, with up to 50 networks and as many scopes as there are.
limit_request_line = 8190

# No access log here: its lines would carry query strings, where people paste tokens by mistake.
accesslog = None
loglevel = "error"  # its one frequent warning is about bodies of HEAD answers, which it leaves out


class logger_class(Logger):  # type: ignore[misc]  # noqa: N801  (the setting's name)
    """gunicorn quotes requests that it can't read, and people mistype headers: tokens are masked in its lines too."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(RedactingFormatter(self.error_fmt, self.datefmt))


def post_worker_init(worker: Any) -> None:
    """Bound every wait: for clients, whose connections inherit these time-outs, and for a frozen PostgreSQL."""
    for listener in worker.sockets:
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            listener.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", SOCKET_SECONDS, 0))

    connection_created.connect(bound_the_wait)
    # psycopg takes no connect_timeout below 2 seconds, in which a client of the API is to have its whole answer.
    psycopg.connection.timeout_from_conninfo = lambda _: CONNECT_SECONDS  # type: ignore[assignment, attr-defined, return-value]


def bound_the_wait(connection: Any, **kwargs: Any) -> None:
    """PostgreSQL's own time-outs, below, are not kept by one that is stopped: then the client gives up."""
    if connection.vendor == "postgresql":
        connection.connection.wait = partial(connection.connection.wait, timeout=DATABASE_SECONDS)


# Requests wait for the database only so long; migrations, which do not run here, as long as they take.
if "postgresql" in settings.DATABASE["ENGINE"]:
    options = settings.DATABASE["OPTIONS"]
    options["options"] = f"{options.get('options', '')} -c statement_timeout=1500ms -c lock_timeout=1s".strip()
