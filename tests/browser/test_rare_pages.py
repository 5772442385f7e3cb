"""Error pages and the HTML of mails, on every screen.

A real server shows these pages too rarely. So the browser gets the pages from here, and their
style from the server.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.mail import EmailMultiAlternatives
from django.shortcuts import render
from django.test import RequestFactory
from django.utils import timezone
from playwright.sync_api import Page

from accounts import mails
from accounts.models import Notification as AccountNotification
from accounts.models import User
from config import error_pages
from tests.browser.conftest import NewPage
from tests.browser.screens import Screens, faults, on_each_screen
from tests.conftest import Issue
from tests.server import Server
from tokens.models import Notification, Token
from tokens.notifications.emails import event_mail, reminder_mail
from tokens.notifications.reminders import Reminder

# Templates of error pages, each with its variables.
TEMPLATES: dict[str, dict[str, bool]] = {
    "403.html": {},
    "403_csrf.html": {"is_from_elsewhere": True},
    "404.html": {},
    "429.html": {},
    "503_busy.html": {},
    "tokens/too_many_changes.html": {},
}


def account_mail(user: User, kind: str) -> EmailMultiAlternatives:
    notification = AccountNotification(user=user, kind=kind, to=user.email)
    mail = mails.write_mail(notification)
    assert mail is not None
    return mail


# A mail program shows a mail in its main part.
INTO_MAIN = """() => {
  const main = document.createElement("main");
  main.append(...document.body.childNodes);
  document.body.append(main);
}"""
MAILS: dict[str, Callable[[Token], EmailMultiAlternatives]] = {
    "reminder": lambda token: reminder_mail(
        [Notification(token=token, kind=Reminder.WEEK)] * 9, timezone.now()
    ),
    "new-address": lambda token: event_mail(
        [Notification(token=token, kind=Notification.Kind.NEW_ADDRESS, detail="203.0.113.7")]
    ),
    "reset": lambda token: account_mail(token.owner, mails.RESET),
    "password-changed": lambda token: account_mail(token.owner, "account/email/password_changed"),
}


@pytest.fixture
def show(new_page: NewPage, server: Server) -> Callable[[str], Page]:
    """Return a function that opens a page with this HTML."""

    def open_html(html: str) -> Page:
        page = new_page(bypass_csp=True)
        address = f"{server.url}/rare/"
        page.route(
            address,
            lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"),
        )
        page.goto(address)
        return page

    return open_html


@pytest.mark.parametrize("name", TEMPLATES)
@on_each_screen
def test_error_pages(show: Callable[[str], Page], name: str, screens: Screens) -> None:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    html = render(request, name, TEMPLATES[name]).content.decode()
    assert faults(show(html), screens) == []


@on_each_screen
def test_the_page_that_needs_no_database(show: Callable[[str], Page], screens: Screens) -> None:
    html = error_pages.error_page(500, "Something went wrong here", "x" * 99).content.decode()
    assert faults(show(html), screens) == []


@pytest.mark.parametrize("kind", MAILS)
@on_each_screen
def test_mails(show: Callable[[str], Page], issue: Issue, kind: str, screens: Screens) -> None:
    token, _ = issue(name="n" * 100, expires_at=timezone.now() + timedelta(days=6))
    page = show(str(MAILS[kind](token).alternatives[0][0]))
    page.evaluate(INTO_MAIN)
    assert faults(page, screens) == []
