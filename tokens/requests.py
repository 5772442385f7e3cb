"""The two kinds of request, for type checkers: what the middleware promises to views."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from tokens.models import Token
from tokens.quota import Verdict


class PageRequest(HttpRequest):
    """A page's: somebody is signed in (`login_required`), and it may come from htmx."""

    user: AbstractBaseUser  # type: ignore[assignment]
    htmx: HtmxDetails


class TokenRequest(HttpRequest):
    """A program's: `@token_required` proved its token."""

    user: AbstractBaseUser  # type: ignore[assignment]
    token: Token
    limits: Verdict
