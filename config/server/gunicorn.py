"""Settings of gunicorn, the server of `manage.py serve`. docs/performance.md says why gunicorn."""

import gc
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
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from prometheus_client.multiprocess import mark_process_dead

from config import settings
from config.postgresql.server import TIME_OUTS
from config.server import drain
from tokens.core.redaction import RedactingFormatter
from tokens.core.waiting_places import MAX_PLACES, MAX_QUEUED

# How long a client may take to read one part of a large response.
SEND_SECONDS = 5
# Bytes of a response that the kernel keeps for a slow client, so that no thread waits for it.
SEND_BUFFER_BYTES = 262_144
# How long one Python thread runs before another gets its turn. With Python's default, 5 ms,
# requests to /verify would wait too long.
SWITCH_SECONDS = 0.0002
# How long a process waits for an answer of PostgreSQL.
DATABASE_SECONDS = 2
# How long a process that stops may still work on the requests that it has.
END_SECONDS = 10
# How long to wait for a connection to each IP address of the database's host. A host may have two.
CONNECT_SECONDS = 0.8

wsgi_app = "config.wsgi"
is_ipv6 = ":" in settings.HOST
bind = f"[{settings.HOST}]:{settings.PORT}" if is_ipv6 else f"{settings.HOST}:{settings.PORT}"
workers = settings.WEB_WORKERS
worker_class = "config.server.worker.Worker"
# Open connections in each process. A process may usually open 1,024 files.
worker_connections = 512
# Threads that work on requests of programs (the API). The same number works on pages.
threads = settings.WEB_THREADS
# The most database connections of this node: one for each thread. There are more threads than work
# at a time, because some wait (SPARE_THREADS in work_permits.py). Four threads run in the
# background.
database_connections = workers * (2 * (threads + MAX_PLACES + MAX_QUEUED) + 4)
keepalive = settings.KEEPALIVE_SECONDS
timeout = 30
# For gunicorn's first process, which waits until all workers have ended.
graceful_timeout = settings.DRAIN_SECONDS + END_SECONDS + 2
control_socket_disable = True

# Only config.middleware.ProxyMiddleware decides which proxies to trust. By default gunicorn would
# trust every client at 127.0.0.1.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}

# A header of up to 16 KB reaches the application, which answers with a problem that names the
# mistake.
limit_request_field_size = 16_380
# While a person confirms who they are, their form is kept in the query of the page's address. The
# form may list 50 networks and all scopes.
limit_request_line = 8190

# No access log: it would contain query strings, into which people paste tokens by mistake.
accesslog = None
loglevel = "error"
# gunicorn logs a warning for each HEAD request, because the response has no body.
logging.getLogger("gunicorn.http.wsgi").setLevel("ERROR")


class logger_class(Logger):  # type: ignore[misc]  # noqa: N801
    """gunicorn's logger, which masks tokens in its lines.

    gunicorn quotes requests that it can't parse, and such a request may contain a token.
    """

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(RedactingFormatter(self.error_fmt, self.datefmt))


def on_starting(server: Any) -> None:
    """Let Python be silent if a log line can't be written, for example on a full disk.

    Otherwise Python would print a traceback for each line.
    """
    logging.raiseExceptions = False


def when_ready(server: Any) -> None:
    """Refuse connections until a worker has loaded the application.

    If a connection is refused, a gateway tries another node at once. But a connection that the
    kernel accepts would wait until a worker can answer, on a busy machine for seconds. Linux keeps
    the port for this server after its socket is shut down. Another system may not allow the
    shutdown, and then accepts connections.
    """
    for listener in server.LISTENERS:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RD)


def on_reload(server: Any) -> None:
    """On SIGHUP, let the present workers stop at once, because new workers replace them.

    Otherwise a worker drains before it stops: it still answers requests while /readyz says 503.
    """
    drain.replace_workers(server.worker_age)


def post_fork(server: Any, worker: Any) -> None:
    """Give a worker END_SECONDS to finish its requests after it has stopped accepting new ones.

    The first process of gunicorn waits longer for its workers: for DRAIN_SECONDS too.
    """
    worker.cfg.set("graceful_timeout", END_SECONDS)


def post_worker_init(worker: Any) -> None:
    """Prepare a worker: time-outs, imports, unsent mails. Then listen for connections.

    The time-outs limit three waits: for clients that read slowly, for a PostgreSQL that hangs, and
    for other threads of Python. The socket of a client inherits the options that are set on the
    listener.
    """
    # Imported here, because these modules need Django, which is set up by now.
    from django.urls import get_resolver

    from accounts.outbox import in_background, send_due
    from tokens.notifications.outbox import send_event_mails_soon

    sys.setswitchinterval(SWITCH_SECONDS)
    for listener in worker.sockets:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        seconds = struct.pack("ll", SEND_SECONDS, 0)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
    connection_created.connect(bound_the_wait)
    connection_created.connect(set_time_outs)
    # 2 is our default, so the operator has not set this option in DATABASE_URL.
    if settings.DATABASE.get("OPTIONS", {}).get("connect_timeout") == 2:
        shorten_connect_timeout()
    # Import all views now, so that no request waits for the imports.
    _ = get_resolver().url_patterns
    in_background(send_due)
    send_event_mails_soon()
    listen(worker)
    if worker.age == 1:
        print_address()


