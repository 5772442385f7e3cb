"""The programs of PostgreSQL that back up and restore."""

import pytest
from django.core.management.base import CommandError

from config.backups import postgresql


def test_a_program_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(
        CommandError, match="pg_dump is not installed: install PostgreSQL's client programs"
    ):
        postgresql.program_path("pg_dump")
