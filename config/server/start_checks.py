"""Checks before the server starts. They stop a server that would refuse good requests."""

import socket
import tempfile
from collections.abc import Callable

from django.conf import settings
from django.core.files.storage import storages
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction

from config.error_pages import first_line
from config.health import fingerprints
from config.postgresql.server import shortcomings
from tokens.models import Token
from tokens.token_settings import token_settings

Say = Callable[[str], object]


def refuse_a_taken_port() -> None:
    """Raise CommandError if the server can't listen on HOST and PORT.

    Without this check the server would print an address at which another program answers.
    """
    try:
        family, *_, address = socket.getaddrinfo(
            settings.HOST, settings.PORT, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise CommandError(
            f"HOST is {settings.HOST!r} and PORT is {settings.PORT}. The server can't listen "
            f"there: {error.strerror}. To use another port: PORT=8001 make run"
        ) from None


def check_files_are_usable() -> None:
    """Raise an exception if this user can't use files that requests need.

    For example, root may have made the files. Without this check every request would fail. The
    exception is OperationalError, OSError or CommandError.
    """
    if connection.vendor == "sqlite":
        with transaction.atomic():  # takes the lock for writing
            pass
    # This reads the names of the static files.
    storages.create_storage(settings.STORAGES["staticfiles"])
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        raise CommandError(f"{error.strerror}. TMPDIR can name another folder.") from None


def check_database(connections: int, say: Say) -> None:
    """Compare this server's secrets with those of the database, and record new secrets.

    Raise CommandError if the database needs other secrets. Call `say` with a line for each thing
    that PostgreSQL lacks for a node with so many `connections`. If the database does not answer or
    has no tables yet, the server starts all the same, and /readyz and each request show the
    problem.
    """
    try:
        wrong = unread_tokens() or other_secrets()
        if connection.vendor == "postgresql" and not wrong:
            for line in shortcomings(connection, connections):
                say(line)
    except DatabaseError as error:
        say(f"The database was not compared with the secrets of this server: {first_line(error)}.")
        return
    finally:
        connection.close()
    if wrong:
        raise CommandError(wrong)


def unread_tokens() -> str:
    """Return a message if active tokens need a pepper (key) or prefix that is missing, or ""."""
    if missing := Token.objects.missing_peppers():
        return (
            f"TOKEN_PEPPERS lacks number {', '.join(map(str, missing))}, which working tokens "
            "need: put the value back, or first revoke these tokens with "
            f"`manage.py token revoke --pepper {missing[0]}`. "
            "`manage.py rehash_report` counts the tokens."
        )
    if prefix := Token.objects.missing_prefix():
        return (
            f"Some working tokens begin with {prefix}, but TOKEN_PREFIX lacks it: add it "
            f"(TOKEN_PREFIX={','.join([*token_settings.PREFIX, prefix])}), or first revoke these "
            "tokens. `manage.py token list` shows the tokens."
        )
    return ""


def other_secrets() -> str:
    """Return a message if this server's secrets differ from the database's, or "".

    If none differs, record new secrets in the database.
    """
    if different := fingerprints.record():
        return (
            f"{' '.join(different)} Put back the value that other nodes or your backup have. If "
            "the value is lost, `manage.py accept_secrets` explains the loss, and accepts the "
            "new secrets."
        )
    return ""
