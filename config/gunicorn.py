"""How `manage.py serve` runs gunicorn; docs/performance.md says why it and not another server."""

import logging
import os
import shutil
import socket
import sqlite3
import struct
import sys
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from django.db.backends.signals import connection_created
from gunicorn.glogging import Logger
from prometheus_client.multiprocess import mark_process_dead

from config import settings
from tokens.redaction import RedactingFormatter

ANSWER_SECONDS = 5  # for a client to take a piece of a larger answer
ANSWER_BYTES = 262_144  # of an answer that the kernel keeps for a slow client, so that no thread has to
DATABASE_SECONDS = 2
CONNECT_SECONDS = 0.8  # for each address of the database's host, of which localhost has two

wsgi_app = "config.wsgi"
bind = f"[{settings.HOST}]:{settings.PORT}" if ":" in settings.HOST else f"{settings.HOST}:{settings.PORT}"
workers = settings.WEB_WORKERS
worker_class = "config.worker.Worker"
worker_connections = 512  # at once in each process; a process may usually open 1,024 files
threads = settings.WEB_THREADS  # for programs, and as many for pages
keepalive = settings.KEEPALIVE_SECONDS
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
loglevel = "error"
logging.getLogger("gunicorn.http.wsgi").setLevel("ERROR")  # each HEAD is a warning: its body is left out


class logger_class(Logger):  # type: ignore[misc]  # noqa: N801  (the setting's name)
    """gunicorn quotes requests that it can't read, and people mistype headers: tokens are masked in its lines too."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(RedactingFormatter(self.error_fmt, self.datefmt))


def when_ready(server: Any) -> None:
    """Connections are taken now. It is said on stderr, because stdout has the request log alone."""
    where = f"Tokenry is at {settings.SITE_URL}/ (listening on {settings.HOST}:{settings.PORT}). Ctrl-C stops it.\n"
    sys.stderr.write(where)
    sys.stderr.flush()


def post_worker_init(worker: Any) -> None:
    """Bound the wait for clients that read slowly, whose connections inherit this, and for a frozen PostgreSQL.

    Then send the mails that a stopped process left in the outbox.
    """
    from accounts.outbox import in_background, send_due  # they need Django, which is set up by now

    for listener in worker.sockets:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ANSWER_BYTES)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", ANSWER_SECONDS, 0))
    connection_created.connect(bound_the_wait)
    if settings.DATABASE.get("OPTIONS", {}).get("connect_timeout") == 2:  # the default; DATABASE_URL gives no other
        connect_sooner()
    in_background(send_due)


def child_exit(server: Any, worker: Any) -> None:
    """What a dead process counted stays in the metrics; what waited in it does not."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    """Leave nothing of this run behind. No worker answers any more."""
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        shutil.rmtree(folder, ignore_errors=True)
    if settings.DATABASE["ENGINE"] == "django.db.backends.sqlite3":
        for worker in server.WORKERS:  # took too long to end, and was killed right now
            with suppress(ChildProcessError):
                os.waitpid(worker, 0)
        fold_log(settings.DATABASE["NAME"])


def fold_log(path: Path) -> None:
    """Move what SQLite keeps in its write-ahead log into the file at `path`, so that a copy of the file has it all.

    SQLite does so when the last connection closes. Workers that end do not always close those of all their threads.
    """
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        sys.stderr.write(f"Keep {path}-wal with the database, which lacks what is in there: {error}.\n")


def connect_sooner() -> None:
    """psycopg rounds a connect_timeout up to 2 seconds, in which a client of the API is to have its whole answer."""
    module: Any = psycopg.connection
    if not hasattr(module, "timeout_from_conninfo"):
        raise RuntimeError("this release of psycopg keeps its least wait elsewhere")
    module.timeout_from_conninfo = lambda _: CONNECT_SECONDS


def bound_the_wait(connection: Any, **kwargs: Any) -> None:
    """PostgreSQL's own time-outs, below, are not kept by one that is stopped: then the client gives up."""
    if connection.vendor == "postgresql":
        connection.connection.wait = partial(connection.connection.wait, timeout=DATABASE_SECONDS)


# Requests wait for the database only so long; migrations, which do not run here, as long as they take.
if "postgresql" in settings.DATABASE["ENGINE"]:
    options = settings.DATABASE["OPTIONS"]
    options["options"] = f"{options.get('options', '')} -c statement_timeout=1500ms -c lock_timeout=1s".strip()
