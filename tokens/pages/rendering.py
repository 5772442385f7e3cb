"""Render a token page inside the page of the project."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tokens.core.addresses import path_if_mounted
from tokens.pages.page_owner import owner_links
from tokens.token_settings import token_settings


def render_page(
    request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Return the page that `template` makes, inside the project's own BASE_TEMPLATE.

    If a decorator of views/guards.py found out whose tokens the page shows, templates get that
    `owner`, and `owner_links` with the links of the switch “Mine / Billing CI”.
    """
    base: dict[str, Any] = {
        "base_template": token_settings.BASE_TEMPLATE,
        "teams_path": path_if_mounted("token_teams:list") if token_settings.TEAM_USER else "",
    }
    if owner := getattr(request, "page_owner", None):
        links = partial(owner_links, request.user, owner)  # type: ignore[arg-type]  # signed in
        base |= {"owner": owner, "owner_links": links}
    return render(request, template, base | context, status=status)
