"""A flood of wrong sign-ins: programs get their answers, and the memory stays bounded."""

import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.run import patience
from tests.server import Installation, Server

CONNECTIONS = 16
TRIES = 3  # on each connection
MAX_MEGABYTES = 250  # of a worker
CSRF = "a" * 32


def sign_in_wrong(server: Server, address: str) -> Counter[int]:
    """Return the statuses of wrong sign-ins on one connection, each for another account."""
    statuses: Counter[int] = Counter()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded", "Cookie": f"tokenry_csrftoken={CSRF}",
        "X-Forwarded-For": address,
    }  # fmt: skip
    with closing(HTTPConnection("localhost", server.port, timeout=patience(60))) as connection:
        for number in range(TRIES):
            form = {
                "login": f"{address}-{number}@example.com",
                "password": "wrong",
                "csrfmiddlewaretoken": CSRF,
            }
            connection.request("POST", "/accounts/login/", urlencode(form), headers)
            answer = connection.getresponse()
            answer.read()
            statuses[answer.status] += 1
    return statuses


def verify_until(over: threading.Event, server: Server, token: str) -> Counter[int]:
    """Ask `/verify` on one connection until `over`."""
    statuses: Counter[int] = Counter()
    with closing(HTTPConnection("localhost", server.port, timeout=patience(10))) as connection:
        while not over.is_set():
            connection.request("GET", "/verify", headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            answer.read()
            statuses[answer.status] += 1
    return statuses


def megabytes(worker: int) -> int:
    """Return the most memory that the process ever had."""
    found = re.search(
        r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{worker}/status").read_text(), re.MULTILINE
    )
    assert found
    return int(found[1]) // 1024


@pytest.mark.long
@pytest.mark.parametrize("addresses", [1, CONNECTIONS])
def test_programs_are_answered_and_the_memory_is_bounded(
    installation: Installation, addresses: int
) -> None:
    """One address is refused after a while (429); several are not."""
    installation.settings |= {
        "TRUSTED_PROXIES": "127.0.0.0/8,::1",
        "TOKEN_RATE_LIMIT": "1000000/hour",
    }
    server = installation.server().start()
    token = installation.issue()
    over = threading.Event()
    with ThreadPoolExecutor(CONNECTIONS + 1) as threads:
        verified = threads.submit(verify_until, over, server, token)
        try:
            clients = [f"192.0.2.{1 + number % addresses}" for number in range(CONNECTIONS)]
            tried = sum(threads.map(sign_in_wrong, [server] * CONNECTIONS, clients), Counter())
        finally:
            over.set()
        assert set(verified.result()) == {200}
    assert tried[200], "some were compared"
    assert set(tried) <= {200, 429, 503}
    assert max(map(megabytes, server.workers)) <= MAX_MEGABYTES
