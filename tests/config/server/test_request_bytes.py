"""When a request that comes in pieces is whole, and what is too large."""

from itertools import pairwise
from typing import Any
from unittest.mock import patch

import pytest
from gunicorn.config import Config
from gunicorn.http.body import ChunkedReader
from hypothesis import given
from hypothesis import strategies as st

from config.server.request_bytes import MAX_CHUNK_LINE, MAX_HEAD, ArrivedBytes, program_pattern
from config.server.request_parser import Parser, Unreadable

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /accounts/login/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /api/v1/revoke HTTP/1.1\r\nHost: x\r\ntransfer-encoding:chunked\r\n\r\n"
    b"3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nX-Sum: 1\r\n\r\n"
)
WHOLE = [
    GET, POST, CHUNKED, CHUNKED.replace(b"X-Sum: 1\r\n", b""), b"\r\n" + GET,
    POST.replace(b": 5", b": " + b"5".zfill(24)), POST.replace(b": 5", b":\t05 \t"),
    CHUNKED.replace(b"3;", b"3".zfill(10) + b";").replace(b"\n0\r", b"\n" + b"0" * 12 + b"\r"),
    CHUNKED.replace(b"transfer-", b"Transfer-Encoding: identity\r\ntransfer-"),
]  # fmt: skip


def arrived(*pieces: bytes, max_body: int = 100) -> ArrivedBytes:
    arrival = ArrivedBytes(max_body)
    for piece in pieces:
        arrival.add(piece)
    return arrival


@pytest.mark.parametrize("request_", WHOLE)
def test_a_request_is_whole_with_its_last_byte(request_: bytes) -> None:
    bytes_ = [request_[at : at + 1] for at in range(len(request_))]
    arrival = ArrivedBytes(100)
    wholes = []
    for byte in bytes_:
        arrival.add(byte)
        wholes.append(arrival.is_whole)
    assert wholes == [False] * (len(bytes_) - 1) + [True]
    assert not arrival.too_large


@given(
    st.sampled_from(WHOLE), st.lists(st.integers(0, 200)), st.sampled_from([b"", GET, b"GET /"])
)
def test_the_parser_reads_what_came_in_any_pieces(
    request_: bytes, cuts: list[int], more: bytes
) -> None:
    ends = [0, *sorted(cuts), len(request_)]
    arrival = arrived(*(request_[a:b] for a, b in pairwise(ends)), more)
    assert arrival.is_whole
    parser = Parser(Config(), ("192.0.2.1", 1))
    parser.feed(arrival)
    message = next(parser)
    assert message.body.read() == (b"" if message.method == "GET" else b"hello")
    assert message.method == "GET" or int(dict(message.headers)["CONTENT-LENGTH"]) == 5
    assert parser.unreader.take_buffered() == more


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.1\nHost: x\n\n",
        "GET / HTTP/1.1\r\nAuthorization: Bearer x\n\r\nHost: x",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        f"POST / HTTP/1.1\r\nContent-Length: {'9' * 5000}\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        f"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{'0' * (MAX_CHUNK_LINE + 1)}",
        f"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{'a' * (MAX_CHUNK_LINE + 1)}",
    ],
)
def test_what_the_parser_refuses_is_not_waited_for(head: str) -> None:
    arrival = arrived(head.encode(), max_body=10 * MAX_CHUNK_LINE)
    assert arrival.is_whole
    parser = Parser(Config(), ("192.0.2.1", 1))
    parser.feed(arrival)
    with pytest.raises(Exception):  # noqa: B017, PT011
        next(parser)


@pytest.mark.parametrize("request_", [POST, CHUNKED])
def test_a_body_that_is_cut_short_is_refused_and_never_awaited(request_: bytes) -> None:
    """Whatever is wrong with Arrival: what comes later would be taken for another request."""
    parser = Parser(Config(), ("192.0.2.1", 1))
    arrival = arrived(request_)
    del arrival.data[-3:]
    parser.feed(arrival)
    with pytest.raises(Unreadable):
        next(parser)


