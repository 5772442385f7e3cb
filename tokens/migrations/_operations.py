"""Operations on tables that the previous release reads and writes meanwhile."""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db.migrations import AddIndex


class AddIndexBesideTraffic(AddIndexConcurrently):
    """Add an index without keeping writers waiting on PostgreSQL; needs `atomic = False` on the migration."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        kind = kind_for(schema_editor)
        kind.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        kind = kind_for(schema_editor)
        kind.database_backwards(self, app_label, schema_editor, from_state, to_state)


def kind_for(schema_editor: Any) -> type[AddIndex]:
    """Return Django's operation for this database; SQLite has one writer at a time in any case."""
    return AddIndexConcurrently if schema_editor.connection.vendor == "postgresql" else AddIndex
