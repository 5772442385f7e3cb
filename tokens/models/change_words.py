"""Writes a change of a token's settings as text, for the event in the audit log."""

from collections.abc import Mapping

from tokens.core.networks import format_network
from tokens.core.redaction import redact

FIELD_LABELS = {
    "scope": "scopes",
    "pending_scope": "scopes that wait for approval",
    "addresses": "allowed addresses",
}
EMPTY_WORDS = {"addresses": "anywhere"}  # what an empty field means; elsewhere “none”
CHANGE_SEPARATOR = "; "
INSTALLATION_LIMIT = "the installation's"
# In characters. The detail of an event has 200. It also names the token of the program, if a
# program made the change.
MAX_CHANGE_LENGTH = 160


def change_in_words(
    old: Mapping[str, str], new: Mapping[str, str], max_length: int = MAX_CHANGE_LENGTH
) -> str:
    """Return a change as text, such as “name: Old → New; scopes: +a:read −b:read”.

    `old` and `new` have the values of all settings. If the text is longer than `max_length`
    characters, each changed setting gets an equal part of this length, and its values are
    shortened.
    """
    changed = [key for key in new if new[key] != old[key]]
    whole = CHANGE_SEPARATOR.join(
        field_in_words(key, old[key], new[key], max_length) for key in changed
    )
    if len(whole) <= max_length:
        return whole
    each = max_length // len(changed) - len(CHANGE_SEPARATOR)
    return CHANGE_SEPARATOR.join(field_in_words(key, old[key], new[key], each) for key in changed)


def field_in_words(key: str, old: str, new: str, max_length: int) -> str:
    """Return the change of one setting as text, at most `max_length` characters.

    The text has the old and the new value, or for scopes those that were added and removed.
    """
    label = FIELD_LABELS.get(key, key)
    if key in {"scope", "pending_scope"}:
        old_scopes, new_scopes = set(old.split()), set(new.split())
        added = [f"+{name}" for name in sorted(new_scopes - old_scopes)]
        removed = [f"−{name}" for name in sorted(old_scopes - new_scopes)]
        return shorten(f"{label}: {' '.join(added + removed)}", max_length)
    if key == "addresses":
        old, new = (", ".join(map(format_network, value.split())) for value in (old, new))
    half = (max_length - len(f"{label}:  → ")) // 2
    before, after = (plain_text(value) or EMPTY_WORDS.get(key, "none") for value in (old, new))
    return f"{label}: {shorten(before, half)} → {shorten(after, half)}"


def plain_text(value: str) -> str:
    """Return `value` without secrets and semicolons: a name must not look like another change."""
    return redact(value).replace(";", ",")


def limit_change(old: str, new: str) -> str:
    """Return the change of a token's rate limit as text. "" is the limit of the installation."""
    half = MAX_CHANGE_LENGTH // 2
    return (
        f"{shorten(old or INSTALLATION_LIMIT, half)} → {shorten(new or INSTALLATION_LIMIT, half)}"
    )


def shorten(text: str, max_length: int) -> str:
    """Return `text`. If it is longer than `max_length` characters, cut it and add an ellipsis."""
    return text if len(text) <= max_length else f"{text[: max_length - 1]}…"
