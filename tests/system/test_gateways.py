"""Each gateway of deploy/ between a client, Tokenry, and a backend that echoes requests."""

import json
from collections.abc import Callable, Iterable

import pytest

from tests.run import until
from tests.system.backend import Backend
from tests.system.conftest import Site, scoped
from tests.system.gateways import (
    CLIENT,
    ELSEWHERE,
    IDENTITY,
    Gateway,
    at_gateways,
    bearer,
    code,
    identity,
    named,
)
from tests.values import names_metadata, token_value

INTERNAL = {*IDENTITY, "x-auth-status", "x-auth-problem"}
LIMITS = {
    "RateLimit",
    "RateLimit-Policy",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
}


def test_a_good_token_passes(gateway: Gateway, site: Site, backend: Backend) -> None:
    value = scoped(site)
    spoofed = [
        ("X-Forwarded-For", ELSEWHERE),
        ("Forwarded", f"for={ELSEWHERE}"),
        ("Forwarded", "proto=https"),
    ]
    reply = gateway.ask("/reports/a?b=c&d=%2F", bearer(value), *spoofed, ("Cookie", "a=b"))
    assert reply.status == 200
    [got] = backend.received
    assert json.loads(reply.body) == json.loads(json.dumps(got))
    assert (got["method"], got["path"], got["body"]) == ("GET", "/reports/a?b=c&d=%2F", "")
    assert (
        identity(got)
        == {
            "x-auth-user": [str(site.console.evaluate("User.objects.get().pk"))],
            "x-auth-email": [site.installation.email],
            **(
                {} if gateway.name == "nginx" else {"x-auth-team": [""]}
            ),  # nginx drops empty headers
            "x-auth-token": [value[:24]],
            "x-auth-scopes": ["reports:read"],
            "x-auth-environment": ["live"],
        }
    )
    assert named(got, "authorization") == []
    assert named(got, "x-forwarded-for") == [CLIENT]
    assert named(got, "forwarded") == []
    assert named(got, "cookie") == ["a=b"]
    assert value[24:] not in str(got)
    told = {name: reply.headers.get_all(name) for name in LIMITS | {"Token-Expires-At"}}
    if gateway.name == "traefik":  # which passes nothing of an admission on to the client
        assert set(map(type, told.values())) == {type(None)}
    else:
        assert told["RateLimit-Policy"] == ['"token";q=1000;w=3600']
        assert told["X-RateLimit-Remaining"] == ["999"]
        assert {len(values or []) for values in told.values()} == {1}
    assert not {header.lower() for header in reply.headers} & INTERNAL


UNKNOWN = token_value()
# Why, the status and the code, words of the challenge, and the values that are presented
REFUSED: dict[str, tuple[int, str, str, Callable[[Site], list[str]]]] = {
    "no token": (401, "missing_credentials", 'Bearer realm="api"', lambda _: []),
    "unknown": (401, "unknown_token", 'error="invalid_token"', lambda _: [UNKNOWN]),
    "too short": (401, "malformed_token", 'error="invalid_token"', lambda _: [UNKNOWN[:-1]]),
    "two words": (
        400,
        "malformed_header",
        'error="invalid_request"',
        lambda _: [f"{UNKNOWN} again"],
    ),
    "two headers": (
        400,
        "malformed_header",
        'error="invalid_request"',
        lambda site: [scoped(site), UNKNOWN],
    ),
    "revoked": (
        401,
        "revoked_token",
        'error="invalid_token"',
        lambda site: [scoped(site, "revoke()")],
    ),
    "no scope": (
        403,
        "insufficient_scope",
        'scope="reports:read"',
        lambda site: [site.console.issue()],
    ),
    "from elsewhere": (
        403,
        "address_not_allowed",
        "",
        lambda site: [scoped(site, address=ELSEWHERE)],
    ),
    "for the gateway": (
        403,
        "address_not_allowed",
        "",
        lambda site: [scoped(site, address="127.0.0.1")],
    ),
    "limited": (429, "rate_limited", "", lambda site: [scoped(site, "set_rate_limit('1/hour')")]),
}
BY_ITSELF = {
    ("nginx", "two headers"),
    ("envoy", "for the gateway"),
}  # what a gateway refuses, with 400
# What a client can send to seem to be elsewhere, or where the gateway is.
ADDRESSES = [("X-Forwarded-For", ELSEWHERE), ("X-Real-IP", ELSEWHERE)]
NO_ADDRESS = [("Connection", "X-Forwarded-For")]


