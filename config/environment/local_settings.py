"""The operator's own settings: the Python file that TOKENRY_SETTINGS names."""

import os
import sys
import traceback
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured


def read_local_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Run the file that TOKENRY_SETTINGS names, and return the settings that it leaves.

    The file finds `settings` as its global names. Applications beside the file can be imported,
    but never take the place of modules that exist already.
    """
    path = os.environ.get("TOKENRY_SETTINGS", "").strip()
    if not path:
        return {}
    if not Path(path).is_absolute():
        raise ImproperlyConfigured(
            f"TOKENRY_SETTINGS is {path!r}; it takes the absolute path of a Python file."
        )
    names = {**settings, "__file__": path}
    try:
        code = compile(Path(path).read_bytes(), path, "exec")
        sys.path.append(str(Path(path).parent))
        exec(code, names)  # noqa: S102  # the operator's own file
    except Exception as error:  # noqa: BLE001  # the file may raise anything
        raise ImproperlyConfigured(
            f"TOKENRY_SETTINGS is {path!r}, which can't be used: {what_is_wrong(error, path)}"
        ) from None
    check_extra_urls(names["EXTRA_URLS"], path)
    return {name: value for name, value in names.items() if name.isupper()}


def what_is_wrong(error: Exception, path: str) -> str:
    """Return on one line what is wrong with the file at `path`, with the number of its line."""
    if isinstance(error, OSError) and error.filename == path:
        return f"{error.strerror}."
    if isinstance(error, SyntaxError) and error.filename == path:
        return f"line {error.lineno}: {error.msg}."
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == path
    ]
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return f"line {lines[-1]}: {said}" if lines else said


def check_extra_urls(value: Any, path: str) -> None:
    """Raise ImproperlyConfigured if EXTRA_URLS is no list of pairs: a path, and a module."""
    for pair in value if isinstance(value, list | tuple) else [value]:
        match pair:
            case (str(), str() as module) if is_module(module):
                continue
        raise ImproperlyConfigured(
            f"TOKENRY_SETTINGS is {path!r}, where EXTRA_URLS has {pair!r}; it takes a list of "
            '("reports/", "reports.urls"): the beginning of a path, and a module of URLs.'
        )


def is_module(name: str) -> bool:
    """Return True if a module with this name can be found."""
    try:
        return bool(name) and find_spec(name) is not None
    except ImportError:
        return False
