"""Requests as programs make them: one connection each, from an address of the client's choice."""

import json
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPMessage
from typing import NamedTuple

from tests.run import patience

ANSWER_SECONDS = 5  # within which an idle machine answers any call


class Answer(NamedTuple):
    """What came back; `code` is a refusal's, or ""."""

    status: int
    code: str
    headers: HTTPMessage
    body: dict[str, object]


class Try(NamedTuple):
    """One of many requests: its result, and its start on the clock that all processes share."""

    began: float
    result: str


def call(
    port: int,
    value: str,
    path: str = "/api/v1/token",
    *,
    method: str = "GET",
    source: str = "127.0.0.1",
    timeout: float | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Return the answer to a request with the token.

    Raise OSError without an answer within `timeout` seconds.
    """
    timeout = timeout or patience(ANSWER_SECONDS)
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout, source_address=(source, 0))
    try:
        connection.request(
            method, path, headers={"Authorization": f"Bearer {value}", **(headers or {})}
        )
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    body = json.loads(content) if content else {}
    return Answer(answer.status, body.get("code", ""), answer.headers, body)


def hammer(port: int, value: str, refusals: int, most: int) -> list[Try]:
    """Call without a pause until so many were refused, or `most` were made."""
    tries: list[Try] = []
    while refusals and len(tries) < most:
        began = time.monotonic()
        answer = call(port, value)
        tries.append(Try(began, answer.code or str(answer.status)))
        refusals -= answer.status != 200
    return tries
