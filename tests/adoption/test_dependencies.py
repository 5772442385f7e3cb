"""What the package imports is installed with the wheel."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions

from tests.test_architecture import ROOT, modules

# Extras with what they bring, and what a project may have: the package works without them.
OPTIONAL = {"allauth", "ninja", "prometheus_client", "psycopg", "pydantic", "rest_framework"}
WITH_DJANGO = {"asgiref"}


def imported_packages() -> Iterator[str]:
    """Yield the name of each package that a module of `tokens` imports."""
    for path in modules("tokens"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]
            elif isinstance(node, ast.Import):
                yield from (each.name.partition(".")[0] for each in node.names)


def normal(name: str) -> str:
    """Return the name of a distribution without its version and extras, in one spelling."""
    return name.partition(">")[0].partition("[")[0].lower().replace("_", "-")


def test_the_wheel_declares_what_it_imports() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    homes = packages_distributions()
    others = {*imported_packages()} - sys.stdlib_module_names - OPTIONAL - WITH_DJANGO - {"tokens"}
    needed = {normal(home) for name in others for home in homes[name]}
    assert "django" in needed
    assert needed <= {normal(name) for name in project["dependencies"]}
