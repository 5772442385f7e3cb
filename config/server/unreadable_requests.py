"""Responses to requests that the server's parser can't read, as problems (RFC 9457).

For example, a token from a file with Windows line ends puts a carriage return into the
Authorization header. The sender gets a problem that says so. The problem has a reference, with
which the operator finds the request in the request log.
"""

import re
from itertools import pairwise

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from gunicorn.http import errors

from config.middleware import resolve_client
from config.server.request_parser import Unreadable
from tokens.problems import problem, responses
from tokens.problems.problem import Problem
from tokens.usage.recorder import recorder
from tokens.usage.request_record import RequestRecord

REQUEST_LINE = re.compile(rb"\s*([!-~]{1,20}) ([^\s?]*)")
SIMPLE_HEADER = re.compile(
    rb"^(user-agent|x-forwarded-for|forwarded):([\t -~]*)\r$", re.IGNORECASE | re.MULTILINE
)
CREDENTIAL = re.compile(rb"(\s*)(authorization|bearer)(?![\w-])(.*)", re.IGNORECASE | re.DOTALL)
ACCOUNTS = "/accounts/"  # the log shows only this part of such paths
WORD = re.compile(rb"\w{20,}\r?")  # may be a token
CONTROL_BYTE = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
PARSER_ERRORS = {
    errors.InvalidRequestLine: (
        400,
        "its first line is not a method, an address without spaces, and a version",
    ),
    errors.InvalidRequestMethod: (400, "its method is not valid"),
    errors.InvalidHTTPVersion: (400, "its version of HTTP is not supported"),
    errors.LimitRequestLine: (414, "its address is too long"),
    errors.LimitRequestHeaders: (431, "its headers are too long, or too many"),
    errors.ExpectationFailed: (417, "its Expect header asks for something else than 100-continue"),
    errors.UnsupportedTransferCoding: (501, "its Transfer-Encoding is not chunked"),
    errors.InvalidChunkSize: (400, "its body has a chunk without its size"),
    errors.InvalidChunkExtension: (
        400,
        "its body has a chunk with an extension that HTTP does not allow",
    ),
    errors.NoMoreData: (400, "its body is shorter than it says"),
    errors.ChunkMissingTerminator: (400, "its body has a chunk without its end"),
}
OTHER_ERROR = (
    400,
    "a header has a form or a character that HTTP does not allow, or contradicts another",
)


def response_bytes(unreadable: Unreadable, address: str) -> bytes:
    """Record an unreadable request of the client at `address`, and return the response's bytes.

    The response quotes nothing of the request, because it may contain a token.
    """
    request = as_request(unreadable.head, address)
    found = problem_for(unreadable.head, unreadable.error)
    resolve_client(request.META)
    return serialized(record_and_refuse(request, found))


def as_request(head: bytes, address: str) -> HttpRequest:
    """Return a Django request with what can be read of `head`: method, path, three headers."""
    request = HttpRequest()
    if line := REQUEST_LINE.match(head):
        path = line[2].decode("latin-1")
        request.method, request.path_info = line[1].decode(), path.removeprefix(settings.SITE_PATH)
    request.META = {"REMOTE_ADDR": address}
    for name, value in SIMPLE_HEADER.findall(head):
        request.META[f"HTTP_{name.decode().upper().replace('-', '_')}"] = value.decode().strip()
    return request


def problem_for(head: bytes, error: Exception) -> Problem:
    """Return the problem (RFC 9457) for a request that the parser refused with `error`.

    A mistake in the Authorization header is named first, because people write this header by hand.
    """
    if words := credential_error(head):
        return problem.malformed_header(words)
    status, words = next(
        (known for kind, known in PARSER_ERRORS.items() if isinstance(error, kind)), OTHER_ERROR
    )
    return Problem("bad_request", f"The request can't be read: {words}.", view_status=status)


def credential_error(head: bytes) -> str:  # noqa: PLR0911
    """Return what is wrong with the Authorization header, or "" (RFC 9112 section 5)."""
    for line, following in pairwise([*head.split(b"\n")[1:], b""]):
        if found := CREDENTIAL.fullmatch(line):
            space, name, rest = found.groups()
            colon, value = rest[:1], rest[1:].removesuffix(b"\r")
            if value.endswith(b"\r"):
                return (
                    "a carriage return at its end, as from a file with Windows line ends: "
                    "remove it"
                )
            if b"\x00" in value:
                return "a NUL character in it"
            if CONTROL_BYTE.search(value):
                return "a character in it that can't be seen"
            if name.lower() == b"bearer":
                return "a line break in it, or lacks its name"
            if space or colon != b":":
                return "a space before its name, or no colon right after the name"
            if not rest.endswith(b"\r"):
                return "a line feed at its end: remove it"
            if following[:1] in {b" ", b"\t"} or WORD.fullmatch(following):
                return "a line break in it"
    return ""


def record_and_refuse(request: HttpRequest, found: Problem) -> HttpResponse:
    """Record the request for the log and the counts, and return the problem's response."""
    record = RequestRecord(request.META, request.method or "", request.path_info)
    request.record = record  # type: ignore[attr-defined]
    if ACCOUNTS in record.path:  # the rest of the path may be the secret of a link in a mail
        record.set_target(record.method, ACCOUNTS)
    response = responses.refuse(request, found)
    record.finish(response.status_code)
    recorder.record(record)
    return response


def serialized(response: HttpResponse) -> bytes:
    """Return the response as bytes for the socket. The server closes the connection after them."""
    response["Content-Length"] = str(len(response.content))
    response["Connection"] = "close"
    response["X-Content-Type-Options"] = "nosniff"
    line = f"HTTP/1.1 {response.status_code} {response.reason_phrase}\r\n".encode()
    return line + response.serialize_headers() + b"\r\n\r\n" + response.content
