"""What a form needs besides its words: the focus, and the way out."""

from urllib.parse import urlsplit

from django import template
from django.forms import BoundField
from django.urls import reverse
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def control(field: BoundField, focus: bool = False) -> SafeString:
    """With the focus if it is the first that is wrong; or, where nothing is, if the page asks for it."""
    errors = field.form.errors
    focused = next(iter(errors)) == field.name if errors else focus
    return field.as_widget(attrs={"autofocus": True} if focused else None)


@register.simple_tag
def way_back(following: str | None) -> str:
    """From Confirm, to our page that asked, without what was typed there. allauth's would ask again at once."""
    try:
        path = urlsplit(following or "").path
    except ValueError:
        path = ""
    return path if path.startswith(reverse("settings")) else reverse("security")
