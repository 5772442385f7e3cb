"""The services of docs/services/ ask a real Tokenry, without a gateway between."""

import asyncio
import json
import re
import runpy
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from tests.run import until, within
from tests.server import free_port
from tests.system.backend import Backend
from tests.system.conftest import READ, WRITE, Site, scoped
from tests.system.gateways import CLIENT, ELSEWHERE, Gateway, Reply, bearer, code, named
from tests.system.switch import Switch
from tests.system.web_services import FILES, FOLDER, running

PATH = "/reports"
TIME_OUT = 2  # seconds, in each program
SPOOFED = [("X-Auth-User", "777"), ("X-Auth-Scopes", WRITE), ("X-Forwarded-For", ELSEWHERE)]
LIMITS = ["RateLimit", "RateLimit-Policy", "X-RateLimit-Remaining", "Token-Expires-At"]


@pytest.fixture(scope="module")
def switch(site: Site) -> Iterator[Switch]:
    """The address that the services ask. It leads to Tokenry, unless a test changes that."""
    with closing(Switch(site.server.port)) as made:
        yield made


@pytest.fixture(scope="module", params=FILES)
def service(
    request: pytest.FixtureRequest, switch: Switch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """Each program, which runs."""
    name = str(request.param)
    with running(name, tmp_path_factory.mktemp(name), switch.port) as started:
        yield started


@pytest.fixture
def moved(switch: Switch, site: Site) -> Iterator[Callable[[int], None]]:
    """Return a function that leads the services to another port, until the test ends."""
    yield switch.lead_to
    switch.lead_to(site.server.port)


def user(site: Site) -> str:
    """Return the id of the owner of all tokens here."""
    return str(site.console.evaluate("User.objects.get().pk"))


@pytest.mark.parametrize(("method", "scope"), [("GET", READ), ("POST", WRITE)])
def test_a_good_token_passes(service: Gateway, site: Site, method: str, scope: str) -> None:
    value = scoped(site, scopes=(scope,))
    reply = service.ask(PATH, bearer(value), *SPOOFED, method=method)
    assert (reply.status, json.loads(reply.body)) == (200, {"user": user(site)})


def test_head_reads(service: Gateway, site: Site) -> None:
    reply = service.ask(PATH, bearer(scoped(site)), method="HEAD")
    assert (reply.status, reply.body) == (200, "")


# The method, the status, the code, words of the challenge, and the values that are presented
REFUSED: dict[str, tuple[str, int, str, str, Callable[[Site], list[str]]]] = {
    "no token": ("GET", 401, "missing_credentials", 'Bearer realm="api"', lambda _: []),
    "two words": (
        "GET",
        400,
        "malformed_header",
        'error="invalid_request"',
        lambda site: [scoped(site) + " again"],
    ),
    "not ASCII": ("GET", 400, "malformed_header", "invalid_request", lambda _: ["\xfc"]),
    "two headers": (
        "GET",
        400,
        "malformed_header",
        'error="invalid_request"',
        lambda site: [scoped(site), scoped(site)],
    ),
    "no scope": ("GET", 403, "insufficient_scope", READ, lambda site: [site.console.issue()]),
    "POST without write": ("POST", 403, "insufficient_scope", WRITE, lambda s: [scoped(s)]),
    "DELETE without write": ("DELETE", 403, "insufficient_scope", WRITE, lambda s: [scoped(s)]),
    "unknown method": ("PURGE", 403, "insufficient_scope", WRITE, lambda s: [scoped(s)]),
    "from the service": (
        "GET",
        403,
        "address_not_allowed",
        "",
        lambda site: [scoped(site, address="127.0.0.1")],
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_refusal_reaches_the_client_as_it_is(service: Gateway, site: Site, why: str) -> None:
    method, status, expected, challenge, make = REFUSED[why]
    reply = service.ask(PATH, *map(bearer, make(site)), *SPOOFED, method=method)
    assert (reply.status, code(reply)) == (status, expected)
    assert len(reply.headers.get_all("WWW-Authenticate", [])) == bool(challenge)
    assert challenge in reply.headers.get("WWW-Authenticate", "")
    reference = json.loads(reply.body)["instance"].removeprefix("urn:tokenry:denial:")
    assert re.fullmatch(rf'<.*{reference}>; rel="help"', reply.headers["Link"])


def test_a_revoked_token_is_refused_at_once(service: Gateway, site: Site) -> None:
    value = scoped(site)
    assert service.ask(PATH, bearer(value)).status == 200
    site.console.change(value, "revoke()")
    reply = service.ask(PATH, bearer(value))
    assert (reply.status, code(reply)) == (401, "revoked_token")


def test_a_limit_reaches_the_client(service: Gateway, site: Site) -> None:
    value = scoped(site, "set_rate_limit('1/hour')")
    assert service.ask(PATH, bearer(value)).status == 200
    reply = service.ask(PATH, bearer(value))
    assert (reply.status, code(reply)) == (429, "rate_limited")
    assert int(reply.headers["Retry-After"]) > 3000
    assert [len(reply.headers.get_all(name, [])) for name in LIMITS] == [1] * len(LIMITS)


def test_tokenry_sees_the_client(service: Gateway, site: Site) -> None:
    value = scoped(site, address=CLIENT)
    agent = ("User-Agent", "my-program/1")
    assert service.ask(f"{PATH}?secret=1", bearer(value), agent, *SPOOFED).status == 200
    made = f"list(Token.objects.get(identifier={value[:24]!r}).recent_requests.values())"

    def written() -> None:
        assert site.console.evaluate(made)

    until(written, AssertionError)
    [request] = site.console.evaluate(made)
    assert (request["method"], request["path"], request["status"]) == ("GET", PATH, 200)
    assert (request["address"], request["user_agent"]) == (CLIENT, "my-program/1")


@pytest.mark.parametrize("source", [CLIENT, "127.0.0.1"])
def test_the_client_does_not_say_where_it_is(service: Gateway, site: Site, source: str) -> None:
    """uvicorn would believe X-Forwarded-For from 127.0.0.1 without --no-proxy-headers."""
    value = bearer(scoped(site, address=ELSEWHERE))
    reply = service.ask(PATH, value, *SPOOFED, ("Forwarded", f"for={ELSEWHERE}"), source=source)
    assert (reply.status, code(reply)) == (403, "address_not_allowed")


def test_the_question(service: Gateway, moved: Callable[[int], None]) -> None:
    """It has nothing of the client's request but what Tokenry needs."""
    spoofed = [("X-Original-Method", "GET"), ("X-Original-URI", "/spoofed"), ("Cookie", "a=b")]
    with closing(Backend({"X-Auth-User": "7"})) as asked:
        moved(asked.port)
        reply = service.ask(PATH, bearer("a"), *SPOOFED, *spoofed, method="POST", body=b"content")
    assert (reply.status, json.loads(reply.body)) == (200, {"user": "7"})
    [question] = asked.received
    assert (question["method"], question["body"]) == ("GET", "")
    assert question["path"].replace("%3A", ":") == f"/verify?scope={WRITE}"
    assert named(question, "Authorization") == ["Bearer a"]
    assert named(question, "X-Original-Method") == ["POST"]
    assert named(question, "X-Original-URI") == [PATH]
    [address] = named(question, "X-Forwarded-For")
    assert re.fullmatch(rf"{re.escape(CLIENT)}(:\d+)?", address)
    assert named(question, "Cookie") == named(question, "X-Auth-User") == []


def test_without_tokenry_nobody_passes(
    service: Gateway, site: Site, moved: Callable[[int], None]
) -> None:
    value = bearer(scoped(site))
    with ExitStack() as stack:
        hung = stack.enter_context(socket.create_server(("127.0.0.1", 0)))  # never answers
        other = stack.enter_context(closing(Backend()))  # 200, but not from Tokenry
        for port in (free_port(), hung.getsockname()[1], other.port):
            moved(port)
            began = time.monotonic()
            reply = service.ask(PATH, value, *SPOOFED)
            assert time.monotonic() - began < within(TIME_OUT)
            assert_unavailable(reply)
    moved(site.server.port)
    assert service.ask(PATH, value).status == 200


def assert_unavailable(reply: Reply) -> None:
    problem = json.loads(reply.body)
    assert (reply.status, problem["status"], problem["code"]) == (503, 503, "unavailable")
    assert reply.headers.get_all("Content-Type") == ["application/problem+json"]
    assert reply.headers.get_all("Cache-Control") == ["no-store"]
    assert int(reply.headers["Retry-After"]) > 0


@pytest.mark.parametrize(("scope", "message"), [(READ, "http.response.start"), (WRITE, "close")])
def test_a_websocket_needs_the_stronger_scope(
    site: Site, monkeypatch: pytest.MonkeyPatch, scope: str, message: str
) -> None:
    """It may change things. The service has none, and closes what Tokenry allows."""
    monkeypatch.setenv("TOKENRY_URL", f"http://127.0.0.1:{site.server.port}")
    app = runpy.run_path(str(FOLDER / FILES["fastapi"]))["app"]
    connection = {
        "type": "websocket",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "client": (CLIENT, 1),
        "headers": [(b"authorization", f"Bearer {scoped(site, scopes=(scope,))}".encode())],
        "extensions": {"websocket.http.response": {}},
    }
    sent: list[dict[str, Any]] = []

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    asyncio.run(app(connection, None, send))
    assert sent[0]["type"] == f"websocket.{message}"
    assert sent[0].get("status", 0) == (403 if scope == READ else 0)


@pytest.mark.parametrize("name", FILES.values())
def test_the_part_that_asks_is_short(name: str) -> None:
    """30 lines at most, without comments and lines that hold only brackets."""
    text = (FOLDER / name).read_text()
    [part] = re.findall(
        r"^((?:class|def|async function|func|@app) .*?)^(?:#|//) The service itself",
        text,
        re.MULTILINE | re.DOTALL,
    )
    lines = [line.strip() for line in part.splitlines()]
    counted = [line for line in lines if re.search(r"\w", line) and line[:2] not in {"//", '""'}]
    assert 20 < len(counted) <= 30
