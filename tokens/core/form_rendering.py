"""How the forms of the token pages become HTML, whatever FORM_RENDERER a project has."""

from django.forms.renderers import DjangoTemplates


class PageRenderer(DjangoTemplates):
    """Renders a field with its label, help and errors as the token pages show them."""

    field_template_name = "tokens/_form_field.html"
