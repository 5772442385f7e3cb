"""Times and devices as people say them."""

from datetime import UTC, datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from ua_parser import parse

register = template.Library()

UNITS = (  # from this age on, in this unit
    (timedelta(days=730), timedelta(days=365), "year"),
    (timedelta(days=2), timedelta(days=1), "day"),
    (timedelta(hours=1), timedelta(hours=1), "hour"),
    (timedelta(minutes=1), timedelta(minutes=1), "minute"),
)


def relative(at: datetime, now: datetime) -> str:
    """“2 hours ago”, “in 90 days”, “just now”: the nearest whole number of one unit; days up to two years."""
    distance = abs(at - now)
    for least, unit, word in UNITS:
        if distance >= least:
            count = round(distance / unit)
            words = f"{count} {word}{'s' if count > 1 else ''}"
            return f"in {words}" if at > now else f"{words} ago"
    return "in less than a minute" if at > now else "just now"


@register.simple_tag
def ago(at: datetime) -> SafeString:
    """A `<time>` that reads relative to now."""
    return element(at, relative(at, timezone.now()))


@register.simple_tag
def day(at: datetime) -> SafeString:
    """A `<time>` that reads as a date."""
    return element(at, date_format(timezone.localtime(at), "j M Y"))


@register.simple_tag
def clock(at: datetime) -> SafeString:
    """A `<time>` that reads as a time of day and its zone, with the date unless it is today."""
    local = timezone.localtime(at)
    today = local.date() == timezone.localdate()
    return element(at, date_format(local, "H:i T" if today else "j M Y, H:i T"))


@register.simple_tag
def exact(at: datetime) -> SafeString:
    """A `<time>` that reads as a date, a time of day to the second, and its zone."""
    return element(at, date_format(timezone.localtime(at), "j M Y, H:i:s T"))


def element(at: datetime, words: str) -> SafeString:
    exact = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        exact.strftime("%Y-%m-%dT%H:%M:%SZ"),
        exact.strftime("%-d %b %Y, %H:%M:%S"),
        words,
    )


@register.filter
def device(user_agent: str) -> str:
    """“Firefox on Linux”; what is not known is left out."""
    found = parse(user_agent)
    browser = found.user_agent.family if found.user_agent else "Unknown program"
    return f"{browser} on {found.os.family}" if found.os else browser


@register.filter
def program(user_agent: str) -> str:
    """“python-requests” out of “python-requests/2.32.3”."""
    return user_agent.partition("/")[0][:40]
