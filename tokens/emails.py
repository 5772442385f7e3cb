"""The mails about tokens, as text and as HTML. No value is in them, and names are made harmless on their way in."""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.defaultfilters import pluralize
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from tokens.models import Notice, Token
from tokens.plain import one_line
from tokens.reminders import Reminder, is_unused

NAME_IN_SUBJECT = 50  # characters
MOST_ENTRIES = 20  # in one mail


class Entry(NamedTuple):
    """What a mail says of one token, and where a click leads."""

    name: str
    environment: str
    masked: str
    lines: list[str]
    action: str
    url: str


def reminder_mail(notices: Sequence[Notice], now: datetime) -> EmailMultiAlternatives:
    """One mail for all the reminders that an owner is due; `notices` are theirs, and at least one."""
    notices = sorted(notices, key=lambda notice: notice.token.expires_at)
    intro = (
        "Renewing takes two clicks: you get a new token with the same settings, and one that still works goes on for "
        "as long as you choose."
    )
    entries = [reminder_entry(notice.token, now) for notice in notices[:MOST_ENTRIES]]
    return mail(notices, reminder_subject(notices, now), intro, entries)


def news_mail(notices: Sequence[Notice]) -> EmailMultiAlternatives:
    """One mail for all that happened to an owner's tokens since the last; `notices` are theirs, and at least one."""
    entries = [news_entry(notice) for notice in notices[:MOST_ENTRIES]]
    return mail(notices, news_subject(notices), "", entries)


def news_subject(notices: Sequence[Notice]) -> str:
    """Return “CI pipeline” was created; or, for several of one kind, how many were."""
    tokens, kinds = {notice.token_id for notice in notices}, {notice.kind for notice in notices}
    what = NEWS[Notice.Kind(notices[0].kind)][0]
    if len(notices) == 1:
        return f"{quoted(notices[0].token)} was {what}"
    if len(kinds) > 1 or len(tokens) < len(notices):
        return f"{len(notices)} notices about your API tokens"
    return f"{len(tokens)} API tokens were {what.replace('it was', 'they were')}"


def mail(notices: Sequence[Notice], subject: str, intro: str, entries: list[Entry]) -> EmailMultiAlternatives:
    """To the owner of the tokens. Machines are told not to answer (RFC 3834)."""
    context: dict[str, Any] = {
        "subject": subject,
        "intro": intro,
        "entries": entries,
        "others": len(notices) - len(entries),
        "list_url": settings.SITE_URL + reverse("token_list"),
        "site_url": settings.SITE_URL,
        "choices_url": settings.SITE_URL + reverse("profile"),
    }
    made = EmailMultiAlternatives(
        subject,
        render_to_string("tokens/email/message.txt", context),
        to=[notices[0].token.owner.email],
        headers={"Auto-Submitted": "auto-generated"},
    )
    made.attach_alternative(render_to_string("tokens/email/message.html", context), "text/html")
    return made


def reminder_subject(notices: Sequence[Notice], now: datetime) -> str:
    """“CI pipeline” expires in 7 days; or how many have expired and how many will."""
    if len(notices) == 1:
        token = notices[0].token
        expires = "has expired" if token.expires_at <= now else f"expires {in_days(token, now)}"
        return f"{quoted(token)} {expires}"
    over = sum(notice.kind == Reminder.EXPIRED for notice in notices)
    soon = len(notices) - over
    if not over:
        return f"{soon} API tokens expire soon"
    expired = f"{over} API token{pluralize(over)} {pluralize(over, 'has,have')} expired"
    return f"{expired}, {soon} expire{pluralize(soon, 's,')} soon" if soon else expired


def reminder_entry(token: Token, now: datetime) -> Entry:
    at = moment(token.expires_at, token)
    lines = [f"Expired on {at}." if token.expires_at <= now else f"Expires {in_days(token, now)}, on {at}."]
    if token.last_used_at:
        address = f" from {token.last_used_address}" if token.last_used_address else ""
        lines.append(f"Last used on {moment(token.last_used_at, token)}{address}.")
    else:
        lines.append("Never used.")
    if is_unused(token, now):
        lines.append("Not used in 60 days: perhaps nothing needs it any more.")
    return entry(token, lines, "Renew token", reverse("token_renew", args=[token.identifier]))


# What was done, as the subject says, and what it says below.
NEWS = {
    Notice.Kind.CREATED: ("created", "Created on {at}{from_}. If it was not you, revoke it at once."),
    Notice.Kind.RENEWED: ("renewed", "Renewed on {at}{from_}; this is the new token.{old}"),
    Notice.Kind.REVOKED: ("revoked", "Revoked on {at} {detail}. Requests with it fail."),
    Notice.Kind.USED_REVOKED: (
        "used after it was revoked",
        "Presented on {at}{from_} although it is revoked, and refused. Some program still holds it; if you know "
        "of none, the value has leaked.",
    ),
    Notice.Kind.NEW_ADDRESS: (
        "used from a new address",
        "Used on {at}{from_} for the first time. If that is no place of yours, revoke it.",
    ),
}


def news_entry(notice: Notice) -> Entry:
    token, old = notice.token, notice.token.renewed_from
    words = NEWS[Notice.Kind(notice.kind)][1].format(
        at=moment(notice.made_at, token),
        detail=notice.detail,
        from_=f" from {notice.detail}" if notice.detail else "",
        old=old_one(old, token) if old else "",
    )
    lines = [words]
    if notice.kind == Notice.Kind.REVOKED and (made := token.still_made.count()):
        lines.append(
            f"{made} token{pluralize(made)} made with it still work{pluralize(made, 's,')}: its page ends "
            f"{pluralize(made, 'it,them')}."
        )
    return entry(token, lines, "See the token", token.get_absolute_url())


def old_one(old: Token, token: Token) -> str:
    return f" The old one works until {moment(old.expires_at, token)}." if old.is_revocable else " The old one is over."


def entry(token: Token, lines: list[str], action: str, path: str) -> Entry:
    environment = token.get_environment_display()
    return Entry(one_line(token.name), environment, token.masked, lines, action, settings.SITE_URL + path)


def quoted(token: Token) -> str:
    return f"“{one_line(token.name, NAME_IN_SUBJECT)}”"


def in_days(token: Token, now: datetime) -> str:
    """Return how many days of the owner's calendar are left, in words."""
    zone = zone_of(token)
    left = (timezone.localdate(token.expires_at, zone) - timezone.localdate(now, zone)).days
    return {0: "today", 1: "tomorrow"}.get(left, f"in {left} days")


def moment(at: datetime, token: Token) -> str:
    """Return date, time and zone, where the owner of `token` is."""
    return date_format(timezone.localtime(at, zone_of(token)), "j F Y, H:i T")


def zone_of(token: Token) -> tzinfo:
    """Return the time zone of the owner of `token`; UTC where the project's accounts have none."""
    try:
        return ZoneInfo(getattr(token.owner, "time_zone", "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
