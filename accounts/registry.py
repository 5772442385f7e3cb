"""What other applications add to the account pages, registered when they are ready: `accounts` imports none of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.urls import reverse

THEME_COOKIE = "tokenry_theme"


@dataclass(frozen=True, slots=True, order=True)
class Page:
    """A page of the settings navigation. `place` orders them; `icon` is a Lucide name; `also` are other paths of it."""

    place: int
    label: str
    url_name: str
    icon: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Belonging:
    """What a person has in another application: what it is called, how many are in use, and where to end them all."""

    name: str
    count: Callable[[AbstractBaseUser], int]
    end_all: str  # the name of a route


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person may switch on and off on the profile: the names that are on are read, and written when they change.

    `help` says what can't be switched off; `options` are the names and their labels.
    """

    key: str  # of the form's field
    label: str
    help: str
    options: Mapping[str, str]
    read: Callable[[AbstractBaseUser], list[str]]
    write: Callable[[AbstractBaseUser, list[str]], None]


_pages: list[Page] = []
choices: list[Choices] = []
belongings: list[Belonging] = []


def register_page(page: Page) -> None:
    """Add a page to the settings navigation."""
    _pages.append(page)
    _pages.sort()


def register_choices(offered: Choices) -> None:
    """Offer these on the profile."""
    choices.append(offered)


def register_belonging(belonging: Belonging) -> None:
    """Have the account pages say what becomes of `belonging` when a password changes or the account goes."""
    belongings.append(belonging)


def belongings_of(user: AbstractBaseUser) -> list[dict[str, Any]]:
    """What `user` has in use elsewhere, for templates."""
    counted = [(belonging, belonging.count(user)) for belonging in belongings]
    return [
        {"name": belonging.name, "count": count, "end_all": reverse(belonging.end_all)}
        for belonging, count in counted
        if count
    ]


def layout(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the theme, and the pages with the one that the request's path belongs to as current."""
    theme: str = getattr(getattr(request, "user", None), "theme", request.COOKIES.get(THEME_COOKIE, ""))
    return {
        "signup_open": settings.SIGNUP_OPEN,
        "chosen_theme": theme if theme in {"light", "dark"} else "",
        "settings_navigation": [
            {
                "label": page.label,
                "icon": page.icon,
                "url": reverse(page.url_name),
                "current": request.path.startswith((reverse(page.url_name), *page.also)),
            }
            for page in _pages
        ],
    }
