"""Every gateway of deploy/, real, between a client, a real Tokenry and a backend that tells what reached it."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack

import pytest

from tests.run import until
from tests.system.backend import Backend
from tests.system.conftest import Site, Sites
from tests.system.gateways import CLIENT, ELSEWHERE, Gateway, at_gateways, bearer, code, identity, named, running
from tests.values import token_value

IDENTITY = {"x-auth-user", "x-auth-email", "x-auth-token", "x-auth-scopes", "x-auth-environment"}
INTERNAL = {*IDENTITY, "x-auth-status", "x-auth-problem"}
LIMITS = {"RateLimit", "RateLimit-Policy", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
SPOOFED = {
    "dashes": [("X-Auth-User", "1"), ("X-Auth-Scopes", "admin:all"), ("X-Auth-Email", "boss@example.com")],
    "case": [("x-auth-user", "1"), ("X-AUTH-SCOPES", "admin:all"), ("x-AuTh-eMaIl", "boss@example.com")],
    "underscores": [("X_Auth_User", "1"), ("X_AUTH_SCOPES", "admin:all"), ("x_auth-email", "boss@example.com")],
    "one underscore": [("X-Auth_User", "1"), ("X_Auth-Scopes", "admin:all"), ("x-auth_email", "boss@example.com")],
    "dots": [("X.Auth.User", "1"), ("X.AUTH.SCOPES", "admin:all"), ("x.auth-email", "boss@example.com")],
    "repeated": [("X-Auth-User", "1"), ("X-Auth-User", "2"), ("X-Auth-Scopes", "a"), ("x-auth-scopes", "b")],
    "taken away": [("Connection", "X-Auth-User, X-Auth-Email, X-Auth-Token, X-Auth-Scopes, X-Auth-Environment")],
    "taken away too": [("Connection", "close"), ("Connection", "x-auth-user"), ("X-Auth-User", "1")],
    "others of the name": [("X-Auth-Status", "200"), ("X-Auth-Problem", "{}")],
}


@pytest.fixture(scope="module")
def site(sites: Sites) -> Site:
    made = sites(TRUSTED_PROXIES="127.0.0.1/32", FAILED_AUTH_LIMIT="1000/second", MAX_TOKENS_PER_USER="1000")
    made.console.evaluate("Scope.objects.create(name='reports:read', words='Read the reports')")
    return made


@pytest.fixture(scope="module")
def gateways(site: Site, backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Gateway]]:
    """Those that run already, by name."""
    with ExitStack() as stack:

        class Started(dict[str, Gateway]):
            def __missing__(self, name: str) -> Gateway:
                folder = tmp_path_factory.mktemp(name)
                self[name] = stack.enter_context(running(name, folder, site.server.port, backend.port))
                return self[name]

        yield Started()


@pytest.fixture
def gateway(name: str, gateways: dict[str, Gateway], backend: Backend) -> Gateway:
    """In front of Tokenry and of a backend that has received nothing yet."""
    started = gateways[name]
    backend.received.clear()
    return started


def test_a_good_token_passes(gateway: Gateway, site: Site, backend: Backend) -> None:
    value = scoped(site)
    reply = gateway.ask("/reports/a?b=c&d=%2F", bearer(value), ("X-Forwarded-For", ELSEWHERE), ("Cookie", "a=b"))
    assert reply.status == 200
    [got] = backend.received
    assert json.loads(reply.body) == json.loads(json.dumps(got))
    assert (got["method"], got["path"], got["body"]) == ("GET", "/reports/a?b=c&d=%2F", "")
    assert identity(got) == {
        "x-auth-user": [str(site.console.evaluate("User.objects.get().pk"))],
        "x-auth-email": [site.installation.email],
        "x-auth-token": [value[:24]],
        "x-auth-scopes": ["reports:read"],
        "x-auth-environment": ["live"],
    }
    assert named(got, "authorization") == []
    assert named(got, "x-forwarded-for") == [CLIENT]
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
    "two words": (400, "malformed_header", 'error="invalid_request"', lambda _: [f"{UNKNOWN} again"]),
    "two headers": (400, "malformed_header", 'error="invalid_request"', lambda site: [scoped(site), UNKNOWN]),
    "revoked": (401, "revoked_token", 'error="invalid_token"', lambda site: [scoped(site, "revoke()")]),
    "no scope": (403, "insufficient_scope", 'scope="reports:read"', lambda site: [site.console.issue()]),
    "from elsewhere": (403, "address_not_allowed", "", lambda site: [scoped(site, address=ELSEWHERE)]),
    "for the gateway": (403, "address_not_allowed", "", lambda site: [scoped(site, address="127.0.0.1")]),
    "limited": (429, "rate_limited", "", lambda site: [scoped(site, "limit('1/hour')")]),
}
BY_ITSELF = {("nginx", "two headers"), ("envoy", "for the gateway")}  # what a gateway refuses, with 400
# What a client can send to seem to be elsewhere, or where the gateway is.
ADDRESSES = [("X-Forwarded-For", ELSEWHERE), ("X-Real-IP", ELSEWHERE)]
NO_ADDRESS = [("Connection", "X-Forwarded-For")]


def scoped(site: Site, change: str = "", address: str = "") -> str:
    """The value of a new token that may read reports, from `address` alone where one is given."""
    value = site.console.issue(scopes=("reports:read",), addresses=(f"{address}/32",) if address else ())
    if change:
        site.console.change(value, change)
    return value


@at_gateways("why", REFUSED)
def test_a_refusal_reaches_the_client_as_it_is(gateway: Gateway, site: Site, backend: Backend, why: str) -> None:
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
    assert not {header.lower() for header in reply.headers} & INTERNAL
    if why == "limited":
        assert int(reply.headers["Retry-After"]) > 3000
        assert reply.headers["RateLimit"].startswith('"token";r=0;t=')
        assert reply.headers["Token-Expires-At"]


@pytest.mark.parametrize("headers", SPOOFED.values(), ids=SPOOFED)
def test_what_a_client_says_of_itself_is_dropped(
    gateway: Gateway, site: Site, backend: Backend, headers: list[tuple[str, str]]
) -> None:
    value = site.console.issue()
    assert gateway.ask("/", bearer(value), *headers).status == 200
    [got] = backend.received
    who = identity(got)
    assert set(who) - IDENTITY == set()
    assert (who["x-auth-token"], who["x-auth-email"]) == ([value[:24]], [site.installation.email])
    assert who.get("x-auth-scopes", [""]) == [""]
    assert who["x-auth-user"] == [str(site.console.evaluate("User.objects.get().pk"))]


PATHS = [
    "//reports/x", "/./reports/x", "/a/../reports/x", "/a/..//reports/x", "/%2Freports/x", "/reports%2Fx",
    "/%72eports/x", "/a/%2e%2e/reports/x", "/a%2F..%2Freports/x", "/a/..%2Freports/x", "/reports/x?scope=",
    "/reports/x?scope=&statuses=200", "/reports/x?a=b#c", "/reports", "/reports?a=b", "/Reports/x", "/REPORTS",
    "/reports.json", "/a/%2e%2e/rePorts", "/%52eports/x", "/reports%20/x", "/reports%00/x",
]  # fmt: skip
AMBIGUOUS = [
    "/reports;a/x", "/;/reports/x", "/a/..;/reports/x", "/reports%3Ba/x", "/%3b/reports/x", "/reports\\x",
    "/\\reports/x", "/reports%5Cx", "/a%5c..%5creports/x", "/a/..\\reports/x", "/a;b",
]  # fmt: skip


@at_gateways("path", PATHS)
def test_no_spelling_of_a_path_evades_its_scope(gateway: Gateway, site: Site, backend: Backend, path: str) -> None:
    reply = gateway.ask(path, bearer(site.console.issue()))
    assert backend.received == []
    assert reply.status in {400, 403}


@at_gateways("path", AMBIGUOUS)
def test_what_backends_may_read_in_two_ways_is_refused(
    gateway: Gateway, site: Site, backend: Backend, path: str
) -> None:
    statuses = [gateway.ask(path, bearer(value)).status for value in (site.console.issue(), scoped(site))]
    if gateway.name == "envoy" and ("\\" in path or "..;" in path):  # which reads it in the one way and passes that on
        assert (statuses, [got["path"] for got in backend.received]) == ([403, 200], ["/reports/x"])
    else:
        assert set(statuses) <= ({400, 404} if gateway.name == "traefik" else {400})
        assert backend.received == []


@pytest.mark.parametrize("path", ["/reports", "/Reports/x", "/reports.json"])
def test_whoever_has_the_scope_passes(gateway: Gateway, site: Site, backend: Backend, path: str) -> None:
    assert gateway.ask(path, bearer(scoped(site))).status == 200
    assert [got["path"] for got in backend.received] == [path]


@pytest.mark.parametrize("path", ["/a%2Fb", "/a/../b", "//a", "/a?scope=admin:all&environment=prod&statuses=200"])
def test_other_paths_pass(gateway: Gateway, site: Site, backend: Backend, path: str) -> None:
    reply = gateway.ask(path, bearer(site.console.issue()))
    if "%2F" in path and gateway.name in {"traefik", "envoy"}:  # which choose routes before they decode
        assert (reply.status, backend.received) == (400, [])
    else:
        assert reply.status == 200
        assert backend.received[0]["path"] in {path, path.replace("/a/..", "").replace("//", "/")}


def test_a_token_with_many_scopes_passes(gateway: Gateway, site: Site, backend: Backend) -> None:
    scopes = tuple(sorted(f"{'r' * 30}{number:02}:{'a' * 36}" for number in range(80)))
    site.console.evaluate(f"Scope.objects.bulk_create([Scope(name=n) for n in {scopes}], ignore_conflicts=True)")
    value = site.console.issue(scopes=scopes)
    assert gateway.ask("/", bearer(value)).status == 200
    [got] = backend.received
    assert identity(got)["x-auth-scopes"] == [" ".join(scopes)]


def test_control_characters(gateway: Gateway, site: Site, backend: Backend) -> None:
    """nginx passes a program's name on to the backend as it is; the others refuse it themselves."""
    value = scoped(site)
    reply = gateway.ask("/reports/x", bearer(value), ("User-Agent", "a\x01b"))
    assert (reply.status, len(backend.received)) == ((200, 1) if gateway.name == "nginx" else (400, 0))
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
def test_what_is_too_large_is_refused_by_the_gateway(gateway: Gateway, site: Site, backend: Backend, kind: str) -> None:
    value = bearer(site.console.issue())
    for size in (7_000, 20_000):
        path, headers = LARGE[kind](size)
        reply = gateway.ask(path, value, *headers)
        assert "<html>" not in reply.body or gateway.name == "nginx"  # which Tokenry's server would answer
        assert reply.status in ({200} if size == 7_000 else {400, 414, 431}), size
    assert len(backend.received) == 1


