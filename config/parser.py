"""gunicorn's parser, for requests that are whole."""

import io
from typing import Any

from gunicorn.http.errors import LimitRequestHeaders, NoMoreData, ParseException
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import Unreader

from config import settings
from config.arrival import Arrival

MAX_BODY = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
PIECE = 4_096  # bytes


class Unreadable(Exception):
    """The parser refuses a request, which begins with `head`, for `fault`."""

    def __init__(self, head: bytes, fault: Exception) -> None:
        super().__init__()
        self.head, self.fault = head, fault


class Pieces(Unreader):  # type: ignore[misc]
    """Hands what is here to the parser piece by piece: the parser copies all that it has for each chunk of a body."""

    def __init__(self) -> None:
        super().__init__()
        self.source = io.BytesIO()

    def chunk(self, size_hint: int | None = None) -> bytes:
        return self.source.read(max(PIECE, size_hint or 0))

    def take_buffered(self) -> bytes:
        """Return what was not read, and keep nothing."""
        rest = super().take_buffered() + self.source.read()
        self.source = io.BytesIO()
        return bytes(rest)


class Parser(RequestParser):  # type: ignore[misc]
    """Parses what it is fed. It has no socket, so it never waits."""

    def __init__(self, cfg: Any, address: Any) -> None:
        super().__init__(cfg, [], address)
        self.unreader = Pieces()
        self.arrival, self.head = Arrival(MAX_BODY), b""

    def feed(self, arrival: Arrival) -> None:
        """Let `arrival` be what is parsed next, and take its bytes from it."""
        self.arrival, self.head = arrival, arrival.head
        self.unreader.source = io.BytesIO(arrival.data)
        arrival.data = bytearray()

    def __next__(self) -> Any:
        """Return the request; raises Unreadable."""
        try:
            return self._next()
        except (ParseException, NoMoreData) as fault:
            raise Unreadable(self.head, fault) from None

    def end(self) -> bytes:
        """Keep nothing of the request, and return what came behind it."""
        self.mesg, self.head = None, b""
        return self.unreader.take_buffered()

    def _next(self) -> Any:
        if self.arrival.too_large and not self.arrival.has_head:
            raise LimitRequestHeaders("the head is too large")
        request = super().__next__()
        request._expected_100_continue = False  # noqa: SLF001  (the worker has answered)
        if self.arrival.too_large:
            set_body(request, b"", MAX_BODY + 1)
            request.force_close()
            return request
        length = getattr(request.body.reader, "length", None)  # chunks have none
        body = request.body.read()
        if length is None:
            set_body(request, body, len(body))  # Django takes a body without a length for none
        elif len(body) == length:
            request.body = io.BytesIO(body)
        else:  # the rest would be taken for the next request
            raise NoMoreData(b"")
        return request


def set_body(request: Any, body: bytes, length: int) -> None:
    """Let the application read `body`, and believe that it has `length` bytes."""
    others = [header for header in request.headers if header[0] not in {"CONTENT-LENGTH", "TRANSFER-ENCODING"}]
    request.headers = [*others, ("CONTENT-LENGTH", str(length))]
    request.body = io.BytesIO(body)
