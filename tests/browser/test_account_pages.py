"""allauth's pages and the account settings have our look, and axe-core finds no problem."""

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from allauth.urls import urlpatterns
from django.urls import URLPattern, URLResolver, reverse
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.browser.conftest import AUTHENTICATOR, NewPage, pages, sign_in, totp
from tests.browser.screens import Screens, faults, on_each_screen
from tests.server import Installation, Server

# JSON for a script, a file, and ways of confirming and signing in that are off.
NO_PAGES = {
    "mfa_login_webauthn", "mfa_download_recovery_codes",
    "account_request_reauthentication_code", "account_confirm_reauthentication_code",
    "openid_connect_login", "openid_connect_callback", "openid_connect_confirm",
    "openid_connect_logout",
}  # fmt: skip
PREPARE = """
from allauth.account import app_settings
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from accounts.models import User
from django.urls import reverse
user = User.objects.get(email=EMAIL)
address = EmailAddress.objects.create(user=user, email="new@example.com")
key = app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
print(reverse("account_reset_password_from_key", args=[user_pk_to_url_str(user), key]))
print(reverse("account_confirm_email", args=[EmailConfirmationHMAC(address).key]))
print(Authenticator.objects.get(type="webauthn").pk)
"""
# Everything else that allauth has is found by its list of addresses.
OURS = [
    "/settings/profile/",
    "/settings/profile/delete/",
    "/settings/security/",
    "/settings/sessions/",
    "/settings/tokens/revoke-all/",
]


def names(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from names(pattern.url_patterns)
        elif pattern.name:
            yield pattern.name


NAMES = sorted(set(names(urlpatterns)) - NO_PAGES)


class Signed:
    """An administrator with an app, a passkey and recovery codes, and the URLs that take a key."""

    def __init__(self, browser: Browser, site: Installation, server: Server) -> None:
        with pages(browser) as new_page:
            page = new_page()
            sign_in(page, server, site)
            devices = page.context.new_cdp_session(page)
            devices.send("WebAuthn.enable")
            devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
            page.goto(f"{server.url}/accounts/2fa/webauthn/add/")
            page.get_by_role("button", name="Add").click()
            expect(page.get_by_role("status")).not_to_be_empty()
            page.goto(f"{server.url}/accounts/2fa/totp/activate/")
            page.locator("#id_code").fill(
                totp(page.locator("#authenticator_secret").text_content() or "")
            )
            page.get_by_role("button", name="Activate").click()
            expect(page.get_by_role("status")).not_to_be_empty()
            self.state: StorageState = page.context.storage_state()
        site.issue()
        self.reset, self.confirm, self.key = server.run(
            PREPARE.replace("EMAIL", repr(site.email))
        ).splitlines()

    def path(self, name: str) -> str:
        if name == "account_confirm_email":
            return self.confirm
        if name == "account_reset_password_from_key":
            return self.reset
        return reverse(
            name, args=[self.key] if name in {"mfa_edit_webauthn", "mfa_remove_webauthn"} else []
        )


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One where strangers may sign up, so that there is a form for it."""
    folder = tmp_path_factory.mktemp("site")
    with closing(Installation(folder, SIGNUP_OPEN="true", TRUSTED_PROXIES="127.0.0.1")) as made:
        made.server().start()
        yield made


@pytest.fixture(scope="module")
def signed(browser: Browser, site: Installation, server: Server) -> Signed:
    return Signed(browser, site, server)


def open_all(page: Page, server: Server, signed: Signed) -> Iterator[str]:
    """Open one page after another; the path of each."""
    bad = ["/accounts/password/reset/key/1-bad-key/", "/accounts/confirm-email/bad/"]
    seen = set()
    for path in [*(signed.path(name) for name in NAMES), *OURS, *bad]:
        page.goto(server.url + path)
        if page.url not in seen:  # some redirect to another page
            seen.add(page.url)
            yield path


who = pytest.mark.parametrize("known", [True, False], ids=["signed-in", "stranger"])


@pytest.fixture
def options(signed: Signed, known: bool) -> dict[str, Any]:
    return {"storage_state": signed.state if known else None}


@who
def test_every_page_has_our_layout(
    new_page: NewPage, server: Server, signed: Signed, options: dict[str, Any]
) -> None:  # fmt: skip
    page = new_page(**options)
    for path in open_all(page, server, signed):
        assert page.locator("header.top").count() == page.locator("main#main").count() == 1, path
        assert page.locator("h1").count() == 1, path
        assert (
            not re.search("/key/1-(?!bad)", path) or page.locator("#id_password1").count() == 1
        ), path


@pytest.mark.parametrize(
    "name", ["account_reauthenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn"]
)
def test_fresh_authentication_has_one_button(
    new_page: NewPage, server: Server, signed: Signed, name: str
) -> None:
    page = new_page(storage_state=signed.state)
    page.goto(server.url + signed.path(name))
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(1)
    expect(page.get_by_role("button", name="Confirm", exact=True)).to_be_visible()
    others = page.get_by_role("main").get_by_role("link", name=re.compile("^Use "))
    expect(others).to_have_count(2)


@who
@on_each_screen
def test_every_screen(
    new_page: NewPage, server: Server, signed: Signed, options: dict[str, Any], screens: Screens
) -> None:
    page = new_page(bypass_csp=True, **options)
    found = [fault for _ in open_all(page, server, signed) for fault in faults(page, screens)]
    assert not found, "\n".join(found)


@pytest.mark.usefixtures("signed")
@on_each_screen
def test_second_step(
    new_page: NewPage, server: Server, site: Installation, screens: Screens
) -> None:
    page = new_page(bypass_csp=True)
    page.goto(server.url)
    page.get_by_label("Email").fill(site.email)
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("#id_code")).to_be_visible()
    assert faults(page, screens) == []
