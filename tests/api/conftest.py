"""A token that may do all that the API asks for, and calls made with it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.conftest import Issue, bearer
from tokens.models import Token

SCOPES = ["tokens:introspect", "tokens:read", "tokens:renew", "tokens:write"]
JSON = "application/json"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip schemathesis before a commit: each worker would import it for six seconds."""
    if collection_path.name == "test_schemathesis.py" and "not long" in config.option.markexpr:
        return True
    return None


@dataclass
class Caller:
    """A token, its value, and how it calls."""

    token: Token
    value: str

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer to a call below /api/v1/, with a body in JSON where there is one."""
        client = Client(raise_request_exception=False)
        sent = "" if body is None else json.dumps(body)
        headers = {name.replace("_", "-"): text for name, text in headers.items()}
        return client.generic(
            method,
            f"/api/v1/{path}",
            sent,
            content_type=JSON,
            headers={**bearer(self.value), **headers},
        )


@pytest.fixture
def caller(issue: Issue) -> Caller:
    """In Production, for 90 days, from anywhere."""
    return Caller(*issue(name="Caller", scopes=SCOPES))