def listen(worker: Any) -> None:
    """Listen for connections. Stop the server if another program took the port meanwhile.

    The other program may be a second server that was started while this one loaded.
    """
    try:
        for listener in worker.sockets:
            listener.listen(worker.cfg.backlog)
    except OSError as error:
        sys.stderr.write(
            f"HOST is {settings.HOST!r} and PORT is {settings.PORT}. The server can't listen "
            f"there: {error.strerror}. To use another port: PORT=8001 make run\n"
        )
        sys.exit(Arbiter.WORKER_BOOT_ERROR)


def print_address() -> None:
    """Print the server's address on stderr. stdout is only for the request log."""
    listens = f"{settings.HOST}:{settings.PORT}"
    # On a person's own machine one name for the address is enough.
    usual = (f"http://localhost:{settings.PORT}", "127.0.0.1")
    where = "" if usual == (settings.SITE_URL, settings.HOST) else f" (listening on {listens})"
    sys.stderr.write(f"Tokenry is at {settings.SITE_URL}/{where}. Ctrl-C stops it.\n")
    sys.stderr.flush()


def child_exit(server: Any, worker: Any) -> None:
    """Remove the gauges of a worker that has ended from the metrics. Its counters stay."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        mark_process_dead(worker.pid)


def worker_exit(server: Any, worker: Any) -> None:
    """Let a worker end quickly: skip Python's last garbage collection, which takes 0.5 seconds."""
    gc.freeze()


def on_exit(server: Any) -> None:
    """Remove the metrics folder, and empty SQLite's write-ahead log. All workers have ended."""
    gc.freeze()
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        shutil.rmtree(folder, ignore_errors=True)
    if settings.DATABASE["ENGINE"] == "django.db.backends.sqlite3":
        # Wait for workers that were killed because they did not end in time.
        for worker in server.WORKERS:
            with suppress(ChildProcessError):
                os.waitpid(worker, 0)
        empty_write_ahead_log(settings.DATABASE["NAME"])


def empty_write_ahead_log(path: Path) -> None:
    """Move the data in SQLite's write-ahead log into the database file at `path`.

    Then a copy of this file has all data. SQLite does this itself when the last connection is
    closed, but a worker that ends does not always close the connections of all its threads.
    """
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        sys.stderr.write(
            f"Keep {path}-wal with the database, which lacks the data in it: {error}.\n"
        )


def shorten_connect_timeout() -> None:
    """Let psycopg wait only CONNECT_SECONDS for a connection.

    psycopg waits at least 2 seconds, whatever connect_timeout says. But clients of the API must
    have the whole response within 2 seconds.
    """
    module: Any = psycopg.connection  # private, as in psycopg 3.3.9
    if not hasattr(module, "timeout_from_conninfo"):
        raise RuntimeError("this release of psycopg has no timeout_from_conninfo")
    module.timeout_from_conninfo = lambda _: CONNECT_SECONDS


def bound_the_wait(connection: Any, **kwargs: Any) -> None:
    """Limit each wait for an answer of PostgreSQL to DATABASE_SECONDS.

    PostgreSQL has time-outs itself (TIME_OUTS), but they do not work if PostgreSQL hangs.
    """
    if connection.vendor == "postgresql":
        connection.connection.wait = partial(connection.connection.wait, timeout=DATABASE_SECONDS)


def set_time_outs(connection: Any, **kwargs: Any) -> None:
    """Set TIME_OUTS on a new connection to a PgBouncer in the mode `session`.

    PostgreSQL gets the time-outs as options of the connection. PgBouncer refuses these options.
    """
    if connection.settings_dict.get("PGBOUNCER") == "session":
        for name, value in TIME_OUTS.items():
            connection.connection.execute(f"SET {name} = '{value}'")


# Time-outs for requests. They are set here, because only the server loads this module, and not
# `migrate`, which may take longer. PgBouncer does not accept such options.
if "postgresql" in settings.DATABASE["ENGINE"] and not settings.DATABASE.get("PGBOUNCER"):
    options = settings.DATABASE["OPTIONS"]
    time_outs = (f"-c {name}={value}" for name, value in TIME_OUTS.items())
    options["options"] = " ".join([options.get("options", ""), *time_outs]).strip()
