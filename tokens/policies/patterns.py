"""Patterns in policies: which names of tokens, and which scopes, a policy means.

NOTE: A pattern of names has only the wildcards * (any characters) and ? (one character). It is no
regular expression, because some of those take very long for some texts. Python's fnmatch and the
operators of both databases compare such a pattern without going back and forth.
"""

import re
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

MAX_SCOPE_PATTERNS = 100
SCOPE_PATTERN = re.compile(r"[a-z][a-z0-9_.-]*:(\*|[a-z][a-z0-9_.-]*)")
ALL_ACTIONS = "*"  # as in reports:*
# In fnmatch and in SQLite's GLOB, brackets hold a choice of characters. LIKE has no such choice.
NOT_IN_NAME_PATTERNS = "[]"
# Finds a network that hardly limits a token, in a text of networks and spaces: wider than /8, or
# than /16 for IPv6. Networks that are not so wide can't hold all addresses, because a token has
# MAX_NETWORKS at most. Private IPv6 networks, such as fc00::/7, may be wide.
WIDE_NETWORK = r"(?:^| )(?:[0-9.]+/[0-7]|(?!f[cde])[0-9a-f:]+/(?:[0-9]|1[0-5]))(?: |$)"


def matches_name(pattern: str, name: str) -> bool:
    """Return True if the whole `name` matches `pattern`, such as "team-*". "" matches each."""
    return not pattern or fnmatchcase(name, pattern)


def matches_scope(patterns: Collection[str], name: str) -> bool:
    """Return True if the scope `name` is one of `patterns`, which has names and "reports:*"."""
    resource = name.partition(":")[0]
    return name in patterns or f"{resource}:{ALL_ACTIONS}" in patterns


def unmatched_patterns(patterns: Iterable[str], names: Collection[str]) -> list[str]:
    """Return the patterns that match none of the scopes `names`, such as misspelt names."""
    return [
        pattern
        for pattern in patterns
        if not any(matches_scope([pattern], name) for name in names)
    ]


def regex_of_other_scopes(patterns: Collection[str]) -> str:
    """Return a regex that finds a scope outside `patterns` in a text of scopes and spaces.

    Python and PostgreSQL understand the regex. It takes no long time for any text: each word is
    compared once with each pattern.
    """
    return f"(?:^| )(?!{_any_of(patterns)}(?: |$))[^ ]"


def regex_of_scopes(patterns: Collection[str]) -> str:
    """Return a regex that finds one of the scopes `patterns` in such a text."""
    return f"(?:^| ){_any_of(patterns)}(?: |$)"


def _any_of(patterns: Collection[str]) -> str:
    words = [re.escape(pattern).replace(r"\*", "[^ ]*") for pattern in patterns]
    return f"(?:{'|'.join(words)})"
