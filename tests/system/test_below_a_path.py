"""Addresses, cookies and problems where SITE_URL has a path, as a gateway meets them."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.run import patience
from tests.server import Installation, Server
from tests.system.test_https import HOST, ask, cookies

pytestmark = pytest.mark.services
SITE_URL = f"https://{HOST}/tokens"
METADATA = "/.well-known/oauth-protected-resource"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    settings = {"SITE_URL": f"{SITE_URL}/", "TRUSTED_PROXIES": "127.0.0.1"}
    with closing(Installation(tmp_path_factory.mktemp("path"), **settings)) as made:
        yield made


@pytest.fixture(scope="module")
def server(site: Installation) -> Server:
    return site.server().start()


def exchange(server: Server, request: str) -> str:
    """Send these bytes to the server, and return all that it answers."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=patience(3)) as connection:
        connection.sendall(request.encode())
        return b"".join(iter(lambda: connection.recv(65_536), b"")).decode()


def test_each_cookie_has_the_path_and_its_name(server: Server, site: Installation) -> None:
    page, body = ask(server, "/tokens/accounts/login/")
    [(name, (value, attributes))] = cookies(page).items()
    assert name == "__Secure-tokenry_csrftoken_tokens"
    assert attributes == {"Secure", "HttpOnly", "SameSite=Lax", "Path=/tokens/"}
    cookie = f"{name}={value}"
    form = {"csrfmiddlewaretoken": body.split('name="csrfmiddlewaretoken" value="')[1][:64]}
    credentials = {"login": site.email, "password": site.password}
    signed, _ = ask(server, "/tokens/accounts/login/", form | credentials, cookie=cookie)
    assert (signed.status, signed.headers["Location"]) == (302, "/tokens/settings/tokens/")
    session, attributes = cookies(signed)["__Secure-tokenry_session_tokens"]
    assert attributes == {"Secure", "HttpOnly", "SameSite=Lax", "Path=/tokens/"}

    csrf = cookies(signed).get(name, (value, set()))[0]
    cookie = f"{name}={csrf}; __Secure-tokenry_session_tokens={session}"
    page, body = ask(server, "/tokens/settings/profile/", cookie=cookie)
    form = {"csrfmiddlewaretoken": body.split('name="csrfmiddlewaretoken" value="')[1][:64]}
    profile = {"theme": "dark", "time_zone": "UTC"}
    saved, _ = ask(server, "/tokens/settings/profile/", form | profile, cookie=cookie)
    assert (saved.status, saved.headers["Location"]) == (302, "/tokens/settings/profile/")
    made = cookies(saved)
    assert set(made) == {f"tokenry_{kind}_tokens" for kind in ("messages", "theme", "zone")}
    assert all("Path=/tokens/" in attributes for _, attributes in made.values())

    cookie += f"; tokenry_messages_tokens={made['tokenry_messages_tokens'][0]}"
    shown, body = ask(server, "/tokens/settings/profile/", cookie=cookie)
    assert "Your profile is saved." in body
    ended = cookies(shown)["tokenry_messages_tokens"]
    assert ended == ('""', {"Path=/tokens/", "SameSite=Lax"})
    left, _ = ask(server, "/tokens/accounts/logout/", form, cookie=cookie)
    ended = cookies(left)["__Secure-tokenry_session_tokens"]
    assert ended == ('""', {"Path=/tokens/", "SameSite=Lax", "Secure"})


@pytest.mark.parametrize(
    "path",
    ["/", "/settings/tokens/", "/api/v1/token", "/Tokens/", "//tokens/", "/tokensx/", METADATA],
)
def test_outside_is_a_clear_404(server: Server, path: str) -> None:
    response, body = ask(server, path)
    assert (response.status, response.headers["Content-Type"]) == (
        404,
        "text/plain; charset=utf-8",
    )
    assert body == (
        f"404 Not Found. Tokenry is at {SITE_URL}/ and answers only below that path. A gateway in "
        "front must pass the path unchanged, with /tokens before it.\n"
    )
    assert cookies(response) == {}


