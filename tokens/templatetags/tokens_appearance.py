"""Template tags of the product's name and colour. They need no request and no database."""

from django import template
from django.utils.html import format_html

from tokens.core.addresses import path_if_mounted
from tokens.core.colors import Accent, accent_of, accent_styles
from tokens.token_settings import token_settings

register = template.Library()


@register.simple_tag
def product_name() -> str:
    """Return the name of the product."""
    return token_settings.PRODUCT_NAME


@register.simple_tag
def accent() -> Accent:
    """Return the accent colour, for mails, which load no style sheet."""
    return accent_of(token_settings.ACCENT_COLOR)


@register.simple_tag
def accent_link() -> str:
    """Return the HTML that loads one's own accent colour, or "" for the default colour."""
    path = path_if_mounted("tokens:accent")
    if not token_settings.ACCENT_COLOR or not path:
        return ""
    _, version = accent_styles(token_settings.ACCENT_COLOR)
    return format_html('<link rel="stylesheet" href="{}?v={}">', path, version)
