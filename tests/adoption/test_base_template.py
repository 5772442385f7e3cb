"""The check of BASE_TEMPLATE, a project's own page around the token pages."""

from pathlib import Path

import pytest
from pytest_django import Settings

from tests.adoption.test_checks import found
from tokens import checks
from tokens.token_settings import TokenSettings

ALL_BLOCKS = "{% block title %}{% endblock %}{% block head %}{% block content %}"
TEMPLATES = {
    "own.html": ALL_BLOCKS + "{% endblock %}{% endblock %}",
    "child.html": "{% extends 'own.html' %}",
    "chosen.html": "{% extends name_of_the_page %}",
    "admin/base.html": "{% extends 'admin/base.html' %}",
    "bare.html": "<main>{% block content %}{% endblock %}</main>",
}
BARE = [
    ("tokens.W003", f"The template 'bare.html' (TOKENRY['BASE_TEMPLATE']) has no block '{name}'.")
    for name in ("title", "head")
]
ABSENT = [("tokens.E008", "TOKENRY['BASE_TEMPLATE'] is 'absent.html', which does not exist.")]


@pytest.fixture
def pages(tmp_path: Path, settings: Settings) -> Path:
    """Return the template folder of a project that has TEMPLATES, and none of the product's."""
    for name, text in TEMPLATES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    backend = "django.template.backends.django.DjangoTemplates"
    settings.TEMPLATES = [{"BACKEND": backend, "DIRS": [tmp_path], "APP_DIRS": True}]
    return tmp_path


@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize(
    ("name", "messages"),
    [
        ("tokens/base.html", []),
        ("own.html", []),
        ("child.html", []),
        ("chosen.html", []),
        ("admin/base.html", []),
        ("bare.html", BARE),
        ("absent.html", ABSENT),
    ],
)
def test_the_template_has_a_place_for_each_part(
    token_settings: TokenSettings, name: str, messages: list[tuple[str, str]]
) -> None:
    token_settings.BASE_TEMPLATE = name
    assert found(checks.check_base_template()) == messages


def test_a_page_of_the_projects_own_may_use_other_blocks(
    pages: Path, token_settings: TokenSettings
) -> None:
    token_settings.BASE_TEMPLATE = "bare.html"
    (pages / "tokens").mkdir()
    (pages / "tokens/page.html").write_text("{% extends base_template %}")
    assert found(checks.check_base_template()) == []


def test_a_wrong_setting_is_left_to_the_check_of_settings(settings: Settings) -> None:
    settings.TOKENRY = {**settings.TOKENRY, "BASE_TEMPLATE": 7}
    assert found(checks.check_base_template()) == []
    assert [number for number, _ in found(checks.check_settings())] == ["tokens.E001"]
