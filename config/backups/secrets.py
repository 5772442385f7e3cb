"""The secrets without which a database is useless, for `backup` and `restore`.

Tokens are checked with TOKEN_PEPPERS. Second factors are encrypted with SECRET_KEY.
"""

import re
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from config.backups.sqlite import replace
from config.environment import secret_values

KEYS = ("SECRET_KEY", "SECRET_KEY_FALLBACKS")
NAMES = (*KEYS, "TOKEN_PEPPERS", "TOKEN_PEPPER_CURRENT", "TOKEN_PREFIX")
# If the environment has no value, the first start stores a generated value in this file of var/.
MADE = {"SECRET_KEY": "secret_key", "TOKEN_PEPPERS": "token_peppers"}
DEFAULTS = {"TOKEN_PREFIX": "tkn"}


def is_given(name: str) -> bool:
    """Return True if the environment has the secret `name`, or names a file that has it."""
    return bool(secret_values.given_secret(name))


def in_use() -> dict[str, str]:
    """Return the secrets that this installation uses, by the names of their variables."""
    found = {name: secret_text(name) for name in NAMES}
    return {name: value for name, value in found.items() if value}


def secret_text(name: str) -> str:
    """Return the secret `name` of this installation, or "" if there is none."""
    if value := secret_values.given_secret(name):
        return value
    if name in MADE:
        return str((settings.VAR_DIR / MADE[name]).read_text().strip())
    return DEFAULTS.get(name, "")


def as_env_lines(values: dict[str, str]) -> str:
    """Return the secrets as lines NAME=value, in the format of the file .env."""
    return "".join(f"{name}={quoted_value(value)}\n" for name, value in values.items())


def quoted_value(value: str) -> str:
    """Return `value` as it is written in the file .env: in quotes, if it needs quotes."""
    if re.fullmatch(r"[\w:,./+=@^~-]+", value):
        return value
    escaped = re.sub(r'(["\\])', r"\\\1", value)
    return f'"{escaped}"'


def split_values(name: str, values: dict[str, str]) -> set[str]:
    """Return the values in the secret `name`, which may be a list separated by commas.

    SECRET_KEY is never a list, because it may contain a comma.
    """
    held = values.get(name, "")
    found = [held] if name == "SECRET_KEY" else held.split(",")
    return {part.strip() for part in found if part.strip()}


def accepted_values(name: str, values: dict[str, str]) -> set[str]:
    """Return all values that an installation with the secrets `values` accepts for `name`.

    For SECRET_KEY and SECRET_KEY_FALLBACKS, these are the keys of both variables.
    """
    return set[str]().union(
        *(split_values(each, values) for each in (KEYS if name in KEYS else [name]))
    )


def replaceable_secrets() -> list[str]:
    """Return the names of the secrets that are stored in var/, and which `restore` can replace."""
    return [name for name in MADE if not is_given(name)]


def refuse_different_secrets(backup: dict[str, str], path: Path) -> None:
    """Raise CommandError if the environment sets other secrets than the backup needs.

    `restore` can't change the environment. The message names the secrets, and says what to do.
    `path` is the file of the backup.
    """
    here, given = in_use(), set(NAMES) - {"TOKEN_PEPPER_CURRENT", *replaceable_secrets()}
    wrong = [
        name
        for name in NAMES
        if name in given and not split_values(name, backup) <= accepted_values(name, here)
    ]
    if wrong:
        raise CommandError(
            f"{' and '.join(wrong)} must have the values of the backup: put the lines that "
            f"`tar -xOf {path} secrets.env` prints into your settings, in place of the lines that "
            "are there, and restore again."
        )


def install(backup: dict[str, str], *, keep: bool) -> None:
    """Write the secrets of the backup into var/, except those that the environment sets.

    With `keep`, files that are replaced are kept too, under names that end in .replaced.
    """
    for name in replaceable_secrets():
        path = settings.VAR_DIR / MADE[name]
        if name in backup and path.read_text().strip() != backup[name]:
            # The file has mode 0600.
            with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as draft:
                draft.write(backup[name])
            replace(path, Path(draft.name), keep=keep)
