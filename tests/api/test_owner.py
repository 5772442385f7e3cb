"""The owner in the API's answers, whatever key the project's accounts have."""

from types import SimpleNamespace
from uuid import UUID

import pytest

from tokens.api.owner import Owner

KEY = UUID("cbd384b4-4d96-43c9-822a-bf923e8c140a")


@pytest.mark.parametrize(("key", "shown"), [(5, 5), (KEY, str(KEY)), ("ann", "ann")])
def test_the_owners_key(key: object, shown: object) -> None:
    owner = SimpleNamespace(id=key, email="ann@example.com")
    assert Owner.model_validate(owner).model_dump()["id"] == shown
