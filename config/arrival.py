"""The bytes of a request as they arrive, and whether they are all here. Pure: no socket, no clock.

This decides only when the server's parser is asked, and how much anybody may send. What the bytes mean is for the
parser to say. Whatever is judged wrongly here fails there, because the parser gets no bytes beyond these.
"""

import re

MAX_HEAD = 65_536  # bytes of the request line and all headers
MAX_CHUNK_LINE = 8_192  # bytes of a chunk's size and extensions, and of trailers
HEAD_END = re.compile(rb"\n\r?\n")  # without a carriage return too, which the parser refuses at once
FRAMING = re.compile(rb"\n(content-length|transfer-encoding)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
EXPECTS = re.compile(rb"\nexpect[ \t]*:[ \t]*100-continue", re.IGNORECASE)
CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]+)(?:[ \t]*;.*)?", re.DOTALL)
PROGRAM = re.compile(rb"[A-Z]+ (?:/+(?:api|verify)[/? ]|/(?:healthz|readyz|metrics)[? ])")


class Arrival:
    """One request, so far.

    `is_whole` says that the parser can be asked, also where it will refuse. `too_large` says that the head or the body
    is larger than is taken, so that the rest is not waited for.
    """

    def __init__(self, max_body: int) -> None:
        self.data = bytearray()
        self.is_whole = self.too_large = False
        self._max_body = max_body
        self._body = 0  # where the body begins, once the head has ended
        self._chunk = 0  # where the next chunk begins, if the body comes in chunks
        self._end = 0  # where the body ends, if it says how long it is

    def add(self, data: bytes) -> None:
        """Add what came next."""
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
        """Whether the request line and all headers are here."""
        return bool(self._body)

    @property
    def head(self) -> bytes:
        """The request line and the headers, as far as they are here, and nothing of the body."""
        return bytes(self.data[: min(self._body or MAX_HEAD, MAX_HEAD)])

    def expects_continue(self) -> bool:
        """Return whether the client waits for `100 Continue` before it sends the body (RFC 9110 section 10.1.1)."""
        return bool(self._body and EXPECTS.search(self.data, 0, self._body))

    def is_of_program(self) -> bool:
        """Return whether this is for the HTTP API, for forward auth or for a probe, and so for no page."""
        return PROGRAM.match(self.data) is not None

    def _read_framing(self) -> None:
        """Find out where the body ends (RFC 9112 section 6); what is contradictory ends at once, and is refused."""
        self._end = self._body
        fields = FRAMING.findall(self.data, 0, self._body)
        if fields and all(name.lower() == b"transfer-encoding" for name, _ in fields):
            self._chunk = self._body
        elif len(fields) == 1 and (length := fields[0][1].rstrip(b" \t")).isdigit():
            self._end += int(length.lstrip(b"0")[:19] or b"0")  # what has more digits is too large as well

    def _chunks_ended(self) -> bool:
        """Return whether the last chunk and the trailers are here (RFC 9112 section 7.1), or something wrong."""
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
