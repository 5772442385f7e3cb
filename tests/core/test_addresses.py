"""Paths that depend on where a project mounts the pages, and addresses made of them."""

from collections.abc import Iterator

import pytest
from django.test import override_settings
from django.urls import (
    clear_script_prefix,
    get_script_prefix,
    include,
    path,
    set_script_prefix,
    set_urlconf,
)

from tokens.core.addresses import absolute_url, path_if_mounted

HOST = "https://intranet.example.com"

urlpatterns = [path("mine/", include("tokens.urls"))]


def test_each_request_gets_the_paths_of_its_own_urls() -> None:
    assert path_if_mounted("tokens:list") == "/settings/tokens/"
    set_urlconf(__name__)  # as a middleware does with `request.urlconf`
    try:
        assert path_if_mounted("tokens:list") == "/mine/"
        assert path_if_mounted("protected_resource") == ""
    finally:
        set_urlconf(None)
    with override_settings(ROOT_URLCONF="tokens.verify_urls"):
        assert path_if_mounted("tokens:list") == ""
    assert path_if_mounted("tokens:list") == "/settings/tokens/"


@pytest.fixture
def same_prefix_afterwards() -> Iterator[None]:
    before = get_script_prefix()
    yield
    set_script_prefix(before)


@pytest.mark.usefixtures("same_prefix_afterwards")
@pytest.mark.parametrize(
    ("site_url", "prefix", "made", "address"),
    [
        (HOST, "", "/help/", f"{HOST}/help/"),
        (HOST, "", "/", f"{HOST}/"),
        (f"{HOST}/tokens", "/tokens/", "/tokens/help/", f"{HOST}/tokens/help/"),
        (f"{HOST}/tokens", "/tokens/", "/tokens/", f"{HOST}/tokens/"),
        # Outside a request, Django's paths lack the path of the site. So does EXAMPLE_PATH.
        (f"{HOST}/tokens", "", "/help/", f"{HOST}/tokens/help/"),
        (f"{HOST}/tokens", "", "/tokens/", f"{HOST}/tokens/tokens/"),
        (f"{HOST}/tokens", "/tokens/", "/api/reports", f"{HOST}/tokens/api/reports"),
    ],
)
def test_absolute_url(site_url: str, prefix: str, made: str, address: str) -> None:
    set_script_prefix(prefix) if prefix else clear_script_prefix()
    assert absolute_url(site_url, made) == address
