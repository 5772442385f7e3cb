"""Single sign-on with a real OpenID provider, at the production server."""

import re
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from urllib.parse import urljoin

import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from tests import databases
from tests.run import patience
from tests.server import Installation, Server
from tests.system.openid_provider import SECRET, Browser, OpenIDProvider, private_key

pytestmark = pytest.mark.long
SESSIONS = "/settings/sessions/"
PEOPLE = {
    "ada": {"email": "ada@example.com", "email_verified": True, "groups": ["ops", "unknown"]},
    "bob": {"email": "bob@example.com", "email_verified": False},
}


@pytest.fixture
def server(installation: Installation) -> Server:
    """Return a server that is not started yet."""
    return installation.server()


@pytest.fixture
def provider(server: Server) -> Iterator[OpenIDProvider]:
    """Return the started provider, to which the server's settings lead."""
    with closing(OpenIDProvider(server.url, PEOPLE)) as provider:
        provider.start()
        server.environment |= {
            "OIDC_ISSUER": provider.issuer, "OIDC_CLIENT_ID": "tokenry",
            "OIDC_CLIENT_SECRET": SECRET, "OIDC_GROUPS_CLAIM": "groups",
        }  # fmt: skip
        yield provider


@pytest.fixture
def browser(server: Server, provider: OpenIDProvider) -> Iterator[Browser]:
    server.start()
    with closing(Browser(server.url)) as browser:
        yield browser


def groups_of(installation: Installation, email: str) -> list[str]:
    with databases.connected(installation.database_url):
        return [group.name for group in User.objects.get(email=email).groups.all()]


def test_sign_in_groups_confirmation_and_logout(
    installation: Installation, provider: OpenIDProvider, browser: Browser
) -> None:
    with databases.connected(installation.database_url):
        Group.objects.create(name="ops")
    answer = browser.sign_in("ada", back_to=SESSIONS)
    assert (answer.status_code, answer.headers["Location"]) == (302, SESSIONS), answer.text
    assert "with localhost" in " ".join(browser.get(SESSIONS).text.split())
    assert groups_of(installation, "ada@example.com") == ["ops"]

    # The provider asks again for a confirmation, though the person is signed in there.
    address = browser.begin("/accounts/oidc/confirm/", back_to="/settings/tokens/new/")
    asked = browser.there.get(address, timeout=patience(10))
    assert 'type="password"' in asked.text
    confirmed = browser.sign_in("ada", "/accounts/oidc/confirm/", "/settings/tokens/new/")
    assert (confirmed.status_code, confirmed.headers["Location"]) == (302, "/settings/tokens/new/")

    # A sign-out at the provider ends the session here.
    assert browser.get(SESSIONS).status_code == 200
    page = browser.there.get(f"{provider.issuer}/session/end", timeout=patience(10))
    (action,) = re.findall(r'<form[^>]* action="([^"]+)"', page.text)
    (secret,) = re.findall(r'name="xsrf" value="([^"]+)"', page.text)
    browser.there.post(
        urljoin(page.url, unescape(action)),
        {"xsrf": secret, "logout": "yes"},
        timeout=patience(10),
    )
    assert browser.get(SESSIONS).status_code == 302


def test_an_unverified_address(browser: Browser) -> None:
    answer = browser.sign_in("bob")
    assert answer.status_code == 403
    assert "Your email address is not verified at localhost" in answer.text


def test_a_replayed_code(server: Server, browser: Browser) -> None:
    back = browser.at_provider(browser.begin(), "ada").removeprefix(browser.site)
    assert browser.get(back).status_code == 302
    assert browser.get(back).status_code == 400
    with closing(Browser(server.url)) as thief:
        state = re.findall(r"state=(\w+)", thief.begin())[0]
        stolen = re.sub(r"state=\w+", f"state={state}", back)
        assert thief.get(stolen).status_code == 502
        assert thief.get(SESSIONS).status_code == 302


def test_new_keys(server: Server, provider: OpenIDProvider, browser: Browser) -> None:
    """A server asks for unknown keys once a minute at most. A server without keys asks at once."""
    assert browser.sign_in("ada").status_code == 302
    provider.close()
    provider.keys = [private_key("second", "ES256"), private_key("third")]
    provider.client |= {"id_token_signed_response_alg": "ES256"}
    provider.start()
    with closing(Browser(server.url)) as other:
        assert other.sign_in("ada").status_code == 502
    server.stop()
    server.start()
    with closing(Browser(server.url)) as other:
        assert other.sign_in("ada").status_code == 302


def test_the_wrong_issuer(server: Server, provider: OpenIDProvider) -> None:
    server.environment["OIDC_ISSUER"] = f"{provider.issuer}/"
    server.start()
    with closing(Browser(server.url)) as browser:
        answer = browser.post("/accounts/oidc/login/", {}, "/accounts/login/")
        assert answer.status_code == 502
        assert "The answer of localhost can&#x27;t be used" in answer.text
    assert "names another issuer than OIDC_ISSUER" in server.log.read_text()


def test_the_provider_goes_away(provider: OpenIDProvider, browser: Browser) -> None:
    back = browser.at_provider(browser.begin(), "ada").removeprefix(browser.site)
    provider.close()
    answer = browser.get(back)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "localhost does not answer" in answer.text
    provider.start()
    assert browser.sign_in("ada").status_code == 302