@at_gateways("why", REFUSED)
def test_a_refusal_reaches_the_client_as_it_is(
    gateway: Gateway, site: Site, backend: Backend, why: str
) -> None:
    status, expected, challenge, make = REFUSED[why]
    headers = [*map(bearer, make(site)), *(NO_ADDRESS if why == "for the gateway" else ADDRESSES)]
    if why == "limited":
        assert gateway.ask("/reports/", *headers).status == 200
        backend.received.clear()
    reply = gateway.ask("/reports/", *headers)
    assert backend.received == []
    if (gateway.name, why) in BY_ITSELF:
        assert reply.status == 400
        return
    assert reply.status == status
    assert code(reply) == expected
    assert len(reply.headers.get_all("WWW-Authenticate", [])) == bool(challenge)
    assert challenge in reply.headers.get("WWW-Authenticate", "")
    assert names_metadata(reply.headers.get("WWW-Authenticate", "")) == (status == 401)
    assert not {header.lower() for header in reply.headers} & INTERNAL
    if why == "limited":
        assert int(reply.headers["Retry-After"]) > 3000
        assert reply.headers["RateLimit"].startswith('"token";r=0;t=')
        assert reply.headers["Token-Expires-At"]


def test_a_token_with_many_scopes_passes(gateway: Gateway, site: Site, backend: Backend) -> None:
    scopes = tuple(sorted(f"{'r' * 30}{number:02}:{'a' * 36}" for number in range(80)))
    site.console.evaluate(
        f"Scope.objects.bulk_create([Scope(name=n) for n in {scopes}], ignore_conflicts=True)"
    )
    value = site.console.issue(scopes=scopes)
    assert gateway.ask("/", bearer(value)).status == 200
    [got] = backend.received
    assert identity(got)["x-auth-scopes"] == [" ".join(scopes)]


def test_control_characters(gateway: Gateway, site: Site, backend: Backend) -> None:
    """nginx passes a user agent to the backend unchanged; other gateways refuse the request."""
    value = scoped(site)
    reply = gateway.ask("/reports/x", bearer(value), ("User-Agent", "a\x01b"))
    assert (reply.status, len(backend.received)) == (
        (200, 1) if gateway.name == "nginx" else (400, 0)
    )
    backend.received.clear()
    reply = gateway.ask("/reports/x", ("Authorization", f"Bearer {value}\x01"))
    assert (reply.status, backend.received) == (400, [])
    if gateway.name == "nginx":
        assert code(reply) == "malformed_header"


LARGE: dict[str, Callable[[int], tuple[str, list[tuple[str, str]]]]] = {
    "path": lambda size: (f"/{'a' * size}", []),
    "query": lambda size: (f"/?{'a' * size}", []),
    "name of the program": lambda size: ("/", [("User-Agent", "a" * size)]),
    "header": lambda size: ("/", [("X-Other", "a" * size)]),
}


@at_gateways("kind", LARGE)
def test_what_is_too_large_is_refused_by_the_gateway(
    gateway: Gateway, site: Site, backend: Backend, kind: str
) -> None:
    value = bearer(site.console.issue())
    for size in (7_000, 20_000):
        path, headers = LARGE[kind](size)
        reply = gateway.ask(path, value, *headers)
        assert (
            "<html>" not in reply.body or gateway.name == "nginx"
        )  # which Tokenry's server would answer
        assert reply.status in ({200} if size == 7_000 else {400, 414, 431}), size
    assert len(backend.received) == 1


def pieces() -> Iterable[bytes]:
    return (b"%07d," % number for number in range(50_000))


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_arrives_whole(
    gateway: Gateway, site: Site, backend: Backend, chunked: bool
) -> None:
    whole = b"".join(pieces())
    value = site.console.issue()
    reply = gateway.ask(
        "/orders/7", bearer(value), method="POST", body=pieces() if chunked else whole
    )
    assert reply.status == 200
    [got] = backend.received
    assert (got["method"], got["body"]) == ("POST", whole.decode())
    backend.received.clear()
    refused = gateway.ask("/orders/7", method="POST", body=b"{}")
    assert (refused.status, code(refused), backend.received) == (401, "missing_credentials", [])


def test_http_1_0(gateway: Gateway, site: Site, backend: Backend) -> None:
    value = site.console.issue()
    host = ("Host", "api.example.com")
    statuses = [
        gateway.ask("/", host, *headers, version=10).status for headers in ([bearer(value)], [])
    ]
    assert statuses == ([426, 426] if gateway.name == "envoy" else [200, 401])
    assert len(backend.received) == statuses.count(200)


def test_the_request_is_written_down(gateway: Gateway, site: Site) -> None:
    value = site.console.issue()
    gateway.ask(
        "/orders/7?secret=1", bearer(value), ("User-Agent", "my-program/1"), method="DELETE"
    )
    made = f"list(Token.objects.get(identifier={value[:24]!r}).recent_requests.values())"

    def written() -> None:
        assert site.console.evaluate(made)

    until(written, AssertionError)
    [request] = site.console.evaluate(made)
    assert (request["method"], request["path"], request["status"]) == ("DELETE", "/orders/7", 200)
    assert (request["address"], request["user_agent"]) == (CLIENT, "my-program/1")
