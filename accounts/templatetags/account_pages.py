"""Template tags of the account pages: the link Cancel, and keys that people type."""

from urllib.parse import urlsplit

from django import template
from django.urls import reverse

register = template.Library()


@register.simple_tag
def way_back(following: str | None) -> str:
    """Return the path of the link Cancel, on a page where people confirm who they are.

    `following` is the address of the form that required the confirmation. Return its path, without
    the form's data in its query. If the path is not below /settings/, return the path of the
    Security page. allauth's own link would lead to an action that asks for the confirmation again.
    """
    try:
        path = urlsplit(following or "").path
    except ValueError:
        path = ""
    return path if path.startswith(reverse("settings")) else reverse("security")


@register.filter
def in_groups(key: str) -> list[str]:
    """Return the key in groups of four characters, which people can read and type."""
    return [key[start : start + 4] for start in range(0, len(key), 4)]
