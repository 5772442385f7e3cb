"""The fixture `token_settings`, with which a test changes single values of the setting TOKENRY."""

from typing import Any

import pytest
from pytest_django import Settings

from tokens import token_settings as module
from tokens.token_settings import TokenSettings


class ChangedSettings(TokenSettings):
    """The settings of the application. Setting an attribute changes Django's setting TOKENRY."""

    def __init__(self, settings: Settings) -> None:
        vars(self)["_settings"] = settings  # not by __setattr__

    def __getattr__(self, name: str) -> Any:
        return getattr(module.token_settings, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._settings.TOKENRY = {**self._settings.TOKENRY, name: value}


@pytest.fixture
def token_settings(settings: Settings) -> TokenSettings:
    """Return the application's settings, whose changes end with the test."""
    return ChangedSettings(settings)
