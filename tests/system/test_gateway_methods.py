"""The scope that each HTTP method needs at a path with reports."""

import json

import pytest

from tests.system.backend import Backend
from tests.system.conftest import READ, WRITE, Site, scoped
from tests.system.gateways import Gateway, bearer, code

READING = ["GET", "HEAD"]
WRITING = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"]


@pytest.mark.parametrize("path", ["/reports/x", "/Reports"])
def test_a_method_needs_its_scope(
    gateway: Gateway, site: Site, backend: Backend, path: str
) -> None:
    reads, writes = (bearer(scoped(site, scopes=(scope,))) for scope in (READ, WRITE))
    for method in READING:
        assert gateway.ask(path, reads, method=method).status == 200, method
        refused = gateway.ask(path, writes, method=method)
        assert refused.status == 403, method
        assert f'scope="{READ}"' in refused.headers["WWW-Authenticate"]
    assert [got["method"] for got in backend.received] == READING
    backend.received.clear()
    for method in WRITING:
        refused = gateway.ask(path, reads, method=method)
        assert (refused.status, code(refused)) == (403, "insufficient_scope"), method
        assert f'scope="{WRITE}"' in refused.headers["WWW-Authenticate"]
    assert backend.received == []
    for method in ("POST", "DELETE"):
        reply = gateway.ask(path, writes, method=method)
        assert (reply.status, json.loads(reply.body)["method"]) == (200, method)


def test_a_method_that_no_gateway_knows_does_not_read(
    gateway: Gateway, site: Site, backend: Backend
) -> None:
    """HTTP methods are case-sensitive, but some backends take "get" for GET."""
    for method in ("get", "Head", "GETS", "GET-HEAD"):
        reply = gateway.ask("/reports/x", bearer(scoped(site)), method=method)
        assert reply.status in {400, 403}, method
    assert backend.received == []
