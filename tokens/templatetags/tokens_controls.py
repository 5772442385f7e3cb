"""The template tag of forms: a field that may have the keyboard focus."""

from django import template
from django.forms import BoundField
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def control(field: BoundField, focus: bool = False) -> SafeString:
    """Return the HTML of a form's field, with `autofocus` if the field should have the focus.

    If the form has errors, the first field with an error has the focus. If not, `focus` decides.
    """
    errors = field.form.errors
    focused = next(iter(errors)) == field.name if errors else focus
    return field.as_widget(attrs={"autofocus": True} if focused else None)
