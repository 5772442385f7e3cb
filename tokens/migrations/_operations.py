"""Operations on tables that the previous release reads and writes meanwhile."""

from typing import Any

from django.db.migrations import AddIndex


class AddIndexBesideTraffic(AddIndex):
    """Add an index without keeping writers waiting on PostgreSQL; needs `atomic = False` on the migration."""

    atomic = False

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        operation = self.operation_for(schema_editor)
        operation.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        operation = self.operation_for(schema_editor)
        operation.database_backwards(app_label, schema_editor, from_state, to_state)

    def operation_for(self, schema_editor: Any) -> AddIndex:
        """Return Django's operation for this database; SQLite has one writer at a time in any case."""
        if schema_editor.connection.vendor != "postgresql":
            return AddIndex(self.model_name, self.index)
        # Imported here, because the module needs psycopg.
        from django.contrib.postgres.operations import AddIndexConcurrently

        return AddIndexConcurrently(self.model_name, self.index)
