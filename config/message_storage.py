"""Storage of the messages that the next page shows."""

from typing import Any

from django.conf import settings
from django.contrib.messages.storage import cookie, fallback, session
from django.http.response import HttpResponseBase


class CookieStorage(cookie.CookieStorage):
    """Store messages in a cookie, as Django does, but with our own name for the cookie.

    Other Django applications on the same host use Django's name. They delete a cookie that they
    can't read.
    """

    cookie_name = f"tokenry_messages{settings.COOKIE_SUFFIX}"


class Storage(fallback.FallbackStorage):
    """Store messages in the cookie, or in the session if they are too long for the cookie."""

    storage_classes = (CookieStorage, session.SessionStorage)

    def update(self, response: HttpResponseBase) -> list[Any] | None:
        """Store the messages in `response`. Their cookie has the path of the session's cookie.

        Django would set and delete the cookie at the path `/`.
        """
        left: list[Any] | None = super().update(response)
        if stored := response.cookies.get(CookieStorage.cookie_name):
            stored["path"] = settings.SESSION_COOKIE_PATH
        return left
