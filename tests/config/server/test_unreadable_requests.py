"""Requests that the parser refuses get a text with a code, which quotes nothing of the request."""

import json
from typing import Any

import pytest
from django.test import override_settings
from gunicorn.config import Config
from pytest_django import Settings

from config.server import unreadable_requests
from config.server.request_bytes import MAX_HEAD, ArrivedBytes
from config.server.request_parser import Parser, Unreadable
from config.server.unreadable_requests import response_bytes
from tests.steps import counted
from tests.values import token_value
from tokens.core.setting_values import networks
from tokens.usage import recorder

TOKEN = token_value().encode()
SENT = {  # the lines of the head, and words of the answer
    "CR": (b"Authorization: Bearer %s\r\r\n", "Windows line ends"),
    "CR, in another case": (b"AUTHORIZATION:bearer %s\r\r\n", "Windows line ends"),
    "CR, then others": (b"Authorization: Bearer %s\r\r\nX-Other: a\r\n", "Windows line ends"),
    "CR within": (b"Authorization: Bearer\r%s\r\n", "a character in it that can't be seen"),
    "LF": (b"Authorization: Bearer %s\n\r\n", "a line feed at its end"),
    "LF, then others": (b"Authorization: Bearer %s\nX-Other: a\r\n", "a line feed at its end"),
    "NUL": (b"Authorization: Bearer %s\x00\r\n", "a NUL character"),
    "NUL first": (b"Authorization: \x00Bearer %s\r\n", "a NUL character"),
    "DEL": (b"Authorization: Bearer %s\x7f\r\n", "a character in it that can't be seen"),
    "escape": (b"Authorization: Bearer \x1b[0m%s\r\n", "a character in it that can't be seen"),
    "folded": (b"Authorization: Bearer\r\n %s\r\n", "a line break"),
    "folded by a tab": (b"Authorization: Bearer\r\n\t%s\r\n", "a line break"),
    "broken": (b"Authorization: Bearer\r\n%s\r\n", "a line break"),
    "without a colon": (b"Authorization Bearer %s\r\n", "no colon right after"),
    "a space before the colon": (b"Authorization : Bearer %s\r\n", "no colon right after"),
    "a space before the name": (b" Authorization: Bearer %s\r\n", "a space before"),
    "an equals sign": (b"Authorization=Bearer %s\r\n", "no colon right after"),
    "without a name": (b"Bearer %s: x\r\n", "lacks its name"),
}
OTHER = {
    "a header without a colon": (b"X-Other\r\n", 400),
    "a token as a name": (b"%s x: y\r\n", 400),
    "a NUL in another header": (b"X-Other: \x00\r\n", 400),
    "two lengths": (b"Content-Length: 1\r\nContent-Length: 2\r\n", 400),
    "two hosts": (b"Host: a\r\nHost: b\r\n", 400),
    "many headers": (b"A: b\r\n" * 101, 431),
    "a long header": (b"X-Other: " + b"a" * 20_000 + b"\r\n", 431),
    "a head without an end": (b"X-Other: " + b"a" * (MAX_HEAD + 1), 431),
    "another coding": (b"Transfer-Encoding: bzip2\r\n", 501),
    "another expectation": (b"Expect: miracles\r\n", 417),
}
LINES = {
    "a method in small letters": (b"get / HTTP/1.1", 400),
    "no version": (b"GET /", 400),
    "another version": (b"GET / HTTP/3.1", 400),
    "a long address": (b"GET /" + b"a" * 9000 + b" HTTP/1.1", 414),
    "an address with a NUL": (b"GET /\x00 HTTP/1.1", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
}


def answered(
    lines: bytes, line: bytes = b"GET /api/v1/token HTTP/1.1"
) -> tuple[int, dict[str, str], dict[str, Any]]:
    """The status, the headers and the problem."""
    arrival = ArrivedBytes(100)
    arrival.add(line + b"\r\n" + lines + b"\r\n")
    parser = Parser(Config(), ("192.0.2.1", 1))
    parser.feed(arrival)
    with pytest.raises(Unreadable) as raised:
        next(parser)
    sent = response_bytes(raised.value, "192.0.2.1")
    assert TOKEN[24:] not in sent
    head, _, body = sent.decode().partition("\r\n\r\n")
    status, *headers = head.split("\r\n")
    return (
        int(status.split()[1]),
        dict(header.split(": ", 1) for header in headers),
        json.loads(body),
    )


def with_token(lines: bytes) -> bytes:
    return lines.replace(b"%s", TOKEN)


@pytest.mark.parametrize(("lines", "words"), SENT.values(), ids=SENT)
def test_a_malformed_header_is_told_what_is_wrong(lines: bytes, words: str) -> None:
    status, headers, problem = answered(with_token(lines))
    assert (status, problem["code"], problem["status"]) == (400, "malformed_header", 400)
    assert words in problem["detail"]
    assert headers["Content-Type"] == "application/problem+json"
    assert 'error="invalid_request"' in headers["WWW-Authenticate"]
    assert (headers["Cache-Control"], headers["Connection"]) == ("no-store", "close")


@pytest.mark.parametrize(("lines", "expected"), OTHER.values(), ids=OTHER)
def test_what_else_can_not_be_read_has_a_code_too(lines: bytes, expected: int) -> None:
    good = b"Authorization: Bearer " + TOKEN + b"\r\n"
    status, _, problem = answered(good + with_token(lines))
    assert (status, problem["code"]) == (expected, "bad_request")


@pytest.mark.parametrize(("line", "expected"), LINES.values(), ids=LINES)
def test_a_request_line_that_can_not_be_read(line: bytes, expected: int) -> None:
    status, _, problem = answered(b"Host: x\r\n", line)
    assert (status, problem["code"]) == (expected, "bad_request")


def test_the_request_is_recorded(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = networks("192.0.2.0/24")
    lines = b"X-Forwarded-For: 203.0.113.7\r\nUser-Agent: me/1\r\n" + with_token(SENT["CR"][0])
    _, _, problem = answered(lines, b"DELETE /orders/7?a=b HTTP/1.1")
    [call] = recorder.recorder._records
    assert problem["instance"].endswith(call.reference)
    assert (call.method, call.shown_path, call.status, call.code) == (
        "DELETE",
        "/orders/7",
        400,
        "malformed_header",
    )
    assert (call.address, call.shown_agent) == ("203.0.113.7", "me/1")


@pytest.mark.parametrize("site", [b"", b"http://localhost", b"/"])
def test_the_secret_of_a_mailed_link_is_not_recorded(site: bytes) -> None:
    answered(
        with_token(SENT["CR"][0]), b"GET %s/accounts/password/reset/key/1-secret/ HTTP/1.1" % site
    )
    assert recorder.recorder._records[0].shown_path == "/accounts/"


@override_settings(TRUSTED_PROXIES=[])
def test_an_address_is_believed_from_proxies_alone() -> None:
    answered(b"X-Forwarded-For: 203.0.113.7\r\n" + with_token(SENT["NUL"][0]))
    assert recorder.recorder._records[0].address == "192.0.2.1"


def test_a_body_is_not_taken_for_headers() -> None:
    body = b"User-Agent: body/1\r\nAuthorization: Bearer x\r\r\n"
    _, _, problem = answered(
        b"User-Agent: me/1\r\nX-Other\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    )
    assert problem["code"] == "bad_request"
    assert recorder.recorder._records[0].shown_agent == "me/1"


@pytest.mark.parametrize(
    "line", [b"Forwarded:%s\x01", b"%s\x01", b"Authorization%s", b"%sBearer%s", b"Forwarded:\r%s"]
)
@pytest.mark.parametrize("filling", [b" ", b"\t", b"\r", b"a", b"\n"])
def test_reading_what_can_not_be_read_takes_as_long_as_it_is(line: bytes, filling: bytes) -> None:
    steps = []
    for length in (200, 400):
        head = b"GET / HTTP/1.1\r\n" + line.replace(b"%s", filling * length) + b"\r\n\r\n"
        with counted(unreadable_requests) as counter:
            unreadable_requests.as_request(head, "192.0.2.1")
            unreadable_requests.credential_error(head)
        steps.append(counter.steps)
    assert steps[1] < 3 * steps[0]
