"""`name__says="über"`: a search that regards neither case nor how the text is encoded, on both databases."""

import unicodedata
from typing import Any

from django.db.backends.signals import connection_created
from django.db.models import CharField, Lookup


def folded(text: str) -> str:
    """Return `text` as it is compared in a search: NFKC, and without case."""
    return unicodedata.normalize("NFKC", text).casefold()


@CharField.register_lookup
class Says(Lookup):
    """Whether a column contains the given text, both folded.

    SQLite knows the case of ASCII alone and no normal forms: there a function of Python does it. PostgreSQL knows both.
    """

    lookup_name = "says"

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        return self.within("instr(tokens_folded({}), tokens_folded({})) > 0", compiler, connection)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        return self.within(
            "strpos(lower(normalize({}, NFKC)), lower(normalize({}::text, NFKC))) > 0", compiler, connection
        )

    def within(self, sql: str, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return sql.format(left, right), [*left_params, *right_params]


def add_function(connection: Any, **kwargs: Any) -> None:
    """Give each new connection to SQLite the function; NULL stays NULL."""
    if connection.vendor == "sqlite":
        connection.connection.create_function(
            "tokens_folded", 1, lambda text: text and folded(text), deterministic=True
        )


connection_created.connect(add_function)
