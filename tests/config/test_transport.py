"""The cookies and the redirect to https, by the address of the site."""

import re

import pytest

from config.transport import transport_settings


@pytest.mark.parametrize(
    ("https", "site_path", "session", "csrf", "path"),
    [
        (True, "", "__Host-tokenry_session", "__Host-tokenry_csrftoken", "/"),
        (False, "", "tokenry_session", "tokenry_csrftoken", "/"),
        (True, "/a/b", "__Secure-tokenry_session_a_b", "__Secure-tokenry_csrftoken_a_b", "/a/b/"),
        (False, "/a", "tokenry_session_a", "tokenry_csrftoken_a", "/a/"),
    ],
)
def test_cookies(https: bool, site_path: str, session: str, csrf: str, path: str) -> None:
    found = transport_settings(https, site_path)
    assert (found["SESSION_COOKIE_NAME"], found["CSRF_COOKIE_NAME"]) == (session, csrf)
    assert (found["SESSION_COOKIE_PATH"], found["CSRF_COOKIE_PATH"]) == (path, path)
    assert found["SESSION_COOKIE_SECURE"] is found["CSRF_COOKIE_SECURE"] is https


@pytest.mark.parametrize("site_path", ["", "/tokens", "/a.b"])
@pytest.mark.parametrize(
    ("path", "is_exempt"),
    [
        ("/api/v1/token", True), ("/verify", True), ("/verify/a", True),
        ("/.well-known/oauth-protected-resource", True), ("/", False), ("/verifyx", False),
        ("/accounts/login/", False), ("/settings/api/", False),
    ],
)  # fmt: skip
def test_programs_are_not_redirected(site_path: str, path: str, is_exempt: bool) -> None:
    patterns = transport_settings(True, site_path)["SECURE_REDIRECT_EXEMPT"]
    asked = (site_path + path).lstrip("/")
    assert any(re.search(pattern, asked) for pattern in patterns) is is_exempt
