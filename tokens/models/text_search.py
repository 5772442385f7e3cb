"""Two lookups that find the same rows on SQLite and on PostgreSQL.

`name__contains_folded="über"` is a search that ignores case and Unicode form.
`name__matches="team-*"` compares the whole text with a pattern of * and ?, as the function
`matches_name` of `tokens.policies.patterns` does.
"""

import unicodedata
from typing import Any

from django.db.backends.signals import connection_created
from django.db.models import CharField, Lookup

# LIKE has other wildcards, which stand for themselves in our patterns.
TO_LIKE = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_", "*": "%", "?": "_"})


def folded(text: str) -> str:
    """Return `text` in the form that a search compares: Unicode's form NFKC, without case."""
    return unicodedata.normalize("NFKC", text).casefold()


@CharField.register_lookup
class ContainsFolded(Lookup):
    """The condition that a column contains a text. Case and Unicode form do not matter.

    PostgreSQL has functions for this. SQLite ignores only the case of ASCII letters, so
    `folded`, a Python function, is used there.
    """

    lookup_name = "contains_folded"

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Return the condition in the SQL of SQLite, and its parameters."""
        return self._fill("instr(tokens_folded({}), tokens_folded({})) > 0", compiler, connection)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Return the condition in the SQL of PostgreSQL, and its parameters."""
        return self._fill(
            "strpos(lower(normalize({}, NFKC)), lower(normalize({}::text, NFKC))) > 0",
            compiler,
            connection,
        )

    def _fill(self, sql: str, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return sql.format(left, right), [*left_params, *right_params]


@CharField.register_lookup
class MatchesPattern(Lookup):
    """The condition that a column matches a pattern. Upper and lower case differ."""

    lookup_name = "matches"

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Return the condition in the SQL of SQLite, and its parameters."""
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} GLOB %s", [*parameters, self.rhs]

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Return the condition in the SQL of PostgreSQL, and its parameters."""
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} LIKE %s", [*parameters, str(self.rhs).translate(TO_LIKE)]


def add_folding_function(connection: Any, **kwargs: Any) -> None:
    """Give a new SQLite connection the SQL function `tokens_folded`. NULL stays NULL."""
    if connection.vendor == "sqlite":
        connection.connection.create_function(
            "tokens_folded", 1, lambda text: text and folded(text), deterministic=True
        )


connection_created.connect(add_folding_function)
