"""The fixtures `provider` and `sign_on`."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from pytest_django import Settings

from accounts.oidc import documents
from accounts.oidc.configuration import SignOn
from tests.accounts.oidc.fake_provider import CLIENT_ID, CLIENT_SECRET, FakeProvider
from tests.authentication import conftest as authentication

waited = authentication.waited


@pytest.fixture(scope="session")
def one_provider() -> Iterator[FakeProvider]:
    with closing(FakeProvider()) as provider:
        yield provider


@pytest.fixture
def provider(one_provider: FakeProvider, settings: Settings) -> FakeProvider:
    """Return the fake provider, to which the settings lead. Nothing of it is kept yet."""
    one_provider.reset()
    documents._documents = documents.ProviderDocuments("")
    settings.SIGN_ON = SignOn(one_provider.issuer, CLIENT_ID, CLIENT_SECRET, "Example ID")
    return one_provider


@pytest.fixture
def change_sign_on(provider: FakeProvider, settings: Settings) -> Callable[..., None]:
    """Return a function that changes values of the settings of single sign-on."""

    def change(**values: Any) -> None:
        settings.SIGN_ON = replace(settings.SIGN_ON, **values)

    return change
