"""Names and imports that no linter checks, and that nothing under /api/ is left undeclared.

`make lint` holds who may import whom: see pyproject.toml, tool.importlinter.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).resolve().parent.parent
OURS = {"accounts", "config", "tokens"}
# Names that Django or a library looks for, and names that mean the same in each module.
MEANT_ALIKE = {
    "ABOUT_ONE_MAIL", "Command", "LOGGING", "Notification", "PAGE_SIZE", "View", "app_name",
    "dump", "issue", "log", "register", "router", "urlpatterns", "worker",
}  # fmt: skip


def modules(package: str) -> list[Path]:
    """Return the files of `package`, without migrations."""
    return [
        path for path in sorted((ROOT / package).rglob("*.py")) if "migrations" not in path.parts
    ]


def defined(path: Path) -> Iterator[str]:
    """Yield the names that the module at `path` defines at its top."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def test_a_name_has_one_meaning() -> None:
    places = defaultdict(set)
    for package in OURS:
        for path in modules(package):
            for name in defined(path):
                places[name].add(str(path.relative_to(ROOT)))
    several = {
        name: where
        for name, where in places.items()
        if len(where) > 1 and not name.startswith("__")
    }
    assert several.keys() <= MEANT_ALIKE, several


@pytest.mark.parametrize(
    "path", [*modules("tokens/core"), *modules("tokens/models")], ids=lambda path: path.stem
)
def test_models_and_core_know_no_http(path: Path) -> None:
    assert "django.http" not in path.read_text()


@pytest.mark.parametrize("path", modules("tokens/core"), ids=lambda path: path.stem)
def test_the_core_knows_no_models(path: Path) -> None:
    assert "django.db" not in path.read_text()


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        address = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, address)
        else:
            yield address, entry


def test_every_api_view_declares_who_may_call_it() -> None:
    api = [
        (address, entry)
        for address, entry in patterns(get_resolver())
        if address.startswith("api/")
    ]
    assert api
    for address, entry in api:
        assert hasattr(entry.callback, "requirement"), (
            f"{address} has neither @token_required nor @public"
        )


def test_every_page_of_settings_needs_somebody_signed_in(client: object, db: None) -> None:
    from django.test import Client

    for address, _ in patterns(get_resolver()):
        if address.startswith("settings/") and address not in {"settings/", "settings/theme/"}:
            path = "/" + address.replace("<identifier:identifier>", "x" * 24)
            path = path.replace("<slug:slug>", "billing-ci")
            response = Client().get(path)
            assert (response.status_code, response["Location"]) == (
                302,
                f"/accounts/login/?next={path}",
            )


def test_files_and_functions_stay_small() -> None:
    too_large = set()
    for path in chain.from_iterable(map(modules, OURS | {"tests"})):
        text, name = path.read_text(), str(path.relative_to(ROOT))
        if len(text.splitlines()) > 300:
            too_large.add(name)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 40:
                too_large.add(f"{name}: {node.name}")
    assert not too_large, "a file has at most 300 lines, a function at most 40"
