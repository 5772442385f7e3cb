"""Where secrets come from: the environment, a file that it names, or a generated value."""

import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

BASE_FOLDER = Path(__file__).resolve().parent.parent.parent
# Characters in the file of a secret. On Linux an environment variable has 131,072 bytes at most.
MAX_LENGTH = 100_000


def given_secret(name: str) -> str:
    """Return the secret `name` from the environment, or from the file that `<name>_FILE` names.

    Return "" if neither is set. Raise ImproperlyConfigured if both are set, or if the file has no
    valid value. The message never quotes the path, because people write the secret there by
    mistake.
    """
    value, path = (os.environ.get(variable, "").strip() for variable in (name, f"{name}_FILE"))
    if not path:
        return value
    if value:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; keep one of them.")
    try:
        return read_single_line(BASE_FOLDER / path)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ImproperlyConfigured(
            f"{name}_FILE can't be used: {why}. It takes the path of a file that user "
            f"{os.geteuid()} can read, with the value of {name} on one line."
        ) from None


def read_single_line(path: Path) -> str:
    """Return the only line of the file at `path`.

    Raise OSError if the file can't be read. Raise ValueError if it does not have exactly one line.
    """
    if path.exists() and not path.is_file():  # reading a pipe could wait forever
        raise ValueError("this is not a regular file")
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_LENGTH + 1).strip()
    except UnicodeDecodeError:
        raise ValueError("the file is not UTF-8 text") from None
    if not text:
        raise ValueError("the file is empty")
    if len(text) > MAX_LENGTH:
        raise ValueError(f"the file has over {MAX_LENGTH} characters")
    if not text.isprintable():
        raise ValueError("the file has several lines, or control characters")
    return text


def default_of(
    name: str, database: Mapping[str, object], beginning: str = ""
) -> Callable[[], str]:
    """Return a function that returns the default of the secret `name`.

    With SQLite, the first start generates a value, which begins with `beginning`, and keeps it in
    var/. With PostgreSQL, the function raises ImproperlyConfigured: there may be several nodes,
    and all need the same value.
    """
    path = BASE_FOLDER / "var" / name.lower()

    def default() -> str:
        if database["ENGINE"] == "django.db.backends.sqlite3":
            return generated_once(path, lambda: beginning + secrets.token_urlsafe(48))
        value = "secrets.token_urlsafe(48)"
        if beginning:
            value = f'"{beginning}" + {value}'
        kept = f". Or keep the value that SQLite had: {name}_FILE=var/{path.name}"
        raise ImproperlyConfigured(
            f"{name} is not set. With PostgreSQL Tokenry makes no value itself, because all "
            "nodes need the same value. "
            f"Make a value with python3 -c 'import secrets; print({value})'"
            f"{kept if path.exists() else ''}"
        )

    return default


def generated_once(path: Path, make: Callable[[], str]) -> str:
    """Return the secret in the file at `path`. If there is no file, make it with mode 0600.

    Several processes may start at once, and all must get the same secret. So the file is first
    written under another name. Then a hard link gives it the name `path`, which fails if another
    process was faster. Raise OSError if the file can't be read or made.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=path.parent) as draft:  # made with mode 0600
                draft.write(make())
                draft.flush()
                with suppress(FileExistsError):
                    os.link(draft.name, path)
        return path.read_text()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
