"""Formats of times in Django admin: the same as on other pages, with the time zone."""

DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y, H:i T"
