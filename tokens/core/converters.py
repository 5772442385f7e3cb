"""The URL converter for identifiers of tokens."""

from django.urls import register_converter
from django.urls.converters import StringConverter

from tokens.authentication.credentials import IDENTIFIER_LENGTH


class IdentifierConverter(StringConverter):
    """Matches the identifier of a token, its public first 24 characters.

    A URL with a whole token matches no page, so that no page has a secret in its address.
    """

    regex = rf"[0-9A-Za-z_]{{{IDENTIFIER_LENGTH}}}"


register_converter(IdentifierConverter, "identifier")
