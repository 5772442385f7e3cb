"""The rooms of the house: who may import whom, and that nothing under /api/ is left undeclared."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).resolve().parent.parent
OURS = {"accounts", "config", "tokens"}
PURE = {
    "credential", "lifetime", "denial", "policy", "quota", "examples", "addresses", "chart", "cursor", "export",
    "reminders", "plain", "remedies",
}  # fmt: skip
MAY_IMPORT = {
    **{name: set() for name in PURE},
    "breaker": set(),
    "signals": set(),
    "prepared": set(),
    "redaction": {"credential"},
    "faults": {"credential"},
    "traces": {"credential", "faults"},
    "diagnosis": {"credential", "denial", "faults", "traces"},
    "models": {"addresses", "credential", "plain", "policy", "quota", "redaction", "models", "reminders", "signals"},
    "call": {"denial", "models", "redaction"},
    "tally": {"call", "models", "redaction"},
    "request_log": {"call"},
    "metrics": {"call", "models"},
    "usage": {"call", "metrics", "models", "request_log", "signals", "tally"},
    "limits": {"addresses", "breaker", "quota"},
    "lookup": {"breaker", "models", "prepared"},
    "authentication": {
        "breaker",
        "call",
        "credential",
        "denial",
        "limits",
        "lookup",
        "models",
        "policy",
        "quota",
        "usage",
    },
    "answers": {"call", "denial"},
    "gateway": {"answers", "authentication", "breaker", "call", "credential", "denial", "policy"},
    "middleware": {"answers", "authentication", "call", "denial", "gateway", "models", "quota", "usage"},
    "decorators": {"credential", "policy"},
    "access": {"models"},
    "forms": {"models", "access", "addresses", "lifetime", "plain", "redaction"},
    "life_forms": {"models", "access", "addresses", "lifetime", "forms"},
    "listing": {"models", "redaction"},
    "report": {"chart", "models"},
    "requests": {"models", "quota"},
    "receivers": {"models", "usage"},
    "activity": {"models", "credential", "cursor", "redaction"},
    "retention": {"models"},
    "activity_views": {"activity", "export", "models", "requests"},
    "emails": {"models", "plain", "reminders"},
    "outbox": {"emails", "models", "reminders", "signals"},
    "notices": {"addresses", "call", "denial", "models", "outbox", "signals"},
    "findings": {"access", "addresses", "breaker", "denial", "limits", "models", "policy", "remedies"},
    "troubleshoot": {"access", "breaker", "denial", "diagnosis", "findings", "limits", "models", "remedies"},
    "troubleshoot_views": {"examples", "forms", "requests", "troubleshoot"},
    "calendar": {"models", "plain"},
    "calendar_views": {"calendar", "guards", "models", "requests"},
    "facts": {"models"},
    "guards": {"models", "requests"},
    "api": {
        "api", "answers", "authentication", "breaker", "call", "converters", "decorators", "facts", "forms", "lookup",
        "models", "redaction", "requests", *PURE,
    },
    "management": {
        "credential", "facts", "forms", "life_forms", "lifetime", "management", "models", "outbox", "plain",
        "redaction", "retention",
    },
    "admin": {"models", "quota"},
    "converters": {"credential"},
    "urls": {
        "activity_views", "bulk_views", "calendar_views", "converters", "life_views", "narrow_views",
        "troubleshoot_views", "views",
    },
    "help_views": {"denial", "examples", "forms", "lifetime", "models", "quota", "remedies"},
    "views": {"forms", "guards", "models", "access", "listing", "report", "requests", *PURE},
    "life_views": {"views", "guards", "forms", "life_forms", "models", "requests"},
    "narrow_views": {"guards", "models", "report", "requests"},
    "bulk_views": {"life_forms", "listing", "models", "requests"},
}  # fmt: skip


def imports(path: Path) -> Iterator[str]:
    """The modules of ours that the file at `path` imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in OURS)


@pytest.mark.parametrize(
    "path",
    [path for path in sorted((ROOT / "tokens").rglob("*.py")) if path.parent.name != "migrations"],
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_rooms_of_tokens(path: Path) -> None:
    name_of = path.relative_to(ROOT / "tokens").parts[0].removesuffix(".py")  # a folder is one room
    if name_of in {"__init__", "apps"}:
        return
    assert name_of in MAY_IMPORT, f"{name_of!r} is new: say in MAY_IMPORT, in this file, what it may import"
    for name in imports(path):
        package, room = name.split(".")[:2]
        assert package == "tokens"
        assert room in MAY_IMPORT[name_of], f"{path} imports {name}: should it, add {room!r} to its line in MAY_IMPORT"


@pytest.mark.parametrize(("package", "never"), [("accounts", {"tokens"}), ("tokens", {"config"})])
def test_packages(package: str, never: set[str]) -> None:
    for path in (ROOT / package).rglob("*.py"):
        for name in imports(path):
            assert name.split(".")[0] not in never, f"{path} imports {name}"


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        address = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, address)
        else:
            yield address, entry


def test_every_api_view_declares_who_may_call_it() -> None:
    api = [(address, entry) for address, entry in patterns(get_resolver()) if address.startswith("api/")]
    assert api
    for address, entry in api:
        assert hasattr(entry.callback, "requirement"), f"{address} has neither @token_required nor @public"


def test_every_page_of_settings_needs_somebody_signed_in(client: object, db: None) -> None:
    from django.test import Client

    for address, _ in patterns(get_resolver()):
        if address.startswith("settings/") and address not in {"settings/", "settings/theme/"}:
            path = "/" + address.replace("<identifier:identifier>", "x" * 24)
            response = Client().get(path)
            assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={path}")


def test_files_and_functions_stay_small() -> None:
    for package in OURS:
        for path in (ROOT / package).rglob("*.py"):
            if "migrations" in path.parts:
                continue
            tree = ast.parse(path.read_text())
            assert len(path.read_text().splitlines()) <= 300, f"{path} has more than 300 lines: make two files of it"
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef):
                    assert (node.end_lineno or 0) - node.lineno < 45, f"{path}: {node.name} is too long"
