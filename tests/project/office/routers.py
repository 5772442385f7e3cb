"""Database routers: one for a second database, one for a replica."""

from typing import Any


class CrmRouter:
    """Keep the data of the application `crm` in a database of their own."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "crm" if model._meta.app_label == "crm" else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return (db == "crm") == (app_label == "crm")


class ReplicaRouter:
    """Read from the replica, write to the default database."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"

    def allow_relation(self, obj1: Any, obj2: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "default"
