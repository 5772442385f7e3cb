"""The request log: a line for each request of a program, for operators. docs/operations.md lists the fields."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC
from select import PIPE_BUF

from django.conf import settings

from tokens.call import Call

log = logging.getLogger("tokens.requests")

Value = str | int | float | None


def fields(call: Call) -> dict[str, Value]:
    """What the log says of `call`; None where it is not known, as all is of a token whose secret was not proven."""
    token = call.token
    return {
        "time": call.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "reference": call.reference or None,
        "identifier": token.identifier if token else None,
        "owner_id": token.owner_id if token else None,
        "method": call.shown_method,
        "path": call.shown_path,
        "status": call.status,
        "code": call.code or None,
        "milliseconds": call.milliseconds,
        "address": call.address or None,
    }


def as_json(call: Call) -> str:
    return json.dumps(fields(call))


def as_plain(call: Call) -> str:
    """For the eyes: the same fields in the same order, those that are known."""
    said = fields(call)
    said["milliseconds"] = f"{call.milliseconds} ms"
    return " ".join(str(value) for value in said.values() if value is not None)


LINES: dict[str, Callable[[Call], str]] = {"json": as_json, "plain": as_plain}


def write(calls: Iterable[Call]) -> None:
    """Say them all, several in one entry: for each one alone the machinery of logging takes longer than the line."""
    if line := LINES.get(settings.REQUEST_LOG):
        for entry in entries(map(line, calls)):
            log.info(entry)


def entries(lines: Iterable[str]) -> Iterator[str]:
    """The lines in pieces of up to PIPE_BUF bytes, which a pipe takes whole: longer ones of two processes would mix."""
    entry = ""
    for line in lines:
        longer = f"{entry}\n{line}" if entry else line
        if entry and len(longer.encode()) >= PIPE_BUF:  # with the end of the line too much
            yield entry
            longer = line
        entry = longer
    if entry:
        yield entry
