"""The scope that each spelling of a path needs, and spellings that never reach a backend."""

import pytest

from tests.system.backend import Backend
from tests.system.conftest import Site, scoped
from tests.system.gateways import Gateway, at_gateways, bearer

PATHS = [
    "//reports/x", "/./reports/x", "/a/../reports/x", "/a/..//reports/x", "/%2Freports/x",
    "/reports%2Fx", "/%72eports/x", "/a/%2e%2e/reports/x", "/a%2F..%2Freports/x",
    "/a/..%2Freports/x", "/reports/x?scope=", "/reports/x?scope=&statuses=200", "/reports/x?a=b#c",
    "/reports", "/reports?a=b", "/Reports/x", "/REPORTS", "/reports.json", "/a/%2e%2e/rePorts",
    "/%52eports/x", "/reports%20/x", "/reports%00/x",
]  # fmt: skip
AMBIGUOUS = [
    "/reports;a/x", "/;/reports/x", "/a/..;/reports/x", "/reports%3Ba/x", "/%3b/reports/x",
    "/reports\\x", "/\\reports/x", "/reports%5Cx", "/a%5c..%5creports/x", "/a/..\\reports/x",
    "/a;b",
]  # fmt: skip


@at_gateways("path", PATHS)
def test_no_spelling_of_a_path_evades_its_scope(
    gateway: Gateway, site: Site, backend: Backend, path: str
) -> None:
    reply = gateway.ask(path, bearer(site.console.issue()))
    assert backend.received == []
    assert reply.status in {400, 403}


# RFC 3986 section 3.3 calls `.` and `..` dot-segments: here as they are, encoded, and encoded
# again for backends that decode twice.
DOT_SEGMENTS = [
    "/reports/../x", "/reports/..", "/reports/../", "/reports/..?a=b", "/reports/..#a",
    "/reports/../../x", "/./x", "/x/.", "/reports/%2e%2e/x", "/reports/.%2e/x", "/reports/%2E./x",
    "/reports/%2e%2e", "/reports/%2E%2e?a=b", "/x/%2e/y", "/reports%2f..%2fx",
    "/reports%2F%2e%2e%2Fx", "/reports/..%2fx", "/reports%2f../x", "/reports%2f..",
    "/reports//../x", "/reports/%252e%252e/x", "/reports/.%252E/x", "/reports%252f..%252fx",
    "/x/%25252e%25252e/reports", "/x%255c..%255cy", "/reports/..%253bx", "/reports/..%3f/x",
    "/reports/..%23/x", "/reports/..%00/x", "/x%3f/../reports", "/x#/../reports",
    "/reports\\..\\x", "/reports%5c..%5cx", "/reports/..%5cx", "/reports/..;/x", "/reports/..%3bx",
    "/reports/;/../x", "http://other.example/reports/../x",
]  # fmt: skip
WITH_DOTS = [
    "/a.b/..c", "/v1.2/x", "/...", "/.../x", "/.well-known/x", "/x/.hidden", "/x/..hidden", "/c..",
    "/c../x", "/x.", "/x?next=/../y", "/x?next=%2f..%2f", "/x?a=/./&b=/..", "/100%25/x",
    "/a%20..%20b",
]  # fmt: skip


@at_gateways("path", AMBIGUOUS)
def test_what_backends_may_read_in_two_ways_is_refused(
    gateway: Gateway, site: Site, backend: Backend, path: str
) -> None:
    assert [
        gateway.ask(path, bearer(value)).status for value in (site.console.issue(), scoped(site))
    ] == [400, 400]
    assert backend.received == []


def test_dot_segments_never_reach_a_backend(
    gateway: Gateway, site: Site, backend: Backend
) -> None:
    value = bearer(scoped(site))
    statuses = {path: gateway.ask(path, value).status for path in DOT_SEGMENTS}
    assert statuses == dict.fromkeys(DOT_SEGMENTS, 400)
    assert backend.received == []


def test_other_dots_pass(gateway: Gateway, site: Site, backend: Backend) -> None:
    value = bearer(site.console.issue())
    statuses = {path: gateway.ask(path, value).status for path in WITH_DOTS}
    assert statuses == dict.fromkeys(WITH_DOTS, 200)
    assert [got["path"] for got in backend.received] == WITH_DOTS


@pytest.mark.parametrize("path", ["/reports", "/Reports/x", "/reports.json"])
def test_whoever_has_the_scope_passes(
    gateway: Gateway, site: Site, backend: Backend, path: str
) -> None:
    assert gateway.ask(path, bearer(scoped(site))).status == 200
    assert [got["path"] for got in backend.received] == [path]


@pytest.mark.parametrize(
    "path", ["/a%2Fb", "//a", "/a?scope=admin:all&environment=prod&statuses=200"]
)
def test_other_paths_pass(gateway: Gateway, site: Site, backend: Backend, path: str) -> None:
    reply = gateway.ask(path, bearer(site.console.issue()))
    if "%2F" in path and gateway.name in {
        "traefik",
        "envoy",
    }:  # which choose routes before they decode
        assert (reply.status, backend.received) == (400, [])
    else:
        assert reply.status == 200
        assert backend.received[0]["path"] in {path, path.replace("//", "/")}
