"""Template tags of the product's own logo."""

from django import template

from config.logo import icon_path, logo_path

register = template.Library()
register.simple_tag(logo_path)
register.simple_tag(icon_path)
