"""Addresses for mails and programs, made inside and outside requests."""

from collections.abc import Iterator

import pytest
from django.urls import clear_script_prefix, get_script_prefix, set_script_prefix

from tokens.core.addresses import absolute_url

HOST = "https://intranet.example.com"


@pytest.fixture(autouse=True)
def same_prefix_afterwards() -> Iterator[None]:
    before = get_script_prefix()
    yield
    set_script_prefix(before)


@pytest.mark.parametrize(
    ("site_url", "prefix", "path", "address"),
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
def test_absolute_url(site_url: str, prefix: str, path: str, address: str) -> None:
    set_script_prefix(prefix) if prefix else clear_script_prefix()
    assert absolute_url(site_url, path) == address
