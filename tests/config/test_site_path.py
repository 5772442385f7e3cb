"""Which paths of requests are inside Tokenry, where SITE_URL has a path."""

from typing import Any

import pytest
from pytest_django import Settings

from config.site_path import path_below_site, with_site_path

METADATA = "/.well-known/oauth-protected-resource"


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/tokens/", "/"), ("/tokens", "/"), ("/tokens/api/v1/token", "/api/v1/token"),
        ("/tokens//api/", "//api/"), ("/tokens/tokens/admin/", "/tokens/admin/"),
        (f"{METADATA}/tokens", METADATA), (f"/tokens{METADATA}", METADATA),
        ("/healthz", "/healthz"), ("/tokens/healthz", "/healthz"), ("/metrics", "/metrics"),
        ("/verify", "/verify"), ("/verify/a", "/verify/a"), ("/tokens/verify", "/verify"),
        ("/", None), ("", None), ("//tokens/", None), ("/tokensx", None), ("/Tokens/", None),
        ("/admin/", None), ("/verifyx", None), ("/healthz/", None), (METADATA, None),
        (f"{METADATA}/tokens/", None), (f"{METADATA}/other", None), ("/a/tokens/", None),
    ],
)  # fmt: skip
def test_path_below_site(path: str, inside: str | None) -> None:
    assert path_below_site(path, "/tokens") == inside


@pytest.mark.parametrize("path", ["/verify", "/metrics", "/api"])
def test_a_path_that_tokenry_has_too_is_the_sites(path: str) -> None:
    assert path_below_site(f"{path}/admin/", path) == "/admin/"
    assert path_below_site(path, path) == "/"


def test_nothing_stands_between_without_a_path(settings: Settings) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        return []

    settings.SITE_PATH = ""
    assert with_site_path(application) is application
    settings.SITE_PATH = "/tokens"
    assert with_site_path(application) is not application
