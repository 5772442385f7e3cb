"""Requests that the server's parser refuses, answered as the application answers what it refuses itself.

A token from a file with Windows line ends brings a carriage return into its header: its sender is to read that, with a
code and a reference, and the operator is to find it in the log.
"""

import re
from itertools import pairwise

from django.http import HttpRequest, HttpResponse
from gunicorn.http import errors

from config.middleware import ProxyMiddleware
from config.parser import Unreadable
from tokens import answers, denial
from tokens.call import Call
from tokens.denial import Denial
from tokens.usage import recorder

REQUEST_LINE = re.compile(rb"\s*([!-~]{1,20}) ([^\s?]*)")
SIMPLE_HEADER = re.compile(rb"^(user-agent|x-forwarded-for|forwarded):([\t -~]*)\r$", re.IGNORECASE | re.MULTILINE)
CREDENTIAL = re.compile(rb"(\s*)(authorization|bearer)(?![\w-])(.*)", re.IGNORECASE | re.DOTALL)
WORD = re.compile(rb"\w{20,}\r?")  # such as a token
CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
FAULTS = {
    errors.InvalidRequestLine: (400, "its first line is not a method, an address without spaces, and a version"),
    errors.InvalidRequestMethod: (400, "its method is not valid"),
    errors.InvalidHTTPVersion: (400, "its version of HTTP is not supported"),
    errors.LimitRequestLine: (414, "its address is too long"),
    errors.LimitRequestHeaders: (431, "its headers are too long, or too many"),
    errors.ExpectationFailed: (417, "its Expect header asks for something else than 100-continue"),
    errors.UnsupportedTransferCoding: (501, "its Transfer-Encoding is not chunked"),
    errors.InvalidChunkSize: (400, "its body has a chunk without its size"),
    errors.InvalidChunkExtension: (400, "its body has a chunk with an extension that HTTP does not allow"),
    errors.NoMoreData: (400, "its body is shorter than it says"),
    errors.ChunkMissingTerminator: (400, "its body has a chunk without its end"),
}
OTHER_FAULT = (400, "a header has a form or a character that HTTP does not allow, or contradicts another")


def answer(unreadable: Unreadable, address: str) -> bytes:
    """Return the answer as it is sent, and record the request. Nothing of the request is quoted."""
    request = as_request(unreadable.head, address)
    refused = refusal(unreadable.head, unreadable.fault)
    return serialized(ProxyMiddleware(lambda request: recorded(request, refused))(request))


def as_request(head: bytes, address: str) -> HttpRequest:
    """Return what can be read of the request."""
    request = HttpRequest()
    if line := REQUEST_LINE.match(head):
        request.method, request.path_info = line[1].decode(), line[2].decode("latin-1")
    request.META = {"REMOTE_ADDR": address}
    for name, value in SIMPLE_HEADER.findall(head):
        request.META[f"HTTP_{name.decode().upper().replace('-', '_')}"] = value.decode().strip()
    return request


def refusal(head: bytes, fault: Exception) -> Denial:
    """Return why the parser refused the request: the Authorization header first, which people write by hand."""
    if words := credential_fault(head):
        return denial.malformed_header(words)
    status, words = next((known for kind, known in FAULTS.items() if isinstance(fault, kind)), OTHER_FAULT)
    return Denial("bad_request", f"The request can't be read: {words}.", view_status=status)


def credential_fault(head: bytes) -> str:  # noqa: PLR0911  (a table of what people send)
    """Return what is wrong with the Authorization header, as a line of an HTTP head, or "" (RFC 9112 section 5)."""
    for line, following in pairwise([*head.split(b"\n")[1:], b""]):
        if found := CREDENTIAL.fullmatch(line):
            space, name, rest = found.groups()
            colon, value = rest[:1], rest[1:].removesuffix(b"\r")
            if value.endswith(b"\r"):
                return "a carriage return at its end, as from a file with Windows line ends: remove it"
            if b"\x00" in value:
                return "a NUL character in it"
            if CONTROL.search(value):
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


def recorded(request: HttpRequest, refused: Denial) -> HttpResponse:
    """Return the refusal, once the request is recorded, as TokenMiddleware does."""
    call = request.call = Call(request)  # type: ignore[attr-defined]
    response = answers.answer(request, refused)
    call.end(response.status_code)
    recorder.record(call)
    return response


def serialized(response: HttpResponse) -> bytes:
    """Return the answer as it goes to the client, whose connection ends with it."""
    response["Content-Length"] = str(len(response.content))
    response["Connection"] = "close"
    response["X-Content-Type-Options"] = "nosniff"
    line = f"HTTP/1.1 {response.status_code} {response.reason_phrase}\r\n".encode()
    return line + response.serialize_headers() + b"\r\n\r\n" + response.content
