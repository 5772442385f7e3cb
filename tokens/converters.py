"""What addresses carry of a token."""

from django.urls import register_converter
from django.urls.converters import StringConverter

from tokens.credential import IDENTIFIER_LENGTH


class IdentifierConverter(StringConverter):
    """The public first characters of a token. A whole token in an address matches nothing."""

    regex = rf"[0-9A-Za-z_]{{{IDENTIFIER_LENGTH}}}"


register_converter(IdentifierConverter, "identifier")
