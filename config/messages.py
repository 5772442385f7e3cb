"""Where messages wait for the next page."""

from django.contrib.messages.storage import cookie, fallback, session


class CookieStorage(cookie.CookieStorage):
    """Django's, under a name of ours: every other Django application on this host would drop what it can't read."""

    cookie_name = "tokenry_messages"


class Storage(fallback.FallbackStorage):
    storage_classes = (CookieStorage, session.SessionStorage)
