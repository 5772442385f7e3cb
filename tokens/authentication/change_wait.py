"""Delay the answer to a change of a token until no process uses the token's old row.

On PostgreSQL a process uses a row again for LEASE_SECONDS after it read the row (leases.py). So
after a revocation, another process could still admit the token for a moment. Therefore the answer
to the revocation is sent CHANGE_WAIT_SECONDS after the view returned: then the change holds
everywhere.

NOTE: All unsafe requests (POST, PUT, PATCH, DELETE) of people who are signed in, and of programs
with a known token, wait in this way, even if the view changed nothing. Code that detects changes
would miss some: `update()` sends no signal, and a repeated revocation writes nothing. Views that
can't change whether a token is admitted are marked with `@changes_no_decision` (decorators.py). If
somebody forgets the mark, the answer only comes a quarter of a second later. A process can answer
about fifteen such requests each second from programs, and fifteen more from people. With
TOKEN_LEASES=off answers wait too, because other processes may use old rows. On SQLite no process
uses old rows, so nothing waits.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.http import HttpRequest

from tokens.authentication.leases import LEASE_SECONDS
from tokens.core.waiting_places import WaitingPlaces
from tokens.token_settings import token_settings

# Longer than LEASE_SECONDS, because the clock of another machine may run up to 9 % slower.
CHANGE_WAIT_SECONDS = 1.2 * LEASE_SECONDS + 0.02
SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}  # RFC 9110 section 9.2.1
# The key in `request.META` under which the server puts its permit for this request (see Permit).
WORK_PERMIT = "tokenry.work_permit"
TOO_MANY_CHANGES = "Too many changes are made at once. Nothing was changed."
OPEN_TRANSACTION = (
    "A transaction is open around TokenMiddleware, so the answer to a change would come before "
    "the change. Open the transaction in the view, as ATOMIC_REQUESTS does. Tests in a "
    "transaction use tokens.testing.no_change_wait()."
)

# Only a few requests may wait at a time: each needs a place. Pages and programs have separate
# places, so that many programs can't keep a person from revoking a token.
page_places, program_places = WaitingPlaces(), WaitingPlaces()
is_on = True  # tokens.testing switches the wait off for tests


class Permit(Protocol):
    """The server's permission to work on a request. Only a few requests have one at a time.

    A request that waits gives its permit back, so that another request can be worked on.
    """

    def give_back(self) -> None: ...
    def take(self) -> None: ...


def is_needed() -> bool:
    """Return True if answers to changes of tokens must wait. With SQLite they need not."""
    return is_on and connections[DEFAULT_DB_ALIAS].vendor == "postgresql"


def begin(
    request: HttpRequest, view: Any, places: WaitingPlaces, *, is_proven: bool = False
) -> bool:
    """Before the view runs, take one of `places` for a request whose answer must wait.

    Return False if all places are taken. The caller must then refuse the request, so that nothing
    is changed. Return True if the request has a place or needs none. A request needs a place if
    its view may change a token, and if its sender is signed in or has sent the right secret of a
    token. `is_proven` is True if the view itself calls, because it has checked the sender and is
    about to change something, even on a GET. `view` is not used then.
    """
    if (
        hasattr(request, "waiting_place")
        or not is_needed()
        or not (
            is_proven
            or (request.method not in SAFE_METHODS and must_wait(view) and is_identified(request))
        )
    ):
        return True
    if not places.take_free():
        with lend_permit(request):
            if not places.take_soon():
                return False
    request.waiting_place = places  # type: ignore[attr-defined]
    # In an event loop the client may leave while this thread waits: then `finish_async` is over.
    if hasattr(request, "is_finished") and (place := take_from(request)):
        place.give_back()
    return True


def take_from(request: HttpRequest) -> WaitingPlaces | None:
    """Take the waiting place away from the request, so that only one thread gives it back."""
    places: WaitingPlaces | None = vars(request).pop("waiting_place", None)
    return places


def finish(request: HttpRequest) -> None:
    """Wait before the answer is sent, if `begin` took a waiting place. Then give the place back.

    Call this after the view has returned or raised an exception. Raise ImproperlyConfigured if a
    transaction is still open.
    """
    places = take_from(request)
    if places is None:
        return
    try:
        forbid_open_transaction()
        if permit := work_permit(request):
            permit.give_back()
        time.sleep(CHANGE_WAIT_SECONDS)
    finally:
        places.give_back()


async def finish_async(request: HttpRequest) -> None:
    """Do the same as `finish`, without keeping the event loop (ASGI) from other requests."""
    request.is_finished = True  # type: ignore[attr-defined]  # before the look: see `begin`
    places = take_from(request)
    if places is None:
        return
    try:
        # In the thread that has the connection which the view used.
        await sync_to_async(forbid_open_transaction)()
        await asyncio.sleep(CHANGE_WAIT_SECONDS)
    finally:
        places.give_back()


def must_wait(view: Any) -> bool:
    """Return True if the answers of this view wait after a change.

    These are all views that are not marked with `@changes_no_decision`. In somebody else's project
    they are only our own views, and the administration of our models, because other views rarely
    change a token: see ALL_CHANGES_WAIT.
    """
    if hasattr(view, "changes_no_decision"):
        return False
    model_admin = getattr(view, "model_admin", None)
    return (
        token_settings.ALL_CHANGES_WAIT
        or getattr(view, "is_own", False)
        or getattr(view, "__module__", "").startswith("tokens.")
        or (model_admin is not None and model_admin.opts.app_label == "tokens")
    )


def is_identified(request: HttpRequest) -> bool:
    """Return True if the sender is signed in, or has sent the right secret of a token."""
    if hasattr(request, "token"):
        return True
    try:
        return bool(request.user.is_authenticated)
    except AttributeError:  # no middleware sets the user
        return False
    except Exception:  # the session can't be read: somebody may be signed in  # noqa: BLE001
        return True


def forbid_open_transaction() -> None:
    """Raise ImproperlyConfigured if a transaction is open, and mark it to be rolled back.

    The change would be committed only after the answer, so the wait would be too early.
    """
    database = connections[DEFAULT_DB_ALIAS]
    if database.in_atomic_block:
        transaction.set_rollback(True)
    elif database.connection is None or database.get_autocommit():
        return
    raise ImproperlyConfigured(OPEN_TRANSACTION)


def work_permit(request: HttpRequest) -> Permit | None:
    """Return the permit of this request (see Permit), or None if the server gives no permits."""
    permit: Permit | None = request.META.get(WORK_PERMIT)
    return permit


@contextmanager
def lend_permit(request: HttpRequest) -> Iterator[None]:
    """Return a context in which the server may work on another request in place of this one.

    This request gives its permit (see Permit) back, and takes one again at the end.
    """
    permit = work_permit(request)
    if permit is None:
        yield
        return
    permit.give_back()
    try:
        yield
    finally:
        permit.take()


def wait_without_request() -> None:
    """After a change by a command or a background thread, wait until the change holds everywhere.

    Inside a transaction return at once: the change is not committed yet, so waiting has no use.
    """
    if is_needed() and not connections[DEFAULT_DB_ALIAS].in_atomic_block:
        time.sleep(CHANGE_WAIT_SECONDS)
