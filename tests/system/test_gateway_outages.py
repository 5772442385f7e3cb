"""What gateways ask Tokenry, seen from its place, and what they do where it is not well."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.run import within
from tests.server import free_port
from tests.system.backend import Backend
from tests.system.conftest import Site, Sites
from tests.system.gateways import (
    CLIENT,
    ELSEWHERE,
    Gateway,
    bearer,
    code,
    identity,
    named,
    running,
)
from tokens.problems import problem

TIME_OUT = 3  # seconds, in every file
ASK_FIRST = {
    "caddy",
    "traefik",
}  # these answer 503 by themselves once no node says that it is ready


@pytest.fixture
def in_place_of_tokenry(
    name: str, backend: Backend, tmp_path: Path
) -> Iterator[tuple[Gateway, Backend]]:
    """A gateway whose server admits every request and omits most headers of Tokenry."""
    with (
        closing(Backend({"X-Auth-User": "7"})) as asked,
        running(name, tmp_path, asked.port, backend.port) as gateway,
    ):
        asked.received.clear()
        backend.received.clear()
        yield gateway, asked


def test_the_question(in_place_of_tokenry: tuple[Gateway, Backend], backend: Backend) -> None:
    gateway, asked = in_place_of_tokenry
    names = "X-Original-URI X-Forwarded-Uri X-Original-Method X-Auth-Email X-Auth-Team"
    spoofed = [(name, "spoofed") for name in names.split()]
    headers = [
        ("Cookie", "session=1"),
        ("X-Forwarded-For", ELSEWHERE),
        ("Forwarded", f"for={ELSEWHERE}"),
        ("User-Agent", "me"),
        bearer("a"),
        *spoofed,
    ]
    reply = gateway.ask("/reports/x?scope=&a=b", *headers, method="PUT", body=b"content")
    assert reply.status == 200
    # The last one: a gateway may ask again. It also checks whether the node is ready.
    *_, question = (each for each in asked.received if each["path"] != "/readyz")
    path, _, query = question["path"].partition("?")
    assert (path, question["body"]) == ("/verify", "")
    assert query.removeprefix("statuses=401,403&") == "scope=reports:write"
    assert [*named(question, "X-Original-Method"), *named(question, "X-Forwarded-Method")] == [
        "PUT"
    ]
    assert [*named(question, "X-Original-URI"), *named(question, "X-Forwarded-Uri")] == [
        "/reports/x?scope=&a=b"
    ]
    assert ", ".join(named(question, "X-Forwarded-For")) in {CLIENT, f"{CLIENT}, 127.0.0.1"}
    assert named(question, "Forwarded") == []
    assert named(question, "Authorization") == ["Bearer a"]
    assert named(question, "User-Agent") == ["me"]
    assert named(question, "Cookie") == []
    [got] = backend.received
    assert (got["body"], identity(got)["x-auth-user"]) == ("content", ["7"])
    assert "spoofed" not in str(identity(got))


@pytest.mark.long
@pytest.mark.parametrize("dead", [False, True], ids=["hung", "dead"])
def test_without_tokenry_nobody_passes(
    name: str, backend: Backend, tmp_path: Path, dead: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung:  # takes connections, and never answers
        port = free_port() if dead else hung.getsockname()[1]
        with running(name, tmp_path, port, backend.port) as gateway:
            backend.received.clear()
            began = time.monotonic()
            reply = gateway.ask("/", bearer("a"), ("X-Auth-User", "1"))
            took = time.monotonic() - began
    by_itself = {503, 502 if dead else 504} if name in ASK_FIRST else {503}
    assert reply.status in by_itself
    assert took < within(TIME_OUT)
    assert backend.received == []
    if name == "nginx":
        assert code(reply) == "unavailable"
        assert set(json.loads(reply.body)) == set(problem.unavailable().as_dict())
        assert reply.headers.get_all("Retry-After") == [
            problem.unavailable().headers["Retry-After"]
        ]


@pytest.fixture(scope="module")
def unavailable(sites: Sites) -> Site:
    """A Tokenry whose counters do not answer."""
    made = sites(redis=True, TRUSTED_PROXIES="127.0.0.1/32")
    assert made.redis
    made.redis.freeze()
    return made


def test_its_own_failure_reaches_the_client(
    name: str, unavailable: Site, backend: Backend, tmp_path: Path
) -> None:
    value = unavailable.console.issue()
    with running(name, tmp_path, unavailable.server.port, backend.port) as gateway:
        backend.received.clear()
        reply = gateway.ask("/", bearer(value))
    assert reply.status == 503
    assert backend.received == []
    if name == "nginx" or (
        name in ASK_FIRST and reply.body.startswith("{")
    ):  # Envoy says no more than 503
        assert code(reply) == "unavailable"
        assert reply.headers["Retry-After"]
