"""The descendants of a token: the tokens made with the token, and the tokens made with those.

A program with the scope `tokens:write` can make tokens with its own token. A renewal replaces a
token by a new row, its successor. So the tokens that the old token made also count as made with
the successor, and the successor has the same maker as the old token.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models.expressions import RawSQL

# NOTE: The ORM has no recursive queries. Both parts of the query read only indexes: the primary
# key and the index of made_by. UNION drops rows that were found before, so the query also ends if
# tokens form a circle. With UNION ALL it would run for ever.
DESCENDANTS = """
WITH RECURSIVE line(id) AS (
  SELECT id FROM tokens_token WHERE id IN ({places})
  UNION
  SELECT token.renewed_from_id FROM tokens_token token JOIN line ON token.id = line.id
  WHERE token.renewed_from_id IS NOT NULL
), made(id) AS (
  SELECT token.id FROM tokens_token token JOIN line ON token.made_by_id = line.id
  UNION
  SELECT token.id FROM tokens_token token JOIN made ON token.made_by_id = made.id
)
SELECT id FROM made"""


def descendants(makers: Sequence[int]) -> RawSQL:
    """Return a subquery of the primary keys of all descendants of the tokens `makers`.

    Descendants are the tokens made with `makers`, directly or indirectly. `makers` are primary
    keys.
    """
    places = ", ".join(["%s"] * len(makers)) or "NULL"
    return RawSQL(DESCENDANTS.format(places=places), makers)  # noqa: S611
