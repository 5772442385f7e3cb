"""Which tokens were made with which: a token with `tokens:write` makes others, and these make more.

A renewal is the same credential under a new value. So what the predecessors of a token made counts as made with it,
and a successor has the maker of its predecessor.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models.expressions import RawSQL

# Both common tables read indexes alone: the primary key, and made_by. UNION, unlike UNION ALL, ends circles.
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
    """Return a subquery: the keys of all tokens that were made with the tokens of these keys, however indirectly."""
    return RawSQL(DESCENDANTS.format(places=", ".join(["%s"] * len(makers)) or "NULL"), makers)  # noqa: S611
