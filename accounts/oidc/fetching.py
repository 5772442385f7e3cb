"""Requests to the provider: bounded in time, size and number."""

import json
import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import BoundedSemaphore
from typing import Any

import requests
from django.views.decorators.debug import sensitive_variables

from accounts.oidc.errors import SignOnError

log = logging.getLogger(__name__)

FETCH_SECONDS = 3.0  # for one request, with the look-up of the host's address
MAX_FETCHED = 262_144  # bytes of an answer
MAX_FETCHES = 4  # at a time, in each process
PLACE_SECONDS = 1.5  # how long a further request waits for its turn: many people come at nine

# NOTE: A thread does the request, because no time-out covers the look-up of a host's address. The
# page waits PLACE_SECONDS and FETCH_SECONDS at most. The thread keeps its place until it has
# ended, so a provider that hangs never has more than MAX_FETCHES threads.
fetchers = ThreadPoolExecutor(MAX_FETCHES, "oidc")
fetch_places = BoundedSemaphore(MAX_FETCHES)


@sensitive_variables()
def fetch_json(
    method: str, url: str, waiting: AbstractContextManager[Any], **options: Any
) -> dict[str, Any]:
    """Return the JSON object that the provider answers.

    Other requests are worked on inside the context `waiting`. Raise SignOnError "away" if there
    is no answer in time, or an answer of another kind, and "busy" if too many requests are open.
    Raise SignOnError "invalid" if the provider refuses the request (status 4xx).
    """
    try:
        with waiting:
            status, found = begin_fetch(method, url, options).result(timeout=FETCH_SECONDS)
    except (requests.RequestException, TimeoutError, ValueError, RecursionError) as error:
        # The text of the error is left out, because a library may quote the request.
        log.warning("the OpenID provider is away: %s %s: %s", method, url, type(error).__name__)
        raise SignOnError("away") from None
    if status != 200 or not isinstance(found, dict):
        log.warning("the OpenID provider answered %d to %s %s", status, method, url)
        raise SignOnError("invalid" if 400 <= status < 500 else "away")
    return found


@sensitive_variables()
def begin_fetch(method: str, url: str, options: dict[str, Any]) -> Future[tuple[int, Any]]:
    """Begin the request in a thread. Raise SignOnError "busy" or "away" if none is free."""
    if not fetch_places.acquire(timeout=PLACE_SECONDS):
        raise SignOnError("busy")
    try:
        answer = fetchers.submit(fetch_in_thread, method, url, options)
    except RuntimeError:  # the process is ending
        fetch_places.release()
        raise SignOnError("away") from None
    answer.add_done_callback(lambda _: fetch_places.release())
    return answer


@sensitive_variables()
def fetch_in_thread(method: str, url: str, options: dict[str, Any]) -> tuple[int, Any]:
    """Send the request, and return the status and the JSON of the answer. Follow no redirect.

    Raise ValueError if the answer is too long, takes too long, or has status 200 without JSON.
    """
    until = time.monotonic() + FETCH_SECONDS
    body = b""
    with (
        requests.Session() as session,
        session.request(
            method, url, timeout=FETCH_SECONDS, allow_redirects=False, stream=True, **options
        ) as response,
    ):
        while part := response.raw.read1(8192, decode_content=True):
            body += part
            if len(body) > MAX_FETCHED or time.monotonic() > until:
                raise ValueError("the answer is too long")
        if response.status_code != 200:
            return response.status_code, None
        return 200, json.loads(body)
