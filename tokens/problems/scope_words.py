"""Why a token may not use some scopes, in words for the error answer."""

from collections.abc import Collection, Mapping, Sequence

NONE_WAIT: Mapping[str, str] = {}


def lacking_scopes_in_words(
    needed: Sequence[str],
    held: Collection[str],
    token_scopes: Collection[str],
    waiting: Mapping[str, str],
) -> str:
    """Return which of the `needed` scopes the token can't use, and what to do.

    `token_scopes` are all scopes of the token, `held` only those that its owner may use now.
    `waiting` has the scopes that wait for approval, with the name of the group that may approve.
    """
    known = {*held, *token_scopes, *waiting}
    absent = [name for name in needed if name not in known]
    inactive = [name for name in needed if name not in held and name in token_scopes]
    sentences = []
    if absent:
        sentences.append(
            f"The token lacks the scope{'s' if len(absent) > 1 else ''} {' and '.join(absent)}. "
            "Its owner can add what is missing under Settings, API tokens; if it is not offered "
            "there, ask an administrator."
        )
    if inactive:
        sentences.append(
            f"The token can't use {' and '.join(inactive)} now: its owner is outside the scope's "
            "group, or the scope was deleted. Ask an administrator."
        )
    for name in needed:
        if name in waiting:
            group = f"a member of {waiting[name]}" if waiting[name] else "an administrator"
            sentences.append(f"The scope {name} waits for approval: {group} may approve.")
    return " ".join(sentences)
