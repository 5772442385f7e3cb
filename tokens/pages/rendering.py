"""Render a token page inside the page of the project."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tokens.token_settings import token_settings


def render_page(
    request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Return the page that `template` makes, inside the project's own BASE_TEMPLATE."""
    base = {"base_template": token_settings.BASE_TEMPLATE}
    return render(request, template, base | context, status=status)
