"""The bytes of a request as they arrive: is the request complete, or too large?

NOTE: gunicorn's parser decides what the bytes mean. This module only decides when the parser may
begin. If this module is wrong, the parser reports an error, because it gets no more than these
bytes. The code uses no socket and no clock.
"""

import re

from config import settings

MAX_HEAD = 65_536  # bytes of the request line and all headers
MAX_CHUNK_LINE = 8_192  # bytes of a chunk's size and extensions, and of trailers
# HTTP requires the carriage return. It is optional here, so that a request without it goes to the
# parser at once, which refuses it.
HEAD_END = re.compile(rb"\n\r?\n")
FRAMING = re.compile(
    rb"\n(content-length|transfer-encoding)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE
)
EXPECTS = re.compile(rb"\nexpect[ \t]*:[ \t]*100-continue", re.IGNORECASE)
CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]+)(?:[ \t]*;.*)?", re.DOTALL)


def program_pattern(site_path: str) -> re.Pattern[bytes]:
    """Return the beginning of a request for the API, /verify or a probe.

    `site_path` (of SITE_URL) comes before these paths, but after that of the metadata (RFC 9728).
    """
    site = re.escape(site_path.encode())
    return re.compile(
        rb"[A-Z]+ (?:%b)?(?:/+(?:api|verify)[/? ]"
        rb"|/(?:healthz|readyz|metrics|\.well-known/oauth-protected-resource(?:%b)?)[? ])"
        % (site, site)
    )


PROGRAM = program_pattern(settings.SITE_PATH)


class ArrivedBytes:
    """The bytes of one request that have arrived so far.

    `is_whole` is True when the parser can begin, even if it will refuse the request. `too_large`
    is True if the head (request line and headers) or the body exceeds its limit. Then `is_whole`
    is True too, because nobody needs the rest.
    """

    def __init__(self, max_body: int) -> None:
        self.data = bytearray()
        self.is_whole = self.too_large = False
        self._max_body = max_body
        self._body = 0  # offset of the body; 0 until the head has ended
        self._chunk = 0  # offset of the next chunk, if the body comes in chunks
        self._end = 0  # offset of the body's end, if Content-Length is known

    def add(self, data: bytes) -> None:
        """Add bytes that have arrived, and update `is_whole` and `too_large`."""
        unseen = max(0, len(self.data) - 3)
        self.data += data
        if not self._body:
            if end := HEAD_END.search(self.data, unseen):
                self._body = end.end()
                self._read_framing()
            else:
                self.too_large = self.is_whole = len(self.data) > MAX_HEAD
                return
        if self._chunk:
            self.is_whole = self._chunks_ended()
            size = len(self.data) - self._body
        else:
            self.is_whole = len(self.data) >= self._end
            size = self._end - self._body
        if size > self._max_body:
            self.too_large = self.is_whole = True

    @property
    def has_head(self) -> bool:
        """Return True if the head (request line and all headers) has arrived."""
        return bool(self._body)

    @property
    def head(self) -> bytes:
        """Return the part of the head (request line and headers) that has arrived."""
        return bytes(self.data[: min(self._body or MAX_HEAD, MAX_HEAD)])

    def expects_continue(self) -> bool:
        """Return True if the client waits for `100 Continue` before it sends the body."""
        return bool(self._body and EXPECTS.search(self.data, 0, self._body))

    def is_of_program(self) -> bool:
        """Return True for a path of the API, /verify or a probe. Other paths are of pages."""
        return PROGRAM.match(self.data) is not None

    def _read_framing(self) -> None:
        """Find out from the headers where the body ends (RFC 9112 section 6).

        If the headers contradict each other, expect no body. The parser will refuse the request.
        """
        self._end = self._body
        fields = FRAMING.findall(self.data, 0, self._body)
        if fields and all(name.lower() == b"transfer-encoding" for name, _ in fields):
            self._chunk = self._body
        elif len(fields) == 1 and (length := fields[0][1].rstrip(b" \t")).isdigit():
            # A number with more than 19 digits is too large in any case.
            self._end += int(length.lstrip(b"0")[:19] or b"0")

    def _chunks_ended(self) -> bool:
        """Return True if a chunked body is complete (RFC 9112 section 7.1), or is malformed."""
        while (line_end := self.data.find(b"\r\n", self._chunk)) >= 0:
            size = CHUNK_SIZE.fullmatch(self.data, self._chunk, line_end)
            if size is None:
                return True
            if not int(size[1], 16):
                if self.data.find(b"\r\n\r\n", line_end) >= 0:
                    return True
                break
            self._chunk = line_end + 2 + int(size[1], 16) + 2
        return len(self.data) - self._chunk > MAX_CHUNK_LINE
