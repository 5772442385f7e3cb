"""Storage of the messages that the next page shows."""

from django.contrib.messages.storage import cookie, fallback, session


class CookieStorage(cookie.CookieStorage):
    """Store messages in a cookie, as Django does, but with our own name for the cookie.

    Other Django applications on the same host use Django's name. They delete a cookie that they
    can't read.
    """

    cookie_name = "tokenry_messages"


class Storage(fallback.FallbackStorage):
    """Store messages in the cookie, or in the session if they are too long for the cookie."""

    storage_classes = (CookieStorage, session.SessionStorage)
