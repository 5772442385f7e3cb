"""Functions with which other applications add something to the account pages.

The application `accounts` imports no other application. Instead, others call these functions in
their `AppConfig.ready`.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import known_time_zones, short_zone_label

THEME_COOKIE = f"tokenry_theme{settings.COOKIE_SUFFIX}"
# The browser's time zone, or NO_OFFER after the person has chosen.
ZONE_COOKIE = f"tokenry_zone{settings.COOKIE_SUFFIX}"
NO_OFFER = "-"


@dataclass(frozen=True, slots=True, order=True)
class NavigationPage:
    """A link in the navigation of the settings pages. Links are sorted by `place`.

    `icon` is the name of an icon of Lucide, the icon set. The link is marked as current on pages
    whose path begins with its own path, or with one of the paths in `also`.
    """

    place: int
    label: str
    url_name: str
    icon: str
    also: tuple[str, ...] = ()
    # Returns a number to show beside the label, or None if the person does not need the link.
    badge: Callable[[Any], int | None] = field(default=lambda _: 0, compare=False)


@dataclass(frozen=True, slots=True)
class Belonging:
    """A kind of thing that people own in another application, such as API tokens."""

    name: str  # of one object, such as "API token"
    count: Callable[[AbstractBaseUser], int]
    end_all: str  # the URL name of a page that ends all of them
    listed: Callable[[AbstractBaseUser], str]  # the path of their list in administration


@dataclass(frozen=True, slots=True)
class Choices:
    """Options that another application adds to the Profile page, to be switched on and off.

    `options` has the label of each option by its name. `read` returns the names of the options
    that are on for a person, and `write` stores these names. `help` is the text beside the
    options.
    """

    key: str  # the name of the form's field
    label: str
    help: str
    options: Mapping[str, str]
    read: Callable[[AbstractBaseUser], list[str]]
    write: Callable[[AbstractBaseUser, list[str]], None]


@dataclass(frozen=True, slots=True)
class Farewell:
    """What another application asks before accounts are switched off or deleted.

    If `is_needed` returns True for some accounts, administrators first choose on the page whose
    path `page` returns; its second argument is "off" or "delete". That page lets the accounts go.

    `own_form` returns the form for somebody who deletes the own account, or None if nothing is to
    be asked. Its method `as_query` returns the sent values as a query, and the form shows the
    values in the query of a GET. `template` shows this form.
    If the form is valid, `settle` does what was chosen. It returns False, with an error in the
    form, if that is impossible.

    `leaves_at` returns until when the tokens of a switched off account work, or None.
    """

    is_needed: Callable[[Sequence[AbstractBaseUser]], bool] = lambda _: False
    page: Callable[[Sequence[AbstractBaseUser], str], str] = lambda *_: ""
    own_form: Callable[[AbstractBaseUser, HttpRequest], Any] = lambda *_: None
    settle: Callable[[Any, HttpRequest], bool] = lambda *_: True
    template: str = ""
    leaves_at: Callable[[AbstractBaseUser], datetime | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class RequestHooks:
    """What another application does around the work of a view."""

    # Called before a GET changes what a person may do. If the result is False, too many changes
    # are made at once, and nothing may be changed.
    begin_change: Callable[[HttpRequest], bool] = lambda _: True
    # A context in which the view waits for another server. Other requests are worked on meanwhile.
    lend_permit: Callable[[HttpRequest], AbstractContextManager[Any]] = nullcontext


request_hooks = RequestHooks()
farewell = Farewell()
_pages: list[NavigationPage] = []
choices: list[Choices] = []
belongings: list[Belonging] = []


def register_page(page: NavigationPage) -> None:
    """Add a link to the navigation of the settings pages."""
    _pages.append(page)
    _pages.sort()


def register_choices(offered: Choices) -> None:
    """Add options to the Profile page."""
    choices.append(offered)


def register_belonging(belonging: Belonging) -> None:
    """Show how many of these things a person owns, on the Security page and before deletion."""
    belongings.append(belonging)


def register_request_hooks(hooks: RequestHooks) -> None:
    """Replace the hooks around the work of a view."""
    global request_hooks  # noqa: PLW0603  # set once, when the process starts
    request_hooks = hooks


def register_farewell(asked: Farewell) -> None:
    """Set what is asked before accounts are switched off or deleted."""
    global farewell  # noqa: PLW0603  # set once, when the process starts
    farewell = asked


def belongings_of(user: AbstractBaseUser) -> list[dict[str, Any]]:
    """Return what `user` owns in other applications, for templates.

    Each kind of thing has its name, its number, the URL of the page that ends all of them, and the
    path of their list in administration. Kinds of which the user owns none are left out.
    """
    counted = [(belonging, belonging.count(user)) for belonging in belongings]
    return [
        {
            "name": belonging.name,
            "count": count,
            "end_all": reverse(belonging.end_all),
            "listed": belonging.listed(user),
        }
        for belonging, count in counted
        if count
    ]


def layout(request: HttpRequest) -> dict[str, Any]:
    """Return variables for the base template: theme, navigation, whether sign-up is open.

    `keyboard_shortcuts` is False if the person has switched the shortcuts off.

    This is a context processor of Django, so all templates get these variables.
    """
    theme: str = getattr(
        getattr(request, "user", None), "theme", request.COOKIES.get(THEME_COOKIE, "")
    )
    return {
        # A script puts the browser's time zone in place of the %.
        "zone_cookie": f"{ZONE_COOKIE}=%; path={settings.SESSION_COOKIE_PATH}; samesite=lax",
        "signup_open": settings.SIGNUP_OPEN,
        "sign_on": settings.SIGN_ON,
        "chosen_theme": theme if theme in {"light", "dark"} else "",
        "keyboard_shortcuts": getattr(getattr(request, "user", None), "keyboard_shortcuts", True),
        "offered_zone": offered_zone(request),
        "settings_navigation": partial(navigation, request),  # templates call it if they show it
    }


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the links of the settings pages that the person needs, for the template."""
    user = getattr(request, "user", None)
    badges = [page.badge(user) if user and user.is_authenticated else 0 for page in _pages]
    return [
        {
            "label": page.label,
            "icon": page.icon,
            "badge": badge,
            "url": reverse(page.url_name),
            "current": request.path.startswith(reverse(page.url_name))
            or request.path_info.startswith(page.also),
        }
        for page, badge in zip(_pages, badges, strict=True)
        if badge is not None
    ]


def offered_zone(request: HttpRequest) -> dict[str, str] | None:
    """Return the browser's time zone, to offer it to a person whose profile still says UTC.

    Return None if there is nothing to offer. A script stores the browser's time zone in a cookie.
    """
    zone = request.COOKIES.get(ZONE_COOKIE, "UTC")
    is_in_utc = getattr(getattr(request, "user", None), "time_zone", "") == "UTC"
    if not is_in_utc or zone == "UTC" or zone not in known_time_zones():
        return None
    return {"name": zone, "label": short_zone_label(zone)}