def test_what_is_too_large_is_not_waited_for() -> None:
    assert not arrived(b"a" * MAX_HEAD).is_whole
    assert arrived(b"a" * MAX_HEAD, b"a").too_large
    for head in (
        POST.replace(b": 5", b": 101"),
        POST.replace(b": 5", b": 999999999999999999"),
        POST.replace(b": 5", b": 1000000000000000005"),
        POST.replace(b": 5", b": 10000000000000000005"),
        CHUNKED.partition(b"3;a=b")[0] + b"ffffff\r\n" + b"a" * 101,
    ):
        arrival = arrived(head)
        assert (arrival.is_whole, arrival.too_large) == (True, True)
        parser = Parser(Config(), ("192.0.2.1", 1))
        parser.feed(arrival)
        message = next(parser)
        assert (message.body.read(), message.should_close()) == (b"", True)
        assert int(dict(message.headers)["CONTENT-LENGTH"]) > 2_000_000


def test_a_client_that_waits_for_leave_to_send_is_known_by_its_head() -> None:
    head = b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n"
    assert not arrived(head).expects_continue()
    assert arrived(head, b"\r\n").expects_continue()
    assert not arrived(POST[:-5]).expects_continue()


@pytest.mark.parametrize(
    ("target", "program"),
    [
        ("/api/v1/token", True), ("/verify", True), ("/verify?scope=a", True), ("/verify/x", True),
        ("/healthz", True), ("/readyz", True), ("/metrics", True), ("//api/x", True), ("/", False),
        ("/apis", False), ("/verified", False), ("/healthz?a", True), ("/healthz/x", False),
        ("/healthz/", False), ("//healthz", False), ("/metrics/x", False),
        ("/.well-known/oauth-protected-resource", True),
        ("/.well-known/change-password", False), ("/accounts/login/?next=/api/", False),
        ("/settings/tokens/", False), ("/x/api/", False),
    ],
)  # fmt: skip
def test_programs_are_told_from_pages(target: str, program: bool) -> None:
    assert arrived(f"GET {target} HTTP/1.1\r\n\r\n".encode()).is_of_program() == program


@pytest.mark.parametrize(
    ("target", "program"),
    [
        ("/tokens/api/v1/token", True), ("/tokens/verify", True), ("/tokens//api/x", True),
        ("/tokens/healthz", True), ("/healthz", True), ("/verify?scope=a", True),
        ("/.well-known/oauth-protected-resource/tokens", True), ("/tokens/", False),
        ("/tokens/settings/tokens/", False), ("/tokens/accounts/login/?next=/api/", False),
        ("/x/tokens/api/", False), ("/tokensapi/", False),
    ],
)  # fmt: skip
def test_programs_below_a_path(target: str, program: bool) -> None:
    found = program_pattern("/tokens").match(f"GET {target} HTTP/1.1".encode())
    assert (found is not None) == program


@pytest.mark.parametrize("chunk", [b"1\r\na\r\n", b"1;a=b\r\na\r\n"])
def test_each_small_chunk_costs_the_same(chunk: bytes) -> None:
    """The parser copies the rest of what it was handed for each chunk."""
    copied = 0
    parse = ChunkedReader.parse_chunk_size

    def counted(reader: ChunkedReader, unreader: Any, data: bytes = b"") -> Any:
        nonlocal copied
        copied += len(data)
        return parse(reader, unreader, data)

    number = 20_000
    arrival = arrived(
        CHUNKED.partition(b"3;")[0], chunk * number, b"0\r\n\r\n", max_body=1_000_000
    )
    parser = Parser(Config(), ("192.0.2.1", 1))
    parser.feed(arrival)
    with patch.object(ChunkedReader, "parse_chunk_size", counted):
        assert next(parser).body.read() == b"a" * number
    assert copied < number * 8192
