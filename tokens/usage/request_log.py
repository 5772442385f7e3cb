"""The request log: one line for each API request, for operators.

docs/operations.md lists the fields.
"""

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC
from functools import partial
from select import PIPE_BUF

from tokens.core.text import SecondTexts
from tokens.token_settings import token_settings
from tokens.usage.request_record import CachedResults, RequestRecord, ShownTexts

log = logging.getLogger("tokens.requests")

Value = str | int | float | None


class LineMaker:
    """Makes the log lines of some requests.

    A text that is in several requests, such as a path, is masked and encoded only once. This saves
    time.
    """

    def __init__(self) -> None:
        self._shown = ShownTexts()
        self._encoded = CachedResults(json.dumps)
        self._times = SecondTexts(lambda at: f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}")

    def fields(self, record: RequestRecord) -> tuple[Value, ...]:
        """Return the values for the log line of a request, in the order of the line.

        A value that is not known is None. The token is known only if its secret was right.
        """
        token, at = record.token, record.at
        return (
            f"{self._times.second(at)}.{at.microsecond // 1000:03}Z",
            record.reference or None,
            token.identifier if token else None,
            token.owner_id if token else None,
            self._shown.methods[record.method],
            self._shown.paths[record.path],
            record.status,
            record.code or None,
            record.milliseconds,
            record.address or None,
        )

    def json_line(self, record: RequestRecord) -> str:
        """Return the log line of a request as JSON."""
        # NOTE: `json.dumps` for each line would take longer than all the rest. So it encodes only
        # the texts that clients can choose, and each text only once.
        values = self.fields(record)
        time, reference, identifier, owner, method, path, status, code, duration, address = values
        text = self._encoded
        return (
            f'{{"time": "{time}", "reference": {text[reference]}, '
            f'"identifier": {text[identifier]}, "owner_id": {text[owner]}, '
            f'"method": {text[method]}, "path": {text[path]}, "status": {status}, '
            f'"code": {text[code]}, "milliseconds": {duration}, "address": {text[address]}}}'
        )

    def plain_line(self, record: RequestRecord) -> str:
        """Return the log line of a request for people: the known values, with blanks between."""
        *before, milliseconds, address = self.fields(record)
        values = [*before, f"{milliseconds} ms", address]
        return " ".join(str(value) for value in values if value is not None)


LINE_FORMATS: dict[str, Callable[[LineMaker, RequestRecord], str]] = {
    "json": LineMaker.json_line,
    "plain": LineMaker.plain_line,
}


def write_lines(records: Iterable[RequestRecord]) -> None:
    """Write a line for each request to the log, in the format that REQUEST_LOG names.

    Do nothing if REQUEST_LOG turns the log off. Several lines are logged together, because a call
    of `logging` takes longer than making a line.
    """
    if line_of := LINE_FORMATS.get(token_settings.REQUEST_LOG):
        for entry in join_lines(map(partial(line_of, LineMaker()), records)):
            log.info(entry)


def join_lines(lines: Iterable[str]) -> Iterator[str]:
    """Yield texts of several lines, each up to PIPE_BUF bytes long with its last line break.

    A longer line is yielded alone. A pipe writes up to PIPE_BUF bytes at once. With more, lines of
    two processes could be mixed.
    """
    entry: list[str] = []
    size = 0  # in bytes, with a line break after each line
    for line in lines:
        more = len(line.encode()) + 1
        if entry and size + more > PIPE_BUF:
            yield "\n".join(entry)
            entry, size = [], 0
        entry.append(line)
        size += more
    if entry:
        yield "\n".join(entry)
