"""OAuth clients as they are, against a running server: they know nothing of Tokenry."""

import re

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session as Authlib
from oauthlib.oauth2 import BackendApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from tests.api.conftest import SCOPES
from tests.run import patience
from tests.server import Installation, Server


@pytest.fixture
def server(shared: Installation) -> Server:
    return shared.servers[0]


def test_authlib(server: Server, shared: Installation) -> None:
    client_secret, token = shared.issue(scopes=SCOPES), shared.issue()
    client = Authlib(client_secret[:24], client_secret)
    introspect, revoke = f"{server.url}/api/v1/introspect", f"{server.url}/api/v1/revoke"
    found = client.introspect_token(introspect, token=token, token_type_hint="access_token")
    assert (found.status_code, found.json()["active"], found.json()["client_id"]) == (
        200,
        True,
        token[:24],
    )
    assert (
        client.revoke_token(revoke, token=token, token_type_hint="access_token").status_code == 200
    )
    assert client.introspect_token(introspect, token=token).json() == {"active": False}
    assert client.revoke_token(revoke, token=client_secret).status_code == 200
    assert client.introspect_token(introspect, token=token).status_code == 401


def test_requests_oauthlib(
    server: Server, shared: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # http, on this machine
    value, other = shared.issue(scopes=SCOPES), shared.issue()
    client = BackendApplicationClient(
        value[:24], token={"access_token": value, "token_type": "Bearer"}
    )
    session = OAuth2Session(client=client, token=client.token)
    assert session.get(f"{server.url}/api/v1/token").json()["identifier"] == value[:24]
    found = session.post(f"{server.url}/api/v1/introspect", data={"token": other})
    assert found.json()["active"] is True
    address, headers, body = client.prepare_token_revocation_request(
        f"{server.url}/api/v1/revoke", token=other
    )
    answer = requests.post(
        address, body, headers=headers, auth=HTTPBasicAuth(value[:24], value), timeout=patience(5)
    )
    assert answer.status_code == 200
    assert session.post(f"{server.url}/api/v1/introspect", data={"token": other}).json() == {
        "active": False
    }


def test_nothing_of_it_is_in_the_servers_log(installation: Installation) -> None:
    server = installation.server().start()
    token = installation.issue(scopes=SCOPES)
    for path in ("introspect", "revoke"):
        for value in (token, token[:-1]):
            requests.post(
                f"{server.url}/api/v1/{path}",
                data={"token": value},
                auth=(token[:24], token),
                timeout=patience(5),
            )
    server.stop()
    assert not re.search(re.escape(token[24:60]), server.log.read_text())
