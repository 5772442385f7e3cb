"""Helpers: a program that holds a token, and request records."""

from datetime import datetime
from typing import Any

from django.test import RequestFactory

from tokens.models import Actor, Token
from tokens.usage.request_record import RequestRecord


def program(token: Token) -> Actor:
    """Return a program that calls with `token`."""
    return Actor(user=token.owner, token=token, address="127.0.0.1")


def a_record(
    token: Token | None = None,
    at: datetime | None = None,
    address: str = "192.0.2.1",
    **facts: Any,
) -> RequestRecord:
    """Return the record of a request with `token`, with status 200 unless `facts` say other."""
    request = RequestFactory().get(
        facts.pop("path", "/api/v1/token"), headers={"User-Agent": "curl/8.5"}
    )
    record = RequestRecord(request.META, request.method or "", request.path_info)
    record.token, record.address, record.status = token, address, 200
    record.at = at or record.at
    for name, value in facts.items():
        setattr(record, name, value)
    if problem := record.problem:
        record.status, record.code = problem.status, problem.code
        record.reference = problem.reference
    return record