@pytest.mark.parametrize("prefix", ["", "/tokens"])
def test_what_servers_ask_is_at_the_root_too(
    server: Server, site: Installation, prefix: str
) -> None:
    for probe, status in (("/healthz", 200), ("/readyz", 200), ("/metrics", 404)):
        assert ask(server, prefix + probe, scheme="http")[0].status == status
    answer = exchange(
        server,
        f"GET {prefix}/verify HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
        f"Authorization: Bearer {site.issue()}\r\n\r\n",
    )
    assert answer.startswith("HTTP/1.1 200 ")
    assert "X-Auth-User: " in answer


def test_metadata_are_where_each_challenge_says(server: Server) -> None:
    for path in ("/tokens/api/v1/token", "/tokens/verify"):
        refused, body = ask(server, path, scheme="http")
        assert (refused.status, json.loads(body)["code"]) == (401, "missing_credentials")
        said = f'Bearer realm="api", resource_metadata="https://{HOST}{METADATA}/tokens"'
        assert refused.headers["WWW-Authenticate"] == said
        reference = json.loads(body)["instance"].removeprefix("urn:tokenry:denial:")
        help_page = f"{SITE_URL}/settings/tokens/troubleshoot/?reference={reference}"
        assert refused.headers["Link"] == f'<{help_page}>; rel="help"'
    for path in (f"{METADATA}/tokens", f"/tokens{METADATA}"):
        found, body = ask(server, path, scheme="http")
        assert found.status == 200
        assert json.loads(body)["resource"] == SITE_URL
        assert json.loads(body)["resource_documentation"] == f"{SITE_URL}/help/"


def test_the_document_and_its_page_name_the_path_once(server: Server) -> None:
    document = json.loads(ask(server, "/tokens/api/v1/openapi.json")[1])
    assert document["servers"] == [{"url": SITE_URL}]
    assert "/api/v1/token" in document["paths"]
    page = ask(server, "/tokens/api/v1/docs")[1]
    assert f"{SITE_URL}/api/v1/tokens/$IDENTIFIER" in page
    assert f"{SITE_URL}/api/v1/token" in ask(server, "/tokens/help/")[1]
    assert "/tokens/tokens/" not in page


def test_plain_http_is_led_to_https_below_the_path(server: Server) -> None:
    response, _ = ask(server, "/tokens/accounts/login/", scheme="http")
    assert (response.status, response.headers["Location"]) == (301, f"{SITE_URL}/accounts/login/")


def test_pages_without_a_session_lead_to_sign_in(server: Server) -> None:
    for path, leads_to in {
        "/tokens": "/tokens/settings/tokens/",
        "/tokens/": "/tokens/settings/tokens/",
        "/tokens/settings/tokens/": "/tokens/accounts/login/?next=/tokens/settings/tokens/",
        "/tokens/admin/": "/tokens/admin/login/?next=/tokens/admin/",
        "/tokens/.well-known/change-password": "/tokens/accounts/password/change/",
    }.items():
        response, _ = ask(server, path)
        assert (response.status, response.headers["Location"]) == (302, leads_to)
    missing, body = ask(server, "/tokens/nothing/")
    assert missing.status == 404
    assert 'href="/tokens/' in body
    assert 'href="/s' not in body


def test_an_unreadable_request_is_answered_below_the_path(server: Server) -> None:
    answer = exchange(
        server, "GET /tokens/api/v1/token HTTP/1.1\r\nHost: here\r\nAuthorization : x\r\n\r\n"
    )
    assert answer.startswith("HTTP/1.1 400 ")
    assert f"Link: <{SITE_URL}/settings/tokens/troubleshoot/?reference=" in answer


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "Script-Name", "PATH_INFO", "X-Script-Name"])
def test_a_client_does_not_choose_the_path(server: Server, name: str) -> None:
    answer = exchange(
        server,
        f"GET /tokens/ HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Proto: https\r\n"
        f"{name}: /tokens/api\r\nConnection: close\r\n\r\n",
    )
    assert answer.startswith("HTTP/1.1 302 ")
    assert "Location: /tokens/settings/tokens/\r\n" in answer


def test_the_server_prints_the_address_with_the_path(server: Server) -> None:
    assert f"Tokenry is at {SITE_URL}/ (listening on " in server.log.read_text()
