"""gunicorn's parser, changed: it gets a request only after all bytes have arrived."""

import io
from typing import Any

from gunicorn.http.errors import LimitRequestHeaders, NoMoreData, ParseException
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import Unreader

from config import settings
from config.server.request_bytes import ArrivedBytes

MAX_BODY = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
PIECE = 4_096  # bytes


class Unreadable(Exception):
    """The parser refuses a request. `head` is the start of the request, `error` says why."""

    def __init__(self, head: bytes, error: Exception) -> None:
        super().__init__()
        self.head, self.error = head, error


class Pieces(Unreader):  # type: ignore[misc]
    """Give the bytes of a request to the parser in small pieces.

    The parser is slow with large pieces: for each chunk of a body, it copies all bytes that it has
    got and not used yet.
    """

    def __init__(self) -> None:
        super().__init__()
        self.source = io.BytesIO()

    def chunk(self, size_hint: int | None = None) -> bytes:
        return self.source.read(max(PIECE, size_hint or 0))

    def take_buffered(self) -> bytes:
        """Return the bytes that the parser has not used, and forget them."""
        rest = super().take_buffered() + self.source.read()
        self.source = io.BytesIO()
        return bytes(rest)


class Parser(RequestParser):  # type: ignore[misc]
    """Parse requests from bytes that have all arrived. So the parser never waits."""

    def __init__(self, cfg: Any, address: Any) -> None:
        super().__init__(cfg, [], address)
        self.unreader = Pieces()
        self.arrival, self.head = ArrivedBytes(MAX_BODY), b""

    def feed(self, arrival: ArrivedBytes) -> None:
        """Take the bytes of `arrival` as the next request to parse."""
        self.arrival, self.head = arrival, arrival.head
        self.unreader.source = io.BytesIO(arrival.data)
        arrival.data = bytearray()

    def __next__(self) -> Any:
        """Return the parsed request. Raise Unreadable if the parser refuses it."""
        try:
            return self._next()
        except (ParseException, NoMoreData) as error:
            raise Unreadable(self.head, error) from None

    def end(self) -> bytes:
        """Forget the request. Return the bytes after it, the start of the next request."""
        self.mesg, self.head = None, b""
        return self.unreader.take_buffered()

    def _next(self) -> Any:
        if self.arrival.too_large and not self.arrival.has_head:
            raise LimitRequestHeaders("the head is too large")
        request = super().__next__()
        request._expected_100_continue = False  # noqa: SLF001  # private, as in gunicorn 27.0.1
        if self.arrival.too_large:
            set_body(request, b"", MAX_BODY + 1)
            request.force_close()
            return request
        length = getattr(request.body.reader, "length", None)  # None: the body came in chunks
        body = request.body.read()
        if length is None:
            set_body(request, body, len(body))  # Django ignores a body without a length
        elif len(body) == length:
            request.body = io.BytesIO(body)
        else:  # the next request would begin in the middle of this body
            raise NoMoreData(b"")
        return request


def set_body(request: Any, body: bytes, length: int) -> None:
    """Replace the request's body, and the headers that say how long it is.

    `length` is the new Content-Length. It may be larger than the body, so that the application
    refuses the request as too large.
    """
    others = [
        header
        for header in request.headers
        if header[0] not in {"CONTENT-LENGTH", "TRANSFER-ENCODING"}
    ]
    request.headers = [*others, ("CONTENT-LENGTH", str(length))]
    request.body = io.BytesIO(body)