def pieces() -> Iterable[bytes]:
    return (b"%07d," % number for number in range(50_000))


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_arrives_whole(gateway: Gateway, site: Site, backend: Backend, chunked: bool) -> None:
    whole = b"".join(pieces())
    value = scoped(site)
    reply = gateway.ask("/reports/x", bearer(value), method="POST", body=pieces() if chunked else whole)
    assert reply.status == 200
    [got] = backend.received
    assert (got["method"], got["body"]) == ("POST", whole.decode())
    backend.received.clear()
    refused = gateway.ask("/reports/x", method="POST", body=b"{}")
    assert (refused.status, code(refused), backend.received) == (401, "missing_credentials", [])


def test_http_1_0(gateway: Gateway, site: Site, backend: Backend) -> None:
    value = site.console.issue()
    host = ("Host", "api.example.com")
    statuses = [gateway.ask("/", host, *headers, version=10).status for headers in ([bearer(value)], [])]
    assert statuses == ([426, 426] if gateway.name == "envoy" else [200, 401])
    assert len(backend.received) == statuses.count(200)


def test_the_request_is_written_down(gateway: Gateway, site: Site) -> None:
    value = site.console.issue()
    gateway.ask("/orders/7?secret=1", bearer(value), ("User-Agent", "my-program/1"), method="DELETE")
    made = f"list(Token.objects.get(identifier={value[:24]!r}).recent_requests.values())"

    def written() -> None:
        assert site.console.evaluate(made)

    until(written, AssertionError)
    [request] = site.console.evaluate(made)
    assert (request["method"], request["path"], request["status"]) == ("DELETE", "/orders/7", 200)
    assert (request["address"], request["user_agent"]) == (CLIENT, "my-program/1")
